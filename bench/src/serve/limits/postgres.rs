//! PostgreSQL: by connections of `tokio-postgres`, on each of which requests are pipelined, and by a
//! pool of sqlx's.

use std::sync::atomic::{AtomicUsize, Ordering};

use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio_postgres::{Client, NoTls, Statement};

use super::Raw;
use crate::Result;

const TABLE: &str = "CREATE TABLE sessions (id text PRIMARY KEY, data text NOT NULL)";
const CREATE: &str = "INSERT INTO sessions (id, data) VALUES ($1, $2)";
const LOAD: &str = "SELECT data FROM sessions WHERE id = $1";
const SAVE: &str = "UPDATE sessions SET data = $2 WHERE id = $1";

/// As many connections as Segue takes, and the peers are given.
const CONNECTIONS: u32 = 10;

pub(super) struct TokioPostgres {
    links: Vec<Link>,
    next: AtomicUsize,
}

/// A connection, with what was prepared on it.
struct Link {
    client: Client,
    create: Statement,
    load: Statement,
    save: Statement,
}

impl TokioPostgres {
    pub(super) async fn open(url: &str) -> Result<Self> {
        let mut links = Vec::new();
        for number in 0..CONNECTIONS {
            let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
            tokio::spawn(connection);
            if number == 0 {
                client.batch_execute(TABLE).await?;
            }
            let create = client.prepare(CREATE).await?;
            let load = client.prepare(LOAD).await?;
            let save = client.prepare(SAVE).await?;
            links.push(Link { client, create, load, save });
        }
        Ok(Self { links, next: AtomicUsize::new(0) })
    }

    /// Each in turn: on one alone a save would wait until those before it are on the disk.
    fn link(&self) -> Result<&Link> {
        let number = self.next.fetch_add(1, Ordering::Relaxed) % self.links.len().max(1);
        Ok(self.links.get(number).ok_or("there are connections")?)
    }
}

impl Raw for TokioPostgres {
    async fn create(&self, key: &str, contents: &str) -> Result {
        let Link { client, create, .. } = self.link()?;
        client.execute(create, &[&key, &contents]).await?;
        Ok(())
    }

    async fn load(&self, key: &str) -> Result<String> {
        let Link { client, load, .. } = self.link()?;
        Ok(client.query_one(load, &[&key]).await?.try_get(0)?)
    }

    async fn save(&self, key: &str, contents: &str) -> Result {
        let Link { client, save, .. } = self.link()?;
        client.execute(save, &[&key, &contents]).await?;
        Ok(())
    }
}

pub(super) struct Sqlx(PgPool);

impl Sqlx {
    pub(super) async fn open(url: &str) -> Result<Self> {
        let pool = PgPoolOptions::new().max_connections(CONNECTIONS).connect(url).await?;
        sqlx::query(TABLE).execute(&pool).await?;
        Ok(Self(pool))
    }
}

impl Raw for Sqlx {
    async fn create(&self, key: &str, contents: &str) -> Result {
        sqlx::query(CREATE).bind(key).bind(contents).execute(&self.0).await?;
        Ok(())
    }

    async fn load(&self, key: &str) -> Result<String> {
        Ok(sqlx::query_scalar(LOAD).bind(key).fetch_one(&self.0).await?)
    }

    async fn save(&self, key: &str, contents: &str) -> Result {
        sqlx::query(SAVE).bind(key).bind(contents).execute(&self.0).await?;
        Ok(())
    }
}
