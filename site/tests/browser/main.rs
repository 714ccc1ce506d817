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
#[path = "../../../segue/tests/django/side.rs"]
#[allow(dead_code, reason = "a part of it is used here")]
mod side;

mod example;
mod forgery;
mod login;
mod page;
mod processes;
mod sharing;
mod tabs;
mod visit;
