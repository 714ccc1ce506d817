//! Passwords: Django's hashes and validators.
