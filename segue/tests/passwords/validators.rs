//! The validators by their settings; `tests/django/passwords.rs` compares them with Django's.

use std::fs;

use segue::passwords::Passwords;
use segue::settings::PasswordValidator;
use segue::{ConfigError, Settings};

fn with(validators: Vec<PasswordValidator>) -> Result<Passwords, ConfigError> {
    let mut settings = Settings::new("secret");
    settings.passwords.validators = validators;
    Passwords::new(&settings)
}

fn messages(passwords: &Passwords, password: &str, user: &[(&str, &str)]) -> Vec<String> {
    let problems = passwords.validate(password, user).err().unwrap_or_default();
    problems.into_iter().map(|problem| problem.message).collect()
}

#[test]
fn every_problem_is_said_at_once() {
    let passwords = Passwords::new(&Settings::new("secret")).unwrap();
    let user = [("email", "1234@example.com"), ("username", "zoe")];
    assert_eq!(
        messages(&passwords, "1234", &user),
        [
            "The password is too similar to the email address.",
            "This password is too short. It must contain at least 8 characters.",
            "This password is too common.",
            "This password is entirely numeric.",
        ]
    );
    assert_eq!(passwords.validate("correct horse battery", &user), Ok(()));
    assert_eq!(messages(&passwords, "ZOE_12345_zoe", &[]), <[&str; 0]>::default());
}

#[test]
fn each_has_its_options() {
    let length = |min_length| with(vec![PasswordValidator::MinimumLength { min_length }]).unwrap();
    let expected = "This password is too short. It must contain at least 1 character.";
    assert_eq!(messages(&length(1), "", &[]), [expected]);
    assert_eq!(length(1).validate("é", &[]), Ok(()));
    assert_eq!(length(0).validate("", &[]), Ok(()));

    let similar = |attribute: &str, max_similarity| {
        let user_attributes = vec![attribute.to_owned()];
        with(vec![PasswordValidator::UserAttributeSimilarity { user_attributes, max_similarity }])
    };
    let user = [("username", "zoezoezoe"), ("nick_name", "hedgehog")];
    let by_nick = similar("nick_name", 0.7).unwrap();
    let expected = "The password is too similar to the nick name.";
    assert_eq!(messages(&by_nick, "hegdehog1", &user), [expected]);
    assert_eq!(by_nick.validate("zoezoezoe", &user), Ok(()));
    assert_eq!(similar("nick_name", 1.0).unwrap().validate("hedgehog1", &user), Ok(()));
    for wrong in [0.0, 0.09, f64::NAN] {
        let error = similar("username", wrong).unwrap_err().to_string();
        assert!(error.starts_with("AUTH_PASSWORD_VALIDATORS: found a max_similarity"), "{error}");
    }
    assert_eq!(with(Vec::new()).unwrap().validate("", &user), Ok(()));
}

#[test]
fn a_list_of_ones_own_is_read_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("common.txt");
    let list = || {
        let password_list_path = Some(path.clone());
        with(vec![PasswordValidator::CommonPassword { password_list_path }])
    };
    let error = list().unwrap_err();
    assert!(matches!(&error, ConfigError::File { path: named, .. } if *named == path), "{error}");
    // As any editor leaves it.
    for text in [
        "first\nsecond word\nlast",
        "first\r\n second word\r\nlast\r\n",
        "first\rsecond word\rlast",
    ] {
        fs::write(&path, text).unwrap();
        let passwords = list().unwrap();
        for common in ["first", "FIRST ", "second word", "\u{1c}last\n"] {
            let expected = ["This password is too common."];
            assert_eq!(messages(&passwords, common, &[]), expected, "{common:?} in {text:?}");
        }
        for other in ["", "firs", "irst", "second", "first\nsecond word", "123456"] {
            assert_eq!(passwords.validate(other, &[]), Ok(()), "{other:?} in {text:?}");
        }
    }
    fs::write(&path, b"\xff\xfe").unwrap();
    assert!(matches!(list().unwrap_err(), ConfigError::File { .. }));
    fs::write(&path, b"\x1f\x8bbroken").unwrap();
    assert!(matches!(list().unwrap_err(), ConfigError::File { .. }));
    let djangos = "src/passwords/validators/common-passwords.txt.gz";
    fs::copy(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(djangos), &path).unwrap();
    assert_eq!(messages(&list().unwrap(), "Letmein", &[]), ["This password is too common."]);
}
