//! The site of the example: one page, and what answers its forms and scripts.

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Form, Json, Multipart};
use axum::http::header::CONTENT_TYPE;
use axum::response::{Html, Result};
use axum::routing::{get, post};
use segue::engines::MemoryStore;
use segue::templates::{self, context};
use segue::{Settings, Site, Templates};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// How large an upload may be. axum's own limit is 2 MB.
const LARGEST_UPLOAD: usize = 64 * 1024 * 1024;

/// What the forms and the script send.
#[derive(Deserialize)]
struct Order {
    drink: String,
}

/// The site, with the templates in this folder. htmx comes from this file, or from the network.
///
/// Nothing here refuses anything: the protection is around all routes.
pub(crate) fn site(folder: &Path, htmx: Option<&Path>) -> Result<Router, Box<dyn Error>> {
    let mut settings = Settings::new("fifty random characters, from a safe place, not from here");
    settings.base_dir = folder.to_owned();
    settings.allowed_hosts = ["127.0.0.1", "localhost"].map(str::to_owned).to_vec();
    settings.debug = true; // A refusal says why.
    settings.session.cookie_secure = false; // Only until there is https.
    settings.csrf.cookie_secure = false;

    let mut environment = templates::environment(&settings);
    environment.add_global("htmx_file", htmx.is_some());
    let mut routes = Router::new()
        .route("/", get(page))
        .route("/form/", post(form))
        .route("/upload/", post(upload).layer(DefaultBodyLimit::max(LARGEST_UPLOAD)))
        .route("/json/", post(json))
        .route("/htmx/", post(fragment))
        .route("/page.js", script(include_str!("page.js").to_owned()))
        .route("/style.css", get(stylesheet));
    if let Some(htmx) = htmx {
        let text = std::fs::read_to_string(htmx);
        let text = text.map_err(|error| format!("{}: {error}", htmx.display()))?;
        routes = routes.route("/htmx.js", script(text));
    }
    let routes = routes.with_state(Templates::from_environment(environment));
    Ok(Site::with_store(&settings, MemoryStore::new(), routes)?.into_router())
}

async fn page(templates: Templates) -> Result<Html<String>> {
    Ok(templates.render("index.html", context! { answer => () })?)
}

async fn form(templates: Templates, Form(order): Form<Order>) -> Result<Html<String>> {
    let answer = format!("The server took an order from a form: {}.", order.drink);
    Ok(templates.render("index.html", context! { answer })?)
}

/// Never holds more of the file than a piece: it comes as it is sent.
async fn upload(templates: Templates, mut parts: Multipart) -> Result<Html<String>> {
    let mut answer = "The server took an upload without a file.".to_owned();
    while let Some(mut part) = parts.next_field().await? {
        let name = part.file_name().unwrap_or_default().to_owned();
        if name.is_empty() {
            continue; // The token, or nothing was chosen.
        }
        let (mut size, mut digest) = (0, Sha256::new());
        while let Some(piece) = part.chunk().await? {
            size += piece.len();
            digest.update(&piece);
        }
        answer = format!("The server took the file {name}: {size} bytes, SHA-256 ");
        for byte in digest.finalize() {
            let _ = write!(answer, "{byte:02x}"); // A text takes anything.
        }
    }
    Ok(templates.render("index.html", context! { answer })?)
}

async fn json(Json(order): Json<Order>) -> String {
    format!("The server took an order from a script: {}.", order.drink)
}

async fn fragment(templates: Templates, Form(order): Form<Order>) -> Result<Html<String>> {
    Ok(templates.render("taken.html", context! { drink => order.drink })?)
}

fn script(text: String) -> axum::routing::MethodRouter<Templates> {
    get(async move || ([(CONTENT_TYPE, "text/javascript; charset=utf-8")], text))
}

async fn stylesheet() -> impl axum::response::IntoResponse {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("style.css"))
}
