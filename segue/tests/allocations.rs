//! Touch nothing, pay nothing; and little for a read or a write: what a request allocates.
//!
//! Allocations do not vary from run to run, and times do. What is counted is what a request takes
//! with the layer more than the same request without it, on a thread that has served some before.
//! Requests are built as hyper builds them: their headers share one buffer.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody imports it"
)]

mod common;

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use common::databases;
use http::{HeaderValue, Request, Response, Uri};
use segue::caches::MemoryCache;
use segue::engines::{
    CacheStore, EncryptedCookieStore, FileStore, MemoryStore, NearStore, SignedCookieStore,
};
use segue::settings::{CacheFormat, CacheOptions};
use segue::{
    AnyCache, AnyStore, Session, SessionError, SessionHandle, SessionLayer, SessionStore, Sessions,
    Settings, Site,
};
use tokio::runtime::Runtime;
use tower::{Layer as _, Service, layer::layer_fn, service_fn};

const HOST: &str = "example.com";

/// What a visitor buys.
const CART: &str = r#"[{"id":101,"title":"Notebook","n":2},{"id":205,"title":"Pencil","n":12}]"#;

/// The most allocations of a request that does not look at the session, reads a value, or changes
/// one.
#[derive(Clone, Copy, Debug)]
struct Most {
    untouched: u64,
    read: u64,
    write: u64,
}

fn settings() -> Settings {
    let mut settings = Settings::new("a secret key of tests, long enough to be one of them");
    settings.allowed_hosts.push(HOST.to_owned());
    settings
}

/// How the end of something is waited for.
trait Wait {
    fn wait<T>(&self, future: impl Future<Output = T>) -> T;
}

/// A store in memory or in a cookie answers at once, so that no runtime is needed, whose allocations would count.
struct AtOnce;

impl Wait for AtOnce {
    fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(done) => done,
            Poll::Pending => panic!("a store in memory made the request wait"),
        }
    }
}

