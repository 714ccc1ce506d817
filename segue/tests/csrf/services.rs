//! The layer as tower's other services see it: which instance is called, and when it is free again.

use std::convert::Infallible;
use std::future::{Ready, poll_fn, ready};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::{Request, Response, StatusCode};
use http_body::Frame;
use segue::CsrfLayer;
use segue::csrf::{CsrfBody, CsrfService};
use tower::{Layer as _, Service, ServiceExt as _};

use crate::bodies::FIELD;
use crate::site::{SECRET, TOKEN, form, settings};

/// Serves as many requests at once as it has places, and holds a place from the moment that it is
/// ready, as `ConcurrencyLimit` and `Buffer` do.
struct Limited {
    places: Arc<AtomicUsize>,
    served: Arc<AtomicUsize>,
    place: Option<Place>,
}

struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Clone for Limited {
    /// A clone has no place yet.
    fn clone(&self) -> Self {
        let (places, served) = (Arc::clone(&self.places), Arc::clone(&self.served));
        Self { places, served, place: None }
    }
}

impl Service<Request<CsrfBody<Body>>> for Limited {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        if self.place.is_none() {
            let take = |places: usize| places.checked_sub(1);
            if self.places.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).is_err() {
                return Poll::Pending;
            }
            self.place = Some(Place(Arc::clone(&self.places)));
        }
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<CsrfBody<Body>>) -> Self::Future {
        self.place.take().expect("called without being ready");
        self.served.fetch_add(1, Ordering::SeqCst);
        ready(Ok(Response::new(Body::empty())))
    }
}

/// A protected service with one place.
fn limited(layer: &CsrfLayer) -> CsrfService<Limited> {
    let (places, served) = (Arc::new(AtomicUsize::new(1)), Arc::default());
    layer.layer(Limited { places, served, place: None })
}

fn protected() -> CsrfService<Limited> {
    limited(&CsrfLayer::new(&settings()).unwrap())
}

fn good() -> Request<Body> {
    form(Some(SECRET), format!("{FIELD}={TOKEN}"))
}

/// A form that never comes.
struct Never;

impl http_body::Body for Never {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}

async fn is_ready(service: &mut CsrfService<Limited>) -> bool {
    poll_fn(|cx| Poll::Ready(service.poll_ready(cx).is_ready())).await
}

/// One service, used again and again: what was ready is called, and refused requests cost no place.
#[tokio::test]
async fn the_instance_that_is_ready_is_the_one_that_is_called() {
    let mut service = protected();
    for (request, status) in [
        (good(), StatusCode::OK),
        (form(None, ""), StatusCode::FORBIDDEN),
        (good(), StatusCode::OK),
        (form(Some(SECRET), "a=b"), StatusCode::FORBIDDEN),
        (Request::get("/").body(Body::empty()).unwrap(), StatusCode::OK),
        (good(), StatusCode::OK),
    ] {
        assert!(is_ready(&mut service).await, "a place was lost");
        // Asked again it is still ready, with the one place that it has.
        assert!(is_ready(&mut service).await);
        assert_eq!(service.call(request).await.unwrap().status(), status);
    }
}

#[tokio::test]
async fn a_request_that_is_given_up_gives_its_place_back() {
    let mut service = protected();
    assert!(is_ready(&mut service).await);
    let mut waiting = Box::pin(service.call(form(Some(SECRET), Body::new(Never))));
    let polled = poll_fn(|cx| Poll::Ready(waiting.as_mut().poll(cx).is_ready())).await;
    assert!(!polled && !is_ready(&mut service).await, "the place is the waiting request's");
    drop(waiting);
    assert!(is_ready(&mut service).await);
    // Nobody looked at it yet.
    drop(service.call(good()));
    assert!(is_ready(&mut service).await);
    assert_eq!(service.call(good()).await.unwrap().status(), 200);
}

/// A page of one's own that panics is that request's trouble alone.
#[tokio::test]
async fn a_failure_page_that_panics_harms_no_other_request() {
    let layer = CsrfLayer::new(&settings()).unwrap().on_failure(|_, _| panic!("a slip"));
    let mut service = limited(&layer);
    for _ in 0..3 {
        assert!(is_ready(&mut service).await, "a place was lost");
        let mut refused = Box::pin(service.call(form(Some(SECRET), "a=b")));
        let poll = poll_fn(|cx| {
            let poll = AssertUnwindSafe(|| refused.as_mut().poll(cx).map(drop));
            Poll::Ready(std::panic::catch_unwind(poll))
        });
        assert!(poll.await.is_err());
        drop(refused);
        let served = service.ready().await.unwrap().call(good()).await.unwrap();
        assert_eq!(served.status(), 200);
    }
}
