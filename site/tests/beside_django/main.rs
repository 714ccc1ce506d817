//! The commands on a database that a real Django made and filled, and what that Django sees of it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody imports it"
)]

#[path = "../common/mod.rs"]
mod common;
#[path = "../../../segue/tests/django/side.rs"]
#[allow(dead_code, reason = "a part of it is used here")]
mod side;

mod sessions;
