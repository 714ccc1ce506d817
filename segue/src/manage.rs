//! The commands of a project: `runserver`, `migrate`, `clearsessions`, `check` and the others.
//!
//! ```no_run
//! use axum::{Router, routing::get};
//! use segue::{Settings, manage::Project};
//!
//! fn urlpatterns(_: &Settings) -> Router {
//!     Router::new().route("/", get(|| async { "Hello" }))
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     Project::new(env!("CARGO_MANIFEST_DIR"), urlpatterns).run()
//! }
//! ```

/// Says something to the person at the terminal. Nobody may be listening: that is no error.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($text)*);
    }};
}

/// As `say!`, on standard error.
macro_rules! warn_user {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($text)*);
    }};
}

mod app_sources;
#[cfg(feature = "auth")]
mod changepassword;
mod check;
mod clearsessions;
mod command_line;
mod completions;
mod context;
#[cfg(feature = "auth")]
mod createsuperuser;
mod help;
mod makemigrations;
mod manpage;
mod migrate;
mod migrations_list;
mod output;
mod progress;
mod project;
mod runserver;
mod scaffold;
mod sessions;
mod showmigrations;
mod shutdown;
mod sqlmigrate;
mod startapp;
mod startproject;
mod terminal;

use std::error::Error;

pub use project::{Project, execute_from_command_line};

/// What a command fails with: an error that says what happened and how to mend it.
type CommandResult = Result<(), Box<dyn Error>>;
