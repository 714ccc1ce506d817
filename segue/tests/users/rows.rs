//! Rows as Django writes them, and rows that it did not write.

use segue::users::NewUser;
use segue::{AuthErrorKind, Timestamp, describe};

use crate::common::databases;
use crate::{PASSWORD, Site, on_each};

fn date(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn dates_are_read_with_and_without_microseconds() {
    on_each(async |site| {
        let ann = site.users.create(NewUser::new("ann")).await.unwrap().unwrap();
        // What Django writes on each.
        let zone = if site.place.url.starts_with("postgres") { "+00" } else { "" };
        for (text, expected) in [
            ("2023-11-14 22:13:20", "2023-11-14T22:13:20Z"),
            ("2023-11-14 22:13:20.678901", "2023-11-14T22:13:20.678901Z"),
            ("2023-11-14 22:13:20.000001", "2023-11-14T22:13:20.000001Z"),
            ("1999-12-31 23:59:59", "1999-12-31T23:59:59Z"),
        ] {
            let sql = format!(
                "UPDATE auth_user SET last_login = '{text}{zone}', date_joined = '{text}{zone}'"
            );
            site.place.run(&sql).await;
            let read = site.reload(&ann).await;
            assert_eq!((read.last_login, read.date_joined), (Some(date(expected)), date(expected)));
        }
        site.place.run("UPDATE auth_user SET last_login = NULL").await;
        assert_eq!(site.reload(&ann).await.last_login, None);
    })
    .await;
}

/// The row in the vectors, in the order in which SQLite has Django's columns.
#[tokio::test(flavor = "multi_thread")]
async fn djangos_alice_is_read() {
    let vectors: serde_json::Value = serde_json::from_str(include_str!("../vectors.json")).unwrap();
    let row = vectors["auth"]["auth_user_row"].as_array().unwrap();
    let values: Vec<String> =
        row.iter().map(|value| format!("'{}'", value.as_str().unwrap())).collect();
    let site = Site::on(databases::sqlite()).await;
    site.place.run(&format!("INSERT INTO auth_user VALUES ({})", values.join(", "))).await;
    let alice = site.users.by_username("alice").await.unwrap().unwrap();
    let then = date("2023-11-14T22:13:20Z");
    assert_eq!((alice.id, alice.email.as_str()), (1, "a@example.com"));
    assert_eq!(Some(alice.password.as_str()), vectors["auth"]["password_field"].as_str());
    assert_eq!((alice.last_login, alice.date_joined), (Some(then), then));
    assert_eq!((alice.is_superuser, alice.is_staff, alice.is_active), (false, false, true));
    assert_eq!((alice.first_name.as_str(), alice.last_name.as_str()), ("", ""));
    assert_eq!(site.users.by_id(1).await.unwrap(), Some(alice));
}

/// The texts of Django's SQLite columns compare as the dates do, so ours must be Django's.
#[tokio::test(flavor = "multi_thread")]
async fn dates_are_written_as_django_does() {
    let site = Site::on(databases::sqlite()).await;
    let ann = site.users.create(NewUser::new("ann")).await.unwrap().unwrap();
    site.users.update_last_login(&ann).await.unwrap();
    let rows = site.place.rows("SELECT last_login, date_joined FROM auth_user").await;
    let ann = site.reload(&ann).await;
    for (text, date) in rows[0].iter().zip([ann.last_login.unwrap(), ann.date_joined]) {
        let (seconds, micros) = text.split_once('.').unwrap_or((text, ""));
        assert_eq!(seconds, date.strftime("%Y-%m-%d %H:%M:%S").to_string());
        assert!(micros.is_empty() || micros.len() == 6, "{text}");
    }
}

/// A user who cannot be read is not nobody: that would end the session.
async fn is_an_error_about(site: &Site, column: &str) {
    let id = site.place.rows("SELECT CAST(id AS CHAR(9)) FROM auth_user").await[0][0].clone();
    let id: i64 = id.trim().parse().unwrap();
    let errors = [
        site.users.by_id(id).await.unwrap_err(),
        site.users.by_username("ann").await.unwrap_err(),
        site.users.authenticate("ann", PASSWORD).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), AuthErrorKind::UsersFailed);
        let text = describe(&error);
        assert!(text.contains(&format!("auth_user.{column}")), "{text}");
        assert!(!text.contains("pbkdf2"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_date_that_django_did_not_write_is_named() {
    for (place, texts) in [
        (databases::sqlite(), &["'soon'", "''", "1700000000", "x'ff'"][..]),
        (databases::postgres(), &["'infinity'", "'-infinity'"]),
        (databases::mariadb(), &["'0000-00-00'", "'2023-00-10'"]),
    ] {
        let site = Site::on(place).await;
        site.users.create(NewUser::new("ann").password(PASSWORD)).await.unwrap();
        let lenient = if site.is_mariadb() { "SET SESSION sql_mode = '';" } else { "" };
        // PostgreSQL has no text for its infinity; a login at such a time counts as none.
        let is_postgres = site.place.url.starts_with("postgres");
        let columns =
            if is_postgres { &["date_joined"][..] } else { &["last_login", "date_joined"] };
        for column in columns {
            for text in texts {
                println!("{column} {text}");
                site.place.run(&format!("{lenient} UPDATE auth_user SET {column} = {text}")).await;
                is_an_error_about(&site, column).await;
            }
            let good = "'2023-11-14 22:13:20'";
            site.place.run(&format!("UPDATE auth_user SET {column} = {good}")).await;
        }
        assert!(site.users.by_username("ann").await.unwrap().is_some());
    }
}

/// SQLite takes anything into any column.
#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_is_none_is_named() {
    let columns = ["password", "first_name", "last_name", "email"];
    for column in columns {
        let site = Site::on(databases::sqlite()).await;
        site.users.create(NewUser::new("ann").password(PASSWORD)).await.unwrap();
        site.place.run(&format!("UPDATE auth_user SET {column} = CAST(x'ff' AS TEXT)")).await;
        is_an_error_about(&site, column).await;
    }
}

/// A hash that nobody reads is a password that nobody has, and no error: one row must not break the
/// login page.
#[tokio::test(flavor = "multi_thread")]
async fn a_hash_that_django_did_not_write_lets_nobody_in() {
    on_each(async |site| {
        site.users.create(NewUser::new("ann").password(PASSWORD)).await.unwrap();
        for hash in ["", "!", "x", PASSWORD, "pbkdf2_sha256$1$$", "$$$", "crypt$$ab"] {
            site.place.run(&format!("UPDATE auth_user SET password = '{hash}'")).await;
            for password in [PASSWORD, "", hash] {
                let found = site.users.authenticate("ann", password).await.unwrap();
                assert_eq!(found, None, "{hash:?} {password:?}");
            }
        }
    })
    .await;
}
