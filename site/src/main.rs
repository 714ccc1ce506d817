//! The project's program: Django's manage.py.

use std::process::ExitCode;

use segue::manage::Project;
use site::urls;

fn main() -> ExitCode {
    Project::new(env!("CARGO_MANIFEST_DIR"), urls::urlpatterns)
        .without_arguments(&["migrate", "runserver"])
        .run()
}
