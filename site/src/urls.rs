//! Which path shows what.

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Result};
use axum::routing::{get, post};
use segue::{Settings, Templates, auth};

use crate::student::views;

/// The routes of the project.
pub fn urlpatterns(settings: &Settings) -> Router {
    Router::new()
        .route("/", get(views::index))
        .route("/set/", get(views::setsession).post(views::setsession_from_form))
        .route("/get/", get(views::getsession))
        .route("/del/", get(views::delsession).post(views::delsession))
        .route("/flush/", post(views::flushsession))
        .route("/members/", get(views::members))
        .route("/health/", get(views::health))
        .nest("/accounts", auth::views::urls())
        .route("/static/style.css", get(stylesheet))
        .fallback(not_found)
        .with_state(Templates::new(settings))
}

async fn stylesheet() -> impl IntoResponse {
    // Within the program there is no path that a visitor could bend.
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("../static/style.css"))
}

/// Without a form, so it needs no token of the visitor's.
async fn not_found(State(templates): State<Templates>) -> Result<impl IntoResponse> {
    Ok((StatusCode::NOT_FOUND, templates.render("404.html", ())?))
}
