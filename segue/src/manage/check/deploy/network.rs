//! Stores over a network.

use super::Finding;
use crate::settings::{SessionEngine, Settings};

pub(super) fn findings(settings: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    let session_cache =
        matches!(settings.session.engine, SessionEngine::Cache | SessionEngine::CachedDatabase);
    let for_sessions = session_cache.then_some(settings.session.cache_alias.as_str());
    let mut used: Vec<&str> =
        for_sessions.into_iter().chain(settings.throttle.cache.as_deref()).collect();
    used.dedup();
    for alias in used {
        let Some(cache) = settings.caches.get(alias) else { continue };
        if let Some(host) = cache.location.open_to_a_network() {
            findings.push(Finding::warning(
                "segue.W022",
                "CACHES",
                format!(
                    "The cache {alias:?} is on another machine ({host}), and asks for no password."
                ),
                "whoever reaches it can read and write what is in it, and be any visitor",
                "a password (redis://:password@host) and TLS (rediss://), or a network that only \
                 this site's machines are in; memcached has neither",
            ));
        }
    }
    if let Some(host) = settings.database_url.trusts_the_network() {
        findings.push(Finding::warning(
            "segue.W023",
            "DATABASE_URL",
            format!(
                "The database is on another machine ({host}), whose certificate is not checked."
            ),
            "whoever is on the way can read what it answers, the hashes of passwords and sessions \
             among it, or answer in its place",
            "behind the URL sslmode=verify-full and sslrootcert for PostgreSQL, \
             ssl-mode=VERIFY_IDENTITY and ssl-ca for MySQL; or a network that only this site's \
             machines are in",
        ));
    }
    findings
}
