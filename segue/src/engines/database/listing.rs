//! The rows of the table, page by page.

use std::borrow::Cow;

use super::DatabaseStore;
use crate::database::column::read_date;
use crate::database::{Reading, Row, Statement, Value, first_text};
use crate::engines::listing::{LARGEST_IN_PAGE, Listed, MOST_FOUND, PAGE};
use crate::error::{StoreError, StoreErrorKind};
use crate::key::SessionKey;

/// Some rows behind a key: that key, how many, the largest payload to give. In the order of the
/// column, so that the primary key finds them; each database compares as it sorts. On SQLite a
/// column holds anything, and `x''` stands behind all texts.
const PAGE_BEHIND: Statement = Statement {
    sqlite: "SELECT session_key, expire_date, CAST(octet_length(session_data) AS TEXT), \
             CASE WHEN octet_length(session_data) <= ?3 THEN session_data END \
             FROM django_session WHERE session_key > ?1 AND session_key < x'' \
             ORDER BY session_key LIMIT ?2",
    postgres: "SELECT session_key, \
               to_char(expire_date AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'), \
               octet_length(session_data)::text, \
               CASE WHEN octet_length(session_data) <= $3 THEN session_data END \
               FROM django_session WHERE session_key > $1 ORDER BY session_key LIMIT $2",
    mysql: "SELECT session_key, CAST(expire_date AS CHAR), CAST(LENGTH(session_data) AS CHAR), \
            CASE WHEN LENGTH(session_data) <= ? THEN session_data END \
            FROM django_session WHERE session_key > ? ORDER BY session_key LIMIT ?",
    mysql_takes: &[2, 0, 1],
};

/// Some rows whose keys begin with a text: that text, the end of such keys, how many, the largest
/// payload to give. MySQL may give some more.
const BEGINNING_WITH: Statement = Statement {
    sqlite: "SELECT session_key, expire_date, CAST(octet_length(session_data) AS TEXT), \
             CASE WHEN octet_length(session_data) <= ?4 THEN session_data END \
             FROM django_session \
             WHERE session_key >= ?1 COLLATE BINARY AND session_key < ?2 COLLATE BINARY LIMIT ?3",
    postgres: "SELECT session_key, \
               to_char(expire_date AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'), \
               octet_length(session_data)::text, \
               CASE WHEN octet_length(session_data) <= $4 THEN session_data END \
               FROM django_session WHERE session_key ~>=~ $1 AND session_key ~<~ $2 LIMIT $3",
    mysql: "SELECT session_key, CAST(expire_date AS CHAR), CAST(LENGTH(session_data) AS CHAR), \
            CASE WHEN LENGTH(session_data) <= ? THEN session_data END \
            FROM django_session WHERE session_key LIKE CONCAT(?, '%') LIMIT ?",
    mysql_takes: &[3, 0, 2],
};

/// The payload of a row, live or not: key.
const PAYLOAD: Statement = Statement {
    sqlite: "SELECT session_data FROM django_session WHERE session_key = ?1 COLLATE BINARY",
    postgres: "SELECT session_data FROM django_session WHERE session_key = $1",
    mysql: "SELECT session_data FROM django_session \
            WHERE session_key = ? AND CAST(session_key AS BINARY) = CAST(? AS BINARY)",
    mysql_takes: &[0, 0],
};

/// The rows of the table, page by page. Each page is a statement of its own, which finds its
/// beginning by the primary key: no page costs more than another, and no writer waits for one.
pub(crate) struct DatabasePages {
    store: DatabaseStore,
    with_payloads: bool,
    /// The last key of the page before.
    behind: String,
    is_done: bool,
}

impl DatabasePages {
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Listed>>, StoreError> {
        if self.is_done {
            return Ok(None);
        }
        let values =
            [Value::Text(&self.behind), number(PAGE), Value::Integer(largest(self.with_payloads))];
        let database = &self.store.database;
        let rows = database.fetch_all(Reading::Many, &PAGE_BEHIND, &values, keyed).await?;
        self.is_done = rows.len() < PAGE;
        let mut page = Vec::with_capacity(rows.len());
        for (key, listed) in rows {
            page.push(listed);
            match key {
                Some(key) => self.behind = key,
                // SQLite holds such texts. As the last one of a page nothing can be said to stand
                // behind it.
                None if !self.is_done && page.len() == PAGE => return Err(not_utf8()),
                None => {}
            }
        }
        Ok(Some(page))
    }
}

