//! An app of a project, and the migrations that are its own.

/// An app of a project, for its `INSTALLED_APPS`: `migrate` applies its migrations after Django's
/// own, and records them in `django_migrations` under its name.
///
/// ```
/// use segue::App;
///
/// const INSTALLED_APPS: &[App] = &[App::new("student", segue::migrations![])];
/// assert_eq!(INSTALLED_APPS[0].name(), "student");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct App {
    name: &'static str,
    migrations: Migrations,
}

/// The migrations of an app, in their order: what [`migrations!`](crate::migrations!) gives.
pub type Migrations = &'static [SqlMigration];

/// A migration of an app: a file of SQL statements, which is compiled into the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SqlMigration {
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
}

impl App {
    /// An app of this name, with these migrations.
    #[must_use]
    pub const fn new(name: &'static str, migrations: Migrations) -> Self {
        Self { name, migrations }
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Its migrations.
    #[must_use]
    pub const fn migrations(&self) -> Migrations {
        self.migrations
    }
}

impl SqlMigration {
    /// A migration of this name, with what its file holds; [`migrations!`](crate::migrations!) makes
    /// them.
    #[must_use]
    pub const fn new(name: &'static str, text: &'static str) -> Self {
        Self { name, text }
    }
}

/// The migrations in the folder `migrations` beside the file that says this, by their names without
/// `.sql`, in the order in which they are applied. The program holds what is in them.
///
/// `makemigrations` writes them and keeps the list.
///
/// ```text
/// // src/student/migrations.rs
/// pub const MIGRATIONS: segue::Migrations = segue::migrations!["0001_add_marks"];
/// ```
#[macro_export]
macro_rules! migrations {
    ($($name:literal),* $(,)?) => {
        &[$($crate::SqlMigration::new(
            $name,
            ::core::include_str!(::core::concat!("migrations/", $name, ".sql")),
        )),*]
    };
}
