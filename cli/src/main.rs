//! The program `segue`: Django's django-admin.

use std::process::ExitCode;

fn main() -> ExitCode {
    segue::manage::execute_from_command_line()
}
