//! The table of `django.contrib.sessions`.

use super::super::Statement;
use super::Migration;
use super::built_in::{BuiltIn, Index, Table};

pub(super) const APP: BuiltIn = BuiltIn {
    name: "sessions",
    migrations: &[Migration { app: "sessions", name: "0001_initial" }],
    tables: &[SESSION],
    needs: &[],
};

const SESSION: Table = Table {
    name: "django_session",
    columns: &["session_key varchar(40) PRIMARY KEY", "session_data", "expire_date"],
    create: Statement {
        sqlite: r#"CREATE TABLE "django_session" ("session_key" varchar(40) NOT NULL PRIMARY KEY, "session_data" text NOT NULL, "expire_date" datetime NOT NULL)"#,
        postgres: r#"CREATE TABLE "django_session" ("session_key" varchar(40) NOT NULL PRIMARY KEY, "session_data" text NOT NULL, "expire_date" timestamp with time zone NOT NULL)"#,
        mysql: "CREATE TABLE `django_session` (`session_key` varchar(40) NOT NULL PRIMARY KEY, `session_data` longtext NOT NULL, `expire_date` datetime(6) NOT NULL)",
        mysql_takes: &[],
    },
    indexes: &[
        like_index!(django_session_session_key_c0390e0f_like ON django_session (session_key)),
        index!(django_session_expire_date_a5c62663 ON django_session (expire_date)),
    ],
};
