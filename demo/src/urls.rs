//! Which path shows what.

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use minijinja::context;
use segue::Settings;

use crate::student::views;
use crate::templates::{PageError, Templates};

/// The routes of the project.
pub fn urlpatterns(settings: &Settings) -> Router {
    Router::new()
        .route("/", get(views::index))
        .route("/set/", get(views::setsession).post(views::setsession_from_form))
        .route("/get/", get(views::getsession))
        .route("/del/", get(views::delsession).post(views::delsession))
        .route("/flush/", post(views::flushsession))
        .route("/static/style.css", get(stylesheet))
        .fallback(not_found)
        .with_state(Templates::new(settings))
}

async fn stylesheet() -> impl IntoResponse {
    // Within the program there is no path that a visitor could bend.
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("../static/style.css"))
}

async fn not_found(State(templates): State<Templates>) -> Result<Response, PageError> {
    let page = templates.render("404.html", context! {})?;
    Ok((StatusCode::NOT_FOUND, page).into_response())
}
