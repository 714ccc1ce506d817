//! `APPEND_SLASH`.

use std::fmt::Write as _;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::Routes;
use crate::body::ResponseBody;

/// Sends who asks for `/set` to `/set/` where only that has a route: not before it is known that
/// there is no page, and only who reads.
///
/// Source: `CommonMiddleware` in `django/middleware/common.py`.
#[derive(Clone, Debug)]
pub(crate) struct AppendSlash(Option<Arc<Routes>>);

impl AppendSlash {
    /// Among these routes; without any it does nothing.
    pub(crate) fn new(routes: Option<Arc<Routes>>) -> Self {
        Self(routes)
    }
}

impl<S> Layer<S> for AppendSlash {
    type Service = SlashAppender<S>;

    fn layer(&self, inner: S) -> Self::Service {
        SlashAppender { inner, routes: self.0.clone() }
    }
}

/// A service whose visitors may forget a slash.
#[derive(Clone, Debug)]
pub(crate) struct SlashAppender<S> {
    inner: S,
    routes: Option<Arc<Routes>>,
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for SlashAppender<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, ResBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let may = matches!(*request.method(), Method::GET | Method::HEAD)
            && !request.uri().path().ends_with('/');
        let routes = self.routes.clone().filter(|_| may);
        let asked = routes.map(|routes| (routes, request.uri().clone()));
        ResponseFuture { step: Step::Handling { inner: self.inner.call(request), asked } }
    }
}

/// Whether the visitor is to be sent on, and where.
type Look = Pin<Box<dyn Future<Output = Option<HeaderValue>> + Send>>;

pin_project! {
    /// The response of a service whose visitors may forget a slash.
    #[must_use = "a future does nothing until it is polled"]
    pub(crate) struct ResponseFuture<F, B> {
        #[pin]
        step: Step<F, B>,
    }
}

pin_project! {
    #[project = StepProjection]
    enum Step<F, B> {
        /// The inner service works on the request.
        Handling { #[pin] inner: F, asked: Option<(Arc<Routes>, Uri)> },
        /// There is no such page.
        Looking { look: Look, response: Option<Response<B>> },
    }
}

impl<F, B, E> Future for ResponseFuture<F, B>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<ResponseBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut step = self.project().step;
        loop {
            let next = match step.as_mut().project() {
                StepProjection::Handling { inner, asked } => {
                    let response = ready!(inner.poll(cx))?;
                    match asked.take() {
                        Some((routes, uri)) if response.status() == StatusCode::NOT_FOUND => {
                            let look = Box::pin(async move { with_slash(&routes, &uri).await });
                            Step::Looking { look, response: Some(response) }
                        }
                        _ => return Poll::Ready(Ok(response.map(ResponseBody::inner))),
                    }
                }
                StepProjection::Looking { look, response } => {
                    let location = ready!(look.as_mut().poll(cx));
                    let Some(response) = response.take() else { return Poll::Pending };
                    return Poll::Ready(Ok(match location {
                        Some(location) => moved(location, response),
                        None => response.map(ResponseBody::inner),
                    }));
                }
            };
            step.set(next);
        }
    }
}

async fn with_slash(routes: &Routes, uri: &Uri) -> Option<HeaderValue> {
    let path = format!("{}/", uri.path());
    if routes.have(uri.path()).await || !routes.have(&path).await {
        return None;
    }
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    HeaderValue::from_str(&format!("{}{}", local(&path), encoded(&query))).ok()
}

/// The path as it may stand in `Location`. Two slashes at its beginning would name another host,
/// and browsers take `\` for a slash.
///
/// Source: `escape_leading_slashes` in `django/utils/http.py`.
fn local(path: &str) -> String {
    let path = encoded(&path.replace('\\', "%5C"));
    match path.strip_prefix("//") {
        Some(rest) => format!("/%2F{rest}"),
        None => path,
    }
}

/// With everything that is not ASCII as it is sent.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() {
            encoded.push(char::from(byte));
        } else {
            // Writing to a text does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// A 301 in the place of the page, with what else the page brought, a cookie for example.
fn moved<B>(location: HeaderValue, response: Response<B>) -> Response<ResponseBody<B>> {
    let (mut parts, _) = response.into_parts();
    parts.status = StatusCode::MOVED_PERMANENTLY;
    for name in [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::CONTENT_ENCODING] {
        parts.headers.remove(name);
    }
    parts.headers.insert(header::LOCATION, location);
    Response::from_parts(parts, ResponseBody::page(String::new()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_stays_on_this_host() {
        for (path, expected) in [
            ("/set/", "/set/"),
            ("//evil.example/", "/%2Fevil.example/"),
            ("///evil.example/", "/%2F/evil.example/"),
            ("/\\evil.example/", "/%5Cevil.example/"),
            ("/é/", "/%C3%A9/"),
            ("/a%20b/", "/a%20b/"),
        ] {
            assert_eq!(local(path), expected);
        }
    }
}
