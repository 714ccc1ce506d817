//! Databases that a Django of another age left, or an older Segue: what is safe is completed, for
//! everything else the error says what to run, and that is tried.

use segue::StoreErrorKind;
use segue::database::{Applied, Database};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

use crate::place::Place;
use crate::schema::{APPS, django, dump, models, records, schema};
use crate::side::Django;

/// An empty database of each kind: what Django calls it, and ours.
async fn places() -> Vec<(String, Database, Option<Place>)> {
    let place = Place::empty().await;
    let mut places =
        vec![(place.path().to_str().unwrap().to_owned(), place.database.clone(), Some(place))];
    for base in [servers::shared::postgres(), servers::shared::mariadb()] {
        let url = servers::fresh_database(base).unwrap();
        let database = Database::from_url(&url).await.unwrap();
        places.push((url, database, None));
    }
    places
}

/// Everything in it.
async fn state(name: &str) -> String {
    if name.contains("://") {
        return dump(name);
    }
    let path = name.as_ref();
    let tables = schema(path).await;
    let has_permissions = tables.iter().any(|[_, table, ..]| table == "auth_permission");
    let models = if has_permissions { models(path).await } else { Vec::new() };
    format!("{tables:?} {:?} {models:?}", records(path).await)
}

/// What `migrate` says where it refuses; nothing is changed by it.
async fn refusal(name: &str, database: &Database) -> String {
    let before = state(name).await;
    let error = database.migrate().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Refused, "{error}");
    assert_eq!(state(name).await, before);
    error.to_string()
}

/// Each migration that was applied, and how.
async fn migrate(database: &Database) -> Vec<(String, Applied)> {
    let done = database.migrate().await.unwrap();
    done.into_iter().map(|(migration, how)| (migration.to_string(), how)).collect()
}

/// Neither side has anything left to do, and nothing is there twice or missing.
async fn is_whole(name: &str, database: &Database) {
    let before = state(name).await;
    let mut django = django(name, &APPS);
    django.manage(&["migrate", "--check"]);
    let done = django.manage(&["migrate"]);
    assert!(done.contains("No migrations to apply."), "{done}");
    assert!(database.migrate().await.unwrap().is_empty());
    assert_eq!(state(name).await, before, "and no row was missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_django_goes_on_itself() {
    for (name, database, _place) in places().await {
        let mut older = django(&name, &["auth", "contenttypes"]);
        older.manage(&["migrate", "auth", "0009"]);
        let text = refusal(&name, &database).await;
        assert!(text.contains("auth.0009_alter_user_last_name_max_length"), "{text}");
        assert!(text.contains("`python manage.py migrate`"), "{text}");

        older.manage(&["migrate"]);
        let sessions = [("sessions.0001_initial".to_owned(), Applied::Made)];
        assert_eq!(migrate(&database).await, sessions);
        is_whole(&name, &database).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn so_does_one_that_has_only_begun() {
    let place = Place::empty().await;
    let name = place.path().to_str().unwrap().to_owned();
    let mut older = django(&name, &["contenttypes"]);
    older.manage(&["migrate", "contenttypes", "0001"]);
    let text = refusal(&name, &place.database).await;
    assert!(text.contains("contenttypes.0001_initial"), "{text}");

    older.manage(&["migrate"]);
    let done = migrate(&place.database).await;
    assert_eq!(done.len(), 12 + 1);
    assert!(done.iter().all(|(_, how)| *how == Applied::Made));
    is_whole(&name, &place.database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn older_tables_without_a_record_are_djangos_to_complete() {
    let place = Place::empty().await;
    let name = place.path().to_str().unwrap().to_owned();
    let mut older = django(&name, &APPS);
    older.manage(&["migrate", "auth", "0009"]);
    forget(&place, "auth").await;
    let text = refusal(&name, &place.database).await;
    assert!(text.contains("a table auth_group that is not Django's"), "{text}");
    assert!(text.contains("`python manage.py migrate --fake-initial`"), "{text}");

    older.manage(&["migrate", "--fake-initial"]);
    assert!(migrate(&place.database).await.is_empty());
    is_whole(&name, &place.database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn djangos_tables_without_a_record_are_recorded() {
    let place = Place::empty().await;
    let name = place.path().to_str().unwrap().to_owned();
    django(&name, &APPS).manage(&["migrate"]);
    let tables = schema(&place.path()).await;
    forget(&place, "auth").await;
    forget(&place, "contenttypes").await;
    let done = migrate(&place.database).await;
    assert_eq!(done.len(), 14);
    assert!(done.iter().all(|(_, how)| *how == Applied::Recorded));
    assert_eq!(schema(&place.path()).await, tables);
    is_whole(&name, &place.database).await;
}

/// An older Segue, or a Django without `auth`, made the table of sessions alone.
#[tokio::test(flavor = "multi_thread")]
async fn what_has_sessions_gets_the_rest() {
    for (name, database, _place) in places().await {
        let mut before: Django = django(&name, &["sessions"]);
        before.manage(&["migrate"]);
        let key = before.create(r#"{"name":"nina"}"#);
        let done = migrate(&database).await;
        assert_eq!(done.len(), 14);
        assert!(done.iter().all(|(name, how)| !name.starts_with("s") && *how == Applied::Made));
        assert_eq!(before.read(&key), r#"{"name":"nina"}"#);
        is_whole(&name, &database).await;
    }
}

/// Removes Django's record of an app.
async fn forget(place: &Place, app: &'static str) {
    let mut connection =
        SqliteConnectOptions::new().filename(place.path()).connect().await.unwrap();
    let delete = sqlx::query("DELETE FROM django_migrations WHERE app = ?1").bind(app);
    assert!(delete.execute(&mut connection).await.unwrap().rows_affected() > 0);
    connection.close().await.unwrap();
}
