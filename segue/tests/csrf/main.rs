//! What CSRF protection promises: who is refused and why, what the handler gets, what the browser
//! is given.

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

mod attacks;
mod bodies;
mod cookies;
mod extractors;
mod fetch_metadata;
mod pages;
mod places;
mod requests;
mod routers;
mod services;
mod session_attacks;
mod sessions;
mod site;
mod streams;
mod vectors;
mod wire;
