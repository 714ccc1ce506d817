//! Which path shows what.

use axum::Router;
use axum::routing::any;
use segue::{Settings, Templates};

use crate::student::views;

/// The routes of the project.
pub fn urlpatterns(settings: &Settings) -> Router {
    Router::new()
        .route("/", any(views::index))
        .route("/set/", any(views::setsession))
        .route("/get/", any(views::getsession))
        .route("/del/", any(views::delsession))
        .with_state(Templates::new(settings))
}
