//! The rows that Django makes for each model, where they have a place.

use segue::database::Database;

use crate::common::databases;
use crate::{count, tables};

/// A Django whose users are another model's has `auth` without its table of users.
#[tokio::test(flavor = "multi_thread")]
async fn another_table_of_users_is_left_alone() {
    for place in databases::all() {
        let database = Database::from_url(&place.url).await.unwrap();
        database.migrate().await.unwrap();
        place.run("DELETE FROM auth_permission WHERE codename LIKE '%user'").await;
        place.run("DELETE FROM django_content_type WHERE model = 'user'").await;
        for table in ["auth_user_user_permissions", "auth_user_groups", "auth_user"] {
            place.run(&format!("DROP TABLE {table}")).await;
        }
        assert!(database.migrate().await.unwrap().is_empty(), "{place:?}");
        assert!(!tables(&place).await.contains(&"auth_user".to_owned()), "{place:?}");
        assert_eq!(count(&place, "django_content_type").await, 4, "{place:?}");
        assert_eq!(count(&place, "auth_permission").await, 16, "{place:?}");
    }
}

/// A Django that keeps what it allows in another database has none of these tables here.
#[tokio::test(flavor = "multi_thread")]
async fn rows_have_a_table_or_are_not_made() {
    for place in databases::all() {
        let database = Database::from_url(&place.url).await.unwrap();
        database.migrate().await.unwrap();
        place.run("DELETE FROM auth_permission").await;
        place.run("DELETE FROM django_content_type").await;
        for table in ["auth_user_user_permissions", "auth_group_permissions", "auth_permission"] {
            place.run(&format!("DROP TABLE {table}")).await;
        }
        assert!(database.migrate().await.unwrap().is_empty(), "{place:?}");
        assert_eq!(count(&place, "django_content_type").await, 0, "{place:?}");
    }
}

/// Rows that somebody added or took stay as they are, but for those that Django would make again.
#[tokio::test(flavor = "multi_thread")]
async fn rows_of_others_are_left_alone() {
    for place in databases::all() {
        let database = Database::from_url(&place.url).await.unwrap();
        database.migrate().await.unwrap();
        place.run("UPDATE auth_permission SET name = 'Sign' WHERE codename = 'add_user'").await;
        place.run("DELETE FROM auth_permission WHERE codename = 'view_group'").await;
        place.run("DELETE FROM auth_permission WHERE codename LIKE '%_session'").await;
        place
            .run(
                "INSERT INTO auth_permission (name, content_type_id, codename) \
                 SELECT 'Ban', id, 'ban_user' FROM django_content_type WHERE model = 'user'",
            )
            .await;
        assert!(database.migrate().await.unwrap().is_empty());
        let sql = "SELECT name FROM auth_permission WHERE codename IN \
                   ('add_user', 'ban_user', 'view_group') ORDER BY codename";
        assert_eq!(place.rows(sql).await, [["Sign"], ["Ban"], ["Can view group"]], "{place:?}");
        assert_eq!(count(&place, "auth_permission").await, 21, "{place:?}");
    }
}
