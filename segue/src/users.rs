//! Django's users, groups and permissions.
