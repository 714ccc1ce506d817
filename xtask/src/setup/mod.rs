//! What the tests need from outside: Django in a Python environment, and a browser.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::report::Report;
use crate::steps::{output, root, succeed};

const DJANGO: &str = "Django>=5.2,<5.3";
const DJANGO_VERSION: &str = "5.2.";

/// The programs that the tests use, and why some are not there.
#[derive(Debug)]
pub(crate) struct Setup {
    /// A Python that has Django.
    pub(crate) python: Option<PathBuf>,
    /// Whether there is a Chromium, and the program that drives it.
    pub(crate) has_browser: bool,
    missing: Vec<Missing>,
}

#[derive(Debug)]
struct Missing {
    what: &'static str,
    reason: String,
}

impl Setup {
    /// Installs what is not there. What cannot be installed is a failure with `CI=true`, and
    /// otherwise a reason to leave tests out.
    pub(crate) fn prepare(report: &mut Report) -> Self {
        let mut missing = Vec::new();
        let mut keep = |what, reason| missing.push(Missing { what, reason });
        let (mut python, mut has_browser) = (None, false);
        report.timed("set-up: Django", |_| match django() {
            Ok(found) => python = Some(found),
            Err(reason) => keep("Django", reason),
        });
        report.timed("set-up: Chromium", |_| match chromium() {
            Ok(()) => has_browser = true,
            Err(reason) => keep("Chromium", reason),
        });
        let setup = Self { python, has_browser, missing };
        setup.repeat_what_is_missing();
        if is_ci() {
            for Missing { what, reason } in &setup.missing {
                report.fail(&format!("set-up: {what}"), reason);
            }
        }
        setup
    }

    /// Says what is not there and what that costs; at the start and, where it is seen, at the end.
    pub(crate) fn repeat_what_is_missing(&self) {
        for Missing { what, reason } in &self.missing {
            println!("\nMISSING {what}: {reason}\n        The tests that need it are NOT run.");
        }
    }
}

fn is_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}

/// The Python of an environment with the right Django, made if it is not there.
fn django() -> Result<PathBuf, String> {
    let folder = root().join("target/xtask/venv");
    let python = folder.join("bin/python");
    if let Ok(version) = django_version(&python) {
        println!("Django {version} is there");
        return Ok(python);
    }
    make_environment(&folder)?;
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--disable-pip-version-check", "--quiet", DJANGO]);
    succeed(install.stdin(Stdio::null())).map_err(|error| format!("pip: {error}"))?;
    let version = django_version(&python)?;
    println!("Django {version} was installed in {}", folder.display());
    Ok(python)
}

fn django_version(python: &Path) -> Result<String, String> {
    let version = output(Command::new(python).args(["-m", "django", "--version"]))?;
    let version = version.trim();
    if version.starts_with(DJANGO_VERSION) {
        Ok(version.to_owned())
    } else {
        Err(format!("found Django {version}, and the tests want {DJANGO}"))
    }
}

fn make_environment(folder: &Path) -> Result<(), String> {
    let make = || {
        // A half-made one, or one whose Python was upgraded away, does not mend itself.
        if folder.exists() {
            fs::remove_dir_all(folder)
                .map_err(|error| format!("cannot remove {}: {error}", folder.display()))?;
        }
        output(Command::new("python3").args(["-m", "venv"]).arg(folder))
    };
    make()
        .or_else(|reason| {
            apt_install("python3 python3-venv").map_err(|apt| format!("{reason}; {apt}"))?;
            make()
        })
        .map(drop)
}

fn chromium() -> Result<(), String> {
    if !has_browser() {
        apt_install("chromium chromium-driver")?;
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
    names.iter().any(|name| find_program(name).is_some()) && find_program("chromedriver").is_some()
}

fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Installs Debian packages, if we may.
fn apt_install(packages: &str) -> Result<(), String> {
    if find_program("apt-get").is_none() {
        return Err(format!("there is no apt-get to install {packages} with"));
    }
    if output(Command::new("id").arg("-u"))?.trim() != "0" {
        return Err(format!("run `apt-get install {packages}` as root"));
    }
    // Once is enough, also when it failed: the install then says what it lacks.
    static UPDATED: OnceLock<Result<(), String>> = OnceLock::new();
    if let Err(error) = UPDATED.get_or_init(|| apt_get("update")) {
        println!("apt-get update: {error}");
    }
    apt_get(&format!("install -y --no-install-recommends {packages}"))
        .map_err(|error| format!("apt-get could not install {packages}: {error}"))
}

fn apt_get(arguments: &str) -> Result<(), String> {
    let mut command = Command::new("apt-get");
    command
        // Another apt may be at work on a fresh machine.
        .args(["-q", "-o", "DPkg::Lock::Timeout=300"])
        .args(arguments.split_whitespace())
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null());
    succeed(&mut command)
}
