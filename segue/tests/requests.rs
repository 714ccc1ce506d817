//! The life of a request: what it costs, what it sets, and what an attacker gets out of it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody imports it"
)]

mod common;

use axum::Router;
use axum::routing::{get as route, post};
use common::{Calls, KEY, TestStore, clock, get, key, keys, layer, settings};
use http::StatusCode;
use segue::{Codec, Session, SessionData, SessionError, SignedDuration};

async fn read(session: Session) -> Result<String, SessionError> {
    Ok(session.get::<u64>("n")?.map_or("nothing".to_owned(), |n| n.to_string()))
}

async fn write(session: Session) -> Result<String, SessionError> {
    session.update("n", |n: Option<u64>| n.unwrap_or(0) + 1).map(|n| n.to_string())
}

fn app(store: &TestStore, settings: &segue::Settings) -> Router {
    Router::new()
        .route("/untouched", route(|| async { "hello" }))
        .route("/read", route(read))
        .route("/twice", route(|one: Session, _two: Session| async move { read(one).await }))
        .route("/write", route(write))
        .route(
            "/flush",
            post(|session: Session| async move {
                session.flush();
                "bye"
            }),
        )
        .route(
            "/wrong-type",
            route(|session: Session| async move {
                session.insert("n", "a secret text")?;
                read(session).await
            }),
        )
        .route("/save", route(save_by_hand))
        .layer(layer(store, settings))
}

async fn save_by_hand(session: Session) -> Result<&'static str, SessionError> {
    session.insert("n", 1)?;
    session.save().await?;
    Ok("saved")
}

fn stored(store: &TestStore, json: &str) -> String {
    let payload =
        Codec::signed_json(&keys(), &clock()).encode(&SessionData::parse(json).unwrap()).unwrap();
    store.plant(key(), &payload, store.clock().now() + SignedDuration::from_secs(600));
    format!("sessionid={KEY}")
}

