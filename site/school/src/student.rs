//! The app `student`: its marks.

pub mod migrations;

use segue::App;

/// The app, for the project's `INSTALLED_APPS`.
pub const APP: App = App::new("student", migrations::MIGRATIONS);
