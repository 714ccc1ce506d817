//! The front page of a project that has none yet.

use axum::response::Response;
use http::StatusCode;
use http::response::Parts;

use super::{page, respond};

/// What to do next, and how it is said.
const STEPS: [(&str, &str); 3] = [
    (
        "Make an app",
        "`cargo run -- startapp NAME --register` makes `src/NAME.rs` and `src/NAME`, with its views and \
         migrations, and adds it to `src/lib.rs`.",
    ),
    (
        "Give it a path",
        "Write a view `index` in `src/NAME/views.rs`, and add a route in `src/urls.rs`: \
         `.route(\"/\", get(NAME::views::index))`.",
    ),
    ("Make the tables", "`cargo run -- migrate`, if you have not done it yet."),
];

/// It worked, which a 404 would not say.
pub(super) fn answer(wants_page: bool, mut parts: Parts) -> Response {
    parts.status = StatusCode::OK;
    respond(wants_page, parts, html, text)
}

fn html() -> String {
    let steps: String = STEPS
        .iter()
        .map(|(title, how)| format!("<li><strong>{title}.</strong> {}</li>\n", page::prose(how)))
        .collect();
    let version = env!("CARGO_PKG_VERSION");
    page::frame(
        "It works",
        &format!(
            "<header class=\"good\">\n<p class=\"kind\">Segue {version}</p>\n<h1>It works</h1>\n\
             <p class=\"message\">Your project is served, and has no page at <code>/</code> yet.</p>\n\
             </header>\n<section>\n<h2>What comes next</h2>\n<ol>\n{steps}</ol>\n</section>\n"
        ),
    )
}

fn text() -> String {
    let steps: String = STEPS.iter().map(|(title, how)| format!("- {title}. {how}\n")).collect();
    format!("It works. Your project is served, and has no page at / yet.\n\n{steps}")
}
