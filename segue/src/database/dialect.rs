//! Which database it is, as far as statements are written for one of them.

use std::fmt;

use crate::settings::DatabaseUrl;

/// A kind of database, by the name that its URL begins with. MariaDB takes what MySQL takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
    MySql,
}

impl Dialect {
    pub(crate) const ALL: [Self; 3] = [Self::Sqlite, Self::Postgres, Self::MySql];

    /// The database that a URL leads to; nothing is opened for it.
    pub(crate) fn of(url: &DatabaseUrl) -> Self {
        match url {
            DatabaseUrl::Sqlite(_) => Self::Sqlite,
            DatabaseUrl::Postgres(_) => Self::Postgres,
            DatabaseUrl::MySql(_) => Self::MySql,
        }
    }

    /// Whether a table that is made within a transaction is taken back with it.
    pub(crate) fn has_transactions_for_tables(self) -> bool {
        self != Self::MySql
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::MySql => "mysql",
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
