//! Hashes: Django's worked examples, what is made anew, how many at once.

use segue::Settings;
use segue::passwords::{Checked, PasswordErrorKind, Passwords};
use segue::settings::PasswordHasher;
use serde_json::Value;

use crate::{ALL, BCRYPT, BCRYPT_SHA256, SHA256, passwords, preferring};

/// With nothing given: Django's defaults.
fn by_default() -> Passwords {
    Passwords::new(&Settings::new("secret")).unwrap()
}

#[tokio::test]
async fn the_vectors_are_verified_by_the_hashers_that_django_lists() {
    let all: Value = serde_json::from_str(include_str!("../vectors.json")).unwrap();
    let vectors = all["password_hashers"].as_object().unwrap();
    let listed = vectors["PASSWORD_HASHERS_default"].as_array().unwrap();
    let paths: Vec<&str> = listed.iter().map(|path| path.as_str().unwrap()).collect();
    let ours = by_default();
    let mut seen = 0;
    for (class, vector) in vectors {
        let Some(encoded) = vector["encoded"].as_str() else { continue };
        let password = vector["password"].as_str().unwrap();
        let is_listed = paths.iter().any(|path| path.ends_with(&format!(".{class}")));
        let expected = if is_listed { Checked::Correct } else { Checked::Wrong };
        assert_eq!(ours.check(password, encoded).await.unwrap(), expected, "{class}");
        assert_eq!(ours.check("letmein", encoded).await.unwrap(), Checked::Wrong, "{class}");
        let every = preferring(PasswordHasher::Md5);
        assert!(every.check(password, encoded).await.unwrap().is_correct(), "{class}");
        seen += 1;
    }
    assert_eq!(seen, ALL.len());
    let ten = vectors["pbkdf2_10_iters"].as_str().unwrap();
    assert_eq!(ours.check("letmein", ten).await.unwrap(), Checked::Correct);
    let (prefix, length) = (&vectors["unusable_prefix"], &vectors["unusable_suffix_length"]);
    let unusable = Passwords::make_unusable().unwrap();
    assert!(unusable.starts_with(prefix.as_str().unwrap()));
    assert_eq!(unusable.len() as u64, 1 + length.as_u64().unwrap());
}

#[tokio::test]
async fn a_hash_is_right_for_its_own_password_only() {
    let texts = ["correct horse", "", "pass\0word", "pass", "зоя 🔑 é", &"x".repeat(4096)];
    for hasher in ALL {
        let passwords = preferring(hasher);
        for password in texts {
            let made = passwords.make(password).await;
            if hasher.algorithm() == "bcrypt" && password.len() > 72 {
                let error = made.unwrap_err();
                assert_eq!(error.kind(), PasswordErrorKind::TooLong);
                assert!(error.to_string().contains("bcrypt_sha256"), "the way out is named");
                continue;
            }
            let encoded = made.unwrap();
            assert!(encoded.starts_with(&format!("{}$", hasher.algorithm())), "{encoded}");
            assert!(encoded.len() <= 128, "Django's column takes it: {encoded}");
            assert_ne!(encoded, passwords.make(password).await.unwrap(), "each has its salt");
            for other in texts {
                let expected = if other == password { Checked::Correct } else { Checked::Wrong };
                let checked = passwords.check(other, &encoded).await.unwrap();
                assert_eq!(checked, expected, "{other:?} for {password:?} by {hasher:?}");
            }
        }
    }
}

/// The first 72 bytes are not the password.
#[tokio::test]
async fn bcrypt_takes_no_password_for_its_beginning() {
    let (fits, longer) = ("y".repeat(72), "y".repeat(73));
    let plain = preferring(BCRYPT);
    let encoded = plain.make(&fits).await.unwrap();
    assert_eq!(plain.check(&fits, &encoded).await.unwrap(), Checked::Correct);
    assert_eq!(plain.check(&longer, &encoded).await.unwrap(), Checked::Wrong);
    plain.check_nobody(&longer).await.unwrap();
    let digesting = preferring(BCRYPT_SHA256);
    let encoded = digesting.make(&longer).await.unwrap();
    assert_eq!(digesting.check(&longer, &encoded).await.unwrap(), Checked::Correct);
    assert_eq!(digesting.check(&fits, &encoded).await.unwrap(), Checked::Wrong);
}

/// Each other work factor, algorithm and salt, as `must_update` of Django's hashers says.
#[tokio::test]
async fn what_password_hashers_would_make_otherwise_is_outdated() {
    for hasher in ALL {
        for maker in changed(hasher) {
            let encoded = preferring(maker).make("secret").await.unwrap();
            let ours = preferring(hasher);
            let expected = if maker == hasher { Checked::Correct } else { Checked::Outdated };
            assert_eq!(ours.check("secret", &encoded).await.unwrap(), expected, "{maker:?}");
            assert_eq!(ours.check("Secret", &encoded).await.unwrap(), Checked::Wrong, "{maker:?}");
        }
    }
}

