//! `migrate` makes Django's tables once, whoever asks and however often.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody imports it"
)]

use segue::SessionStore as _;
use segue::database::{Applied, Database};
use segue::engines::DatabaseStore;

mod apps;
#[path = "../common/mod.rs"]
mod common;
mod failures;
mod interrupted;
mod names;
mod refusals;
mod rows;

use common::databases::{self, Place};

/// Every migration in the order in which Django applies them.
const MIGRATIONS: [&str; 15] = [
    "contenttypes.0001_initial",
    "contenttypes.0002_remove_content_type_name",
    "auth.0001_initial",
    "auth.0002_alter_permission_name_max_length",
    "auth.0003_alter_user_email_max_length",
    "auth.0004_alter_user_username_opts",
    "auth.0005_alter_user_last_login_null",
    "auth.0006_require_contenttypes_0002",
    "auth.0007_alter_validators_add_error_messages",
    "auth.0008_alter_user_username_max_length",
    "auth.0009_alter_user_last_name_max_length",
    "auth.0010_alter_group_name_max_length",
    "auth.0011_update_proxy_permissions",
    "auth.0012_alter_user_first_name_max_length",
    "sessions.0001_initial",
];

/// The tables of these apps.
const TABLES: [&str; 8] = [
    "django_content_type",
    "auth_permission",
    "auth_group",
    "auth_group_permissions",
    "auth_user",
    "auth_user_groups",
    "auth_user_user_permissions",
    "django_session",
];

/// What `django_migrations` holds, in its order.
async fn recorded(place: &Place) -> Vec<String> {
    let rows = place.rows("SELECT app, name FROM django_migrations ORDER BY id").await;
    rows.iter().map(|row| row.join(".")).collect()
}

/// How many rows a table has.
async fn count(place: &Place, of: &str) -> usize {
    let rows = place.rows(&format!("SELECT 'x' FROM {of}")).await;
    rows.len()
}

/// Which tables there are, of ours and others.
async fn tables(place: &Place) -> Vec<String> {
    let sql = if place.url.starts_with("sqlite") {
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'sqlite_sequence'"
    } else if place.url.starts_with("postgres") {
        "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'"
    } else {
        "SELECT CAST(table_name AS CHAR) FROM information_schema.tables \
         WHERE table_schema = DATABASE()"
    };
    place.rows(sql).await.concat()
}

