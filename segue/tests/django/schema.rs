//! `migrate` makes Django's tables exactly, and neither side has anything left to do after the other.

use std::path::Path;

use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Row as _};

use crate::place::{Place, SECRET};
use crate::side::Django;

/// Everything that SQLite knows of: type, name, table, SQL.
async fn schema(database: &Path) -> Vec<[String; 4]> {
    rows(
        database,
        "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_master ORDER BY name",
    )
    .await
}

/// The rows that Django keeps of its migrations: id, app, name, and the shape of the date.
async fn records(database: &Path) -> Vec<[String; 4]> {
    let mut rows = rows(
        database,
        "SELECT CAST(id AS TEXT), app, name, CAST(applied AS TEXT) FROM django_migrations",
    )
    .await;
    for [.., applied] in &mut rows {
        *applied = applied.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    }
    rows
}

async fn rows(database: &Path, query: &'static str) -> Vec<[String; 4]> {
    let mut connection = SqliteConnectOptions::new().filename(database).connect().await.unwrap();
    let rows = sqlx::query(query).fetch_all(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    rows.iter().map(|row| [0, 1, 2, 3].map(|column| row.get(column))).collect()
}

/// The tables and indices of these names in the vectors, which real Django made as well.
fn statements_in_the_vectors() -> Vec<String> {
    let vectors: Value = serde_json::from_str(include_str!("../vectors.json")).unwrap();
    let is_ours =
        |sql: &String| sql.contains("\"django_session\"") || sql.contains("\"django_migrations\"");
    let statements = vectors["schema_sqlite"]["sqlite"].as_array().unwrap();
    let mut statements: Vec<String> =
        statements.iter().map(|sql| sql.as_str().unwrap().to_owned()).filter(is_ours).collect();
    statements.sort();
    statements
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tables_are_those_that_django_makes() {
    let (ours, theirs) = (Place::new().await, tempfile::tempdir().unwrap());
    let theirs = theirs.path().join("db.sqlite3");
    Django::start(&theirs, SECRET).manage(&["migrate", "sessions"]);
    let made = schema(&ours.path()).await;
    assert_eq!(made, schema(&theirs).await);
    assert_eq!(records(&ours.path()).await, records(&theirs).await);

    let mut statements: Vec<String> = made
        .into_iter()
        .filter(|[_, name, ..]| name.starts_with("django_"))
        .map(|[.., sql]| sql)
        .collect();
    statements.sort();
    assert_eq!(statements, statements_in_the_vectors());
    assert_eq!(statements.len(), 3, "two tables, one index");
}

#[tokio::test(flavor = "multi_thread")]
async fn django_finds_nothing_to_do_after_us() {
    let place = Place::new().await;
    let (tables, records_before) = (schema(&place.path()).await, records(&place.path()).await);
    assert_eq!(records_before, [["1", "sessions", "0001_initial", "0000-00-00 00:00:00.000000"]]);

    let mut django = place.django();
    let plan = django.manage(&["migrate", "--plan"]);
    assert!(plan.contains("No planned migration operations."), "{plan}");
    let shown = django.manage(&["showmigrations"]);
    assert!(shown.contains("sessions\n [X] 0001_initial"), "{shown}");
    // Ends with an error when something is left to do.
    django.manage(&["migrate", "--check"]);
    let done = django.manage(&["migrate"]);
    assert!(done.contains("No migrations to apply."), "{done}");
    assert_eq!(schema(&place.path()).await, tables);
    assert_eq!(records(&place.path()).await, records_before);
}

#[tokio::test(flavor = "multi_thread")]
async fn django_makes_its_other_tables_beside_ours() {
    let place = Place::new().await;
    let mut django = Django::configured(json!({
        "database": place.path(),
        "secret_key": SECRET,
        "apps": ["contenttypes", "auth", "sessions"],
    }));
    let plan = django.manage(&["migrate", "--plan"]);
    assert!(plan.contains("auth.0001_initial") && !plan.contains("sessions."), "{plan}");
    django.manage(&["migrate"]);
    assert!(django.manage(&["migrate", "--plan"]).contains("No planned migration operations."));
    assert!(place.database.unapplied().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn we_find_nothing_to_do_after_django() {
    let place = Place::empty().await;
    assert_eq!(place.database.unapplied().await.unwrap().len(), 1, "the test looks at something");
    let mut django = place.django();
    django.manage(&["migrate"]);
    let (tables, records_before) = (schema(&place.path()).await, records(&place.path()).await);
    assert!(place.database.unapplied().await.unwrap().is_empty());
    assert!(place.database.migrate().await.unwrap().is_empty());
    assert_eq!(schema(&place.path()).await, tables);
    assert_eq!(records(&place.path()).await, records_before);

    // And each reads the other's sessions in it.
    let key = django.create(r#"{"name":"manish"}"#);
    let session = crate::place::open(&place.sessions(), &key).await;
    assert_eq!(session.get("name").unwrap(), Some("manish".to_owned()));
}

/// Tables, columns, indices and constraints as `pg_dump` or `SHOW CREATE TABLE` tell them.
fn structure(url: &str) -> String {
    let (program, arguments) = if url.starts_with("postgres") {
        let dump = ["--schema-only", "--no-owner", "--restrict-key=segue", url];
        ("pg_dump", dump.map(str::to_owned).to_vec())
    } else {
        let (user, rest) = url.strip_prefix("mysql://").unwrap().split_once(':').unwrap();
        let (password, rest) = rest.split_once('@').unwrap();
        let (address, database) = rest.split_once('/').unwrap();
        let (host, port) = address.split_once(':').unwrap();
        let dump = [
            "--no-data".to_owned(),
            "--compact".to_owned(),
            format!("--user={user}"),
            format!("--password={password}"),
            format!("--host={host}"),
            format!("--port={port}"),
            database.to_owned(),
        ];
        ("mariadb-dump", dump.to_vec())
    };
    let mut output = std::process::Command::new(program).args(&arguments).output().unwrap();
    if !output.status.success() {
        // Older releases have no such key, and write none.
        let arguments = arguments.iter().filter(|argument| !argument.contains("restrict"));
        output = std::process::Command::new(program).args(arguments).output().unwrap();
    }
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    // How far a counter has come depends on the rows.
    let lines = text.lines().map(|line| match line.find(" AUTO_INCREMENT=") {
        Some(at) => {
            let rest = &line[at + " AUTO_INCREMENT=".len()..];
            let rest = rest.trim_start_matches(|letter: char| letter.is_ascii_digit());
            format!("{}{rest}", &line[..at])
        }
        None => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn on_the_servers_the_tables_are_those_that_django_makes_too() {
    for base in [servers::shared::postgres(), servers::shared::mariadb()] {
        let ours = servers::fresh_database(base).unwrap();
        let database = segue::database::Database::from_url(&ours).await.unwrap();
        assert_eq!(database.migrate().await.unwrap().len(), 1);
        let theirs = servers::fresh_database(base).unwrap();
        let mut django = Django::configured(json!({"database": theirs, "secret_key": SECRET}));
        django.manage(&["migrate", "sessions"]);
        let made = structure(&ours);
        assert!(made.contains("django_session_expire_date_a5c62663"), "{made}");
        assert_eq!(made, structure(&theirs));

        // And neither finds anything left to do after the other.
        let other = segue::database::Database::from_url(&theirs).await.unwrap();
        assert!(other.unapplied().await.unwrap().is_empty());
        assert!(other.migrate().await.unwrap().is_empty());
        let mut django = Django::configured(json!({"database": ours, "secret_key": SECRET}));
        let plan = django.manage(&["migrate", "--plan"]);
        assert!(plan.contains("No planned migration operations."), "{plan}");
        let done = django.manage(&["migrate"]);
        assert!(done.contains("No migrations to apply."), "{done}");
        assert_eq!(structure(&ours), made);
    }
}
