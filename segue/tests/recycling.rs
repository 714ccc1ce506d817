//! A request may get the place in memory of one that is over, and nothing else of it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody imports it"
)]

mod common;

use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::Request;
use axum::routing::get as route;
use axum::{Extension, Router};
use common::{TestStore, clock, get, layer, settings};
use segue::engines::SignedCookieStore;
use segue::{Session, SessionError, SessionHandle, SessionLayer, Settings};
use tower::ServiceExt as _;

/// What handlers keep beyond their request.
type Kept = Arc<Mutex<Vec<SessionHandle>>>;

async fn untouched() {}

async fn show(session: Session) -> String {
    format!("{:?} {} {}", session.items(), session.is_modified(), session.key().is_some())
}

async fn fail(session: Session) -> http::StatusCode {
    session.insert("secret", "of a failed request").unwrap();
    session.cycle_key();
    http::StatusCode::INTERNAL_SERVER_ERROR
}

async fn keep(Extension(kept): Extension<Kept>, request: Request) {
    kept.lock().unwrap().push(request.extensions().get::<SessionHandle>().unwrap().clone());
}

async fn save(session: Session) -> Result<(), SessionError> {
    session.insert("name", "manish")?;
    session.save().await
}

fn app(layer: SessionLayer, kept: &Kept) -> Router {
    Router::new()
        .route("/untouched", route(untouched))
        .route("/show", route(show))
        .route("/fail", route(fail))
        .route("/keep", route(keep))
        .route("/save", route(save))
        .layer(layer)
        .layer(Extension(Arc::clone(kept)))
}

async fn site(settings: &Settings) -> (Router, Kept, String) {
    let kept = Kept::default();
    let app = app(layer(&TestStore::new(clock()), settings), &kept);
    let cookie = get(&app, "/save", None).await.cookie();
    (app, kept, cookie)
}

const NOBODY: &str = "[] false false";

#[tokio::test]
async fn the_next_visitor_sees_nothing_of_the_last() {
    let (app, _, cookie) = site(&settings()).await;
    for before in ["/untouched", "/show", "/save", "/fail"] {
        for cookie in [Some(cookie.as_str()), None] {
            get(&app, before, cookie).await;
            for next in [None, Some("a=b"), Some("sessionid=nonsense")] {
                let answer = get(&app, "/show", next).await;
                assert_eq!(answer.body, NOBODY, "{next:?} after {before} of {cookie:?}");
                let removed = answer.set_cookie.len();
                assert_eq!(removed, usize::from(next == Some("sessionid=nonsense")), "{next:?}");
            }
        }
    }
}

#[tokio::test]
async fn who_keeps_a_handle_keeps_their_own_session() {
    let (app, kept, cookie) = site(&settings()).await;
    get(&app, "/keep", Some(&cookie)).await;
    for _ in 0..10 {
        get(&app, "/untouched", None).await;
        assert_eq!(get(&app, "/show", None).await.body, NOBODY);
        get(&app, "/keep", None).await;
    }
    let kept = std::mem::take(&mut *kept.lock().unwrap());
    for (at, handle) in kept.iter().enumerate() {
        assert!(!handle.is_accessed(), "{at}");
        let name: Option<String> = handle.load().await.unwrap().get("name").unwrap();
        assert_eq!(name.as_deref(), (at == 0).then_some("manish"), "{at}");
    }
}

/// Both are served by this thread, and find each other's cookies in the request.
#[tokio::test]
async fn sites_do_not_meet() {
    let (one, _, cookie) = site(&settings()).await;
    let mut others = settings();
    others.session.cookie_name = "others".to_owned();
    let (other, _, others_cookie) = site(&others).await;
    let both = format!("{cookie}; {others_cookie}; others=nonsense");
    for _ in 0..3 {
        get(&one, "/untouched", Some(&both)).await;
        assert_eq!(get(&other, "/show", Some(&both)).await.body, NOBODY);
        get(&other, "/untouched", Some(&others_cookie)).await;
        assert!(get(&one, "/show", Some(&both)).await.body.contains("manish"));
        assert!(get(&other, "/show", Some(&others_cookie)).await.body.contains("manish"));
        assert_eq!(get(&other, "/show", Some(&cookie)).await.body, NOBODY);
    }
}

/// It is too late for a cookie once the response has gone: of this request, not of the last.
#[tokio::test]
async fn the_last_response_is_not_this_one() {
    let settings = settings();
    let store = SignedCookieStore::new(&settings).unwrap();
    let app = app(SessionLayer::new(store, &settings).unwrap(), &Kept::default());
    for _ in 0..3 {
        assert_eq!(get(&app, "/save", None).await.status, 200);
    }
}

/// What waits for the next request holds neither the layer nor its store.
#[tokio::test]
async fn a_layer_that_is_dropped_is_gone() {
    let held = Arc::new(());
    let in_page = Arc::clone(&held);
    let layer = layer(&TestStore::new(clock()), &settings()).on_error(move |_| {
        let _held = &in_page;
        http::Response::new(String::new())
    });
    let app = app(layer, &Kept::default());
    let cookie = get(&app, "/save", None).await.cookie();
    for path in ["/untouched", "/show", "/fail"] {
        let request = http::Request::get(path).header("cookie", &cookie).body(Body::empty());
        drop(app.clone().oneshot(request.unwrap()).await.unwrap());
    }
    assert!(Arc::strong_count(&held) > 1);
    drop(app);
    assert_eq!(Arc::strong_count(&held), 1);
}
