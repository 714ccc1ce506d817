//! What the errors of Redis mean, in words that help to mend it.

use std::time::Duration;

use redis::{ErrorKind, RedisError, Value};

use crate::error::{StoreError, StoreErrorKind};

/// Why commands have no answer.
#[derive(Clone, Debug)]
pub(super) enum Trouble {
    /// The client's own error, or the server's.
    Driver(RedisError),
    /// The time was up.
    Late,
    /// So many wait already. Nothing was done.
    Overload(usize),
    /// Whoever was to send them is gone, and nobody knows what was done.
    Lost,
    /// What we say ourselves.
    Said(StoreErrorKind, String),
}

impl From<RedisError> for Trouble {
    fn from(error: RedisError) -> Self {
        Self::Driver(error)
    }
}

impl Trouble {
    pub(super) fn explain(self, place: &str, timeout: Duration) -> StoreError {
        match self {
            Self::Late => {
                let seconds = timeout.as_secs_f64();
                let text = format!("{place} did not answer within {seconds} s");
                StoreError::new(StoreErrorKind::Unavailable, text)
            }
            Self::Overload(queue) => {
                let text = format!(
                    "{queue} requests wait for {place}, and one more may not: it is too slow for \
                     what is asked of it, or ?queue= is too low"
                );
                StoreError::new(StoreErrorKind::Unavailable, text)
            }
            Self::Lost => {
                let text = format!("a request was on its way to {place} when its runtime ended");
                StoreError::new(StoreErrorKind::Unavailable, text)
            }
            Self::Said(kind, text) => StoreError::new(kind, text),
            Self::Driver(error) => {
                let (kind, text) = explain(&error, place);
                let explained = StoreError::new(kind, text);
                // It repeats the command that it does not know, with the key or the password.
                if is_unknown_command(&error) { explained } else { explained.with_source(error) }
            }
        }
    }
}

/// Whether a replica said this, or a server that is not ready: the master is elsewhere.
pub(super) fn is_from_no_master(answer: &Value) -> bool {
    matches!(answer, Value::ServerError(error)
        if ["READONLY", "MASTERDOWN", "LOADING"].contains(&error.code()))
}

/// Whether the server does not have a script (any more).
pub(super) fn is_unknown_script(error: &StoreError) -> bool {
    said(error).is_some_and(|error| error.code() == Some("NOSCRIPT"))
}

/// Whether the server refused a command that a script can do: one that it does not know, or one that may not
/// replace a value while there is no memory.
pub(super) fn is_for_the_script(error: &StoreError) -> bool {
    said(error).is_some_and(|error| error.code() == Some("OOM") || is_syntax(error.detail()))
}

/// Whether a server that does not know a command's options says this.
pub(super) fn is_syntax(detail: Option<&str>) -> bool {
    detail.is_some_and(|text| text.contains("syntax error"))
}

/// What the server itself said.
fn said(error: &StoreError) -> Option<&RedisError> {
    std::error::Error::source(error)?.downcast_ref()
}

fn is_unknown_command(error: &RedisError) -> bool {
    error.kind() == ErrorKind::RESP3NotSupported
        || error.detail().is_some_and(|text| text.to_ascii_lowercase().contains("unknown command"))
}

fn explain(error: &RedisError, place: &str) -> (StoreErrorKind, String) {
    use StoreErrorKind::{Corrupt, Refused, Unavailable};
    if is_unknown_command(error) {
        let mend = "is too old, or a proxy is before it: Redis 6.2 or Valkey is needed";
        return (Refused, format!("{place} {mend}"));
    }
    let detail = error.detail().unwrap_or_default();
    if detail.contains("WRONGTYPE") {
        // Redis before 7 says so within the error of a script.
        return (Corrupt, format!("{place} holds something under this name that no cache wrote"));
    }
    match error.code().unwrap_or_default() {
        "WRONGTYPE" => {
            (Corrupt, format!("{place} holds something under this name that no cache wrote"))
        }
        "READONLY" => (
            Unavailable,
            format!(
                "{place} is a replica, which may be behind: name the master, or \
                 redis+sentinel://host,host/mastername, which finds it"
            ),
        ),
        "NOAUTH" => (Refused, format!("{place} wants a password: redis://user:password@host")),
        "WRONGPASS" => (Refused, format!("{place} does not accept this user and password")),
        "NOPERM" => (
            Refused,
            format!(
                "{place} does not permit this user what a cache does: GETEX, PTTL, SET, DEL, \
                     EVAL and EVALSHA on its names; with ?near= CLIENT TRACKING and WAIT as well"
            ),
        ),
        "OOM" => (
            Refused,
            format!("{place} has no memory left: raise maxmemory, or let it evict something"),
        ),
        "NOREPLICAS" => (
            Unavailable,
            format!("{place} has fewer replicas than its min-replicas-to-write asks for"),
        ),
        "MISCONF" => {
            (Refused, format!("{place} takes no writes because it cannot save to its disk"))
        }
        "LOADING" => (Unavailable, format!("{place} is still reading its data from the disk")),
        "BUSY" => (Unavailable, format!("{place} is busy with a script")),
        "MASTERDOWN" => (Unavailable, format!("{place} is a replica that has lost its master")),
        code @ ("MOVED" | "ASK" | "TRYAGAIN" | "CLUSTERDOWN" | "CROSSSLOT") => {
            (Unavailable, cluster_words(code, place))
        }
        _ if error.kind() == ErrorKind::AuthenticationFailed => {
            (Refused, format!("{place} does not accept this user and password"))
        }
        _ if detail.contains("DB index is out of range") => {
            (Refused, format!("{place} has no database of this number"))
        }
        _ if detail.contains("max number of clients") => {
            (Unavailable, format!("{place} has as many connections as it takes"))
        }
        _ if error.is_connection_refusal() => {
            (Unavailable, format!("{place} refuses connections: does it run, and there?"))
        }
        _ if is_certificate(error) => (
            Refused,
            format!(
                "{place} has a certificate that is not trusted: ?sslrootcert=/path/to/authority.pem"
            ),
        ),
        "" if error.is_io_error() => (Unavailable, format!("the connection to {place} broke")),
        "" => (Unavailable, format!("{place} failed")),
        code => (Unavailable, format!("{place} failed with {code}")),
    }
}

fn cluster_words(code: &str, place: &str) -> String {
    if place.contains("Cluster") {
        let reason = if code == "CLUSTERDOWN" { "has lost nodes" } else { "is moving names about" };
        format!("{place} {reason}: it says {code}")
    } else {
        format!("{place} is one node of a cluster: redis+cluster://host,host ({code})")
    }
}

/// It is wrapped in several errors that are not to be had from outside, so its text must do.
fn is_certificate(error: &RedisError) -> bool {
    error.to_string().contains("invalid peer certificate")
}