/// The hasher itself, with each of its factors changed, and another hasher.
fn changed(hasher: PasswordHasher) -> Vec<PasswordHasher> {
    use PasswordHasher::{Argon2, Bcrypt, BcryptSha256, Md5, Pbkdf2Sha1, Pbkdf2Sha256, Scrypt};
    let mut all = match hasher {
        Pbkdf2Sha256 { .. } => {
            vec![Pbkdf2Sha256 { iterations: 9 }, Pbkdf2Sha256 { iterations: 11 }]
        }
        Pbkdf2Sha1 { .. } => vec![Pbkdf2Sha1 { iterations: 9 }],
        Argon2 { .. } => vec![
            Argon2 { time_cost: 2, memory_cost: 64, parallelism: 2 },
            Argon2 { time_cost: 1, memory_cost: 65, parallelism: 2 },
            Argon2 { time_cost: 1, memory_cost: 64, parallelism: 1 },
        ],
        BcryptSha256 { .. } => vec![BcryptSha256 { rounds: 5 }],
        Bcrypt { .. } => vec![Bcrypt { rounds: 5 }],
        Scrypt { .. } => vec![
            Scrypt { work_factor: 32, block_size: 8, parallelism: 1 },
            Scrypt { work_factor: 16, block_size: 9, parallelism: 1 },
            Scrypt { work_factor: 16, block_size: 8, parallelism: 2 },
        ],
        _ => Vec::new(),
    };
    all.push(hasher);
    all.push(if hasher == SHA256 { Md5 } else { SHA256 });
    all
}

#[tokio::test]
async fn a_short_salt_is_outdated_where_django_says_so() {
    for (password, hasher, encoded, expected) in [
        (
            "letmein",
            SHA256,
            "pbkdf2_sha256$10$seasalt$TOeZ7pKINBAsVjQI7XXDwBR9/JEQu0hiGLfT5Iw2/Y8=",
            Checked::Outdated,
        ),
        (
            "letmein",
            PasswordHasher::Md5,
            "md5$seasalt$f5531bef9f3687d0ccf0f617f0e25573",
            Checked::Outdated,
        ),
        // Every salt of theirs is as long as the next.
        (
            "letmèin",
            BCRYPT,
            "bcrypt$$2b$12$abcdefghijklmnopqrstuugzeffhNpl36W.7n7K77vJ.06pbKkcyu",
            Checked::Outdated,
        ),
        (
            "letmèin",
            PasswordHasher::Bcrypt { rounds: 12 },
            "bcrypt$$2b$12$abcdefghijklmnopqrstuugzeffhNpl36W.7n7K77vJ.06pbKkcyu",
            Checked::Correct,
        ),
    ] {
        let passwords = preferring(hasher);
        assert_eq!(passwords.check(password, encoded).await.unwrap(), expected, "{encoded}");
    }
}

/// An upgrade logs out the user's other devices, so nobody gets it unasked.
#[tokio::test]
async fn nothing_is_outdated_where_password_hashers_was_not_given() {
    let encoded = passwords(&[SHA256]).make("secret").await.unwrap();
    let given = Some(PasswordHasher::DEFAULTS.to_vec());
    for (hashers, expected) in [(None, Checked::Correct), (given, Checked::Outdated)] {
        let mut settings = Settings::new("secret");
        settings.passwords.hashers = hashers;
        let passwords = Passwords::new(&settings).unwrap();
        assert_eq!(passwords.check("secret", &encoded).await.unwrap(), expected);
    }
}

/// A hash that takes a second keeps the only slot, so the others wait, up to the bound.
#[tokio::test]
async fn when_too_many_wait_the_next_one_is_told_at_once() {
    let mut settings = Settings::new("secret");
    settings.passwords.hashing_limit = 1;
    let passwords = Passwords::new(&settings).unwrap();
    let slow = format!("pbkdf2_sha256$10000000$salt${}", "A".repeat(44));
    // Polled once, in order: the first gets the slot, the others the places.
    let (mut waiting, mut busy) = (Vec::new(), 0);
    for _ in 0..131 {
        let mut check = Box::pin(passwords.check("x", &slow));
        tokio::select! {
            biased;
            checked = &mut check => {
                assert_eq!(checked.unwrap_err().kind(), PasswordErrorKind::Busy);
                busy += 1;
            }
            () = std::future::ready(()) => waiting.push(check),
        }
    }
    assert_eq!((waiting.len(), busy), (129, 2));
    let error = passwords.check_nobody("x").await.unwrap_err();
    assert_eq!((error.kind(), error.kind().status()), (PasswordErrorKind::Busy, 503));
    assert!(error.to_string().contains("PASSWORD_HASHING_LIMIT"), "{error}");
}

#[test]
fn by_default_one_processor_is_left_for_the_requests() {
    let processors = std::thread::available_parallelism().unwrap().get();
    let limit = Settings::new("secret").passwords.hashing_limit;
    assert_eq!(limit, if processors == 1 { 1 } else { processors - 1 });
}