#[test]
fn they_are_djangos_in_its_order() {
    let names: Vec<String> = Database::migrations().map(|of| of.to_string()).collect();
    assert_eq!(names, MIGRATIONS);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_do_it_once() {
    for place in databases::all() {
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let url = place.url.clone();
                tokio::spawn(async move {
                    Database::from_url(&url).await.unwrap().migrate().await.unwrap().len()
                })
            })
            .collect();
        let mut made = 0;
        for task in tasks {
            made += task.await.unwrap();
        }
        assert_eq!(made, MIGRATIONS.len(), "{place:?}");
        assert_eq!(recorded(&place).await, MIGRATIONS, "{place:?}");
        assert_eq!(count(&place, "django_content_type").await, 5, "{place:?}");
        assert_eq!(count(&place, "auth_permission").await, 20, "{place:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_are_there_are_recorded() {
    for place in databases::all() {
        let database = Database::from_url(&place.url).await.unwrap();
        let done = database.migrate().await.unwrap();
        assert!(done.iter().all(|(_, how)| *how == Applied::Made), "{place:?} {done:?}");
        place.run("DROP TABLE django_migrations").await;
        let done = database.migrate().await.unwrap();
        assert_eq!(done.len(), MIGRATIONS.len());
        assert!(done.iter().all(|(_, how)| *how == Applied::Recorded), "{place:?} {done:?}");
        assert!(database.migrate().await.unwrap().is_empty());
        assert_eq!(recorded(&place).await, MIGRATIONS, "{place:?}");
    }
}

/// On MySQL each table counts by itself: whoever is interrupted leaves some of them, and one
/// without its indexes.
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_one_is_completed() {
    for place in databases::all() {
        let database = Database::from_url(&place.url).await.unwrap();
        database.migrate().await.unwrap();
        place.run("DELETE FROM django_migrations").await;
        place.run("DELETE FROM auth_permission WHERE codename LIKE '%user'").await;
        place.run("DELETE FROM django_content_type WHERE model = 'user'").await;
        place.run("DROP TABLE auth_user_groups").await;
        place.run("DROP TABLE auth_user_user_permissions").await;
        place.drop_index("django_session_expire_date_a5c62663").await;
        let done = database.migrate().await.unwrap();
        let how = |app| done.iter().find(|(migration, _)| migration.app == app).unwrap().1;
        assert_eq!((how("auth"), how("sessions")), (Applied::Made, Applied::Recorded));
        for index in [
            "django_session_expire_date_a5c62663",
            "auth_user_groups_user_id_group_id_94350c0c_uniq",
            "auth_user_user_permissions_user_id_permission_id_14a6b632_uniq",
        ] {
            assert!(place.has_index(index).await, "{place:?} {index}");
        }
        assert_eq!(count(&place, "django_content_type").await, 5, "{place:?}");
        assert_eq!(count(&place, "auth_permission").await, 20, "{place:?}");
    }
}

/// Whoever goes away in the middle of it holds nobody else up, and leaves no app half recorded.
#[tokio::test(flavor = "multi_thread")]
async fn an_abandoned_one_leaves_no_lock() {
    for place in databases::all() {
        let database = Database::from_url(&place.url).await.unwrap();
        for millis in [0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 80.0, 120.0, 160.0] {
            let limit = std::time::Duration::from_secs_f64(millis / 1000.0);
            let _ = tokio::time::timeout(limit, database.migrate()).await;
            if tables(&place).await.contains(&"django_migrations".to_owned()) {
                let rows = count(&place, "django_migrations WHERE app = 'auth'").await;
                assert!(rows == 0 || rows == 12, "{rows} after {millis} ms {place:?}");
            }
        }
        let other = Database::from_url(&place.url).await.unwrap();
        let limit = std::time::Duration::from_secs(20);
        tokio::time::timeout(limit, other.migrate()).await.expect("no lock is left").unwrap();
        assert!(other.unapplied().await.unwrap().is_empty(), "{place:?}");
        assert_eq!(recorded(&place).await, MIGRATIONS, "{place:?}");
        assert_eq!(count(&place, "auth_permission").await, 20, "{place:?}");
    }
}

/// What is written afterwards on the connection that made the tables counts at once.
#[tokio::test(flavor = "multi_thread")]
async fn the_connection_is_given_back_as_it_was() {
    for place in databases::servers() {
        let more = if place.url.contains('?') { '&' } else { '?' };
        let url = format!("{}{more}max_connections=1", place.url);
        let store = DatabaseStore::from_url(&url).await.unwrap();
        store.database().migrate().await.unwrap();
        let deadline = segue::Clock::system().now() + segue::SignedDuration::from_hours(1);
        store.create(b"Payload:abc", deadline).await.unwrap();
        // Another connection looks.
        assert_eq!(count(&place, "django_session").await, 1, "{place:?}");
    }
}

/// An app of which some migrations are recorded would be taken for an older Django's.
#[tokio::test(flavor = "multi_thread")]
async fn what_fails_half_way_leaves_no_app_half_recorded() {
    for place in databases::all() {
        let database = Database::from_url(&place.url).await.unwrap();
        database.migrate().await.unwrap();
        place.run("DROP TABLE django_migrations").await;
        place.run("DROP TABLE auth_user_groups").await;
        let id = match place.url.split(':').next() {
            Some("sqlite") => "integer PRIMARY KEY",
            Some("postgres") => "serial PRIMARY KEY",
            _ => "integer PRIMARY KEY AUTO_INCREMENT",
        };
        let columns = "app varchar(255), name varchar(255) CHECK (name NOT LIKE '0006%')";
        let table = format!("django_migrations (id {id}, {columns}, applied varchar(99))");
        place.run(&format!("CREATE TABLE {table}")).await;
        database.migrate().await.unwrap_err();
        assert_eq!(count(&place, "django_migrations WHERE app = 'auth'").await, 0, "{place:?}");
        place.run("DROP TABLE django_migrations").await;
        database.migrate().await.unwrap();
        assert_eq!(recorded(&place).await, MIGRATIONS, "{place:?}");
    }
}
