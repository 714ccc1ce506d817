//! The words for what databases that are servers have in common.

pub(super) fn read_only(name: &str) -> String {
    format!(
        "the database {name} is a replica or read-only: DATABASE_URL must name the server that \
         writes"
    )
}

pub(super) fn too_many_connections(name: &str) -> String {
    format!(
        "the database {name} has no connection to spare: lower max_connections in DATABASE_URL, or \
         raise the server's own limit"
    )
}

pub(super) fn too_slow(name: &str) -> String {
    format!("a statement took too long in the database {name}, or waited too long for another")
}

pub(super) fn unsafe_connection(name: &str) -> String {
    format!(
        "no safe connection to the database {name}: does its certificate fit DATABASE_URL (sslmode \
         and sslrootcert, ssl-mode and ssl-ca)?"
    )
}

pub(super) fn access_denied(name: &str) -> String {
    format!(
        "the database {name} does not let this user in: look at the name and password in \
             DATABASE_URL"
    )
}
