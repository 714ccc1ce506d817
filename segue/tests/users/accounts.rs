//! Users are made, found and changed.

use segue::Timestamp;
use segue::users::NewUser;

use crate::{PASSWORD, on_each};

/// What is between these two, in whole microseconds.
fn now() -> Timestamp {
    Timestamp::from_microsecond(Timestamp::now().as_microsecond()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_read_back_as_it_was_made() {
    on_each(async |site| {
        let before = now();
        let new = NewUser::new("zoë@example.com")
            .email(" Zoë.X@Example.COM ")
            .name("Zoë 🔑", "O'Brien\"; --")
            .password(PASSWORD);
        let zoe = site.users.create(new).await.unwrap().unwrap();
        assert!((before..=now()).contains(&zoe.date_joined), "{}", zoe.date_joined);
        assert_eq!(zoe.last_login, None);
        assert_eq!((&*zoe.username, &*zoe.email), ("zoë@example.com", "Zoë.X@example.com"));
        assert_eq!((&*zoe.first_name, &*zoe.last_name), ("Zoë 🔑", "O'Brien\"; --"));
        assert_eq!((zoe.is_staff, zoe.is_active, zoe.is_superuser), (false, true, false));
        assert_eq!(zoe.full_name(), "Zoë 🔑 O'Brien\"; --");
        assert!(zoe.password.starts_with("pbkdf2_sha256$2$"));
        assert_eq!(site.users.by_id(zoe.id).await.unwrap(), Some(zoe.clone()));
        assert_eq!(site.users.by_username(&zoe.username).await.unwrap(), Some(zoe.clone()));

        let flags = async |new: NewUser| {
            let user = site.users.create(new).await.unwrap().unwrap();
            assert_eq!(site.reload(&user).await, user);
            (user.is_staff, user.is_active, user.is_superuser)
        };
        assert_eq!(flags(NewUser::new("staff").staff()).await, (true, true, false));
        assert_eq!(flags(NewUser::new("root").superuser()).await, (true, true, true));
        assert_eq!(flags(NewUser::new("gone").inactive()).await, (false, false, false));
        let of_zoe = "SELECT username, password FROM auth_user WHERE email <> ''";
        assert_eq!(site.place.rows(of_zoe).await, [[zoe.username, zoe.password]]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_has_another_id_or_name() {
    on_each(async |site| {
        let ann = site.users.create(NewUser::new("ann")).await.unwrap().unwrap();
        for id in [0, -1, ann.id + 1, i64::from(i32::MAX) + 1, i64::MAX, i64::MIN] {
            assert_eq!(site.users.by_id(id).await.unwrap(), None, "{id}");
        }
        let long = "ann".repeat(1000);
        let none = ["", "an", "anna", "ann\0", "\0", "ann%", "' OR '1'='1", "🔑", &*long];
        for name in none {
            assert_eq!(site.users.by_username(name).await.unwrap(), None, "{name}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_taken_is_not_given_again() {
    on_each(async |site| {
        let ann = site.users.create(NewUser::new("ann").password(PASSWORD)).await.unwrap().unwrap();
        let another = NewUser::new("ann").password("another one").superuser();
        assert_eq!(site.users.create(another).await.unwrap(), None);
        assert_eq!(site.reload(&ann).await, ann);
        assert_eq!(site.count().await, "1");
    })
    .await;
}

/// Rows that were copied with their ids leave PostgreSQL's sequence behind. The name is free then.
#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_is_taken_is_no_name_that_is_taken() {
    on_each(async |site| {
        let flags = "is_superuser, is_staff, is_active";
        let sql = format!(
            "INSERT INTO auth_user (id, username, password, first_name, last_name, email, {flags}, \
             date_joined) VALUES (1, 'copy', '!', '', '', '', (1=0), (1=0), (1=1), '2023-11-14 22:13:20')"
        );
        site.place.run(&sql).await;
        assert_eq!(site.users.create(NewUser::new("copy")).await.unwrap(), None);
        if site.place.url.starts_with("postgres") {
            site.place.run("ALTER SEQUENCE auth_user_id_seq RESTART").await;
            let error = site.users.create(NewUser::new("ann")).await.unwrap_err();
            assert!(error.to_string().contains("sqlsequencereset"), "{error}");
        }
        assert_eq!(site.users.create(NewUser::new("ann")).await.unwrap().unwrap().username, "ann");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_want_one_name_one_gets_it() {
    on_each(async |site| {
        for round in 0..5 {
            let name = format!("ann{round}");
            let tasks: Vec<_> = (0..8)
                .map(|number| {
                    let (users, name) = (site.users.clone(), name.clone());
                    let new = NewUser::new(name).name(number.to_string(), "");
                    tokio::spawn(async move { users.create(new).await.unwrap() })
                })
                .collect();
            let mut made = Vec::new();
            for task in tasks {
                made.extend(task.await.unwrap());
            }
            assert_eq!(made.len(), 1, "{made:?}");
            assert_eq!(site.users.by_username(&name).await.unwrap(), made.pop());
        }
    })
    .await;
}

/// As the database's collation says, and so as a Django on it: MariaDB's usual one takes `Ann` for
/// `ann`.
#[tokio::test(flavor = "multi_thread")]
async fn case_and_accents_are_the_databases_matter() {
    on_each(async |site| {
        let ann = site.users.create(NewUser::new("ann")).await.unwrap().unwrap();
        for other in ["Ann", "änn"] {
            let found = site.users.by_username(other).await.unwrap();
            let made = site.users.create(NewUser::new(other)).await.unwrap();
            if site.is_mariadb() {
                assert_eq!((found, made), (Some(ann.clone()), None), "{other}");
            } else {
                assert_eq!(found, None, "{other}");
                assert_eq!(made.unwrap().username, other);
            }
        }
        assert_eq!(site.reload(&ann).await, ann);
    })
    .await;
}

/// Two spellings of one name are one name; but who looks for a name says how it is spelt.
#[tokio::test(flavor = "multi_thread")]
async fn names_are_stored_as_nfkc() {
    on_each(async |site| {
        let fiona = site.users.create(NewUser::new("\u{fb01}ona")).await.unwrap().unwrap();
        assert_eq!(fiona.username, "fiona");
        let zoe = site.users.create(NewUser::new("zoe\u{308}")).await.unwrap().unwrap();
        assert_eq!(zoe.username, "zo\u{eb}");
        for taken in ["fiona", "\u{fb01}ona", "ﬁｏna", "zo\u{eb}"] {
            assert_eq!(site.users.create(NewUser::new(taken)).await.unwrap(), None, "{taken}");
        }
        if !site.is_mariadb() {
            assert_eq!(site.users.by_username("\u{fb01}ona").await.unwrap(), None);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_written_down_for_one_user() {
    on_each(async |site| {
        let ann = site.users.create(NewUser::new("ann")).await.unwrap().unwrap();
        let bob = site.users.create(NewUser::new("bob")).await.unwrap().unwrap();
        let before = now();
        site.users.update_last_login(&ann).await.unwrap();
        let date = site.reload(&ann).await.last_login.unwrap();
        assert!((before..=now()).contains(&date), "{date}");
        assert_eq!(site.reload(&bob).await, bob);
        assert_eq!(site.reload(&ann).await.date_joined, ann.date_joined);
    })
    .await;
}
