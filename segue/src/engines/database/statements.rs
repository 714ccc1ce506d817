//! What the engine says to each database.
//!
//! Keys and payloads are compared by their bytes, also where the database's collation takes `a` for
//! `A`. Dates are texts as SQLite's columns hold them, in UTC.

use crate::database::Statement;

/// Payload and deadline of a live row: key, now.
pub(super) const LOAD: Statement = Statement {
    sqlite: "SELECT session_data, expire_date FROM django_session \
             WHERE session_key = ?1 COLLATE BINARY AND expire_date > ?2",
    postgres: "SELECT session_data, \
               to_char(expire_date AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') \
               FROM django_session WHERE session_key = $1 \
               AND expire_date > $2::text::timestamp AT TIME ZONE 'UTC'",
    mysql: "SELECT session_data, CAST(expire_date AS CHAR) FROM django_session \
            WHERE session_key = ? AND CAST(session_key AS BINARY) = CAST(? AS BINARY) \
            AND expire_date > CAST(? AS DATETIME(6))",
    mysql_takes: &[0, 0, 1],
};

/// A new row: key, payload, deadline.
pub(super) const CREATE: Statement = Statement {
    sqlite: "INSERT INTO django_session (session_key, session_data, expire_date) \
             VALUES (?1, ?2, ?3)",
    postgres: "INSERT INTO django_session (session_key, session_data, expire_date) \
               VALUES ($1, $2, $3::text::timestamp AT TIME ZONE 'UTC')",
    mysql: "INSERT INTO django_session (session_key, session_data, expire_date) \
            VALUES (?, ?, CAST(? AS DATETIME(6)))",
    mysql_takes: &[0, 1, 2],
};

/// Another payload and deadline: key, payload seen, now, payload, deadline.
pub(super) const REPLACE: Statement = Statement {
    sqlite: "UPDATE django_session SET session_data = ?4, expire_date = ?5 \
             WHERE session_key = ?1 COLLATE BINARY AND session_data = ?2 COLLATE BINARY \
             AND expire_date > ?3",
    postgres: "UPDATE django_session SET session_data = $4, \
               expire_date = $5::text::timestamp AT TIME ZONE 'UTC' \
               WHERE session_key = $1 AND session_data = $2 COLLATE \"C\" \
               AND expire_date > $3::text::timestamp AT TIME ZONE 'UTC'",
    mysql: "UPDATE django_session SET session_data = ?, expire_date = CAST(? AS DATETIME(6)) \
            WHERE session_key = ? AND CAST(session_key AS BINARY) = CAST(? AS BINARY) \
            AND CAST(session_data AS BINARY) = CAST(? AS BINARY) \
            AND expire_date > CAST(? AS DATETIME(6))",
    mysql_takes: &[3, 4, 0, 0, 1, 2],
};

/// Another deadline: key, payload seen, now, deadline.
pub(super) const TOUCH: Statement = Statement {
    sqlite: "UPDATE django_session SET expire_date = ?4 \
             WHERE session_key = ?1 COLLATE BINARY AND session_data = ?2 COLLATE BINARY \
             AND expire_date > ?3",
    postgres: "UPDATE django_session SET expire_date = $4::text::timestamp AT TIME ZONE 'UTC' \
               WHERE session_key = $1 AND session_data = $2 COLLATE \"C\" \
               AND expire_date > $3::text::timestamp AT TIME ZONE 'UTC'",
    mysql: "UPDATE django_session SET expire_date = CAST(? AS DATETIME(6)) \
            WHERE session_key = ? AND CAST(session_key AS BINARY) = CAST(? AS BINARY) \
            AND CAST(session_data AS BINARY) = CAST(? AS BINARY) \
            AND expire_date > CAST(? AS DATETIME(6))",
    mysql_takes: &[3, 0, 0, 1, 2],
};

/// Away with a live row: key, payload seen, now.
pub(super) const END: Statement = Statement {
    sqlite: "DELETE FROM django_session \
             WHERE session_key = ?1 COLLATE BINARY AND session_data = ?2 COLLATE BINARY \
             AND expire_date > ?3",
    postgres: "DELETE FROM django_session \
               WHERE session_key = $1 AND session_data = $2 COLLATE \"C\" \
               AND expire_date > $3::text::timestamp AT TIME ZONE 'UTC'",
    mysql: "DELETE FROM django_session \
            WHERE session_key = ? AND CAST(session_key AS BINARY) = CAST(? AS BINARY) \
            AND CAST(session_data AS BINARY) = CAST(? AS BINARY) \
            AND expire_date > CAST(? AS DATETIME(6))",
    mysql_takes: &[0, 0, 1, 2],
};

/// A row if there is a live one: key, now.
pub(super) const IS_LIVE: Statement = Statement {
    sqlite: "SELECT '1' FROM django_session \
             WHERE session_key = ?1 COLLATE BINARY AND expire_date > ?2",
    postgres: "SELECT '1' FROM django_session \
               WHERE session_key = $1 AND expire_date > $2::text::timestamp AT TIME ZONE 'UTC'",
    mysql: "SELECT '1' FROM django_session \
            WHERE session_key = ? AND CAST(session_key AS BINARY) = CAST(? AS BINARY) \
            AND expire_date > CAST(? AS DATETIME(6))",
    mysql_takes: &[0, 0, 1],
};

/// Away with a row: key.
pub(super) const DELETE: Statement = Statement {
    sqlite: "DELETE FROM django_session WHERE session_key = ?1 COLLATE BINARY",
    postgres: "DELETE FROM django_session WHERE session_key = $1",
    mysql: "DELETE FROM django_session \
            WHERE session_key = ? AND CAST(session_key AS BINARY) = CAST(? AS BINARY)",
    mysql_takes: &[0, 0],
};

/// How many rows have expired: now.
pub(super) const COUNT_EXPIRED: Statement = Statement {
    sqlite: "SELECT CAST(count(*) AS TEXT) FROM django_session WHERE expire_date <= ?1",
    postgres: "SELECT count(*)::text FROM django_session \
               WHERE expire_date <= $1::text::timestamp AT TIME ZONE 'UTC'",
    mysql: "SELECT CAST(count(*) AS CHAR) FROM django_session \
            WHERE expire_date <= CAST(? AS DATETIME(6))",
    mysql_takes: &[0],
};

/// Away with some of the expired rows: now, how many. The first to expire go first: they were made one
/// after the other, so that on SQLite few pages are written, and PostgreSQL, which does not know how many
/// there are, begins where they begin and does not look for all of them first. There a row that a request
/// holds is left for the next time.
pub(super) const CLEAR: Statement = Statement {
    sqlite: "DELETE FROM django_session WHERE rowid IN (SELECT rowid FROM django_session \
             WHERE expire_date <= ?1 ORDER BY expire_date LIMIT ?2)",
    postgres: "DELETE FROM django_session WHERE ctid = ANY (ARRAY( \
               SELECT ctid FROM django_session \
               WHERE expire_date <= $1::text::timestamp AT TIME ZONE 'UTC' \
               ORDER BY expire_date LIMIT $2 FOR UPDATE SKIP LOCKED))",
    mysql: "DELETE FROM django_session WHERE expire_date <= CAST(? AS DATETIME(6)) \
            ORDER BY expire_date LIMIT ?",
    mysql_takes: &[0, 1],
};