impl DatabaseStore {
    /// All rows, page by page, in the order of their keys.
    pub(crate) fn pages(&self, with_payloads: bool) -> DatabasePages {
        let store = self.clone();
        DatabasePages { store, with_payloads, behind: String::new(), is_done: false }
    }

    /// The rows whose keys begin like this, some at the most.
    pub(crate) async fn find(&self, beginning: &str) -> Result<Vec<Listed>, StoreError> {
        // Behind every text that begins so.
        let end = format!("{beginning}\u{10ffff}");
        let values = [
            Value::Text(beginning),
            Value::Text(&end),
            number(MOST_FOUND),
            Value::Integer(largest(true)),
        ];
        let rows = self.database.fetch_all(Reading::Many, &BEGINNING_WITH, &values, keyed).await?;
        let begins =
            |key: &Option<String>| key.as_deref().unwrap_or_default().starts_with(beginning);
        Ok(rows.into_iter().filter(|(key, _)| begins(key)).map(|(_, listed)| listed).collect())
    }

    /// The payload of a row, live or not.
    pub(crate) async fn payload(&self, key: &SessionKey) -> Result<Option<Vec<u8>>, StoreError> {
        let key = [Value::Text(key.expose())];
        let payload = |row: Row<'_>| row.bytes(0).unwrap_or_default().into_owned();
        self.database.fetch_optional(Reading::Many, &PAYLOAD, &key, payload).await
    }
}

fn number(number: usize) -> Value<'static> {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

fn largest(with_payloads: bool) -> i64 {
    if with_payloads { i64::try_from(LARGEST_IN_PAGE).unwrap_or(i64::MAX) } else { -1 }
}

fn not_utf8() -> StoreError {
    let message = "django_session has a session_key that is no text, which Django never writes: \
                   delete the rows whose session_key has anything but ASCII letters, digits and signs \
                   (on SQLite: `DELETE FROM django_session WHERE session_key GLOB '*[^!-~]*' OR \
                   instr(session_key, char(0))`)";
    StoreError::new(StoreErrorKind::Corrupt, message)
}

