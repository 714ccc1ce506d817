//! A Django server and an axum server at once, on one database: the same cookie works on both.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get as route;
use segue::engines::DatabaseStore;
use segue::{Clock, Session, SessionError, SessionKey, SessionLayer};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::http::{Answer, get};
use crate::place::{Place, settings};
use crate::side::Django;

/// Lets a test act while a request is under way in [`hold`].
#[derive(Debug, Default)]
pub struct Gate {
    pub entered: Notify,
    pub released: Notify,
}

/// Both servers; they stop with it.
pub struct Servers {
    pub place: Place,
    pub django: Django,
    pub gate: Arc<Gate>,
    django_port: u16,
    rust_port: u16,
    rust: JoinHandle<()>,
}

impl Servers {
    pub async fn start() -> Self {
        let place = Place::new().await;
        let mut django = place.django();
        let django_port = django.serve();

        let store = DatabaseStore::new(place.database.clone(), Clock::system());
        let gate = Arc::new(Gate::default());
        let app = Router::new()
            .route("/read", route(read))
            .route("/set/{name}/{value}", route(set))
            .route("/add", route(add))
            .route("/flush", route(flush))
            .route("/hold", route(hold))
            .with_state(Arc::clone(&gate))
            .layer(SessionLayer::new(store, &settings()).unwrap());
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let rust_port = listener.local_addr().unwrap().port();
        let rust = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { place, django, gate, django_port, rust_port, rust }
    }

    pub async fn rust(&self, path: &str, cookie: Option<&str>) -> Answer {
        get(self.rust_port, path, cookie).await
    }

    /// A request that goes on while the test does something else.
    pub fn rust_meanwhile(&self, path: &'static str, cookie: &str) -> JoinHandle<Answer> {
        let (port, cookie) = (self.rust_port, cookie.to_owned());
        tokio::spawn(async move { get(port, path, Some(&cookie)).await })
    }

    pub async fn django(&self, path: &str, cookie: Option<&str>) -> Answer {
        get(self.django_port, path, cookie).await
    }

    pub fn django_meanwhile(&self, path: &'static str, cookie: &str) -> JoinHandle<Answer> {
        let (port, cookie) = (self.django_port, cookie.to_owned());
        tokio::spawn(async move { get(port, path, Some(&cookie)).await })
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        self.rust.abort();
    }
}

/// The key in `sessionid=KEY`.
pub fn key_in(cookie: &str) -> SessionKey {
    SessionKey::parse(cookie.strip_prefix("sessionid=").unwrap()).unwrap()
}

/// As the view of `side.py`: the session as a JSON object.
async fn read(session: Session) -> String {
    let members: Vec<String> =
        session.items().into_iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
    format!("{{{}}}", members.join(","))
}

async fn set(
    Path((name, value)): Path<(String, String)>,
    session: Session,
) -> Result<String, SessionError> {
    session.insert(&name, value)?;
    Ok(read(session).await)
}

async fn add(session: Session) -> Result<String, SessionError> {
    session.update("n", |n: Option<u32>| n.unwrap_or(0) + 1)?;
    Ok(read(session).await)
}

async fn flush(session: Session) -> String {
    session.flush();
    read(session).await
}

