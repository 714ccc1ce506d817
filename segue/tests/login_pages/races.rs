//! Many requests of one session at once, on a real database.

use http::StatusCode;
use segue::settings::{DatabaseUrl, PasswordHasher};
use segue::users::NewUser;

use crate::common::databases::{self, Place};
use crate::site::{Answer, LOGOUT, NEW, PASSWORD, Visitor, routes, settings_in};

struct Raced {
    site: segue::Site,
    app: axum::Router,
    place: Place,
    _folder: tempfile::TempDir,
}

async fn sites() -> Vec<Raced> {
    let mut sites = Vec::new();
    for place in databases::all() {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = settings_in(&folder);
        settings.database_url = DatabaseUrl::parse(&place.url, folder.path()).unwrap();
        settings.passwords.hashers = Some(vec![PasswordHasher::Pbkdf2Sha256 { iterations: 10 }]);
        settings.throttle.limit = 0;
        let routes = routes(&settings);
        let site = segue::Site::new(settings, routes).await.unwrap();
        site.database().unwrap().migrate().await.unwrap();
        let app = site.clone().into_router();
        sites.push(Raced { site, app, place, _folder: folder });
    }
    sites
}

impl Raced {
    async fn logged_in(&self, name: &str) -> Visitor {
        let new = NewUser::new(name).password(PASSWORD);
        self.site.users().unwrap().create(new).await.unwrap();
        let mut visitor = Visitor::new(&self.app);
        visitor.log_in(name, PASSWORD).await.location();
        visitor
    }
}

/// What one request of a visitor does, beside others.
type Deed = (Visitor, tokio::task::JoinHandle<(Visitor, Answer)>);

fn start(visitor: &Visitor, act: &'static str) -> tokio::task::JoinHandle<(Visitor, Answer)> {
    let mut visitor = visitor.clone();
    tokio::spawn(async move {
        let answer = match act {
            "login" => visitor.log_in("ann", PASSWORD).await,
            "logout" => visitor.post(LOGOUT, &[]).await,
            "change" => visitor.change(PASSWORD, NEW, NEW).await,
            path => visitor.get(path).await,
        };
        (visitor, answer)
    })
}

/// Nothing fails, and what was ended stays so.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_login_a_logout_and_other_pages_at_once() {
    for site in sites().await {
        for round in 0..15 {
            let before = site.logged_in("ann").await;
            let acts = ["login", "logout", "/who/", "/keep/x/", "login", "/members/", "logout"];
            let deeds: Vec<Deed> =
                acts.map(|act| (before.clone(), start(&before, act))).into_iter().collect();
            let mut logged_in = Vec::new();
            for (act, (_, deed)) in acts.into_iter().zip(deeds) {
                let (visitor, answer) = deed.await.unwrap();
                let fine: &[u16] = match act {
                    "login" => &[302],
                    "logout" | "/who/" => &[200],
                    // It is interrupted: the session ended under it.
                    "/keep/x/" => &[200, 400],
                    _ => &[200, 401],
                };
                assert!(fine.contains(&answer.status.as_u16()), "{act} {round}: {answer:?}");
                if act == "login" {
                    logged_in.push(visitor);
                }
            }
            let mut old = before.clone();
            assert_eq!(old.who().await, "nobody", "the old key is dead");
            let keys: Vec<_> = logged_in.iter().map(|visitor| visitor.session()).collect();
            assert_ne!(keys[0], keys[1], "each has a session of its own");
            for mut visitor in logged_in {
                assert_eq!(visitor.who().await, "ann", "{}", site.place.url);
            }
        }
    }
}

/// Of two changes one stands, whoever made it stays logged in, and nobody else does: a change that
/// an attacker has under way, who knew the old password, does not undo the owner's.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_changes_of_a_password_and_logins_with_the_old_one_at_once() {
    for site in sites().await {
        for round in 0..10 {
            let name = "ann";
            if round > 0 {
                let users = site.site.users().unwrap();
                let ann = users.by_username(name).await.unwrap().unwrap();
                users.set_password(&ann, PASSWORD).await.unwrap();
            }
            let (one, two) = (site.logged_in(name).await, site.logged_in(name).await);
            let deeds: Vec<_> = [
                start(&one, "change"),
                start(&two, "change"),
                start(&one, "login"),
                start(&two, "/who/"),
                start(&one, "/who/"),
            ]
            .into_iter()
            .collect();
            let mut after = Vec::new();
            for deed in deeds {
                let (visitor, answer) = deed.await.unwrap();
                assert!(!answer.status.is_server_error(), "{round}: {answer:?}");
                after.push((visitor, answer));
            }
            let users = site.site.users().unwrap();
            let hash = users.by_username(name).await.unwrap().unwrap().password;
            let checked = users.passwords().check(NEW, &hash).await.unwrap();
            assert!(checked.is_correct(), "one of them has changed it");
            let changes = after.iter().take(2);
            let changed = changes.filter(|(_, answer)| answer.status == StatusCode::FOUND).count();
            assert_eq!(changed, 1, "{round} on {}", site.place.url);
            let mut still = 0;
            for (mut visitor, _) in after {
                still += usize::from(visitor.who().await == name);
            }
            // The login with the old password is out, and so is the other change.
            assert_eq!(still, 1, "{round} on {}", site.place.url);
            for mut visitor in [one, two] {
                assert_eq!(visitor.who().await, "nobody", "the old keys are dead");
            }
        }
    }
}

/// All of them find out at once that the user is gone: none fails, and none gets in.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_removed_users_session_in_many_requests_at_once() {
    for site in sites().await {
        let visitor = site.logged_in("ann").await;
        visitor.clone().get("/keep/x/").await;
        site.place.run("DELETE FROM auth_user WHERE username = 'ann'").await;
        let deeds: Vec<_> = (0..60)
            .map(|n| start(&visitor, ["/who/", "/members/", "/guarded/", "/keep/y/"][n % 4]))
            .collect();
        for (n, deed) in deeds.into_iter().enumerate() {
            let (_, answer) = deed.await.unwrap();
            match n % 4 {
                0 => assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, "nobody")),
                3 => assert!([200, 400].contains(&answer.status.as_u16()), "{answer:?}"),
                _ => assert_eq!(answer.status, StatusCode::UNAUTHORIZED),
            }
        }
        let mut visitor = visitor;
        assert_eq!(visitor.get("/kept/").await.body, "nothing", "the session is gone");
    }
}