/// The key as it stands there, if that is a text, and the session.
fn keyed(row: Row<'_>) -> (Option<String>, Listed) {
    // `NULL` sorts as the empty text does.
    let key = if row.bytes(0).is_none() { Some(String::new()) } else { first_text(row) };
    let text = key.as_deref().unwrap_or_default();
    let listed = Listed {
        // What Django did not make may be longer or have other letters; Django takes it all the same.
        key: SessionKey::parse(text).or_else(|| SessionKey::sealed(text)),
        expires_at: row
            .text(1)
            .and_then(|date| read_date("django_session.expire_date", &date).ok()),
        size: row.text(2).and_then(|size| size.parse().ok()).unwrap_or(0),
        payload: row.bytes(3).map(Cow::into_owned),
    };
    (key, listed)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::clock::Clock;
    use crate::database::Database;
    use crate::engines::listing::Listable;
    use crate::store::SessionStore as _;

    async fn store(folder: &tempfile::TempDir) -> DatabaseStore {
        let url = format!("sqlite://{}", folder.path().join("db.sqlite3").display());
        let database = Database::from_url(&url).await.unwrap();
        database.migrate().await.unwrap();
        DatabaseStore::new(database, Clock::system())
    }

    async fn insert(store: &DatabaseStore, sql: &'static str) {
        let statement = Statement { sqlite: sql, postgres: "", mysql: "", mysql_takes: &[] };
        store.database.execute(&statement, &[]).await.unwrap();
    }

    async fn all(pages: &mut DatabasePages) -> Vec<Listed> {
        let mut all = Vec::new();
        while let Some(page) = pages.next().await.unwrap() {
            assert!(page.len() <= PAGE);
            all.extend(page);
        }
        all
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn every_row_comes_once_in_the_order_of_the_keys() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder).await;
        assert!(all(&mut store.pages(true)).await.is_empty());
        let (count, later) = (PAGE * 2, Timestamp::from_second(2_000_000_000).unwrap());
        let mut made: Vec<String> = Vec::new();
        for n in 0..count {
            let date = if n % 2 == 0 { later } else { Timestamp::UNIX_EPOCH };
            let key = store.create(format!("payload {n}").as_bytes(), date).await.unwrap();
            made.push(key.expose().to_owned());
        }
        made.sort_unstable();
        let rows = all(&mut store.pages(true)).await;
        let keys: Vec<&str> = rows.iter().map(|row| row.key.as_ref().unwrap().expose()).collect();
        assert_eq!(keys, made, "a whole page at the end is no end without end");
        assert_eq!(rows.iter().filter(|row| row.expires_at == Some(later)).count(), PAGE);
        for row in &rows {
            let payload = row.payload.as_ref().unwrap();
            assert!(payload.starts_with(b"payload ") && payload.len() as u64 == row.size);
        }
        let rows = all(&mut store.pages(false)).await;
        assert!(rows.iter().all(|row| row.payload.is_none() && row.size > 0));
        assert_eq!(rows.len(), count);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_large_payload_comes_by_itself() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder).await;
        let large = "x".repeat(LARGEST_IN_PAGE + 1);
        let key = store.create(large.as_bytes(), Timestamp::UNIX_EPOCH).await.unwrap();
        let rows = all(&mut store.pages(true)).await;
        assert_eq!((rows[0].size, rows[0].payload.is_none()), (large.len() as u64, true));
        let listable = Listable::Database(store);
        let payload = listable.payload(&key).await.unwrap().unwrap();
        assert_eq!(payload, large.as_bytes());
        let other = SessionKey::generate().unwrap();
        assert_eq!(listable.payload(&other).await.unwrap(), None);
    }

    /// Whoever can write into the table can write anything, on SQLite into any column.
    #[tokio::test(flavor = "multi_thread")]
    async fn rows_that_django_did_not_write_break_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder).await;
        insert(
            &store,
            "INSERT INTO django_session (session_key, session_data, expire_date) VALUES \
             (x'00ff', 'a', '2030-01-01 00:00:00'), ('', 'a', '2030-01-01 00:00:00'), \
             (char(27) || '[2Jabcdefgh', 'b', '2030-01-01 00:00:00'), \
             ('UPPER-case', x'ff00', 'soon'), ('abcdefghijklmnopqrstuvwxyz012345', '', 17)",
        )
        .await;
        let rows = all(&mut store.pages(true)).await;
        let keys: Vec<Option<&str>> =
            rows.iter().map(|row| row.key.as_ref().map(SessionKey::expose)).collect();
        assert_eq!(keys, [None, Some("UPPER-case"), Some("abcdefghijklmnopqrstuvwxyz012345")]);
        assert!(rows[0].expires_at.is_some());
        assert!(rows[1].expires_at.is_none() && rows[2].expires_at.is_none());
        assert_eq!(rows[1].payload.as_deref(), Some(b"\xff\x00".as_slice()));
        assert_eq!(rows[2].size, 0);

        // A text that is none, at the end of a whole page: an error, and not the same page for ever.
        insert(
            &store,
            "INSERT INTO django_session WITH RECURSIVE n(i) AS \
             (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600) \
             SELECT CAST(x'ff' || printf('%04d', i) AS TEXT), '', '2030-01-01 00:00:00' FROM n",
        )
        .await;
        let mut pages = store.pages(true);
        let mut turns = 0;
        let error = loop {
            turns += 1;
            assert!(turns < 10, "it goes on for ever");
            match pages.next().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("an end without the others"),
                Err(error) => break error,
            }
        };
        assert!(error.to_string().contains("no text"), "{error}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_beginning_finds_its_keys_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder).await;
        insert(
            &store,
            "INSERT INTO django_session (session_key, session_data, expire_date) VALUES \
             ('abcdefghijklmnopqrstuvwxyz012345', 'a', '2030-01-01 00:00:00'), \
             ('abcdefghzzzzzzzzzzzzzzzzzzzzzzzz', 'b', '2001-01-01 00:00:00'), \
             ('ABCDEFGHijklmnopqrstuvwxyz012345', 'c', '2030-01-01 00:00:00'), \
             ('abcdefgiaaaaaaaaaaaaaaaaaaaaaaaa', 'd', '2030-01-01 00:00:00')",
        )
        .await;
        let found = async |beginning: &str| store.find(beginning).await.unwrap().len();
        assert_eq!(found("abcdefgh").await, 2);
        assert_eq!(found("abcdefghi").await, 1);
        assert_eq!(found("abcdefghijklmnopqrstuvwxyz012345").await, 1);
        assert_eq!(found("%bcdefgh").await, 0);
        assert_eq!(found("zzzzzzzz").await, 0);
    }
}
