//! The app `library`, which has no migrations yet.

mod migrations;

use segue::App;

/// The app, for the project's `INSTALLED_APPS`.
pub const APP: App = App::new("library", migrations::MIGRATIONS);
