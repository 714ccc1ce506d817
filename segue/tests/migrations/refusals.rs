//! Tables that are not Django's, or not those of this Django, are left alone: nothing is made.

use segue::StoreErrorKind;
use segue::database::Database;

use crate::common::databases::{self, Place};
use crate::{MIGRATIONS, TABLES, count, recorded, tables};

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_table_is_left_alone() {
    for place in databases::all() {
        let database = Database::from_url(&place.url).await.unwrap();
        // They are slow, and have the same code for each table.
        let is_server = !place.url.starts_with("sqlite");
        for table in if is_server { &TABLES[5..6] } else { &TABLES } {
            // Nobody but this test says what the columns are.
            place.run(&format!("CREATE TABLE {table} (id integer, owner varchar(9))")).await;
            let error = database.migrate().await.unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Refused, "{place:?} {table}");
            let text = error.to_string();
            assert!(text.contains(&format!("a table {table} that is not Django's")), "{text}");
            assert!(text.contains("--fake-initial") && text.contains("rename or drop"), "{text}");
            assert_eq!(database.unapplied().await.unwrap().len(), MIGRATIONS.len(), "{place:?}");
            let left = tables(&place).await;
            assert!(
                left.iter().all(|name| name == table || name == "django_migrations"),
                "{left:?}"
            );
            place.run(&format!("DROP TABLE {table}")).await;
        }
        database.migrate().await.unwrap();
    }
}

/// Tables of an older Django's, or some that lost what makes them Django's: nothing is recorded
/// for them.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_nearly_djangos_is_not_recorded() {
    // Each statement, the one that undoes it, and what the error names.
    let postgres = [
        (
            "ALTER TABLE auth_user ALTER first_name TYPE varchar(30)",
            "ALTER TABLE auth_user ALTER first_name TYPE varchar(150)",
            "first_name varchar(150)",
        ),
        (
            "ALTER TABLE auth_user ALTER email TYPE text",
            "ALTER TABLE auth_user ALTER email TYPE varchar(254)",
            "email varchar(254)",
        ),
        (
            "ALTER TABLE auth_user DROP CONSTRAINT auth_user_username_key",
            "ALTER TABLE auth_user ADD UNIQUE (username)",
            "username varchar(150) UNIQUE",
        ),
        (
            "ALTER TABLE auth_user ADD more integer",
            "ALTER TABLE auth_user DROP more",
            "id PRIMARY KEY",
        ),
        (
            "ALTER TABLE auth_user_groups DROP CONSTRAINT auth_user_groups_pkey",
            "ALTER TABLE auth_user_groups ADD PRIMARY KEY (id)",
            "id PRIMARY KEY",
        ),
    ];
    let mariadb = [
        (
            "ALTER TABLE auth_user MODIFY first_name varchar(30) NOT NULL",
            "ALTER TABLE auth_user MODIFY first_name varchar(150) NOT NULL",
            "first_name varchar(150)",
        ),
        (
            "ALTER TABLE auth_user MODIFY email text NOT NULL",
            "ALTER TABLE auth_user MODIFY email varchar(254) NOT NULL",
            "email varchar(254)",
        ),
        (
            "DROP INDEX username ON auth_user",
            "CREATE UNIQUE INDEX username ON auth_user (username)",
            "username varchar(150) UNIQUE",
        ),
        (
            "ALTER TABLE auth_user ADD more integer",
            "ALTER TABLE auth_user DROP more",
            "id PRIMARY KEY",
        ),
    ];
    let sqlite = [
        (
            "DROP TABLE auth_group; \
             CREATE TABLE auth_group (id integer PRIMARY KEY, name varchar(80) UNIQUE)",
            "DROP TABLE auth_group",
            "name varchar(150)",
        ),
        (
            "CREATE TABLE auth_group (id integer PRIMARY KEY, name varchar(150))",
            "DROP TABLE auth_group",
            "name varchar(150) UNIQUE",
        ),
        (
            "CREATE TABLE auth_group (id integer PRIMARY KEY, name varchar(150)); \
             CREATE UNIQUE INDEX some_groups ON auth_group (name) WHERE name <> ''",
            "DROP TABLE auth_group",
            "name varchar(150) UNIQUE",
        ),
        (
            "CREATE TABLE auth_group (id integer, name varchar(150) UNIQUE)",
            "DROP TABLE auth_group",
            "id PRIMARY KEY",
        ),
        (
            "DROP TABLE django_session; CREATE TABLE django_session (session_key varchar(40), \
             session_data text, expire_date datetime, PRIMARY KEY (session_key, expire_date))",
            "DROP TABLE django_session",
            "session_key varchar(40) PRIMARY KEY, session_data, expire_date",
        ),
        (
            "ALTER TABLE django_content_type ADD name varchar(100)",
            "ALTER TABLE django_content_type DROP name",
            "id PRIMARY KEY, app_label varchar(100), model varchar(100)",
        ),
    ];
    refuses(&databases::sqlite(), &sqlite).await;
    refuses(&databases::postgres(), &postgres).await;
    refuses(&databases::mariadb(), &mariadb).await;
}

async fn refuses(place: &Place, cases: &[(&str, &str, &str)]) {
    let database = Database::from_url(&place.url).await.unwrap();
    database.migrate().await.unwrap();
    place.run("DELETE FROM django_migrations").await;
    for (sql, undo, words) in cases {
        place.run(sql).await;
        let error = database.migrate().await.expect_err(sql);
        assert_eq!(error.kind(), StoreErrorKind::Refused, "{sql}");
        let text = error.to_string();
        assert!(text.contains("is not Django's") && text.contains(words), "{sql}: {text}");
        assert_eq!(count(place, "django_migrations").await, 0, "{sql}");
        place.run(undo).await;
    }
    assert_eq!(database.migrate().await.unwrap().len(), MIGRATIONS.len());
}

/// Whose last migration is not the last one has tables that only Django can bring up to date.
#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_is_half_migrated_is_left_to_django() {
    for place in databases::all() {
        let database = Database::from_url(&place.url).await.unwrap();
        database.migrate().await.unwrap();
        for (without, last) in [
            ("app = 'auth' AND name > '0010'", "auth.0009_alter_user_last_name_max_length"),
            ("app = 'contenttypes' AND name > '0002'", "contenttypes.0001_initial"),
        ] {
            place.run(&format!("DELETE FROM django_migrations WHERE {without}")).await;
            let before = recorded(&place).await;
            let error = database.migrate().await.unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Refused);
            let text = error.to_string();
            assert!(text.contains(last) && text.contains("manage.py migrate"), "{text}");
            assert_eq!(recorded(&place).await, before, "{place:?}");
            place.run("DROP TABLE django_migrations").await;
            database.migrate().await.unwrap();
        }
    }
}
