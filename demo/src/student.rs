//! The app student.

pub mod migrations;
pub mod views;

use segue::App;

/// The app, for the project's `INSTALLED_APPS`.
pub const APP: App = App::new("student", migrations::MIGRATIONS);