/// Changes the session, and does not answer before it is released.
async fn hold(State(gate): State<Arc<Gate>>, session: Session) -> Result<String, SessionError> {
    session.insert("held", "rust")?;
    session.update("n", |n: Option<u32>| n.unwrap_or(0) + 1)?;
    gate.entered.notify_one();
    gate.released.notified().await;
    Ok(read(session).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_django_started_goes_on_in_rust_and_back() {
    let servers = Servers::start().await;
    let cookie = servers.django("/set/name/manish", None).await.cookie().unwrap();
    let cookie = Some(cookie.as_str());
    assert_eq!(servers.rust("/read", cookie).await.body, r#"{"name":"manish"}"#);
    servers.rust("/set/city/Delhi", cookie).await;
    servers.rust("/add", cookie).await;
    let both = r#"{"name":"manish","city":"Delhi","n":2}"#;
    assert_eq!(servers.django("/add", cookie).await.body, both);
    assert_eq!(servers.rust("/read", cookie).await.body, both);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_rust_started_goes_on_in_django_and_back() {
    let servers = Servers::start().await;
    let cookie = servers.rust("/set/name/manish", None).await.cookie().unwrap();
    let cookie = Some(cookie.as_str());
    assert_eq!(servers.django("/read", cookie).await.body, r#"{"name":"manish"}"#);
    servers.django("/set/city/Delhi", cookie).await;
    servers.django("/add", cookie).await;
    let both = r#"{"name":"manish","city":"Delhi","n":2}"#;
    assert_eq!(servers.rust("/add", cookie).await.body, both);
    assert_eq!(servers.django("/read", cookie).await.body, both);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_responses_say_the_same_about_the_cookie() {
    let servers = Servers::start().await;
    let (rust, django) =
        (servers.rust("/set/a/1", None).await, servers.django("/set/a/1", None).await);
    assert_eq!(rust.cookie_attributes(), django.cookie_attributes());
    assert_eq!(rust.header("vary"), django.header("vary"));
    // Its deletion as well, with a cookie that is no session's any more.
    let dead = Some("sessionid=abcdefghijklmnopqrstuvwxyz012345");
    let (rust, django) = (servers.rust("/read", dead).await, servers.django("/read", dead).await);
    assert_eq!((rust.body.as_str(), django.body.as_str()), ("{}", "{}"));
    assert_eq!(rust.cookie_attributes(), django.cookie_attributes());
    assert_eq!(rust.header("vary"), django.header("vary"));
    // And nothing where nothing is to be said.
    let (rust, django) = (servers.rust("/read", None).await, servers.django("/read", None).await);
    assert_eq!((rust.cookie(), django.cookie()), (None, None));
    assert_eq!(rust.header("vary"), django.header("vary"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_flushed_on_one_is_ended_on_the_other() {
    let servers = Servers::start().await;
    for path in ["/flush", "/logout"] {
        let cookie = servers.rust("/set/name/manish", None).await.cookie().unwrap();
        assert_eq!(servers.django(path, Some(&cookie)).await.body, "{}");
        let answer = servers.rust("/read", Some(&cookie)).await;
        assert_eq!(answer.body, "{}", "{path}");
        assert!(answer.cookie_attributes().contains(&"Max-Age=0".to_owned()), "{answer:?}");
        let again = servers.rust("/set/a/1", Some(&cookie)).await.cookie().unwrap();
        assert_ne!(again, cookie, "the old key is never used again");
    }
    let cookie = servers.django("/set/name/manish", None).await.cookie().unwrap();
    assert_eq!(servers.rust("/flush", Some(&cookie)).await.body, "{}");
    let answer = servers.django("/read", Some(&cookie)).await;
    assert_eq!(answer.body, "{}");
    assert!(answer.cookie_attributes().contains(&"Max-Age=0".to_owned()), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn both_serve_many_visitors_at_once() {
    let servers = Arc::new(Servers::start().await);
    let visitors: Vec<JoinHandle<()>> = (0..8)
        .map(|visitor| {
            let servers = Arc::clone(&servers);
            tokio::spawn(async move {
                let cookie = servers.rust("/add", None).await.cookie().unwrap();
                for round in 1..=5 {
                    let n = format!(r#"{{"n":{}}}"#, 2 * round);
                    let answer = servers.django("/add", Some(&cookie)).await;
                    assert_eq!(answer.body, n, "visitor {visitor}");
                    servers.rust("/add", Some(&cookie)).await;
                }
                assert_eq!(servers.rust("/read", Some(&cookie)).await.body, r#"{"n":11}"#);
            })
        })
        .collect();
    for visitor in visitors {
        visitor.await.unwrap();
    }
}
