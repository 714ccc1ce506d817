//! The tests, and how many of them there were.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::report::Report;
use crate::setup::Setup;
use crate::shared_servers::SharedServers;
use crate::steps::{cargo_command, root};
use crate::test_output::Outcome;

/// The integration tests that need real Django, and those that need a browser, by their names. The
/// browser looks at Django too, and at htmx, which comes with it.
const NEED_DJANGO: &[&str] = &["django", "browser", "beside_django"];
const NEED_BROWSER: &[&str] = &["browser", "tutorial"];

/// Programs of which only some tests need servers, and parts of the names of those. Any other that
/// names servers in its sources is left out whole where one of them is missing.
const NEED_SERVERS_IN_PART: &[&str] = &["django", "commands", "browser", "beside_django"];
const NEED_SERVERS: &[&str] = &["engines::", "stores::", "sharing::", "on_the_servers"];

pub(crate) fn run(setup: &Setup, servers: &SharedServers, report: &mut Report) {
    let left_out = left_out(setup, report);
    let mut run_cargo_test = |arguments: &[String]| {
        run_cargo_test(arguments, setup, servers, report);
    };
    if left_out.is_empty() {
        run_cargo_test(&[]);
        return;
    }
    // Cargo cannot leave a test program out, so all the others are named.
    match integration_tests() {
        Ok(names) => {
            let mut arguments = vec!["--lib".to_owned(), "--bins".to_owned()];
            for name in names.into_iter().filter(|name| !left_out.contains(name)) {
                arguments.extend(["--test".to_owned(), name]);
            }
            run_cargo_test(&arguments);
            run_cargo_test(&["--doc".to_owned()]);
        }
        Err(reason) => report.fail("cargo test", &reason),
    }
}

fn left_out(setup: &Setup, report: &mut Report) -> Vec<String> {
    let mut left_out = Vec::new();
    if setup.python.is_none() {
        left_out.extend(NEED_DJANGO.iter().map(|name| (*name, "there is no Django")));
    }
    if !setup.has_browser {
        left_out.extend(NEED_BROWSER.iter().map(|name| (*name, "there is no Chromium")));
    }
    let mut left_out: Vec<(String, &str)> =
        left_out.into_iter().map(|(name, reason)| ((*name).to_owned(), reason)).collect();
    if !setup.has_all_servers() {
        match programs_on_servers() {
            Ok(names) => {
                left_out.extend(names.into_iter().map(|name| (name, "a server is missing")));
            }
            Err(reason) => report.fail("the tests that need servers", &reason),
        }
    }
    for (name, reason) in &left_out {
        report.skip(&format!("the test program `{name}`"), reason);
    }
    left_out.into_iter().map(|(name, _)| name).collect()
}

/// The integration tests that use servers all over.
fn programs_on_servers() -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    for package in entries(&root())? {
        for path in entries(&package.join("tests"))? {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let in_part = NEED_SERVERS_IN_PART.contains(&name.as_str());
            if !in_part && !package.ends_with("servers") && uses_servers(&path)? {
                found.push(name);
            }
        }
    }
    // What is not a program is shared code.
    let programs = integration_tests()?;
    found.retain(|name| programs.contains(name));
    Ok(found)
}

fn uses_servers(path: &Path) -> Result<bool, String> {
    if path.is_dir() {
        for entry in entries(path)? {
            if uses_servers(&entry)? {
                return Ok(true);
            }
        }
        return Ok(false);
    }
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let words = ["servers::", "matrix", "databases"];
    let is_code = path.extension().is_some_and(|extension| extension == "rs");
    Ok(is_code && words.iter().any(|word| text.contains(word)))
}

/// The names of the workspace's integration tests.
fn integration_tests() -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    for package in entries(&root())? {
        for path in entries(&package.join("tests"))? {
            // `tests/NAME.rs` or `tests/NAME/main.rs`; other folders are shared code.
            let is_test = path.extension().is_some_and(|extension| extension == "rs")
                || path.join("main.rs").is_file();
            let name = path.file_stem().filter(|_| is_test);
            names.extend(name.map(|name| name.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    names.dedup();
    Ok(names)
}

/// What is in a folder; nothing where there is no folder.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
        .map_err(|error| format!("cannot list {}: {error}", folder.display()))
}

/// Runs tests, shows their output as it comes, and counts their results.
fn run_cargo_test(
    arguments: &[String],
    setup: &Setup,
    servers: &SharedServers,
    report: &mut Report,
) {
    let mut arguments = arguments.to_vec();
    let modules = setup.modules_left_out();
    if !modules.is_empty() {
        arguments.push("--".to_owned());
        arguments.extend(modules.iter().map(|module| format!("--skip={module}::")));
    }
    if !setup.has_all_servers() {
        arguments.extend(NEED_SERVERS.iter().map(|part| format!("--skip={part}")));
    }
    let shown = ["cargo test", &arguments.join(" ")].join(" ");
    report.timed(shown.trim(), |report| {
        let mut command = cargo_command("test --workspace --all-features --no-fail-fast");
        command.args(&arguments).envs(servers.environment()).stdout(Stdio::piped());
        if let Some(python) = &setup.python {
            command.env("SEGUE_TEST_PYTHON", python);
        }
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => return report.fail("cargo test", &error.to_string()),
        };
        let sum = child.stdout.take().map(Outcome::show_and_read).unwrap_or_default();
        match child.wait() {
            // Something did not compile, or a test program died before it could count.
            Ok(status) if !status.success() && sum.failed == 0 => {
                report.fail("cargo test", &status.to_string());
            }
            Ok(_) if sum.passed == 0 && sum.failed == 0 => {
                report.fail("cargo test", "not one test ran");
            }
            Ok(_) => {}
            Err(error) => report.fail("cargo test", &error.to_string()),
        }
        report.add_tests(sum);
    });
}

#[cfg(test)]
mod tests {
    use servers::shared::Kind;

    use super::*;

    /// A module that is called otherwise would not be left out, and its tests would fail.
    #[test]
    fn each_server_has_a_module_of_tests() {
        let main = fs::read_to_string(root().join("servers/tests/servers/main.rs")).unwrap();
        for kind in Kind::ALL {
            let line = format!("mod {};", kind.module());
            assert!(main.lines().any(|found| found == line), "no `{line}`");
        }
    }

    #[test]
    fn programs_that_use_servers_are_found() {
        let names = programs_on_servers().unwrap();
        for name in ["engines", "every_engine", "databases", "server_faults", "caches"] {
            assert!(names.iter().any(|found| found == name), "{name} is not in {names:?}");
        }
        for name in ["requests", "django", "commands", "browser", "vectors"] {
            assert!(!names.iter().any(|found| found == name), "{name} is in {names:?}");
        }
    }

    #[test]
    fn the_tests_that_may_be_left_out_are_there() {
        let names = integration_tests().unwrap();
        for name in NEED_DJANGO.iter().chain(NEED_BROWSER) {
            assert!(names.iter().any(|found| found == name), "{name} is not in {names:?}");
        }
    }
}
