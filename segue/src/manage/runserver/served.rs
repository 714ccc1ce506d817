//! The site that is served now, in whose place another can be put.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio::sync::mpsc;
use tower_service::Service;

use super::log::Asked;
use crate::site::Site;

/// Answers each request with the site of that moment. A request that is under way ends in the site
/// in which it began.
#[derive(Clone)]
pub(super) struct Served(Arc<RwLock<Generation>>);

/// One site, from its start until another takes its place.
struct Generation {
    site: Site,
    router: Router,
    under_way: UnderWay,
    /// Hears when nothing is under way any more.
    done: mpsc::Receiver<Infallible>,
}

/// Held as long as a request is.
type UnderWay = mpsc::Sender<Infallible>;

impl Generation {
    fn new(site: Site) -> Self {
        let (under_way, done) = mpsc::channel(1);
        Self { router: site.clone().into_router(), site, under_way, done }
    }

    /// Closes the stores, once nobody uses them any more.
    async fn retire(self) {
        let Self { site, router, under_way, mut done } = self;
        drop((router, under_way));
        // Nothing is ever sent: it ends when the last request does.
        done.recv().await;
        site.close().await;
    }
}

impl Served {
    pub(super) fn new(site: Site) -> Self {
        Self(Arc::new(RwLock::new(Generation::new(site))))
    }

    /// Puts another site into the place of the present one, whose stores are closed when its last
    /// request has ended.
    pub(super) fn replace(&self, site: Site) {
        let mut before = Generation::new(site);
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut *current, &mut before);
        drop(current);
        tokio::spawn(before.retire());
    }

    /// Closes the stores of the present site.
    pub(super) async fn close(&self) {
        let site = self.0.read().unwrap_or_else(PoisonError::into_inner).site.clone();
        site.close().await;
    }
}

impl Service<Request> for Served {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // A router is always ready.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let asked = Asked::now(&request);
        let current = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (mut router, under_way) = (current.router.clone(), current.under_way.clone());
        drop(current);
        Box::pin(async move {
            let response = router.call(request).await?;
            asked.log(&response);
            Ok(response.map(|body| Body::new(HeldBody { body, _under_way: under_way })))
        })
    }
}

pin_project! {
    /// A body that may still need the stores while it is sent.
    struct HeldBody {
        #[pin]
        body: Body,
        _under_way: UnderWay,
    }
}

impl HttpBody for HeldBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.project().body.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
