//! Ways round the check through the router: whatever axum puts together, a request that is not
//! exempt meets it before any handler.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::HOST;
use axum::http::{HeaderName, HeaderValue, Method, Request, Response};
use axum::routing::{MethodRouter, any, get, post, put};
use segue::engines::MemoryStore;
use segue::{CsrfFailure, CsrfLayer, Site};
use tower::{ServiceExt as _, service_fn};

use crate::site::{request, settings};

/// Says which handlers have run.
#[derive(Clone, Default)]
struct Runs(Arc<AtomicUsize>);

impl Runs {
    fn take(&self) -> usize {
        self.0.swap(0, Ordering::SeqCst)
    }

    fn router(&self, routes: impl FnOnce(Router<Self>) -> Router<Self>) -> Router {
        routes(Router::new()).with_state(self.clone())
    }
}

async fn act(State(runs): State<Runs>) {
    runs.0.fetch_add(1, Ordering::SeqCst);
}

/// Sends a forged request, and says what came of it: the status, whether it was refused as forged,
/// and how many handlers have run.
async fn forge(app: &Router, runs: &Runs, method: &str, path: &str) -> (u16, bool, usize) {
    let mut request = request(Method::from_bytes(method.as_bytes()).unwrap(), "/");
    *request.uri_mut() = path.parse().unwrap();
    let response = app.clone().oneshot(request).await.unwrap();
    let refused = response.extensions().get::<CsrfFailure>().is_some();
    (response.status().as_u16(), refused, runs.take())
}

const REFUSED: (u16, bool, usize) = (403, true, 0);

#[tokio::test]
async fn every_kind_of_route_is_protected() {
    let runs = Runs::default();
    let inner = || runs.router(|routes| routes.route("/a", any(act)).fallback(act));
    let counts = runs.clone();
    let service = service_fn(move |_: Request<Body>| {
        counts.0.fetch_add(1, Ordering::SeqCst);
        async { Ok::<_, Infallible>(Response::new(Body::empty())) }
    });
    let main: MethodRouter<Runs> = get(act).put(act).fallback(act);
    let app = runs.router(|routes| {
        routes
            .route("/main", main)
            .route("/{*rest}", post(act))
            .nest("/nest", Router::new().route("/a", any(act)).fallback(act))
            .nest_service("/service", inner())
            .route_service("/route", service.clone())
            .merge(Router::new().route("/merged", any(act)))
            .method_not_allowed_fallback(act)
            .fallback_service(service)
    });
    for layered in [true, false] {
        // The control: without the layer all of them run.
        let app = match layered {
            true => app.clone().layer(CsrfLayer::new(&settings()).unwrap()),
            false => app.clone(),
        };
        let expected = if layered { REFUSED } else { (200, false, 1) };
        for (method, path) in [
            ("POST", "/main"),
            ("PUT", "/main"),
            ("POST", "/anything/else"),
            ("PUT", "/anything/else"),
            ("POST", "/nest/a"),
            ("POST", "/nest/b"),
            ("POST", "/service/a"),
            ("POST", "/service/b"),
            ("POST", "/route"),
            ("POST", "/merged"),
            ("DELETE", "/"),
        ] {
            assert_eq!(forge(&app, &runs, method, path).await, expected, "{method} {path}");
        }
    }
}

/// What an exempt router does not serve itself is not exempt: neither its other paths nor its other
/// methods.
#[tokio::test]
async fn what_an_exempt_router_leaves_over_is_protected() {
    let runs = Runs::default();
    let main = runs.router(|routes| {
        routes
            .route("/both", get(act).put(act))
            .route("/hooks/other", any(act))
            .route("/form", post(act))
            .fallback(act)
            .method_not_allowed_fallback(act)
    });
    let hooks = runs.router(|routes| routes.route("/paid", post(act)));
    let routes = runs.router(|routes| routes.route("/both", post(act)));
    let app = Site::with_store(&settings(), MemoryStore::new(), main)
        .unwrap()
        .csrf_exempt(Router::new().nest("/hooks", hooks))
        .csrf_exempt(routes)
        .into_router();
    for (method, path) in [("POST", "/hooks/paid"), ("POST", "/hooks/paid?a=b"), ("POST", "/both")]
    {
        assert_eq!(forge(&app, &runs, method, path).await, (200, false, 1), "{method} {path}");
    }
    for (method, path) in [
        ("PUT", "/both"),
        ("DELETE", "/nowhere"),
        ("POST", "/form"),
        ("POST", "/hooks"),
        ("POST", "/hooks/"),
        ("POST", "/hooks/other"),
        ("POST", "/hooks/unknown"),
        ("POST", "/hooks/paid/"),
        ("POST", "/hooks//paid"),
        ("POST", "//hooks/paid"),
        ("POST", "/HOOKS/paid"),
        ("POST", "/hooks/../form"),
        ("POST", "/hooks/paid/../../form"),
        ("POST", "/hooks/%2e%2e/form"),
        ("POST", "/hooks/paid;/form"),
        ("POST", "/form#/hooks/paid"),
    ] {
        assert_eq!(forge(&app, &runs, method, path).await, REFUSED, "{method} {path}");
    }
    // A method that neither has: nothing runs unchecked.
    for (method, path) in [("PUT", "/hooks/paid"), ("DELETE", "/both")] {
        let (status, refused, ran) = forge(&app, &runs, method, path).await;
        assert!(ran == 0 && (refused || status == 405), "{method} {path}: {status}");
    }
}

/// A form that says which method it means: what it says is checked if it is said outside.
#[tokio::test]
async fn a_method_that_is_overridden_outside_is_the_one_that_is_checked() {
    let runs = Runs::default();
    let routes = runs.router(|routes| routes.route("/", put(act).get(act)));
    let protected = routes.layer(CsrfLayer::new(&settings()).unwrap());
    let app = Router::new().fallback_service(service_fn(move |mut request: Request<Body>| {
        let said = request.headers().get("x-http-method-override").cloned();
        if let Some(method) = said {
            *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
        }
        protected.clone().oneshot(request)
    }));
    for (method, said, expected) in [
        (Method::GET, "PUT", REFUSED),
        (Method::POST, "PUT", REFUSED),
        (Method::POST, "GET", (200, false, 1)),
    ] {
        let mut request = request(method, "/");
        let name = HeaderName::from_static("x-http-method-override");
        request.headers_mut().insert(name, HeaderValue::from_static(said));
        let response = app.clone().oneshot(request).await.unwrap();
        let refused = response.extensions().get::<CsrfFailure>().is_some();
        assert_eq!((response.status().as_u16(), refused, runs.take()), expected, "{said}");
    }
}

/// A handler that sends a request of its own through the site, with what it has got of the first.
#[tokio::test]
async fn a_request_within_a_request_is_checked_by_itself() {
    let runs = Runs::default();
    let routes = runs.router(|routes| routes.route("/act", post(act)));
    let csrf = CsrfLayer::new(&settings()).unwrap();
    let app = routes.layer(csrf.clone());
    let within = app.clone();
    let batch = Router::new()
        .route(
            "/batch",
            get(|request: Request<Body>| async move {
                let mut inner = Request::post("/act").header(HOST, "example.com");
                *inner.extensions_mut().unwrap() = request.extensions().clone();
                within.oneshot(inner.body(Body::empty()).unwrap()).await.unwrap()
            }),
        )
        .layer(csrf);
    let app = app.merge(batch);
    assert_eq!(forge(&app, &runs, "GET", "/batch").await, REFUSED);
}
