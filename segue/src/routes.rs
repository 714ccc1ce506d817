//! Which paths have a route, asked without calling what is behind them.

mod append_slash;

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::{StatusCode, Uri};
use tower_layer::Layer;
use tower_service::Service;

pub(crate) use append_slash::append_slash;

/// The routes of a site, each of which answers that it is there and does nothing. What a fallback
/// would answer is no route.
#[derive(Clone, Debug, Default)]
pub(crate) struct Routes(Router);

impl Routes {
    pub(crate) fn of(router: Router) -> Self {
        let router = router.reset_fallback();
        // axum takes a layer around no routes for a mistake.
        Self(if router.has_routes() { router.route_layer(Here) } else { router })
    }

    /// Whether a route has this path, whatever its methods.
    pub(crate) async fn have(&self, path: &str) -> bool {
        let Ok(uri) = Uri::try_from(path) else { return false };
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = uri;
        match self.0.clone().call(request).await {
            Ok(answer) => answer.status() == Here::STATUS,
            Err(never) => match never {},
        }
    }
}

/// Stands in the place of every route.
#[derive(Clone, Copy)]
struct Here;

impl Here {
    const STATUS: StatusCode = StatusCode::NO_CONTENT;
}

impl<S> Layer<S> for Here {
    type Service = Self;

    fn layer(&self, _: S) -> Self::Service {
        *self
    }
}

impl Service<Request> for Here {
    type Response = Response;
    type Error = Infallible;
    type Future = Ready<Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request) -> Self::Future {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = Self::STATUS;
        ready(Ok(response))
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::{any, get, post};

    use super::*;

    async fn never() {
        panic!("a handler ran");
    }

    async fn never_through(_: Request) -> Request {
        panic!("a layer ran");
    }

    #[tokio::test]
    async fn a_path_is_looked_up_and_no_handler_runs() {
        let api = Router::new().route("/users", get(never)).fallback(never);
        let router = Router::new()
            .route("/", get(never))
            .route("/set/", post(never))
            .route("/user/{id}", get(never).layer(axum::middleware::map_request(never_through)))
            .nest("/api", api)
            .nest_service("/files", any(never))
            .fallback(never)
            .method_not_allowed_fallback(never)
            .layer(axum::middleware::map_request(never_through));
        let routes = Routes::of(router);
        for path in ["/", "/set/", "/user/1", "/api/users", "/files", "/files/", "/files/a/b"] {
            assert!(routes.have(path).await, "{path}");
        }
        for path in ["", "*", "/set", "//", "/user/", "/user/1/", "/api", "/api/x", "no path"] {
            assert!(!routes.have(path).await, "{path}");
        }
        assert!(!Routes::of(Router::new().fallback(never)).have("/").await);
    }
}
