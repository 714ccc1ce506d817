//! A Django with its login page and its admin, and a Segue site, on one host name and one database:
//! who logs in, out, or changes a password on either, has done so on both.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::Path;
use axum::response::Result;
use axum::routing::get as route;
use segue::auth::{Auth, permission_required, views};
use segue::users::NewUser;
use segue::{SecretKey, Session, Settings, Site, Templates};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::common::databases::{self, Place};
use crate::http::{Answer, Request, send};
use crate::place::SECRET;
use crate::side::Django;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Server {
    Django,
    Rust,
}

use Server::{Django as Theirs, Rust as Ours};

/// As a proxy in front of both would reach them.
struct Servers {
    place: Place,
    django: Django,
    site: Site,
    ports: [u16; 2],
}

impl Servers {
    /// On a database that Segue has prepared, and Django after it.
    async fn start(place: Place) -> Self {
        Self::with_keys(place, SECRET, &[]).await
    }

    async fn with_keys(place: Place, secret_key: &str, fallbacks: &[&str]) -> Self {
        let mut settings = Settings::new(secret_key);
        settings.secret_keys.fallbacks = fallbacks.iter().map(|&key| SecretKey::new(key)).collect();
        settings.allowed_hosts = vec!["*".to_owned()];
        settings.session.cookie_secure = false;
        settings.csrf.cookie_secure = false;
        settings.auth.login_redirect_url = "/who".to_owned();
        settings.database_url =
            segue::settings::DatabaseUrl::parse(&place.url, std::path::Path::new("")).unwrap();
        let routes = Router::new()
            .route("/who", route(who))
            .route("/set/{name}/{value}", route(set))
            .route("/read", route(read))
            .route(
                "/polls",
                route(|| async { "may" }).route_layer(permission_required("auth.view_group")),
            )
            .nest("/accounts", views::urls())
            .with_state(Templates::new(&settings));
        let site = Site::new(settings, routes).await.unwrap();
        site.database().unwrap().migrate().await.unwrap();

        let database = place.url.strip_prefix("sqlite://").unwrap_or(&place.url);
        let mut django = Django::configured(json!({
            "database": database,
            "secret_key": secret_key,
            "fallbacks": fallbacks,
            "auth": true,
        }));
        // What is its own alone: the admin's log.
        django.manage(&["migrate"]);
        let django_port = django.serve();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let rust_port = listener.local_addr().unwrap().port();
        let app = site.clone().into_router();
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { place, django, site, ports: [django_port, rust_port] }
    }

    fn python(&mut self, code: &str) -> Value {
        self.django.call(&json!({"op": "python", "code": code}))
    }

    /// A user of Django's making.
    fn user(&mut self, name: &str) {
        self.python(&format!("User.objects.create_user({name:?}, password={PASSWORD:?})"));
    }

    fn browser(&self) -> Browser {
        Browser { ports: self.ports, cookies: BTreeMap::new() }
    }

    /// A browser in which this user has logged in there.
    async fn logged_in(&self, server: Server, name: &str) -> Browser {
        let mut browser = self.browser();
        let answer = browser.log_in(server, name, PASSWORD).await;
        assert_eq!((answer.status, answer.header("location")), (302, Some("/who")), "{answer:?}");
        browser
    }
}

const PASSWORD: &str = "correct horse battery staple";

/// A browser with its cookies, which go to both servers: they have one host name.
#[derive(Clone)]
struct Browser {
    ports: [u16; 2],
    cookies: BTreeMap<String, String>,
}

impl Browser {
    async fn get(&mut self, server: Server, path: &str) -> Answer {
        self.send(server, Request { path, ..Request::default() }).await
    }

    /// Opens a page with a form, fills it in, and sends it.
    async fn post(&mut self, server: Server, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_from(server, path, path, fields).await
    }