#[tokio::test]
async fn what_is_not_touched_costs_nothing() {
    let store = TestStore::new(clock());
    let app = app(&store, &settings());
    let cookie = stored(&store, r#"{"n":1}"#);
    for cookie in [None, Some(cookie.as_str()), Some("sessionid=nonsense")] {
        let answer = get(&app, "/untouched", cookie).await;
        assert_eq!(answer.status, 200);
        assert_eq!((answer.set_cookie.len(), answer.vary), (0, None));
        assert_eq!(store.calls(), Calls::default());
    }
}

#[tokio::test]
async fn a_read_is_one_call_and_a_write_two_and_a_new_session_one() {
    let store = TestStore::new(clock());
    let app = app(&store, &settings());
    let cookie = stored(&store, r#"{"n":1}"#);

    let answer = get(&app, "/read", Some(&cookie)).await;
    assert_eq!((answer.body.as_str(), answer.vary.as_deref()), ("1", Some("Cookie")));
    assert!(answer.set_cookie.is_empty());
    assert_eq!(store.calls(), Calls { load: 1, ..Calls::default() });

    assert_eq!(get(&app, "/twice", Some(&cookie)).await.body, "1");
    assert_eq!(store.calls(), Calls { load: 1, ..Calls::default() });

    assert_eq!(get(&app, "/write", Some(&cookie)).await.body, "2");
    assert_eq!(store.calls(), Calls { load: 1, replace: 1, ..Calls::default() });

    let answer = get(&app, "/write", None).await;
    assert_eq!(store.calls(), Calls { create: 1, ..Calls::default() });
    assert_eq!(get(&app, "/write", Some(&answer.cookie())).await.body, "2");
    store.calls();

    let answer = get(&app, "/read", None).await;
    assert_eq!((answer.set_cookie.len(), answer.vary.as_deref()), (0, Some("Cookie")));
    assert_eq!(store.calls(), Calls::default(), "without a cookie there is nothing to load");
}

#[tokio::test]
async fn a_save_by_hand_is_saved_once_and_has_its_cookie() {
    let store = TestStore::new(clock());
    let app = app(&store, &settings());
    let answer = get(&app, "/save", None).await;
    assert_eq!(store.calls(), Calls { create: 1, ..Calls::default() });
    assert_eq!(get(&app, "/read", Some(&answer.cookie())).await.body, "1");
}

/// Nobody gets a row, an id of their own choice or a crash by sending nonsense.
#[tokio::test]
async fn a_bogus_cookie_neither_writes_nor_panics() {
    let long = "a".repeat(10_000_000);
    let unknown = "z".repeat(32);
    let values: [&[u8]; 9] = [
        b"",
        b"abc",
        b"abcdefgh\x01ijklmnopqrstuvwxyz01234",
        b"\"abcdefgh\\000\"",
        b"\xff\xfe\xfd",
        "séssion".as_bytes(),
        b"../../../../etc/passwd",
        long.as_bytes(),
        unknown.as_bytes(),
    ];
    for save_every_request in [false, true] {
        let store = TestStore::new(clock());
        let mut settings = settings();
        settings.session.save_every_request = save_every_request;
        let app = app(&store, &settings);
        for value in values {
            let cookie = [b"sessionid=", value].concat();
            for path in ["/untouched", "/read"] {
                let mut request = http::Request::get(path).body(axum::body::Body::empty()).unwrap();
                let header = http::HeaderValue::from_bytes(&cookie).unwrap_or_else(|_| {
                    // What the header type itself refuses never reaches us; its neighbour does.
                    http::HeaderValue::from_static("sessionid=;;;=;")
                });
                request.headers_mut().insert("cookie", header);
                let response = tower::ServiceExt::oneshot(app.clone(), request).await.unwrap();
                let answer = common::Answer::of(response).await;
                assert_eq!(answer.status, 200);
                let calls = store.calls();
                assert_eq!((calls.create, calls.replace, calls.touch), (0, 0, 0));
                let renews = save_every_request && value == unknown.as_bytes();
                assert!(calls.load <= 1, "{path}");
                assert_eq!(answer.set_cookie.len(), usize::from(path == "/read" || renews));
                assert!(answer.set_cookie.iter().all(|cookie| cookie.contains("Max-Age=0")));
            }
        }
        assert!(store.records().is_empty());
    }
}

/// Session fixation: an id that the store does not know is never taken over.
#[tokio::test]
async fn a_client_cannot_choose_its_id() {
    let store = TestStore::new(clock());
    let app = app(&store, &settings());
    let chosen = format!("sessionid={}", "x".repeat(32));
    let answer = get(&app, "/write", Some(&chosen)).await;
    assert_ne!(answer.cookie(), chosen);
    assert_eq!(get(&app, "/read", Some(&chosen)).await.body, "nothing");
}

#[tokio::test]
async fn an_expired_session_is_as_good_as_none() {
    let store = TestStore::new(clock());
    let app = app(&store, &settings());
    let cookie = stored(&store, r#"{"n":41}"#);
    store.clock().advance(SignedDuration::from_secs(600));
    assert_eq!(get(&app, "/read", Some(&cookie)).await.body, "nothing");
    let answer = get(&app, "/write", Some(&cookie)).await;
    assert_eq!(answer.body, "1");
    assert_ne!(answer.cookie(), cookie);
}

#[tokio::test]
async fn a_store_that_is_down_costs_neither_cookie_nor_record() {
    let store = TestStore::new(clock());
    let app = app(&store, &settings());
    let cookie = stored(&store, r#"{"n":1}"#);
    let before = store.records().clone();
    store.set_down(true);
    for path in ["/read", "/write"] {
        let answer = get(&app, path, Some(&cookie)).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(answer.set_cookie.is_empty(), "the cookie is kept");
        assert!(answer.body.contains("try again"), "{}", answer.body);
    }
    assert_eq!(get(&app, "/untouched", Some(&cookie)).await.status, 200);
    let answer = common::send(&app, http::Method::POST, "/flush", Some(&cookie)).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "a logout that failed says so");
    assert_eq!(*store.records(), before, "the record is kept");
    store.set_down(false);
    assert_eq!(get(&app, "/read", Some(&cookie)).await.body, "1");
}

#[tokio::test]
async fn renewing_every_request_touches_and_does_not_write() {
    let store = TestStore::new(clock());
    let mut settings = settings();
    settings.session.save_every_request = true;
    let app = app(&store, &settings);
    let cookie = stored(&store, r#"{"n":1}"#);
    let payload = store.records()[&key()].payload().to_vec();
    store.clock().advance(SignedDuration::from_secs(60));
    for path in ["/untouched", "/read"] {
        let answer = get(&app, path, Some(&cookie)).await;
        assert_eq!(store.calls(), Calls { load: 1, touch: 1, ..Calls::default() });
        assert_eq!((answer.cookie(), answer.vary.as_deref()), (cookie.clone(), Some("Cookie")));
    }
    let record = store.records()[&key()].clone();
    assert_eq!(record.payload(), payload);
    let two_weeks = SignedDuration::from_secs(1_209_600);
    assert_eq!(record.expires_at(), store.clock().now() + two_weeks);
}

/// What cannot be read counts as empty; it may be somebody else's to read, so it stays.
#[tokio::test]
async fn a_session_of_another_secret_key_is_neither_read_nor_destroyed() {
    let store = TestStore::new(clock());
    let app = app(&store, &settings());
    let theirs = Codec::signed_json(&segue::SecretKeys::new("another key"), &clock());
    let payload = theirs.encode(&SessionData::parse(r#"{"n":7}"#).unwrap()).unwrap();
    let cookie = stored(&store, "{}");
    let live = store.clock().now() + SignedDuration::from_secs(600);
    for payload in [payload.as_slice(), b"garbage", b"\xff", b"a:b:c", b""] {
        store.plant(key(), payload, live);
        let answer = get(&app, "/read", Some(&cookie)).await;
        assert_eq!((answer.body.as_str(), answer.set_cookie.len()), ("nothing", 0));
        let answer = get(&app, "/write", Some(&cookie)).await;
        assert_eq!(answer.body, "1");
        assert_ne!(answer.cookie(), cookie);
        assert_eq!(store.records()[&key()].payload(), payload);
    }
}

#[tokio::test]
async fn an_error_does_not_show_the_value() {
    let store = TestStore::new(clock());
    let app = app(&store, &settings());
    let answer = get(&app, "/wrong-type", None).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (500, "Internal server error."));
    let session = layer(&store, &settings()).sessions().open(None).load().await.unwrap();
    session.insert("n", "a secret text").unwrap();
    let error = session.get::<u64>("n").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("a secret text"));
    session.flush();
}

#[tokio::test]
async fn users_replace_the_error_page_in_one_place() {
    let store = TestStore::new(clock());
    let page = |error: &SessionError| {
        let mut response = http::Response::new(format!("custom: {:?}", error.kind()));
        *response.status_mut() = StatusCode::IM_A_TEAPOT;
        response
    };
    let app = Router::new()
        .route("/read", route(read))
        .route("/write", route(write))
        .layer(layer(&store, &settings()).on_error(page));
    let cookie = stored(&store, r#"{"n":"no number"}"#);
    let answer = get(&app, "/read", Some(&cookie)).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (418, "custom: Value"));
    store.set_down(true);
    for cookie in [None, Some(cookie.as_str())] {
        let answer = get(&app, "/write", cookie).await;
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (418, "custom: StoreFailed"));
    }
}

#[tokio::test]
async fn a_handler_may_deal_with_the_error_itself() {
    let store = TestStore::new(clock());
    let handler = |session: Result<Session, SessionError>| async move {
        if session.is_err() { "sorry" } else { "hello" }
    };
    let app = Router::new().route("/", route(handler)).layer(layer(&store, &settings()));
    let cookie = stored(&store, "{}");
    assert_eq!(get(&app, "/", Some(&cookie)).await.body, "hello");
    store.set_down(true);
    let answer = get(&app, "/", Some(&cookie)).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, "sorry"));
}

#[tokio::test]
async fn a_wrong_order_of_the_middleware_says_what_goes_where() {
    let store = TestStore::new(clock());
    let layer = || layer(&store, &settings());

    let app = Router::new().route("/", route(read));
    let answer = get(&app, "/", None).await;
    assert_eq!(answer.status, 500);
    assert!(answer.body.contains("no `SessionLayer` stands around it"), "{}", answer.body);

    // axum wraps what was added before: this route stands outside.
    let app = Router::new().layer(layer()).route("/", route(read));
    assert!(get(&app, "/", None).await.body.contains("after the last `.route(..)`"));

    let app = Router::new().route("/", route(read)).layer(layer()).layer(layer());
    let answer = get(&app, "/", None).await;
    assert_eq!(answer.status, 500);
    assert!(answer.body.contains("keep the outer one"), "{}", answer.body);

    let mut other = settings();
    other.session.cookie_name = "admin_sessionid".to_owned();
    let inner = Router::new().route("/", route(write)).layer(common::layer(&store, &other));
    let app = Router::new().route("/", route(write)).nest("/admin", inner).layer(layer());
    assert!(get(&app, "/admin", None).await.cookie().starts_with("admin_sessionid="));
    assert!(get(&app, "/", None).await.cookie().starts_with("sessionid="));
}

/// To renew a session must not undo the limit that another request has just set.
#[tokio::test]
async fn renewing_keeps_to_the_expiry_that_another_request_set() {
    let store = TestStore::new(clock());
    let mut settings = settings();
    settings.session.save_every_request = true;
    let layer = layer(&store, &settings);
    let sessions = layer.sessions().clone();
    let handler = move |session: Session| async move {
        let other = sessions.open(session.key()).load().await?;
        other.set_expiry(60);
        other.save().await?;
        Ok::<_, SessionError>("read only")
    };
    let app = Router::new().route("/", route(handler)).layer(layer);
    let cookie = stored(&store, "{}");
    let answer = get(&app, "/", Some(&cookie)).await;
    assert!(answer.set_cookie[0].contains("Max-Age=60;"), "{:?}", answer.set_cookie);
    let deadline = store.clock().now() + SignedDuration::from_secs(60);
    assert_eq!(store.records()[&key()].expires_at(), deadline);
}

/// A body of a type of its own, as tracing and compressing layers make them.
struct Wrapped(axum::body::Body);

impl http_body::Body for Wrapped {
    type Data = <axum::body::Body as http_body::Body>::Data;
    type Error = axum::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Self::Data>, Self::Error>>> {
        std::pin::Pin::new(&mut self.0).poll_frame(cx)
    }
}

#[tokio::test]
async fn it_fits_around_layers_that_change_the_body() {
    let store = TestStore::new(clock());
    let wrap = tower::util::MapResponseLayer::new(|response: http::Response<axum::body::Body>| {
        response.map(Wrapped)
    });
    let stack = tower::ServiceBuilder::new().layer(layer(&store, &settings())).layer(wrap);
    let app = Router::new().route("/read", route(read)).layer(stack);
    let cookie = stored(&store, r#"{"n":1}"#);
    assert_eq!(get(&app, "/read", Some(&cookie)).await.body, "1");
    store.set_down(true);
    assert_eq!(get(&app, "/read", Some(&cookie)).await.status, 503);
}

/// Of two sessions each layer answers for its own.
#[tokio::test]
async fn an_inner_error_page_is_not_replaced_by_the_outer_one() {
    let page = |text: &'static str| move |_: &SessionError| http::Response::new(text.to_owned());
    let inner_store = TestStore::new(clock());
    let mut other = settings();
    other.session.cookie_name = "inner".to_owned();
    let inner = layer(&inner_store, &other).on_error(page("inner"));
    let outer = layer(&TestStore::new(clock()), &settings()).on_error(page("outer"));
    let app = Router::new().route("/", route(read)).layer(inner).layer(outer);
    inner_store.set_down(true);
    let cookie = format!("inner={KEY}");
    assert_eq!(get(&app, "/", Some(&cookie)).await.body, "inner");
}
