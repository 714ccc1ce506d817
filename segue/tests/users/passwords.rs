//! Who knows the password, and when it is hashed anew.

use segue::users::{NewUser, User};
use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection, PgConnection, SqliteConnection};

use crate::common::databases::Place;
use crate::{PASSWORD, QUICK, Site, on_each, users};

#[tokio::test(flavor = "multi_thread")]
async fn who_has_the_right_password_is_let_in() {
    on_each(async |site| {
        let new = |name: &str| NewUser::new(name).password(PASSWORD);
        let ann = site.users.create(new("ann")).await.unwrap().unwrap();
        site.users.create(new("gone").inactive()).await.unwrap().unwrap();
        site.users.create(NewUser::new("nopass")).await.unwrap().unwrap();
        site.users.create(NewUser::new("empty").password("")).await.unwrap().unwrap();
        site.users.create(new("broken")).await.unwrap().unwrap();
        site.place.run("UPDATE auth_user SET password = '' WHERE username = 'broken'").await;
        let known = site.users.authenticate("ann", PASSWORD).await.unwrap();
        assert_eq!(known, Some(ann.clone()));
        for (name, password) in [
            ("ann", "wrong"),
            ("ann", ""),
            ("ann", &PASSWORD.to_uppercase()),
            ("ann", &*format!("{PASSWORD} ")),
            ("ann", &ann.password),
            ("nobody", PASSWORD),
            ("", PASSWORD),
            ("ann\0", PASSWORD),
            ("gone", PASSWORD),
            ("gone", "wrong"),
            ("nopass", ""),
            ("nopass", "!"),
            ("broken", ""),
            ("broken", PASSWORD),
            ("empty", "wrong"),
        ] {
            let found = site.users.authenticate(name, password).await.unwrap();
            assert_eq!(found, None, "{name:?} {password:?}");
        }
        let empty = site.users.authenticate("empty", "").await.unwrap();
        assert!(empty.is_some(), "an empty password is one, as in Django");
        let nopass = site.users.by_username("nopass").await.unwrap().unwrap();
        assert!(nopass.password.starts_with('!') && nopass.password.len() == 41);
    })
    .await;
}

