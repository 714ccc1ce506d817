//! The migrations of this app, in their order: `makemigrations` keeps this list.

/// What `migrate` applies after Django's own.
pub const MIGRATIONS: segue::Migrations = segue::migrations! {
    "0001_marks",
    "0002_first_marks",
    "0003_index",
};
