//! Hashes as an attacker, a slip of the pen or another program would leave them in the database.

use proptest::prelude::*;
use segue::passwords::{Checked, Passwords};
use segue::settings::PasswordHasher;

use crate::log::Log;
use crate::{ALL, SHA256, passwords, preferring};

/// None of these has a right password, and each is answered.
const MALFORMED: &[&str] = &[
    "",
    "$",
    "$$$$$$$",
    "secret",
    "unknown$x",
    "sha1$salt$5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8",
    "5ebe2294ecd0e0f08eab7690d2a6ee69",
    "md5$$5ebe2294ecd0e0f08eab7690d2a6ee69",
    "md5",
    "md5$",
    "md5$salt",
    "pbkdf2_sha256",
    "pbkdf2_sha256$",
    "pbkdf2_sha256$$$",
    "pbkdf2_sha256$x$salt$h",
    "pbkdf2_sha256$-1$salt$h",
    "pbkdf2_sha256$0$salt$h",
    "pbkdf2_sha256$1e3$salt$h",
    "pbkdf2_sha256$١$salt$h",
    "pbkdf2_sha256$10$$h",
    "pbkdf2_sha256$10$salt",
    "argon2",
    "argon2$",
    "argon2$argon2x$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$AAAA",
    "argon2$argon2id$v=17$m=64,t=1,p=1$c2FsdHNhbHQ$AAAAAA",
    "argon2$argon2id$v=19$m=1,t=1,p=1$c2FsdHNhbHQ$AAAAAA",
    "argon2$argon2id$v=19$m=64,t=0,p=1$c2FsdHNhbHQ$AAAAAA",
    "argon2$argon2id$v=19$m=64,t=1,p=0$c2FsdHNhbHQ$AAAAAA",
    "argon2$argon2id$v=19$m=64,t=1,p=9$c2FsdHNhbHQ$AAAAAA",
    "argon2$argon2id$v=19$m=64,t=1,p=1$c2FsdA$AAAAAA",
    "argon2$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$AA",
    "argon2$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$",
    "argon2$argon2id$v=19$m=64,t=1,p=1$$",
    "argon2$argon2id$v=19$m=64,t=1,p=1",
    "argon2$argon2id$v=19$t=1,m=64,p=1$c2FsdHNhbHQ$AAAAAA",
    "bcrypt",
    "bcrypt$",
    "bcrypt$x",
    "bcrypt$$2b$04$short",
    "bcrypt$$2b$03$abcdefghijklmnopqrstuuLFkkA31RHOkbJj8u9oXC/5JAylthvSu",
    "bcrypt$$2b$4$abcdefghijklmnopqrstuuLFkkA31RHOkbJj8u9oXC/5JAylthvSu",
    "bcrypt$$2b$99$abcdefghijklmnopqrstuuLFkkA31RHOkbJj8u9oXC/5JAylthvSu",
    "bcrypt$$2c$04$abcdefghijklmnopqrstuuLFkkA31RHOkbJj8u9oXC/5JAylthvSu",
    "bcrypt$$2b$04$abcdefghijklmnopqrstu\u{e9}LFkkA31RHOkbJj8u9oXC/5JAylthvSu",
    "bcrypt_sha256$2b$04$abcdefghijklmnopqrstuuLFkkA31RHOkbJj8u9oXC/5JAylthvSu",
    "scrypt",
    "scrypt$16$salt$8$1",
    "scrypt$1$salt$8$1$x",
    "scrypt$15$salt$8$1$x",
    "scrypt$16$salt$0$1$x",
    "scrypt$16$salt$8$0$x",
    "scrypt$16$$8$1$x",
    "scrypt$016$salt$8$1$x",
];

/// These are in the right form, and no password has such a hash.
const WRONG: &[&str] = &[
    "md5$salt$",
    "pbkdf2_sha256$10$salt$",
    "pbkdf2_sha1$10$salt$é",
    "bcrypt$$2b$04$abcdefghijklmnopqrstuu",
];

