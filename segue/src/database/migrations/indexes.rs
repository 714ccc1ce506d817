//! Indexes in the words of each database, each written once.

/// An index for searching by a column.
macro_rules! index {
    ($name:ident ON $table:ident ($column:ident)) => {
        Index {
            name: stringify!($name),
            create: Statement {
                sqlite: index!(@in "\"", $name, $table, $column),
                postgres: index!(@in "\"", $name, $table, $column),
                mysql: index!(@in "`", $name, $table, $column),
                mysql_takes: &[],
            },
        }
    };
    (@in $quote:literal, $name:ident, $table:ident, $column:ident) => {
        concat!(
            "CREATE INDEX ", $quote, stringify!($name), $quote,
            " ON ", $quote, stringify!($table), $quote,
            " (", $quote, stringify!($column), $quote, ")"
        )
    };
}

/// An index for the column of a foreign key. MySQL brings one of its own with the key.
#[cfg(feature = "auth")]
macro_rules! key_index {
    ($name:ident ON $table:ident ($column:ident)) => {
        Index {
            name: stringify!($name),
            create: Statement {
                mysql: "",
                ..index!($name ON $table ($column)).create
            },
        }
    };
}

/// An index for `LIKE`, which only PostgreSQL needs.
macro_rules! like_index {
    ($name:ident ON $table:ident ($column:ident)) => {
        Index {
            name: stringify!($name),
            create: Statement {
                sqlite: "",
                postgres: concat!(
                    "CREATE INDEX \"",
                    stringify!($name),
                    "\" ON \"",
                    stringify!($table),
                    "\" (\"",
                    stringify!($column),
                    "\" varchar_pattern_ops)"
                ),
                mysql: "",
                mysql_takes: &[],
            },
        }
    };
}

/// Two columns that are unique together: on servers a constraint, which is an index of its name.
#[cfg(feature = "auth")]
macro_rules! unique_index {
    ($name:ident ON $table:ident ($first:ident, $second:ident)) => {
        Index {
            name: stringify!($name),
            create: Statement {
                sqlite: concat!(
                    "CREATE UNIQUE INDEX \"", stringify!($name), "\" ON \"", stringify!($table),
                    "\" (\"", stringify!($first), "\", \"", stringify!($second), "\")"
                ),
                postgres: unique_index!(@in "\"", $name, $table, $first, $second),
                mysql: unique_index!(@in "`", $name, $table, $first, $second),
                mysql_takes: &[],
            },
        }
    };
    (@in $quote:literal, $name:ident, $table:ident, $first:ident, $second:ident) => {
        concat!(
            "ALTER TABLE ", $quote, stringify!($table), $quote,
            " ADD CONSTRAINT ", $quote, stringify!($name), $quote,
            " UNIQUE (", $quote, stringify!($first), $quote,
            ", ", $quote, stringify!($second), $quote, ")"
        )
    };
}
