//! An empty database of each kind, and what a test does to it behind our back.

use segue::engines::DatabaseStore;
use sqlx::{
    AssertSqlSafe, Connection as _, MySqlConnection, PgConnection, Row as _, SqliteConnection,
};
use tempfile::TempDir;

/// A database that nobody else uses.
#[derive(Debug)]
pub struct Place {
    pub url: String,
    /// It is removed with the place.
    folder: Option<TempDir>,
}

/// One on each database.
pub fn all() -> Vec<Place> {
    let mut places = vec![sqlite()];
    places.extend(servers());
    places
}

/// One on each database that is a server.
pub fn servers() -> Vec<Place> {
    vec![postgres(), mariadb()]
}

pub fn sqlite() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("db.sqlite3").display());
    Place { url, folder: Some(folder) }
}

pub fn postgres() -> Place {
    let url = servers::fresh_database(servers::shared::postgres()).unwrap();
    Place { url, folder: None }
}

pub fn mariadb() -> Place {
    let url = servers::fresh_database(servers::shared::mariadb()).unwrap();
    Place { url, folder: None }
}

impl Place {
    /// A database of the test's own server.
    pub fn at(url: String) -> Self {
        Self { url, folder: None }
    }

    /// The store in it, with Django's tables.
    pub async fn store(&self) -> DatabaseStore {
        let store = DatabaseStore::from_url(&self.url).await.unwrap();
        store.database().migrate().await.unwrap();
        store
    }

    /// Runs a statement, and tells how many rows it found.
    pub async fn run(&self, sql: &str) -> u64 {
        let query = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        if self.url.starts_with("sqlite") {
            let mut connection = SqliteConnection::connect(&self.url).await.unwrap();
            let found = query.execute(&mut connection).await.unwrap().rows_affected();
            connection.close().await.unwrap();
            found
        } else if self.url.starts_with("postgres") {
            let mut connection = PgConnection::connect(&self.url).await.unwrap();
            query.execute(&mut connection).await.unwrap().rows_affected()
        } else {
            let mut connection = MySqlConnection::connect(&self.url).await.unwrap();
            query.execute(&mut connection).await.unwrap().rows_affected()
        }
    }

    /// Rows of texts.
    pub async fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        if self.url.starts_with("sqlite") {
            let query = sqlx::query(AssertSqlSafe(sql.to_owned()));
            let mut connection = SqliteConnection::connect(&self.url).await.unwrap();
            texts(query.fetch_all(&mut connection).await.unwrap())
        } else if self.url.starts_with("postgres") {
            let query = sqlx::query(AssertSqlSafe(sql.to_owned()));
            let mut connection = PgConnection::connect(&self.url).await.unwrap();
            texts(query.fetch_all(&mut connection).await.unwrap())
        } else {
            let query = sqlx::query(AssertSqlSafe(sql.to_owned()));
            let mut connection = MySqlConnection::connect(&self.url).await.unwrap();
            texts(query.fetch_all(&mut connection).await.unwrap())
        }
    }

    /// Locks every session on a server until it is dropped.
    pub async fn hold_the_rows(&self) -> Box<dyn std::any::Any> {
        self.hold("SELECT * FROM django_session FOR UPDATE").await
    }

    /// Locks one session on a server until it is dropped.
    pub async fn hold_the_row(&self, key: &segue::SessionKey) -> Box<dyn std::any::Any> {
        let key = key.expose();
        self.hold(&format!("SELECT * FROM django_session WHERE session_key = '{key}' FOR UPDATE"))
            .await
    }

    async fn hold(&self, lock: &str) -> Box<dyn std::any::Any> {
        let lock = AssertSqlSafe(lock.to_owned());
        if self.url.starts_with("postgres") {
            let mut connection = PgConnection::connect(&self.url).await.unwrap();
            sqlx::raw_sql("BEGIN").execute(&mut connection).await.unwrap();
            sqlx::raw_sql(lock).execute(&mut connection).await.unwrap();
            Box::new(connection)
        } else {
            let mut connection = MySqlConnection::connect(&self.url).await.unwrap();
            sqlx::raw_sql("BEGIN").execute(&mut connection).await.unwrap();
            sqlx::raw_sql(lock).execute(&mut connection).await.unwrap();
            Box::new(connection)
        }
    }

    pub async fn drop_index(&self, name: &str) {
        if self.url.starts_with("mysql") {
            self.run(&format!("DROP INDEX {name} ON django_session")).await;
        } else {
            self.run(&format!("DROP INDEX {name}")).await;
        }
    }

    pub async fn has_index(&self, name: &str) -> bool {
        let sql = if self.url.starts_with("sqlite") {
            format!("SELECT name FROM sqlite_master WHERE type = 'index' AND name = '{name}'")
        } else if self.url.starts_with("postgres") {
            format!("SELECT indexname::text FROM pg_indexes WHERE indexname = '{name}'")
        } else {
            format!(
                "SELECT CAST(index_name AS CHAR) FROM information_schema.statistics \
                 WHERE table_schema = DATABASE() AND index_name = '{name}'"
            )
        };
        !self.rows(&sql).await.is_empty()
    }
}

fn texts<R: sqlx::Row>(rows: Vec<R>) -> Vec<Vec<String>>
where
    usize: sqlx::ColumnIndex<R>,
    for<'r> String: sqlx::Decode<'r, R::Database>,
{
    let columns = |row: R| (0..row.len()).map(|at| row.get_unchecked::<String, _>(at)).collect();
    rows.into_iter().map(columns).collect()
}