/// One user with the password of another.
fn with_password(user: &User, of: &User) -> User {
    let mut user = user.clone();
    user.password.clone_from(&of.password);
    user
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_is_one_users() {
    on_each(async |site| {
        let new = |name: &str| NewUser::new(name).password(PASSWORD);
        let ann = site.users.create(new("ann")).await.unwrap().unwrap();
        let bob = site.users.create(new("bob")).await.unwrap().unwrap();
        let changed = site.users.set_password(&ann, "another one").await.unwrap();
        assert_eq!(site.reload(&ann).await, changed);
        assert_ne!(changed.password, ann.password);
        assert_eq!(with_password(&changed, &ann), ann);
        let known = async |password| site.users.authenticate("ann", password).await.unwrap();
        assert_eq!(known(PASSWORD).await, None);
        assert_eq!(known("another one").await, Some(changed));
        assert_eq!(site.reload(&bob).await, bob);
    })
    .await;
}

/// A hash with other work than new ones have.
async fn old_hash(site: &Site) -> User {
    let new = NewUser::new("ann").password(PASSWORD);
    users(&site.database, Some(1)).create(new).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_setting_no_hash_is_made_anew() {
    on_each(async |site| {
        let ann = old_hash(&site).await;
        let defaults = users(&site.database, None);
        assert_eq!(defaults.authenticate("ann", PASSWORD).await.unwrap(), Some(ann.clone()));
        assert_eq!(site.reload(&ann).await, ann);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_setting_a_hash_is_made_anew_once() {
    on_each(async |site| {
        let ann = old_hash(&site).await;
        // A guess, and one who may not log in, change nothing.
        assert_eq!(site.users.authenticate("ann", "wrong").await.unwrap(), None);
        site.place.run("UPDATE auth_user SET is_active = (1 = 0)").await;
        assert_eq!(site.users.authenticate("ann", PASSWORD).await.unwrap(), None);
        site.place.run("UPDATE auth_user SET is_active = (1 = 1)").await;
        assert_eq!(site.reload(&ann).await, ann);

        let known = site.users.authenticate("ann", PASSWORD).await.unwrap().unwrap();
        assert!(known.password.starts_with(&format!("pbkdf2_sha256${QUICK}$")));
        assert_eq!(site.reload(&ann).await, known, "the hash of which sessions are made");
        assert_eq!(with_password(&known, &ann), ann);
        for _ in 0..2 {
            let again = site.users.authenticate("ann", PASSWORD).await.unwrap();
            assert_eq!(again, Some(known.clone()));
        }
        assert_eq!(site.users.authenticate("ann", "wrong").await.unwrap(), None);
    })
    .await;
}

/// Whoever comes second takes what the first has made.
#[tokio::test(flavor = "multi_thread")]
async fn logins_at_once_agree_on_one_hash() {
    on_each(async |site| {
        let ann = old_hash(&site).await;
        let logins: Vec<_> = (0..6)
            .map(|_| {
                let users = site.users.clone();
                tokio::spawn(async move { users.authenticate("ann", PASSWORD).await.unwrap() })
            })
            .collect();
        let mut found = Vec::new();
        for login in logins {
            found.push(login.await.unwrap().expect("the password is right"));
        }
        let now = site.reload(&ann).await;
        assert!(found.iter().all(|user| *user == now), "{found:?}");
    })
    .await;
}

/// A change of the row that is written and not yet committed, so that a login reads the old hash and
/// then waits to write its own.
enum Change {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
    MariaDb(MySqlConnection),
}

macro_rules! each_kind {
    ($change:expr, $connection:ident => $work:expr) => {
        match $change {
            Self::Sqlite($connection) => $work,
            Self::Postgres($connection) => $work,
            Self::MariaDb($connection) => $work,
        }
    };
}

impl Change {
    async fn begin(place: &Place, sql: &str) -> Self {
        let sql = format!("BEGIN; {sql}");
        let mut change = if place.url.starts_with("sqlite") {
            Self::Sqlite(SqliteConnection::connect(&place.url).await.unwrap())
        } else if place.url.starts_with("postgres") {
            Self::Postgres(PgConnection::connect(&place.url).await.unwrap())
        } else {
            Self::MariaDb(MySqlConnection::connect(&place.url).await.unwrap())
        };
        each_kind!(&mut change, connection => {
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.unwrap();
        });
        change
    }

    async fn commit(mut self) {
        each_kind!(&mut self, connection => {
            sqlx::raw_sql("COMMIT").execute(connection).await.unwrap();
        });
    }
}

impl Place {
    /// Waits until somebody waits for a lock on a server; SQLite does not tell.
    async fn somebody_waits(&self) {
        let waiting = if self.url.starts_with("postgres") {
            "SELECT count(*)::text FROM pg_locks l JOIN pg_stat_activity a USING (pid) \
             WHERE NOT l.granted AND a.datname = current_database()"
        } else if self.url.starts_with("mysql") {
            "SELECT CAST(count(*) AS CHAR) FROM information_schema.processlist \
             WHERE db = DATABASE() AND state = 'Updating'"
        } else {
            "SELECT '1'"
        };
        while self.rows(waiting).await[0][0] == "0" {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
}

/// What becomes of a login whose password is changed to this hash before its own new hash is stored.
async fn overtaken(site: &Site, hash: &str) -> Option<User> {
    let sql = format!("UPDATE auth_user SET password = '{hash}'");
    let change = Change::begin(&site.place, &sql).await;
    let users = site.users.clone();
    let login = tokio::spawn(async move { users.authenticate("ann", PASSWORD).await.unwrap() });
    site.place.somebody_waits().await;
    change.commit().await;
    let known = login.await.unwrap();
    let stored = site.users.by_username("ann").await.unwrap().unwrap().password;
    assert_eq!(stored, hash, "the change stands");
    known
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_changed_meanwhile_stands() {
    on_each(async |site| {
        let ann = old_hash(&site).await;
        let another = site.users.passwords().make("another one").await.unwrap();
        assert_eq!(overtaken(&site, &another).await, None, "the password is not right any more");
        assert!(site.users.authenticate("ann", "another one").await.unwrap().is_some());

        // The same password, hashed by another login.
        let reset = format!("UPDATE auth_user SET password = '{}'", ann.password);
        site.place.run(&reset).await;
        let same = site.users.passwords().make(PASSWORD).await.unwrap();
        let known = overtaken(&site, &same).await;
        assert_eq!(known, Some(site.reload(&ann).await));

        // A hash in other letters is another hash, whatever the collation thinks of them.
        site.place.run(&reset).await;
        let (start, hash) = ann.password.rsplit_once('$').unwrap();
        let swap = |c: char| match c.is_lowercase() {
            true => c.to_ascii_uppercase(),
            false => c.to_ascii_lowercase(),
        };
        let swapped = format!("{start}${}", hash.chars().map(swap).collect::<String>());
        assert_eq!(overtaken(&site, &swapped).await, None);
    })
    .await;
}

/// Who is made inactive while the password is hashed is not let in.
#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_is_barred_meanwhile_is_not_let_in() {
    on_each(async |site| {
        old_hash(&site).await;
        let same = site.users.passwords().make(PASSWORD).await.unwrap();
        let bar = format!("UPDATE auth_user SET password = '{same}', is_active = (1 = 0)");
        let change = Change::begin(&site.place, &bar).await;
        let users = site.users.clone();
        let login = tokio::spawn(async move { users.authenticate("ann", PASSWORD).await.unwrap() });
        site.place.somebody_waits().await;
        change.commit().await;
        assert_eq!(login.await.unwrap(), None);
    })
    .await;
}
