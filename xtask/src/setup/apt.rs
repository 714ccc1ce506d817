//! Programs, and the Debian packages that bring them.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::steps::{output, succeed};

pub(super) fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Installs Debian packages, if we may.
pub(super) fn install(packages: &str) -> Result<(), String> {
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