/// The others have one with one thread, so that what is done for the request elsewhere, as by a task that serves
/// many, counts too; but for the work of threads that may block.
impl Wait for Runtime {
    fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.block_on(future)
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// A layer, and the cookie of a logged-in visitor with something in the cart.
fn site(store: impl SessionStore) -> (SessionLayer, String) {
    site_of(&AtOnce, store, &settings())
}

fn site_of(
    wait: &impl Wait,
    store: impl SessionStore,
    settings: &Settings,
) -> (SessionLayer, String) {
    let sessions = Sessions::new(store, settings).unwrap();
    let session = wait.wait(sessions.open(None).load()).unwrap();
    visit(&session);
    wait.wait(session.save()).unwrap();
    let cookie = format!("theme=dark; sessionid={}", session.key().unwrap().expose());
    (SessionLayer::from_sessions(sessions, settings).unwrap(), cookie)
}

/// A session of some 330 bytes of JSON.
fn visit(session: &Session) {
    session.insert("_auth_user_id", "4711").unwrap();
    session.insert("_auth_user_backend", "django.contrib.auth.backends.ModelBackend").unwrap();
    session.insert("_auth_user_hash", "5f2b".repeat(16)).unwrap();
    session.insert("name", "Manish Kumar").unwrap();
    session.insert_raw("cart", CART).unwrap();
    session.insert("visits", 1).unwrap();
}

fn request<B>(path: &str, cookie: &str, body: B) -> Request<B> {
    let received = Bytes::from(format!("{path}{HOST}{cookie}"));
    let (path, headers) = (received.slice(..path.len()), received.slice(path.len()..));
    let parts = [("host", headers.slice(..HOST.len())), ("cookie", headers.slice(HOST.len()..))];
    let mut request = Request::new(body);
    *request.uri_mut() = Uri::from_maybe_shared(path).unwrap();
    for (name, value) in parts {
        request.headers_mut().insert(name, HeaderValue::from_maybe_shared(value).unwrap());
    }
    request
}

/// The allocations of a request, after some others. A cache tidies up now and then, which is counted
/// as nobody's: so it is the least of several.
fn allocations<S, B>(wait: &impl Wait, service: &mut S, request: impl Fn() -> Request<B>) -> u64
where
    S: Service<Request<B>>,
    S::Error: std::fmt::Debug,
{
    let counts = (0..40).map(|_| {
        let (request, mut response) = (request(), None);
        let info = allocation_counter::measure(|| {
            response = Some(wait.wait(service.call(request)).unwrap());
        });
        info.count_total
    });
    counts.skip(20).min().unwrap()
}

async fn serve(request: Request<()>) -> Result<Response<()>, SessionError> {
    let session = match request.extensions().get::<SessionHandle>() {
        Some(handle) if request.uri().path() != "/untouched" => handle.load().await?,
        _ => return Ok(Response::new(())),
    };
    match request.uri().path() {
        "/read" => assert!(session.get::<u64>("visits")?.is_some(), "the session was found"),
        _ => assert_ne!(session.update("visits", |n: Option<u64>| n.unwrap_or(0) + 1)?, 1),
    }
    Ok(Response::new(()))
}

fn hold(name: &str, store: impl SessionStore, most: Most) {
    hold_with(&AtOnce, name, store, most);
}

fn hold_with(wait: &impl Wait, name: &str, store: impl SessionStore, most: Most) {
    let (layer, cookie) = site_of(wait, store, &settings());
    let mut service = layer.layer(service_fn(serve));
    for (path, most) in
        [("/untouched", most.untouched), ("/read", most.read), ("/write", most.write)]
    {
        let bare = allocations(wait, &mut service_fn(serve), || request("/untouched", &cookie, ()));
        assert_eq!(bare, 0, "without the layer there is nothing to count");
        let count = allocations(wait, &mut service, || request(path, &cookie, ()));
        assert!(count <= most, "{path} on {name}: {count} allocations, where {most} are enough");
    }
}

/// Untouched: the entry in the request's extensions, and where it is the first one there, as here,
/// `http`'s own two for having any.
const UNTOUCHED: u64 = 3;

/// Read: what an untouched request takes, two of `http`'s for the header `Vary`, and what is read itself: here the
/// table of the values, which stay where they are.
#[test]
fn memory() {
    hold("memory", MemoryStore::new(), Most { untouched: UNTOUCHED, read: 6, write: 20 });
}

/// As where a setting has chosen it.
#[test]
fn a_store_whose_type_is_erased() {
    let store = AnyStore::new(AnyStore::new(MemoryStore::new()));
    hold("memory, erased", store, Most { untouched: UNTOUCHED, read: 6, write: 20 });
}

/// What a session like this one takes of a cache's memory, the table it stands in included.
#[test]
fn a_stored_session_in_memory() {
    const SESSIONS: usize = 2000;
    let mut options = CacheOptions::default();
    options.format = CacheFormat::Json;
    let sessions =
        Sessions::new(CacheStore::new(MemoryCache::new(10_000), options), &settings()).unwrap();
    let info = allocation_counter::measure(|| {
        for _ in 0..SESSIONS {
            let session = AtOnce.wait(sessions.open(None).load()).unwrap();
            visit(&session);
            AtOnce.wait(session.save()).unwrap();
        }
    });
    let each = info.bytes_current / SESSIONS as i64;
    assert!(each <= 430, "{each} bytes, where 430 are enough");
}

/// A renewal that is not due takes nothing.
#[test]
fn a_threshold() {
    let mut settings = settings();
    settings.session.save_every_request = true;
    settings.session.touch_threshold = 0.1;
    let (layer, cookie) = site_of(&AtOnce, MemoryStore::new(), &settings);
    let mut service = layer.layer(service_fn(serve));
    let count = allocations(&AtOnce, &mut service, || request("/read", &cookie, ()));
    assert!(count <= 6, "{count} allocations, where 6 are enough");
}

#[test]
fn a_cache_in_memory_with_json() {
    let mut options = CacheOptions::default();
    options.format = CacheFormat::Json;
    let store = CacheStore::new(MemoryCache::new(1000), options);
    hold("cache, JSON", store, Most { untouched: UNTOUCHED, read: 6, write: 22 });
}

#[test]
fn a_cache_whose_type_is_erased() {
    let mut options = CacheOptions::default();
    options.format = CacheFormat::Json;
    let store = CacheStore::new(AnyCache::new(MemoryCache::new(1000)), options);
    hold("cache, erased", store, Most { untouched: UNTOUCHED, read: 6, write: 22 });
}

/// And the JSON that is made of the pickle.
#[test]
fn a_cache_in_memory_with_pickles() {
    let store = CacheStore::new(MemoryCache::new(1000), CacheOptions::default());
    hold("cache, pickles", store, Most { untouched: UNTOUCHED, read: 7, write: 27 });
}

/// And the cookie's own text, the session's JSON, which is not kept elsewhere, and one for that to be read once, though
/// the store needs it for the deadline and the request for its values.
#[test]
fn signed_cookies() {
    let store = SignedCookieStore::new(&settings()).unwrap();
    hold("signed_cookies", store, Most { untouched: UNTOUCHED, read: 9, write: 27 });
}

/// Here the deadline stands beside the session.
#[test]
fn encrypted_cookies() {
    let store = EncryptedCookieStore::new(&settings()).unwrap();
    hold("encrypted_cookies", store, Most { untouched: UNTOUCHED, read: 8, write: 27 });
}

/// Read: and the row's payload, the session's JSON, and one of `rusqlite`'s for the name of the statement. A write
/// is done by a task of its own.
#[test]
fn sqlite() {
    let (runtime, place) = (runtime(), databases::sqlite());
    let store = runtime.block_on(place.store());
    hold_with(&runtime, "SQLite", store, Most { untouched: UNTOUCHED, read: 9, write: 36 });
}

/// A hit takes one more for the look whether somebody has written, of `rusqlite`'s again, and none for the values,
/// which it shares with the one before.
#[test]
fn cached_db_in_memory() {
    let (runtime, place) = (runtime(), databases::sqlite());
    let store = NearStore::new(runtime.block_on(place.store()), 100);
    hold_with(
        &runtime,
        "SQLite and memory",
        store,
        Most { untouched: UNTOUCHED, read: 6, write: 41 },
    );
}

/// Read: and what the file holds, the session's JSON, and one for that to be read once, as in a cookie.
#[test]
fn file() {
    let (runtime, folder) = (runtime(), tempfile::tempdir().unwrap());
    let mut settings = settings();
    settings.session.file_path = Some(folder.path().to_owned());
    let store = FileStore::new(&settings).unwrap();
    hold_with(&runtime, "file", store, Most { untouched: UNTOUCHED, read: 9, write: 33 });
}

/// With those of the driver, which may take some more where an answer comes in pieces.
#[test]
fn postgresql() {
    let (runtime, place) = (runtime(), databases::postgres());
    let store = runtime.block_on(place.store());
    hold_with(&runtime, "PostgreSQL", store, Most { untouched: UNTOUCHED, read: 34, write: 86 });
}

#[test]
fn redis() {
    let runtime = runtime();
    let store = CacheStore::from_url(servers::shared::redis()).unwrap();
    hold_with(&runtime, "Redis", store, Most { untouched: UNTOUCHED, read: 27, write: 61 });
}

/// A hit takes nothing: what was made of the pickle is kept with it.
#[test]
fn redis_with_copies() {
    let runtime = runtime();
    let store = CacheStore::from_url(&format!("{}?near=100", servers::shared::redis())).unwrap();
    let most = Most { untouched: UNTOUCHED, read: 5, write: 67 };
    hold_with(&runtime, "Redis with copies", store, most);
}

/// The allocations of an untouched request more than with so many layers that do nothing, which
/// axum takes for itself.
fn added(router: Router, layers: usize) -> u64 {
    let cookies = format!("csrftoken={0}; sessionid={0}", "abcdefgh".repeat(4));
    let count = |router: Router| {
        // As a server does it.
        let mut router = router.with_state(());
        allocations(&AtOnce, &mut router, || request("/untouched", &cookies, Body::empty()))
    };
    let idle = (0..layers).fold(routes(), |router, _| router.layer(layer_fn(|inner| inner)));
    count(router) - count(idle)
}

fn routes() -> Router {
    async fn untouched() {}
    Router::new().route("/untouched", get(untouched))
}

/// The entry, and axum's box around the response's body, which has another type now.
#[test]
fn a_router_with_sessions() {
    let (layer, _) = site(MemoryStore::new());
    let added = added(routes().layer(layer), 1);
    assert!(added <= 2, "{added} allocations, where 2 are enough");
}

/// Hosts, panics and sessions are one layer, the protection is another: the entries of sessions
/// and protection, what the latter's handles share, and the larger table of the entries, of which
/// axum has some itself.
#[test]
fn a_whole_site() {
    let site = Site::with_store(&settings(), MemoryStore::new(), routes()).unwrap();
    let added = added(site.into_router(), 2);
    assert!(added <= 4, "{added} allocations, where 4 are enough");
}
