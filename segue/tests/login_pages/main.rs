//! The pages of the login, through a whole `Site` on a database of its own, and what attackers do there.

#![cfg(feature = "full")]
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
mod engines;
mod floods;
mod limits;
mod login;
mod logout;
mod members;
mod password_change;
mod races;
mod redirects;
mod site;
mod templates;
mod throttle;
mod wiring;
