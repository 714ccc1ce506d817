//! A server of somebody else, whose pages the visitor is lured to.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::response::Html;
use tokio::net::TcpListener;

use crate::page::Page;

/// It listens where the site does, on another port. By the name that the site has too it is another
/// origin of the same *site*, to which browsers send the same cookies; by another name, another site.
pub(crate) struct Attacker {
    port: u16,
    page: Arc<Mutex<String>>,
}

/// What a form is written as; the last is no form for the server, and needs no leave of it either.
pub(crate) const ENCODINGS: [&str; 3] =
    ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"];

impl Attacker {
    pub(crate) async fn start() -> Self {
        let page = Arc::new(Mutex::new(String::new()));
        let served = Arc::clone(&page);
        let app = Router::new().fallback(async move || Html(served.lock().unwrap().clone()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { port, page }
    }

    pub(crate) fn other_site(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    pub(crate) fn other_origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The visitor opens this page, at one of the addresses.
    pub(crate) async fn lure(&self, page: &Page, address: &str, html: &str) {
        html.clone_into(&mut self.page.lock().unwrap());
        page.client.goto(address).await.unwrap();
    }
}

/// A form that sends itself.
pub(crate) fn form(action: &str, encoding: &str, fields: &str) -> String {
    format!(
        "<form method=\"post\" action=\"{action}\" enctype=\"{encoding}\" target=\"_top\">\
         <input name=\"name\" value=\"evil\">{fields}</form>\
         <script>document.forms[0].submit()</script>"
    )
}

/// A page without an origin, which browsers call `null`: in a frame that must not use its site's.
pub(crate) fn sandboxed(html: &str) -> String {
    let html = html.replace('&', "&amp;").replace('"', "&quot;");
    let may = "allow-forms allow-scripts allow-top-navigation";
    format!("<iframe sandbox=\"{may}\" srcdoc=\"{html}\"></iframe>")
}
