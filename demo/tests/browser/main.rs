//! The demo's own program, used by a person: here by a headless Chromium.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test may panic"
)]

mod attacker;
#[path = "../common/mod.rs"]
mod common;

mod example;
mod forgery;
mod page;
mod processes;
mod visit;
