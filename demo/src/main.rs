//! The project's program: Django's manage.py.

use std::process::ExitCode;

use segue::manage::Project;
use session_management_project::{INSTALLED_APPS, urls};

fn main() -> ExitCode {
    Project::new(env!("CARGO_MANIFEST_DIR"), urls::urlpatterns)
        .apps(INSTALLED_APPS)
        .without_arguments(&["migrate", "runserver"])
        .run()
}
