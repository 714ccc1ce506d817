//! Sessions that are their cookie: `signed_cookies` and `encrypted_cookies`.

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
mod encrypted;
mod requests;
mod signed;
mod stores;

use segue::engines::{EncryptedCookieStore, SignedCookieStore};
use segue::{AnyStore, Clock, SessionKey, Settings};

/// Both engines, by their names.
fn stores(settings: &Settings, clock: &Clock) -> [(&'static str, AnyStore); 2] {
    let signed = SignedCookieStore::with_clock(settings, clock.clone()).unwrap();
    let encrypted = EncryptedCookieStore::with_clock(settings, clock.clone()).unwrap();
    [("signed", AnyStore::new(signed)), ("encrypted", AnyStore::new(encrypted))]
}

fn sealed(text: &str) -> SessionKey {
    SessionKey::sealed(text).unwrap()
}

/// Letters that compression cannot shorten much.
fn random_text(length: usize) -> String {
    let text: String = (0..=length / SessionKey::LENGTH)
        .map(|_| SessionKey::generate().unwrap().expose().to_owned())
        .collect();
    text[..length].to_owned()
}
