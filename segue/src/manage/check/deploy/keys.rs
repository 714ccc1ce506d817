//! The secret keys, and whether this is a developer's machine.

use super::Finding;
use crate::secret::SecretKey;
use crate::settings::Settings;

/// What the documents show in the place of a key, with blanks or hyphens. Some copy it.
const EXAMPLES: [&str; 2] =
    ["from a safe place", "key of fifty random characters and more of them"];

const MEND: &str = "give it 50 random characters and more (`openssl rand -base64 48` prints 64), and \
                    keep the old one in SECRET_KEY_FALLBACKS until nobody needs it";

pub(super) fn findings(settings: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    let keys = &settings.secret_keys;
    if let Some(why) = weakness(&keys.current) {
        let message = format!("SECRET_KEY {why}.");
        let risk = "whoever guesses it can make sessions and links for new passwords, and be \
                    anybody";
        findings.push(Finding::warning("security.W009", "SECRET_KEY", message, risk, MEND));
    }
    for (place, key) in keys.fallbacks.iter().enumerate() {
        let setting = format!("SECRET_KEY_FALLBACKS[{place}]");
        if let Some(why) = weakness(key) {
            let message = format!("{setting} {why}.");
            let risk = "what it signed is still believed, so whoever guesses it can be anybody";
            let mend = "remove it as soon as what it signed has expired";
            findings.push(Finding::warning("security.W025", &setting, message, risk, mend));
        }
        if *key == keys.current {
            let message = format!("{setting} is SECRET_KEY once more.");
            let risk = "the key was not replaced: whoever had the old one has this one";
            let mend = "give SECRET_KEY another value, and keep the old one here";
            findings.push(Finding::warning("segue.W018", &setting, message, risk, mend));
        }
    }
    let key = &keys.current;
    let shared = [
        ("DATABASE_URL", settings.database_url.has_password(key)),
        ("CACHES", settings.caches.values().any(|cache| cache.location.has_password(key))),
    ];
    for (setting, _) in shared.into_iter().filter(|(_, is_shared)| *is_shared) {
        let message = format!("SECRET_KEY is the password in {setting} as well.");
        let risk = "whoever gets one of them, from a backup or a log, has the other";
        let mend = "give each a value of its own";
        findings.push(Finding::warning("segue.W018", "SECRET_KEY", message, risk, mend));
    }
    if settings.debug {
        let risk = "cookies travel over plain http, and pages of errors show what is inside";
        let mend = "DEBUG = false";
        findings.push(Finding::warning("security.W018", "DEBUG", "DEBUG is on.", risk, mend));
    }
    findings
}

/// Why a key is weak, if it is: Django's rules, and what stands in the documents.
fn weakness(key: &SecretKey) -> Option<&'static str> {
    let text = key.expose();
    let words = text.replace('-', " ");
    if EXAMPLES.iter().any(|example| words.contains(example)) {
        return Some("is the example of the documents");
    }
    if !key.is_weak() {
        return None;
    }
    Some(if text.starts_with("django-insecure-") {
        "was made for development (it begins with django-insecure-)"
    } else if text.chars().count() < 50 {
        "is short: it has less than 50 characters"
    } else {
        "has less than 5 different characters"
    })
}
