//! Templates, and the token in them: Django's tag, asked for when it is written.

#![cfg(feature = "templates")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody imports it"
)]

#[path = "../common/mod.rs"]
mod common;
mod environments;
mod handlers;
mod tags;

use std::fs;

use axum::Router;
use axum::response::{Html, Result};
use axum::routing::{MethodRouter, get};
use segue::templates::Value;
use segue::{CsrfLayer, Settings, Templates};
use tempfile::TempDir;

use common::Answer;

/// Letters in Django's order, which a token depends on.
const ALPHABET: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// A site's folder with templates.
struct Folder(TempDir);

impl Folder {
    fn new(templates: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        fs::create_dir(folder.0.path().join("templates")).unwrap();
        for (name, source) in templates {
            folder.write(name, source);
        }
        folder
    }

    fn write(&self, name: &str, source: &str) {
        let path = self.0.path().join("templates").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, source).unwrap();
    }

    fn settings(&self) -> Settings {
        let mut settings = common::settings();
        settings.base_dir = self.0.path().to_owned();
        settings
    }

    fn templates(&self) -> Templates {
        Templates::new(&self.settings())
    }

    /// What a visitor with this cookie sees of `page.html`.
    async fn page(&self, context: impl Into<Value>, cookie: Option<&str>) -> Answer {
        let context = context.into();
        let page = async move |templates: Templates| -> Result<Html<String>> {
            Ok(templates.render("page.html", context)?)
        };
        self.serve(get(page), cookie).await
    }

    /// What a visitor with this cookie gets from this handler.
    async fn serve(&self, handler: MethodRouter<Templates>, cookie: Option<&str>) -> Answer {
        let app = Router::new()
            .route("/", handler)
            .with_state(self.templates())
            .layer(CsrfLayer::new(&self.settings()).unwrap());
        common::get(&app, "/", cookie).await
    }
}

/// The texts of 64 letters and digits in a page.
fn tokens(page: &str) -> Vec<&str> {
    page.split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter(|word| word.len() == 64)
        .collect()
}

/// The secret that a token hides. Source: `_unmask_cipher_token` in `django/middleware/csrf.py`.
fn unmask(token: &str) -> String {
    let place = |letter: &u8| ALPHABET.iter().position(|other| other == letter).unwrap();
    let (mask, cipher) = token.as_bytes().split_at(32);
    let letters = cipher.iter().zip(mask).map(|(cipher, mask)| {
        let shifted = ALPHABET.len() + place(cipher) - place(mask);
        char::from(ALPHABET[shifted % ALPHABET.len()])
    });
    letters.collect()
}

/// The page sets the cookie, and every token in it hides the cookie's secret.
#[track_caller]
fn assert_valid(answer: &Answer) {
    assert_eq!(answer.status, 200, "{answer:?}");
    let cookie = answer.cookie();
    let secret = cookie.strip_prefix("csrftoken=").unwrap();
    let tokens = tokens(&answer.body);
    assert!(!tokens.is_empty(), "no token in {:?}", answer.body);
    for token in tokens {
        assert_eq!(unmask(token), secret);
    }
    assert_eq!(answer.vary.as_deref(), Some("Cookie"));
}

/// The page asked for no token.
#[track_caller]
fn assert_unasked(answer: &Answer, body: &str) {
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, body));
    assert_eq!((answer.set_cookie.as_slice(), answer.vary.as_deref()), ([].as_slice(), None));
}
