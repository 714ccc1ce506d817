//! The project of the tutorial: a name in a session, set by a form, shown, cleared.
//!
//! It is laid out as a Django project is: the routes stand in [`urls`], the app `student` has its
//! [`views`](student::views), their pages are in `templates/student`, and `settings.toml` holds the
//! settings.

pub mod student;
pub mod urls;
