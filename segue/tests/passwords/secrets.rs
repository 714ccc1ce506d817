//! Neither passwords nor hashes show themselves.

use segue::passwords::{Checked, PasswordErrorKind};

use crate::log::Log;
use crate::{ALL, BCRYPT, SHA256, passwords, preferring};

const PASSWORD: &str = "nobody may see this one";

#[tokio::test]
async fn neither_debug_nor_errors_nor_the_log_show_a_password_or_a_hash() {
    let log = Log::start();
    let mut seen = String::new();
    for hasher in ALL {
        let ours = preferring(hasher);
        let encoded = ours.make(PASSWORD).await.unwrap();
        let checked = ours.check(PASSWORD, &encoded).await.unwrap();
        assert_eq!(checked, Checked::Correct);
        // No longer in the form of its hasher; a hasher that is not listed; a wrong password.
        let broken = encoded.replace('$', "$$");
        for encoded in [&broken, &format!("x{encoded}"), &encoded] {
            let checked = passwords(&[hasher]).check(PASSWORD, encoded).await.unwrap();
            let nobody = ours.check("", encoded).await.unwrap();
            seen += &format!("{checked:?} {nobody:?}");
        }
        seen += &format!("{ours:?} {ours:#?}");
        let secret = encoded.split('$').next_back().unwrap();
        seen += &log.take();
        assert!(!seen.contains(secret), "{seen}");
    }
    let plain = preferring(BCRYPT);
    let error = plain.make(&PASSWORD.repeat(4)).await.unwrap_err();
    assert_eq!(error.kind(), PasswordErrorKind::TooLong);
    seen += &format!("{error} {error:?} {}", segue::describe(&error));
    let problems = plain.validate(&PASSWORD[..7], &[("username", PASSWORD)]).unwrap_err();
    seen += &format!("{problems:?}");
    assert!(seen.contains("cannot be checked") && seen.contains("pbkdf2_sha256"), "{seen}");
    assert!(!seen.contains("nobody"), "{seen}");
}

#[tokio::test]
async fn the_log_says_what_is_wrong_once_for_each_check() {
    let log = Log::start();
    let ours = preferring(SHA256);
    assert_eq!(ours.check(PASSWORD, "pbkdf2_sha256$x").await.unwrap(), Checked::Wrong);
    assert_eq!(log.take().lines().count(), 1);
}