/// None of these may be worked at: each would take minutes, or all of the memory.
const ABSURD: &[&str] = &[
    "pbkdf2_sha256$10000001$salt$AAAA",
    "pbkdf2_sha256$4294967295$salt$AAAA",
    "pbkdf2_sha256$99999999999999999999999$salt$AAAA",
    "pbkdf2_sha1$4294967295$salt$AAAA",
    "argon2$argon2id$v=19$m=4294967295,t=1,p=1$c2FsdHNhbHQ$AAAAAA",
    "argon2$argon2id$v=19$m=2097153,t=1,p=1$c2FsdHNhbHQ$AAAAAA",
    "argon2$argon2id$v=19$m=64,t=4294967295,p=1$c2FsdHNhbHQ$AAAAAA",
    "argon2$argon2id$v=19$m=1048576,t=5,p=1$c2FsdHNhbHQ$AAAAAA",
    "bcrypt$$2b$17$abcdefghijklmnopqrstuuLFkkA31RHOkbJj8u9oXC/5JAylthvSu",
    "bcrypt$$2b$31$abcdefghijklmnopqrstuuLFkkA31RHOkbJj8u9oXC/5JAylthvSu",
    "bcrypt_sha256$$2b$31$abcdefghijklmnopqrstuuLFkkA31RHOkbJj8u9oXC/5JAylthvSu",
    "scrypt$2147483648$salt$8$1$x",
    "scrypt$4194304$salt$8$1$x",
    "scrypt$16384$salt$8$1000$x",
    "scrypt$16384$salt$4294967295$4294967295$x",
];

#[tokio::test]
async fn what_is_no_hash_has_no_right_password() {
    let log = Log::start();
    let passwords = preferring(SHA256);
    for encoded in MALFORMED {
        assert_eq!(passwords.check("secret", encoded).await.unwrap(), Checked::Wrong, "{encoded}");
        let line = log.take();
        let reasons = ["no hasher in PASSWORD_HASHERS has made it", "not in the form"];
        assert!(reasons.iter().any(|reason| line.contains(reason)), "{encoded}: {line}");
        assert!(encoded.len() < 5 || !line.contains(encoded), "it does not show: {line}");
    }
    for encoded in WRONG {
        assert_eq!(passwords.check("secret", encoded).await.unwrap(), Checked::Wrong, "{encoded}");
        assert_eq!(log.take(), "", "{encoded}");
    }
}

#[tokio::test]
async fn absurd_work_is_refused_and_said_to_the_operator() {
    let log = Log::start();
    let passwords = preferring(SHA256);
    for encoded in ABSURD {
        assert_eq!(passwords.check("secret", encoded).await.unwrap(), Checked::Wrong, "{encoded}");
        let line = log.take();
        assert!(line.contains("WARN") && line.contains("work factor is absurd"), "{line}");
    }
    // As long as a text column may be.
    let long = format!("pbkdf2_sha256$10$salt${}", "A".repeat(10_000_000));
    assert_eq!(passwords.check("secret", &long).await.unwrap(), Checked::Wrong);
    assert!(log.take().contains("not in the form"));
}

#[tokio::test]
async fn what_has_no_password_takes_none() {
    let log = Log::start();
    let passwords = preferring(SHA256);
    for encoded in ["!", "!x", "!pbkdf2_sha256$10$salt$x", &Passwords::make_unusable().unwrap()] {
        assert!(!Passwords::is_usable(encoded));
        for password in ["", "!", encoded] {
            assert_eq!(passwords.check(password, encoded).await.unwrap(), Checked::Wrong);
        }
    }
    assert_eq!(log.take(), "", "such a user is nothing to warn of");
    assert_ne!(Passwords::make_unusable().unwrap(), Passwords::make_unusable().unwrap());
    assert!(Passwords::is_usable("") && Passwords::is_usable("pbkdf2_sha256$10$salt$x"));
}

