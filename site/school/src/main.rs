//! A project whose apps have migrations, for the tests of the commands.

#![allow(unreachable_pub, reason = "as a project is begun: its program is all there is")]

mod library;
mod student;

use std::path::PathBuf;
use std::process::ExitCode;

use axum::Router;
use segue::App;
use segue::manage::Project;

const INSTALLED_APPS: &[App] = &[student::APP, library::APP];

/// The release before this one, which had less.
const OLD_APPS: &[App] = &[App::new("student", student::migrations::MIGRATIONS.split_at(1).0)];

fn main() -> ExitCode {
    // Each test has sources of its own.
    let own = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/school"));
    let base_dir = std::env::var_os("SCHOOL_BASE_DIR").map_or_else(own, PathBuf::from);
    let is_old = std::env::var_os("SCHOOL_IS_OLD").is_some();
    let apps = if is_old { OLD_APPS } else { INSTALLED_APPS };
    Project::new(base_dir, |_| Router::new()).apps(apps).run()
}
