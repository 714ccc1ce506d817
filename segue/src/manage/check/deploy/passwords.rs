//! Passwords: how they are hashed, which will do, how often one may be tried.

use super::Finding;
use crate::settings::{PasswordHasher, Settings};

pub(super) fn findings(settings: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    if settings.throttle.limit == 0 {
        findings.push(Finding::warning(
            "segue.W009",
            "LOGIN_FAILURE_LIMIT",
            "LOGIN_FAILURE_LIMIT is 0.",
            "passwords can be guessed without end",
            "LOGIN_FAILURE_LIMIT = 10, which is the default",
        ));
    }
    let hashers = settings.passwords.hashers();
    if hashers.contains(&PasswordHasher::Md5) {
        findings.push(Finding::warning(
            "segue.W010",
            "PASSWORD_HASHERS",
            "PASSWORD_HASHERS has md5.",
            "whoever gets the table of users knows most of the passwords a day later",
            "take md5 out; users whose hashes are md5's then need new passwords",
        ));
    }
    if let Some(work) = hashers.first().and_then(missing_work) {
        findings.push(Finding::warning(
            "segue.W017",
            "PASSWORD_HASHERS",
            format!("PASSWORD_HASHERS begins with {work}."),
            "whoever gets the table of users guesses passwords faster than they should",
            "leave the work factors out: Django's are more; hashes are made anew at the next logins",
        ));
    }
    if settings.passwords.validators.is_empty() {
        findings.push(Finding::warning(
            "segue.W011",
            "AUTH_PASSWORD_VALIDATORS",
            "AUTH_PASSWORD_VALIDATORS is empty.",
            "any password will do, \"1\" for example",
            "remove the setting: the default is all four of Django's",
        ));
    }
    if settings.auth.login_url.starts_with("http://") {
        findings.push(Finding::warning(
            "segue.W024",
            "LOGIN_URL",
            format!("LOGIN_URL is {}, without https.", settings.auth.login_url),
            "passwords travel where anybody on the way can read them",
            "a path, or a URL with https://",
        ));
    }
    findings
}

/// A hasher whose work is less than OWASP's Password Storage Cheat Sheet asks for, and what is less.
/// PBKDF2 on SHA-1 is judged as on SHA-256: what is asked for there is more than Django's own.
fn missing_work(hasher: &PasswordHasher) -> Option<String> {
    let algorithm = hasher.algorithm();
    let (is_weak, work) = match *hasher {
        PasswordHasher::Pbkdf2Sha256 { iterations } | PasswordHasher::Pbkdf2Sha1 { iterations } => {
            (iterations < 600_000, format!("{iterations} iterations, under 600000"))
        }
        // The table of the cheat sheet has pairs, whose product is nearly the same.
        PasswordHasher::Argon2 { time_cost, memory_cost, .. } => (
            u64::from(time_cost) * u64::from(memory_cost) < 35_840,
            format!("{memory_cost} KiB gone through {time_cost} times, under 19456 and 2"),
        ),
        PasswordHasher::BcryptSha256 { rounds } | PasswordHasher::Bcrypt { rounds } => {
            (rounds < 10, format!("{rounds} rounds, under 10"))
        }
        PasswordHasher::Scrypt { work_factor, block_size, parallelism } => (
            u64::from(work_factor) * u64::from(block_size) * u64::from(parallelism) < 655_360,
            format!(
                "a work_factor of {work_factor}, a block_size of {block_size} and a parallelism of \
                 {parallelism}, under 16384, 8 and 5"
            ),
        ),
        // Has a warning of its own.
        PasswordHasher::Md5 => (false, String::new()),
    };
    is_weak.then(|| format!("{algorithm} and {work}"))
}
