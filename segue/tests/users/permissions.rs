//! What users may do, of themselves and by their groups.

use std::collections::BTreeSet;

use segue::users::{NewUser, User};

use crate::{Site, on_each};

impl Site {
    /// Gives the permission of this name to a user or a group.
    async fn give(&self, table: &str, column: &str, id: &str, codename: &str) {
        let sql = format!(
            "INSERT INTO {table} ({column}, permission_id) \
             SELECT {id}, id FROM auth_permission WHERE codename = '{codename}'"
        );
        assert_eq!(self.place.run(&sql).await, 1, "{codename}");
    }

    async fn group(&self, name: &str, of: &[&User]) -> String {
        self.place.run(&format!("INSERT INTO auth_group (name) VALUES ('{name}')")).await;
        let group = format!("(SELECT id FROM auth_group WHERE name = '{name}')");
        for user in of {
            let sql = format!(
                "INSERT INTO auth_user_groups (user_id, group_id) VALUES ({}, {group})",
                user.id
            );
            self.place.run(&sql).await;
        }
        group
    }

    async fn permissions(&self, user: &User) -> BTreeSet<String> {
        self.users.permissions(user).await.unwrap().into_iter().collect()
    }
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_has_what_was_given_to_them_and_to_their_groups() {
    on_each(async |site| {
        let make = async |new: NewUser| site.users.create(new).await.unwrap().unwrap();
        let ann = make(NewUser::new("ann")).await;
        let bob = make(NewUser::new("bob")).await;
        let cid = make(NewUser::new("cid").staff()).await;
        let root = make(NewUser::new("root").superuser()).await;
        assert_eq!(site.permissions(&ann).await, set(&[]));

        let of_users = "auth_user_user_permissions";
        site.give(of_users, "user_id", &ann.id.to_string(), "view_group").await;
        site.give(of_users, "user_id", &ann.id.to_string(), "add_session").await;
        site.give(of_users, "user_id", &bob.id.to_string(), "delete_user").await;
        let writers = site.group("writers", &[&ann, &bob]).await;
        let editors = site.group("Éditeurs", &[&ann]).await;
        site.group("nobody", &[]).await;
        let of_groups = "auth_group_permissions";
        site.give(of_groups, "group_id", &writers, "change_user").await;
        site.give(of_groups, "group_id", &editors, "change_user").await;
        site.give(of_groups, "group_id", &editors, "view_group").await;

        let admins = site.group("admins", &[&bob]).await;
        site.give(of_groups, "group_id", &admins, "delete_group").await;

        let of_ann = set(&["auth.change_user", "auth.view_group", "sessions.add_session"]);
        assert_eq!(site.permissions(&ann).await, of_ann);
        let of_bob = set(&["auth.change_user", "auth.delete_group", "auth.delete_user"]);
        assert_eq!(site.permissions(&bob).await, of_bob);
        assert_eq!(site.permissions(&cid).await, set(&[]), "the admin is no permission");

        // A superuser has each there is: four for each of five models.
        let all = site.permissions(&root).await;
        assert_eq!(all.len(), 20, "{all:?}");
        assert!(all.is_superset(&of_ann) && all.is_superset(&of_bob));

        // Who may not log in may nothing, superuser or not.
        for user in [&ann, &root] {
            let barred = format!("UPDATE auth_user SET is_active = (1 = 0) WHERE id = {}", user.id);
            site.place.run(&barred).await;
            assert_eq!(site.permissions(&site.reload(user).await).await, set(&[]));
        }

        let groups = async |user| site.users.groups(user).await.unwrap();
        let mut of_ann = groups(&ann).await;
        of_ann.sort();
        assert_eq!(of_ann, ["writers", "Éditeurs"]);
        assert_eq!(groups(&bob).await, ["admins", "writers"]);
        assert_eq!(groups(&cid).await, [""; 0]);
        site.group("authors", &[&bob]).await;
        site.group("zoo", &[&bob]).await;
        site.group("misc", &[&bob]).await;
        assert_eq!(groups(&bob).await, ["admins", "authors", "misc", "writers", "zoo"], "sorted");
    })
    .await;
}
