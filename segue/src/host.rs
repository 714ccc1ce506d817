//! The host names that a site serves: `ALLOWED_HOSTS`.