#[tokio::test]
async fn hashers_that_are_not_listed_verify_nothing() {
    let log = Log::start();
    for hasher in ALL {
        let encoded = preferring(hasher).make("secret").await.unwrap();
        let others = ALL.into_iter().filter(|other| *other != hasher);
        let without = passwords(&others.collect::<Vec<_>>());
        assert_eq!(without.check("secret", &encoded).await.unwrap(), Checked::Wrong);
        assert!(log.take().contains("no hasher in PASSWORD_HASHERS has made it"));
    }
    let by_default = passwords(PasswordHasher::DEFAULTS);
    let weak = preferring(PasswordHasher::Md5).make("secret").await.unwrap();
    assert_eq!(by_default.check("secret", &weak).await.unwrap(), Checked::Wrong);
}

/// Texts that look like hashes, broken in any way.
fn any_encoded() -> impl Strategy<Value = String> {
    let known: Vec<String> =
        MALFORMED.iter().chain(ABSURD).map(|encoded| (*encoded).to_owned()).collect();
    let right = [
        "pbkdf2_sha256$10$seasalt$TOeZ7pKINBAsVjQI7XXDwBR9/JEQu0hiGLfT5Iw2/Y8=",
        "argon2$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$qqFw2vxe1ALf",
        "bcrypt$$2b$04$abcdefghijklmnopqrstuuLFkkA31RHOkbJj8u9oXC/5JAylthvSu",
        "scrypt$16$salt$8$1$h4Xb8Uim4YKmrYDlzTBKBrrYxNLG5iQjjm6xy20M0",
        "md5$salt$5ebe2294ecd0e0f08eab7690d2a6ee69",
    ];
    let seeds: Vec<String> = known.into_iter().chain(right.map(str::to_owned)).collect();
    let pieces = prop::collection::vec(
        prop_oneof![
            Just("$".to_owned()),
            Just("=".to_owned()),
            "[0-9]{1,12}",
            "[!-~]{0,8}",
            "\\PC{0,4}",
            prop::sample::select(vec!["argon2", "argon2id", "v=19", "m=8,t=1,p=1", "scrypt", "2b"])
                .prop_map(str::to_owned),
        ],
        0..12,
    )
    .prop_map(|pieces| pieces.concat());
    let broken = (prop::sample::select(seeds), any::<prop::sample::Index>(), "[$0-9,=é]{0,2}")
        .prop_map(|(seed, at, put)| {
            let characters: Vec<char> = seed.chars().collect();
            let at = if characters.is_empty() { 0 } else { at.index(characters.len()) };
            let (before, behind) = characters.split_at(at);
            let behind = behind.get(1..).unwrap_or_default();
            format!("{}{put}{}", String::from_iter(before), String::from_iter(behind))
        });
    prop_oneof![pieces, broken, "\\PC{0,60}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_text_in_the_database_breaks_a_check(encoded in any_encoded(), password in ".{0,80}") {
        // Broken at a digit, a hash may ask for as much work as is bearable; that is bounded, and
        // takes too long here.
        prop_assume!(!encoded.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() > 5));
        prop_assume!(!encoded.contains("$2") || encoded.contains("$04$"));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let checked = runtime.block_on(preferring(SHA256).check(&password, &encoded)).unwrap();
        prop_assert_eq!(checked, Checked::Wrong);
    }

    // Without NULs, of which not every hasher sees each one: the tests beside Django have those.
    #[test]
    fn the_password_that_was_hashed_is_right(
        password in "[^\0\n]{0,24}",
        other in "[^\0\n]{0,24}",
    ) {
        prop_assume!(password != other);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for hasher in ALL {
            let passwords = preferring(hasher);
            if hasher.algorithm() == "bcrypt" && password.len() > 72 {
                continue;
            }
            let encoded = runtime.block_on(passwords.make(&password)).unwrap();
            let checked = runtime.block_on(passwords.check(&password, &encoded)).unwrap();
            prop_assert_eq!(checked, Checked::Correct);
            let checked = runtime.block_on(passwords.check(&other, &encoded)).unwrap();
            prop_assert_eq!(checked, Checked::Wrong, "by {:?}", hasher);
        }
    }
}
