//! Where sessions are, how long they live, and how forms are checked.

use super::Finding;
use crate::settings::{CacheUrl, CsrfMode, SessionEngine, Settings};

pub(super) fn findings(settings: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (session, csrf) = (&settings.session, &settings.csrf);
    let cache = settings.session_cache().map(|cache| &cache.location);
    let in_memory = match session.engine {
        SessionEngine::Memory => Some(("SESSION_ENGINE", "SESSION_ENGINE is \"memory\".")),
        SessionEngine::Cache if matches!(cache, Ok(CacheUrl::Memory(_))) => {
            Some(("CACHES", "The cache of the sessions is in memory."))
        }
        _ => None,
    };
    if let Some((setting, message)) = in_memory {
        let risk = "sessions end with the process, and no other one sees them";
        let mend = "another engine or cache, as soon as there are visitors";
        findings.push(Finding::warning("segue.W002", setting, message, risk, mend));
    }
    let copies = "a copy of the cookie stays good after a logout, until the session's deadline";
    let in_cookie = match session.engine {
        SessionEngine::SignedCookies => Some((
            "SESSION_ENGINE is \"signed_cookies\".",
            format!("{copies}, and the visitor can read all that the session holds"),
        )),
        SessionEngine::EncryptedCookies => {
            Some(("SESSION_ENGINE is \"encrypted_cookies\".", copies.to_owned()))
        }
        _ => None,
    };
    if let Some((message, risk)) = in_cookie {
        let mend = "an engine on a server, or a short SESSION_COOKIE_AGE and nothing in sessions \
                    that must count once";
        findings.push(Finding::warning("segue.W003", "SESSION_ENGINE", message, risk, mend));
    }
    if csrf.mode == CsrfMode::FetchMetadata {
        findings.push(Finding::warning(
            "segue.W006",
            "CSRF_MODE",
            "CSRF_MODE is \"fetch-metadata\".",
            "no form has to prove by a token that it comes from this site: what comes from no \
             browser, or an old one, passes",
            "CSRF_MODE = \"both\", or \"token\"",
        ));
    }
    let secure = session.cookie_secure || csrf.cookie_secure;
    for origin in csrf.trusted_origins.iter().filter(|origin| origin.starts_with("http://")) {
        if secure {
            findings.push(Finding::warning(
                "segue.W007",
                "CSRF_TRUSTED_ORIGINS",
                format!("CSRF_TRUSTED_ORIGINS has {origin}."),
                "anybody on the way to it can send forms in its name",
                "the same origin with https://, or none",
            ));
        }
    }
    if let Some(limit) = session.idle_timeout
        && i128::from(limit.as_secs()) >= i128::from(session.cookie_age)
    {
        findings.push(Finding::warning(
            "segue.W008",
            "SESSION_IDLE_TIMEOUT",
            format!(
                "SESSION_IDLE_TIMEOUT is {} and SESSION_COOKIE_AGE {}.",
                limit.as_secs(),
                session.cookie_age
            ),
            "a session ends by its age before it can have been unused for so long: the limit does \
             nothing",
            "a SESSION_IDLE_TIMEOUT that is shorter than SESSION_COOKIE_AGE",
        ));
    }
    findings
}
