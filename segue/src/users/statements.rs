//! What is said to each database about users.
//!
//! The columns of a user come in the order of [`User`](super::User)'s fields, booleans as `1` and
//! `0`. Usernames are compared as the database's own collation does it, and so as Django does.

use crate::database::Statement;

macro_rules! columns {
    ($id:literal, $date:literal, $date_end:literal) => {
        concat!(
            "SELECT ",
            $id,
            ", username, password, first_name, last_name, email, \
             CASE WHEN is_staff THEN '1' ELSE '0' END, \
             CASE WHEN is_active THEN '1' ELSE '0' END, \
             CASE WHEN is_superuser THEN '1' ELSE '0' END, ",
            $date,
            "last_login",
            $date_end,
            ", ",
            $date,
            "date_joined",
            $date_end,
            " FROM auth_user"
        )
    };
}

macro_rules! sqlite_users {
    ($rest:literal) => {
        concat!(columns!("CAST(id AS TEXT)", "", ""), $rest)
    };
}

macro_rules! postgres_users {
    ($rest:literal) => {
        concat!(
            columns!("id::text", "to_char(", " AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"),
            $rest
        )
    };
}

macro_rules! mysql_users {
    ($rest:literal) => {
        concat!(columns!("CAST(id AS CHAR)", "CAST(", " AS CHAR)"), $rest)
    };
}

/// The user with this id.
pub(super) const BY_ID: Statement = Statement {
    sqlite: sqlite_users!(" WHERE id = ?1"),
    postgres: postgres_users!(" WHERE id = $1"),
    mysql: mysql_users!(" WHERE id = ?"),
    mysql_takes: &[0],
};

/// The user with this name.
pub(super) const BY_USERNAME: Statement = Statement {
    sqlite: sqlite_users!(" WHERE username = ?1"),
    postgres: postgres_users!(" WHERE username = $1"),
    mysql: mysql_users!(" WHERE username = ?"),
    mysql_takes: &[0],
};

/// A new user: name, password, first name, last name, email, staff, active, superuser, date joined.
pub(super) const CREATE: Statement = Statement {
    sqlite: "INSERT INTO auth_user (username, password, first_name, last_name, email, is_staff, \
             is_active, is_superuser, date_joined) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    postgres: "INSERT INTO auth_user (username, password, first_name, last_name, email, is_staff, \
               is_active, is_superuser, date_joined) VALUES ($1, $2, $3, $4, $5, $6 <> 0, \
               $7 <> 0, $8 <> 0, $9::text::timestamp AT TIME ZONE 'UTC')",
    mysql: "INSERT INTO auth_user (username, password, first_name, last_name, email, is_staff, \
            is_active, is_superuser, date_joined) \
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, CAST(? AS DATETIME(6)))",
    mysql_takes: &[0, 1, 2, 3, 4, 5, 6, 7, 8],
};

/// Another password: id, hash.
pub(super) const SET_PASSWORD: Statement = Statement {
    sqlite: "UPDATE auth_user SET password = ?2 WHERE id = ?1",
    postgres: "UPDATE auth_user SET password = $2 WHERE id = $1",
    mysql: "UPDATE auth_user SET password = ? WHERE id = ?",
    mysql_takes: &[1, 0],
};

/// Another hash in the place of one that was seen: id, hash, that one.
pub(super) const SWAP_PASSWORD: Statement = Statement {
    sqlite: "UPDATE auth_user SET password = ?2 WHERE id = ?1 AND password = ?3",
    postgres: "UPDATE auth_user SET password = $2 WHERE id = $1 AND password = $3",
    mysql: "UPDATE auth_user SET password = ? \
            WHERE id = ? AND CAST(password AS BINARY) = CAST(? AS BINARY)",
    mysql_takes: &[1, 0, 2],
};

/// When the user logged in: id, date.
pub(super) const SET_LAST_LOGIN: Statement = Statement {
    sqlite: "UPDATE auth_user SET last_login = ?2 WHERE id = ?1",
    postgres: "UPDATE auth_user SET last_login = $2::text::timestamp AT TIME ZONE 'UTC' \
               WHERE id = $1",
    mysql: "UPDATE auth_user SET last_login = CAST(? AS DATETIME(6)) WHERE id = ?",
    mysql_takes: &[1, 0],
};

macro_rules! permissions {
    ($one:literal, $two:literal) => {
        concat!(
            "SELECT ct.app_label, p.codename FROM auth_permission p \
             JOIN django_content_type ct ON ct.id = p.content_type_id \
             JOIN auth_user_user_permissions up ON up.permission_id = p.id WHERE up.user_id = ",
            $one,
            " UNION SELECT ct.app_label, p.codename FROM auth_permission p \
             JOIN django_content_type ct ON ct.id = p.content_type_id \
             JOIN auth_group_permissions gp ON gp.permission_id = p.id \
             JOIN auth_user_groups ug ON ug.group_id = gp.group_id WHERE ug.user_id = ",
            $two
        )
    };
}

/// The permissions that were given to a user and to the user's groups, app and name: id.
pub(super) const PERMISSIONS: Statement = Statement {
    sqlite: permissions!("?1", "?1"),
    postgres: permissions!("$1", "$1"),
    mysql: permissions!("?", "?"),
    mysql_takes: &[0, 0],
};

/// Every permission there is, app and name.
pub(super) const ALL_PERMISSIONS: Statement = {
    const TEXT: &str = "SELECT ct.app_label, p.codename FROM auth_permission p \
                        JOIN django_content_type ct ON ct.id = p.content_type_id";
    Statement { sqlite: TEXT, postgres: TEXT, mysql: TEXT, mysql_takes: &[] }
};

/// The names of a user's groups: id.
pub(super) const GROUPS: Statement = Statement {
    sqlite: "SELECT g.name FROM auth_group g JOIN auth_user_groups ug ON ug.group_id = g.id \
             WHERE ug.user_id = ?1 ORDER BY g.name",
    postgres: "SELECT g.name FROM auth_group g JOIN auth_user_groups ug ON ug.group_id = g.id \
               WHERE ug.user_id = $1 ORDER BY g.name",
    mysql: "SELECT g.name FROM auth_group g JOIN auth_user_groups ug ON ug.group_id = g.id \
            WHERE ug.user_id = ? ORDER BY g.name",
    mysql_takes: &[0],
};
