//! Login on the session: who is logged in, who may come in, and what a session of another is worth.
//!
//! The users are of a type of the test's own, in memory and counted; Django's are in `tests/users`.

#![cfg(feature = "auth")]
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

mod backends;
mod club;
mod costs;
mod guards;
mod login;
mod races;
mod signals;
mod trouble;
mod vectors;
