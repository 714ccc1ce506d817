//! A trigger of somebody's, which writes down each change of a session: so it can be counted what was done,
//! and whoever holds the ledger holds up a save of ours that has locked its rows already.

use segue::SessionKey;
use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection, PgConnection};

use crate::common::databases::Place;

const POSTGRES: &str = "\
    CREATE TABLE ledger (id int PRIMARY KEY, changes int NOT NULL); \
    INSERT INTO ledger VALUES (1, 0); \
    CREATE TABLE changed (session_key text NOT NULL); \
    CREATE FUNCTION write_down() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
    INSERT INTO changed VALUES (OLD.session_key); \
    UPDATE ledger SET changes = changes + 1 WHERE id = 1; RETURN NULL; END $$; \
    CREATE TRIGGER write_down AFTER UPDATE OR DELETE ON django_session \
    FOR EACH ROW EXECUTE FUNCTION write_down()";

const MARIADB: [&str; 5] = [
    "CREATE TABLE ledger (id int PRIMARY KEY, changes int NOT NULL)",
    "INSERT INTO ledger VALUES (1, 0)",
    "CREATE TABLE changed (session_key varchar(40) NOT NULL)",
    "CREATE TRIGGER write_down AFTER UPDATE ON django_session FOR EACH ROW BEGIN \
     INSERT INTO changed VALUES (OLD.session_key); \
     UPDATE ledger SET changes = changes + 1 WHERE id = 1; END",
    "CREATE TRIGGER write_down_the_end AFTER DELETE ON django_session FOR EACH ROW BEGIN \
     INSERT INTO changed VALUES (OLD.session_key); \
     UPDATE ledger SET changes = changes + 1 WHERE id = 1; END",
];

/// Makes it, on a server of the test's own.
pub async fn keep(place: &Place) {
    if place.url.starts_with("postgres") {
        place.run(POSTGRES).await;
    } else {
        for statement in MARIADB {
            place.run(statement).await;
        }
    }
}

/// How many changes it has of each session that was changed.
pub async fn changes(place: &Place) -> Vec<(String, u32)> {
    let count =
        if place.url.starts_with("postgres") { "count(*)::text" } else { "CAST(count(*) AS CHAR)" };
    let rows =
        place.rows(&format!("SELECT session_key, {count} FROM changed GROUP BY session_key")).await;
    rows.into_iter().map(|row| (row[0].clone(), row[1].parse().unwrap())).collect()
}

/// A transaction of somebody else's.
pub enum Other {
    Postgres(PgConnection),
    MariaDb(MySqlConnection),
}

impl Other {
    /// One that holds the ledger. It is in no hurry, and has done more than anybody: of two that wait for each
    /// other a server undoes the other one.
    pub async fn with_the_ledger(place: &Place) -> Self {
        let mut other = if place.url.starts_with("postgres") {
            let mut other = Self::Postgres(PgConnection::connect(&place.url).await.unwrap());
            other.run("SET deadlock_timeout = '5min'").await;
            other.run("BEGIN").await;
            other
        } else {
            let mut other = Self::MariaDb(MySqlConnection::connect(&place.url).await.unwrap());
            other.run("CREATE TABLE IF NOT EXISTS much (id int)").await;
            other.run("BEGIN").await;
            other.run(&format!("INSERT INTO much VALUES (0){}", ", (1)".repeat(2000))).await;
            other
        };
        other.run("UPDATE ledger SET changes = changes + 1000 WHERE id = 1").await;
        other
    }

    pub async fn run(&mut self, sql: &str) {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        match self {
            Self::Postgres(connection) => drop(sql.execute(connection).await.unwrap()),
            Self::MariaDb(connection) => drop(sql.execute(connection).await.unwrap()),
        }
    }

    /// Waits for a session's row, and has it.
    pub async fn lock(&mut self, key: &SessionKey) {
        let key = key.expose();
        self.run(&format!("SELECT 1 FROM django_session WHERE session_key = '{key}' FOR UPDATE"))
            .await;
    }
}

/// How many statements wait for a lock.
async fn waiting(place: &Place) -> u32 {
    let count = if place.url.starts_with("postgres") {
        "SELECT count(*)::text FROM pg_locks WHERE NOT granted"
    } else {
        "SELECT CAST(variable_value AS CHAR) FROM information_schema.global_status \
         WHERE variable_name = 'INNODB_ROW_LOCK_CURRENT_WAITS'"
    };
    place.rows(count).await[0][0].parse().unwrap()
}

/// Until a statement of ours has its rows and waits for the ledger.
pub async fn until_somebody_waits(place: &Place) {
    for _ in 0..1000 {
        if waiting(place).await > 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("nobody ever waits for the ledger");
}

/// How often the server has undone one of two that waited for each other.
pub async fn deadlocks(place: &Place) -> u32 {
    let count = if place.url.starts_with("postgres") {
        "SELECT deadlocks::text FROM pg_stat_database WHERE datname = current_database()"
    } else {
        "SELECT CAST(variable_value AS CHAR) FROM information_schema.global_status \
         WHERE variable_name = 'INNODB_DEADLOCKS'"
    };
    place.rows(count).await[0][0].parse().unwrap()
}