    async fn post_from(
        &mut self,
        server: Server,
        page: &str,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Answer {
        let page = self.get(server, page).await;
        assert_eq!(page.status, 200, "{page:?}");
        let field = page.body.split("name=\"csrfmiddlewaretoken\" value=\"").nth(1);
        let token = field.expect("a form with a token").split('"').next().unwrap();
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("csrfmiddlewaretoken", token).extend_pairs(fields);
        let headers = [
            ("Origin", "http://example.com"),
            ("Content-Type", "application/x-www-form-urlencoded"),
        ];
        let body = form.finish();
        let request =
            Request { method: "POST", path, headers: &headers, body: &body, cookie: None };
        self.send(server, request).await
    }

    async fn send(&mut self, server: Server, request: Request<'_>) -> Answer {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let mut headers = request.headers.to_vec();
        headers.push(("Accept", "text/html"));
        if !cookies.is_empty() {
            headers.push(("Cookie", &cookies));
        }
        let [django, rust] = self.ports;
        let port = if server == Theirs { django } else { rust };
        let answer = send(port, Request { headers: &headers, ..request }).await;
        for cookie in answer.headers("set-cookie") {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if cookie.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    async fn log_in(&mut self, server: Server, name: &str, password: &str) -> Answer {
        let fields = [("username", name), ("password", password), ("next", "")];
        self.post(server, "/accounts/login/", &fields).await
    }

    /// Who it is to Django and to us.
    async fn who(&mut self) -> [String; 2] {
        [self.get(Theirs, "/who").await.body, self.get(Ours, "/who").await.body]
    }

    fn session(&self) -> Option<&String> {
        self.cookies.get("sessionid")
    }
}

async fn who(auth: Auth) -> Result<String> {
    let user = auth.user().await?;
    Ok(user.map_or_else(|| "nobody".to_owned(), |user| user.username.clone()))
}

async fn set(Path((name, value)): Path<(String, String)>, session: Session) -> Result<String> {
    session.insert(&name, value)?;
    Ok("set".to_owned())
}

async fn read(session: Session) -> String {
    session.get_raw("cart").unwrap_or_default()
}

/// The same on each database that the promise names.
async fn on_each(test: impl AsyncFn(Servers)) {
    for place in [databases::sqlite(), databases::postgres()] {
        test(Servers::start(place).await).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_on_either_is_one_on_both() {
    on_each(async |mut servers| {
        servers.user("zoë");
        for server in [Theirs, Ours] {
            let mut browser = servers.browser();
            assert_eq!(browser.who().await, ["nobody", "nobody"]);
            let answer = browser.log_in(server, "zoë", "wrong").await;
            assert_eq!(answer.status, 200);
            assert!(answer.body.contains("Please enter a correct username and password."));
            assert_eq!(browser.who().await, ["nobody", "nobody"]);
            browser.get(Ours, "/set/cart/apples").await;
            let before = browser.session().cloned();
            browser.log_in(server, "zoë", PASSWORD).await;
            assert_eq!(browser.who().await, ["zoë", "zoë"], "{server:?}");
            assert_eq!(browser.get(Ours, "/read").await.body, "\"apples\"");
            // The key of before is dead on both.
            let mut thief = servers.browser();
            thief.cookies.extend([("sessionid".to_owned(), before.unwrap())]);
            assert_eq!(thief.who().await, ["nobody", "nobody"]);
        }
        let seen = servers.python(
            "result = User.objects.filter(username='zoë', last_login__isnull=False).count()",
        );
        assert_eq!(seen, 1, "last_login is written");
    })
    .await;
}

/// A user whom we made logs in on our page, and Django's admin takes the session for theirs.
#[tokio::test(flavor = "multi_thread")]
async fn a_superuser_who_logged_in_on_ours_works_in_djangos_admin() {
    on_each(async |mut servers| {
        let root = NewUser::new("root").email("root@example.com").password(PASSWORD).superuser();
        servers.site.users().unwrap().create(root).await.unwrap().unwrap();
        let mut browser = servers.logged_in(Ours, "root").await;
        for page in
            ["/admin/", "/admin/auth/user/", "/admin/auth/user/1/change/", "/admin/auth/group/"]
        {
            let answer = browser.get(Theirs, page).await;
            assert_eq!(answer.status, 200, "{page}: {answer:?}");
            assert!(answer.body.contains("root"), "{page}");
        }
        let fields = [("name", "editors"), ("permissions", "1"), ("_save", "Save")];
        let answer = browser.post(Theirs, "/admin/auth/group/add/", &fields).await;
        assert_eq!(answer.status, 302, "{answer:?}");
        assert_eq!(
            servers.python("result = [group.name for group in Group.objects.all()]"),
            json!(["editors"])
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_on_either_is_one_on_both() {
    on_each(async |mut servers| {
        servers.user("zoe");
        for login in [Theirs, Ours] {
            for logout in [Theirs, Ours] {
                let mut browser = servers.logged_in(login, "zoe").await;
                let stolen = browser.clone();
                let token_page = "/accounts/login/";
                let answer = browser.post_from(logout, token_page, "/accounts/logout/", &[]).await;
                assert!([200, 302].contains(&answer.status), "{answer:?}");
                assert_eq!(browser.who().await, ["nobody", "nobody"]);
                assert_eq!(
                    stolen.clone().who().await,
                    ["nobody", "nobody"],
                    "not by a copy either"
                );
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_password_on_either_ends_the_other_devices_on_both() {
    on_each(async |mut servers| {
        servers.python(&format!("User.objects.create_superuser('zoe', password={PASSWORD:?})"));
        let mut password = PASSWORD.to_owned();
        for (server, page) in
            [(Theirs, "/admin/password_change/"), (Ours, "/accounts/password_change/")]
        {
            let mut devices = Vec::new();
            for login in [Theirs, Ours] {
                let mut browser = servers.browser();
                browser.log_in(login, "zoe", &password).await;
                assert_eq!(browser.who().await, ["zoe", "zoe"]);
                devices.push(browser);
            }
            let mut here = devices[0].clone();
            let new = format!("another {password}");
            let fields = [
                ("old_password", password.as_str()),
                ("new_password1", &new),
                ("new_password2", &new),
            ];
            let wrong = [("old_password", "guess"), fields[1], fields[2]];
            assert_eq!(here.post(server, page, &wrong).await.status, 200);
            let answer = here.post(server, page, &fields).await;
            assert_eq!(answer.status, 302, "{server:?}: {answer:?}");
            assert_eq!(here.who().await, ["zoe", "zoe"], "{server:?}");
            assert_eq!(devices[1].who().await, ["nobody", "nobody"], "{server:?}");
            assert_eq!(devices[0].who().await, ["nobody", "nobody"], "the key is another one");
            password = new;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_logged_out_while_the_secret_key_is_replaced() {
    for place in [databases::sqlite(), databases::postgres()] {
        let mut servers = Servers::start(place).await;
        servers.user("zoe");
        let mut of_django = servers.logged_in(Theirs, "zoe").await;
        let mut of_rust = servers.logged_in(Ours, "zoe").await;
        let Servers { place, .. } = servers;
        let servers = Servers::with_keys(place, "another secret key", &[SECRET]).await;
        for browser in [&mut of_django, &mut of_rust] {
            browser.ports = servers.ports;
            // Whoever comes first renews the hash, and the other one takes it.
            let ours = browser.get(Ours, "/who").await.body;
            assert_eq!(ours, "zoe");
            assert_eq!(browser.who().await, ["zoe", "zoe"]);
        }
        // With the old key gone, what was renewed holds.
        let Servers { place, .. } = servers;
        let servers = Servers::with_keys(place, "another secret key", &[]).await;
        for browser in [&mut of_django, &mut of_rust] {
            browser.ports = servers.ports;
            assert_eq!(browser.who().await, ["zoe", "zoe"]);
        }
        drop(servers.place);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn permissions_that_django_gave_hold_on_ours() {
    on_each(async |mut servers| {
        for name in ["ann", "bob", "cid", "dan"] {
            servers.user(name);
        }
        servers.python(
            "permission = Permission.objects.get(codename='view_group')\n\
             User.objects.get(username='ann').user_permissions.add(permission)\n\
             group = Group.objects.create(name='readers')\n\
             group.permissions.add(permission)\n\
             User.objects.get(username='bob').groups.add(group)\n\
             User.objects.filter(username='cid').update(is_superuser=True)",
        );
        let mut browsers = Vec::new();
        for (name, status, may) in [
            ("ann", 200, "True"),
            ("bob", 200, "True"),
            ("cid", 200, "True"),
            ("dan", 403, "False"),
        ] {
            let mut browser = servers.logged_in(Ours, name).await;
            assert_eq!(browser.get(Ours, "/polls").await.status, status, "{name}");
            assert_eq!(browser.get(Theirs, "/may/auth.view_group").await.body, may, "{name}");
            browsers.push(browser);
        }
        let users = servers.site.users().unwrap().clone();
        let user = async |name: &str| users.by_username(name).await.unwrap().unwrap();
        for name in ["ann", "bob", "cid", "dan"] {
            let ours: std::collections::BTreeSet<String> =
                users.permissions(&user(name).await).await.unwrap().into_iter().collect();
            let code = format!(
                "result = sorted(User.objects.get(username={name:?}).get_all_permissions())"
            );
            assert_eq!(json!(ours), servers.python(&code), "{name}");
        }
        assert_eq!(users.groups(&user("bob").await).await.unwrap(), ["readers"]);

        // Who may not log in any more is out at once, and whoever is removed as well.
        servers.python("User.objects.filter(username='ann').update(is_active=False)");
        servers.python("User.objects.get(username='bob').delete()");
        for browser in &mut browsers[..2] {
            assert_eq!(browser.get(Ours, "/who").await.body, "nobody");
            assert_eq!(browser.session(), None, "the session has ended");
            assert_eq!(browser.get(Ours, "/polls").await.status, 302);
        }
    })
    .await;
}

/// A link in a mail of either leads to a new password on both.
#[tokio::test(flavor = "multi_thread")]
async fn tokens_for_a_new_password_are_taken_by_both() {
    use segue::users::PasswordResetTokens;

    let mut servers = Servers::start(databases::sqlite()).await;
    servers.user("zoe");
    let tokens = PasswordResetTokens::new(&Settings::new(SECRET));
    // Before the first login, and after it: its time is signed as well.
    for _ in 0..2 {
        let users = servers.site.users().unwrap().clone();
        let zoe = users.by_username("zoe").await.unwrap().unwrap();
        let theirs = servers.python(
            "from django.contrib.auth.tokens import default_token_generator as tokens\n\
             result = tokens.make_token(User.objects.get(username='zoe'))",
        );
        assert!(tokens.check_token(&zoe, theirs.as_str().unwrap()));
        let ours = tokens.make_token(&zoe);
        let code = format!(
            "from django.contrib.auth.tokens import default_token_generator as tokens\n\
             zoe = User.objects.get(username='zoe')\n\
             result = [tokens.check_token(zoe, {ours:?}), tokens.check_token(zoe, {:?})]",
            ours.replace('-', "-0")
        );
        assert_eq!(servers.python(&code), json!([true, false]));
        servers.logged_in(Ours, "zoe").await;
    }
}
