//! Django's users, on each database: their names, their passwords, what they may do, and what is no
//! user of Django's.

#![cfg(feature = "auth")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody imports it"
)]

#[path = "../common/mod.rs"]
mod common;

mod accounts;
mod costs;
mod passwords;
mod permissions;
mod rows;
mod secrets;
mod sessions;
mod texts;
mod trouble;

use common::databases::{self, Place};
use segue::Settings;
use segue::database::Database;
use segue::settings::PasswordHasher;
use segue::users::{User, Users};

const PASSWORD: &str = "correct horse battery staple";

/// So little work that the tests are quick.
const QUICK: u32 = 2;

/// A database with Django's tables, and the users in it.
struct Site {
    place: Place,
    database: Database,
    users: Users,
}

impl Site {
    async fn on(place: Place) -> Self {
        let database = Database::from_url(&place.url).await.unwrap();
        database.migrate().await.unwrap();
        let users = users(&database, Some(QUICK));
        Self { place, database, users }
    }

    /// The row as it is now.
    async fn reload(&self, user: &User) -> User {
        self.users.by_id(user.id).await.unwrap().unwrap()
    }

    async fn count(&self) -> String {
        let sql = if self.place.url.starts_with("postgres") {
            "SELECT count(*)::text FROM auth_user"
        } else {
            "SELECT CAST(count(*) AS CHAR) FROM auth_user"
        };
        self.place.rows(sql).await.remove(0).remove(0)
    }

    fn is_mariadb(&self) -> bool {
        self.place.url.starts_with("mysql")
    }
}

/// With `PASSWORD_HASHERS` of so many iterations, or without that setting.
fn users(database: &Database, iterations: Option<u32>) -> Users {
    let mut settings = Settings::new("secret");
    settings.passwords.hashers =
        iterations.map(|iterations| vec![PasswordHasher::Pbkdf2Sha256 { iterations }]);
    Users::new(database.clone(), &settings).unwrap()
}

/// The same on each database.
#[allow(clippy::print_stdout, reason = "a failure says where it was")]
async fn on_each(test: impl AsyncFn(Site)) {
    for place in databases::all() {
        println!("{place:?}");
        test(Site::on(place).await).await;
    }
}
