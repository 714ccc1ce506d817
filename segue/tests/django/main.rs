//! Segue and a real Django on one database: each reads what the other wrote, in both directions.
//!
//! The Django is 5.2, in a Python process of its own (`side.py`); `cargo xtask test` installs it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody imports it"
)]

mod admin;
mod auth_servers;
mod between;
#[path = "../common/mod.rs"]
mod common;
mod csrf;
mod csrf_cases;
mod csrf_servers;
mod engines;
mod expiry;
mod hosts;
mod http;
mod limits;
mod names;
#[cfg(feature = "auth")]
mod passwords;
mod place;
mod project_apps;
mod schema;
mod secrets;
mod servers;
#[cfg(feature = "auth")]
mod settings;
mod side;
mod under_way;
#[cfg(feature = "auth")]
mod user_forms;
#[cfg(feature = "auth")]
mod users;
mod values;
