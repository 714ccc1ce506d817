//! Login on the session.

pub mod throttle;
