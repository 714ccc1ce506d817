//! The SQL that is shown does what is said of it.

use segue::engines::DatabaseStore;
use segue::{Session, Sessions};

use crate::blocks::{Block, in_language};
use crate::common;
use crate::migrations::PLACE;

fn block(of: &str) -> Block {
    let mut found = in_language("sql").into_iter().filter(|block| block.title().starts_with(of));
    let block = found.next().unwrap_or_else(|| panic!("no SQL for {of}"));
    assert!(found.next().is_none(), "two blocks for {of}");
    block
}

#[test]
fn each_block_is_for_a_database_that_is_tested() {
    for block in in_language("sql").iter().filter(|block| !block.text.starts_with(PLACE)) {
        let known = ["SQLite", "PostgreSQL"].iter().any(|of| block.title().starts_with(of));
        assert!(known, "{}: it does not say for which database it is", block.place());
    }
}

/// A copy that is made while sessions are written holds what was acknowledged before it.
#[tokio::test(flavor = "multi_thread")]
async fn the_backup_of_sqlite_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let open = async |name: &str| {
        let url = format!("sqlite://{}", folder.path().join(name).display());
        let store = DatabaseStore::from_url(&url).await.unwrap();
        store.database().migrate().await.unwrap();
        Sessions::new(store, &common::settings()).unwrap()
    };
    let sessions = open("db.sqlite3").await;
    let session: Session = sessions.open(None).load().await.unwrap();
    session.insert("name", "zoe").unwrap();
    session.save().await.unwrap();
    let key = session.key().unwrap();

    let target = folder.path().join("copy.sqlite3");
    let sql = block("SQLite").text;
    let moved = sql.replace("/var/backups/shop/db.sqlite3", target.to_str().unwrap());
    assert_ne!(sql, moved, "the path is found");
    let url = format!("sqlite://{}", folder.path().join("db.sqlite3").display());
    let mut connection = <sqlx::SqliteConnection as sqlx::Connection>::connect(&url).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(moved.clone())).execute(&mut connection).await.unwrap();

    let copy = open("copy.sqlite3").await;
    let restored = copy.open(Some(key)).load().await.unwrap();
    assert_eq!(restored.get::<String>("name").unwrap().as_deref(), Some("zoe"));
    // Nothing is written over.
    let again = sqlx::raw_sql(sqlx::AssertSqlSafe(moved)).execute(&mut connection).await;
    assert!(again.unwrap_err().to_string().contains("already exists"));
}

/// The role may make the tables of a new database, and log in with its password.
#[tokio::test(flavor = "multi_thread")]
async fn the_role_of_postgres_can_do_what_a_site_needs() {
    let server = servers::Postgres::start().unwrap();
    // One at a time: psql would put them into one transaction, and this is not allowed there.
    for statement in block("PostgreSQL").text.split_inclusive(";\n") {
        server.query("postgres", statement).unwrap();
    }
    let url = server.url("shop");
    let (_, place) = url.split_once('@').unwrap();
    let store =
        DatabaseStore::from_url(&format!("postgres://shop:password@{place}")).await.unwrap();
    store.database().migrate().await.unwrap();
    assert!(store.database().unapplied().await.unwrap().is_empty());
    let wrong = DatabaseStore::from_url(&format!("postgres://shop:wrong@{place}")).await;
    let refused = match wrong {
        Ok(store) => store.database().unapplied().await.is_err(),
        Err(_) => true,
    };
    assert!(refused, "another password is not taken");
}
