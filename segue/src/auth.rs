//! Login on the session.
