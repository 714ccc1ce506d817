//! Django's admin works on the database that Segue made, with what Django adds to it.

use segue::database::Database;
use serde_json::json;

use crate::place::Place;
use crate::schema::django;

/// `INSTALLED_APPS` of a new project.
const APPS: [&str; 5] = ["admin", "auth", "contenttypes", "sessions", "messages"];

async fn works_on(name: &str, database: &Database) {
    let mut django = django(name, &APPS);
    let plan = django.manage(&["migrate", "--plan"]);
    let ours = ["auth.", "contenttypes.", "sessions."];
    assert!(plan.contains("admin.0001_initial"), "{plan}");
    assert!(ours.iter().all(|app| !plan.contains(app)), "{plan}");
    django.manage(&["migrate"]);
    django.manage(&["migrate", "--check"]);
    assert!(database.unapplied().await.unwrap().is_empty());
    assert!(database.migrate().await.unwrap().is_empty());

    let expected = json!([
        ["ids of the users", [1, 2]],
        ["nina may", ["auth.change_user", "auth.view_group", "auth.view_user"]],
        // Six models of Django's, four actions.
        ["root may", 24],
        ["/admin/", 200],
        ["/admin/auth/user/", 200],
        ["/admin/auth/user/add/", 200],
        ["/admin/auth/user/2/change/", 200],
        ["/admin/auth/group/", 200],
        ["/admin/auth/group/1/change/", 200],
        ["rename", 302],
        ["renamed", ["writers", ["delete_session"]]],
        ["nina's groups", 200],
        // The group that she is in may no longer look at users.
        ["nina's users", 403],
        ["nina adds", 403],
        ["delete", 302],
        ["left", ["root"]],
        ["log", 2],
    ]);
    assert_eq!(django.call(&json!({"op": "walk_through_admin"})), expected, "{name}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_works_on_sqlite() {
    let place = Place::new().await;
    works_on(place.path().to_str().unwrap(), &place.database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_works_on_the_servers() {
    for base in [servers::shared::postgres(), servers::shared::mariadb()] {
        let url = servers::fresh_database(base).unwrap();
        let database = Database::from_url(&url).await.unwrap();
        database.migrate().await.unwrap();
        works_on(&url, &database).await;
    }
}
