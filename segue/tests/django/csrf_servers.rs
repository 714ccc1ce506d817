//! A Django server and an axum server on one host name: a form from one is accepted by the other.

use axum::Router;
use axum::extract::Form;
use axum::routing::get as route;
use segue::engines::DatabaseStore;
use segue::{Clock, CsrfLayer, CsrfToken, SessionLayer};
use serde_json::json;
use tokio::net::TcpListener;

use crate::http::{Answer, Request, send};
use crate::place::{Place, SECRET, settings};
use crate::side::Django;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Server {
    Django,
    Rust,
}

/// As a proxy in front of both would reach them.
struct Servers {
    _place: Place,
    _django: Django,
    ports: [u16; 2],
    use_sessions: bool,
}

impl Servers {
    async fn start(use_sessions: bool) -> Self {
        let place = Place::new().await;
        let mut django = Django::configured(json!({
            "database": place.path(),
            "secret_key": SECRET,
            "csrf": true,
            "extra": {"CSRF_USE_SESSIONS": use_sessions},
        }));
        let django_port = django.serve();
        let mut settings = settings();
        settings.csrf.use_sessions = use_sessions;
        settings.csrf.cookie_secure = false;
        settings.allowed_hosts = vec!["*".to_owned()];
        let store = DatabaseStore::new(place.database.clone(), Clock::system());
        let app = Router::new()
            .route("/csrf/form", route(|token: CsrfToken| async move { token.get() }).post(posted))
            .route("/csrf/rotate", route(rotate))
            .layer(CsrfLayer::new(&settings).unwrap())
            .layer(SessionLayer::new(store, &settings).unwrap());
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let rust_port = listener.local_addr().unwrap().port();
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { _place: place, _django: django, ports: [django_port, rust_port], use_sessions }
    }

    async fn send(&self, server: Server, request: Request<'_>) -> Answer {
        let [django, rust] = self.ports;
        let port = if server == Server::Django { django } else { rust };
        send(port, request).await
    }

    async fn get(&self, server: Server, path: &str, cookie: Option<&str>) -> Answer {
        self.send(server, Request { path, cookie, ..Request::default() }).await
    }

    /// A form from a page of the host that both have, with this token.
    async fn post(&self, server: Server, cookie: &str, token: &str) -> Answer {
        let body = format!("a=tea&csrfmiddlewaretoken={token}");
        let request = Request {
            method: "POST",
            path: "/csrf/form",
            cookie: Some(cookie),
            headers: &[
                ("Origin", "http://example.com"),
                ("Content-Type", "application/x-www-form-urlencoded"),
            ],
            body: &body,
        };
        self.send(server, request).await
    }
}

#[derive(serde::Deserialize)]
struct Posted {
    a: String,
}

async fn posted(Form(form): Form<Posted>) -> String {
    format!("rust took {}", form.a)
}

async fn rotate(token: CsrfToken) -> &'static str {
    token.rotate();
    "rotated"
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_either_is_accepted_by_both_with_cookies() {
    both_ways(&Servers::start(false).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_either_is_accepted_by_both_with_sessions() {
    both_ways(&Servers::start(true).await).await;
}

async fn both_ways(servers: &Servers) {
    for first in [Server::Django, Server::Rust] {
        let page = servers.get(first, "/csrf/form", None).await;
        let cookie = page.cookie().unwrap();
        let name = if servers.use_sessions { "sessionid=" } else { "csrftoken=" };
        assert!(cookie.starts_with(name), "{cookie}");
        let (token, stranger) =
            (page.body.clone(), servers.get(first, "/csrf/form", None).await.body);
        for server in [Server::Django, Server::Rust] {
            let answer = servers.post(server, &cookie, &token).await;
            let took = if server == Server::Django { "django took tea" } else { "rust took tea" };
            assert_eq!((answer.status, answer.body.as_str()), (200, took), "{first:?}, {server:?}");
            // The other server's page has another token of the same secret.
            let page = servers.get(server, "/csrf/form", Some(&cookie)).await;
            assert_ne!(page.body, token);
            if !servers.use_sessions {
                assert_eq!(page.cookie().as_ref(), Some(&cookie), "the secret stays");
            }
            for other in [Server::Django, Server::Rust] {
                assert_eq!(servers.post(other, &cookie, &page.body).await.status, 200);
                assert_eq!(servers.post(other, &cookie, &stranger).await.status, 403);
                assert_eq!(servers.post(other, "a=b", &token).await.status, 403);
            }
        }
    }
}

/// A login on one of them renews the secret; older forms are then refused by both, and newer ones
/// accepted by both.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_either_renewed_is_the_one_of_both() {
    for use_sessions in [false, true] {
        let servers = Servers::start(use_sessions).await;
        for renewing in [Server::Django, Server::Rust] {
            let page = servers.get(renewing, "/csrf/form", None).await;
            let before = page.cookie().unwrap();
            let rotated = servers.get(renewing, "/csrf/rotate", Some(&before)).await;
            let after = rotated.cookie().unwrap();
            assert_eq!(after == before, use_sessions);
            for server in [Server::Django, Server::Rust] {
                assert_eq!(servers.post(server, &after, &page.body).await.status, 403);
                let newer = servers.get(server, "/csrf/form", Some(&after)).await;
                for other in [Server::Django, Server::Rust] {
                    assert_eq!(servers.post(other, &after, &newer.body).await.status, 200);
                }
            }
        }
    }
}

/// Name, attributes and the rest of the cookie are those of Django's.
#[tokio::test(flavor = "multi_thread")]
async fn the_cookies_have_the_same_attributes() {
    let servers = Servers::start(false).await;
    let django = servers.get(Server::Django, "/csrf/form", None).await;
    let rust = servers.get(Server::Rust, "/csrf/form", None).await;
    assert_eq!(rust.cookie_attributes(), django.cookie_attributes());
    assert_eq!(rust.header("vary"), django.header("vary"));
}
