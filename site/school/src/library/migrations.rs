//! The migrations of this app, in their order: `makemigrations` keeps this list.

/// What `migrate` applies after Django's own.
pub const MIGRATIONS: segue::Migrations = segue::migrations![];
