//! The site as a project in the current folder, for the tests of what becomes of a project's files,
//! and with pages that go wrong.

use std::process::ExitCode;

use axum::Router;
use axum::response::{Html, Result};
use axum::routing::get;
use segue::manage::Project;
use segue::{Settings, Templates};
use site::urls;

fn main() -> ExitCode {
    let here = std::env::current_dir().unwrap_or_default();
    Project::new(here, |settings| urls::urlpatterns(settings).merge(broken(settings))).run()
}

/// The site is not what it should be with a cookie of this name.
const BROKEN: &str = "broken";

fn broken(settings: &Settings) -> Router {
    assert_ne!(settings.session.cookie_name, BROKEN, "no routes for this cookie");
    Router::new()
        .route("/panics/", get(panics))
        .route("/page/", get(page))
        .with_state(Templates::new(settings))
}

#[expect(clippy::expect_used, reason = "to go wrong is what it is for")]
async fn panics() -> String {
    std::env::var("NOT_SET").expect("there is a name")
}

/// A page whose template a test writes.
async fn page(templates: Templates) -> Result<Html<String>> {
    Ok(templates.render("page.html", ())?)
}
