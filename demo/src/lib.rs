//! The project session_management_project: its apps, and in `urls` its routes.

pub mod student;
pub mod urls;

use segue::App;

/// The apps whose migrations `migrate` applies.
pub const INSTALLED_APPS: &[App] = &[student::APP];
