//! The Rust side of the shop in docs/sharing.md, which shows it from here on.

use std::process::ExitCode;

use axum::Router;
use axum::extract::Form;
use axum::response::{Html, Redirect, Result};
use axum::routing::{get, post};
use segue::auth::{Auth, LoginRequired, views};
use segue::manage::Project;
use segue::templates::context;
use segue::{Session, Settings, Templates};

#[derive(serde::Deserialize)]
struct Added {
    item: String,
}

async fn basket(session: Session, auth: Auth, templates: Templates) -> Result<Html<String>> {
    let name = auth.user().await?.map(|user| user.username.clone());
    let basket: Vec<String> = session.get("basket")?.unwrap_or_default();
    Ok(templates.render("basket.html", context! { side => "Rust", name, basket })?)
}

async fn add(session: Session, Form(added): Form<Added>) -> Result<Redirect> {
    session.update("basket", move |basket: Option<Vec<String>>| {
        [basket.unwrap_or_default(), vec![added.item.clone()]].concat()
    })?;
    Ok(Redirect::to("/rust/"))
}

async fn orders(LoginRequired(user): LoginRequired) -> String {
    format!("Orders of {user}, from Rust")
}

fn urlpatterns(settings: &Settings) -> Router {
    let below = Router::new()
        .route("/", get(basket))
        .route("/add/", post(add))
        .route("/orders/", get(orders))
        .nest("/accounts", views::urls());
    Router::new()
        .route("/basket/", get(basket))
        .nest("/rust/", below)
        .with_state(Templates::new(settings))
}

fn main() -> ExitCode {
    Project::new(env!("CARGO_MANIFEST_DIR"), urlpatterns).run()
}
