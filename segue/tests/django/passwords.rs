//! Passwords beside Django's: hashes of either are read by both, and both say the same of a new
//! password.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use segue::Settings;
use segue::passwords::{Checked, Passwords};
use segue::settings::{PasswordHasher, PasswordValidator};
use serde_json::{Value, json};

use crate::place::SECRET;
use crate::side::Django;

/// With the work factors of `passwords_side.py`.
const ALL: [PasswordHasher; 7] = [
    PasswordHasher::Pbkdf2Sha256 { iterations: 10 },
    PasswordHasher::Pbkdf2Sha1 { iterations: 10 },
    PasswordHasher::Argon2 { time_cost: 1, memory_cost: 64, parallelism: 2 },
    PasswordHasher::BcryptSha256 { rounds: 4 },
    PasswordHasher::Bcrypt { rounds: 4 },
    PasswordHasher::Scrypt { work_factor: 16, block_size: 8, parallelism: 1 },
    PasswordHasher::Md5,
];

fn django() -> Django {
    let apps = ["contenttypes", "auth"];
    Django::configured(json!({"database": ":memory:", "secret_key": SECRET, "apps": apps}))
}

/// Every hasher, and this one first.
fn preferring(first: PasswordHasher) -> Passwords {
    let mut settings = Settings::new(SECRET);
    let others = ALL.into_iter().filter(|other| *other != first);
    settings.passwords.hashers = Some(std::iter::once(first).chain(others).collect());
    Passwords::new(&settings).unwrap()
}

/// What `verify_password` of Django's says; what it raises means that no password is right.
fn verdict(theirs: &Value) -> Checked {
    match (theirs[0].as_bool(), theirs[1].as_bool()) {
        (Some(true), Some(true)) => Checked::Outdated,
        (Some(true), Some(false)) => Checked::Correct,
        _ => Checked::Wrong,
    }
}

/// Checks each pair on both sides, and gives our verdicts.
async fn same_verdicts(
    django: &mut Django,
    hasher: PasswordHasher,
    pairs: &[(String, String)],
) -> Vec<Checked> {
    let ours = preferring(hasher);
    let theirs =
        django.call(&json!({"op": "verify", "algorithm": hasher.algorithm(), "pairs": pairs}));
    let mut verdicts = Vec::new();
    for ((password, encoded), theirs) in pairs.iter().zip(theirs.as_array().unwrap()) {
        let checked = ours.check(password, encoded).await.unwrap();
        assert_eq!(checked, verdict(theirs), "{password:?} {encoded:?}: {theirs}, {hasher:?}");
        verdicts.push(checked);
    }
    verdicts
}

fn texts() -> Vec<String> {
    let mut texts: Vec<String> =
        ["", "a", "correct horse", "pass\0word", "\0", "зоя 🔑 é e\u{301}", " ", "$"]
            .map(str::to_owned)
            .to_vec();
    texts.extend(
        [55, 56, 63, 64, 65, 71, 72, 73, 128, 129, 4096]
            .map(|n| "é".repeat(n / 2) + &"x".repeat(n % 2)),
    );
    texts
}

#[tokio::test(flavor = "multi_thread")]
async fn each_reads_what_the_other_hashed() {
    let mut django = django();
    let texts = texts();
    for hasher in ALL {
        let make = json!({"op": "make", "algorithm": hasher.algorithm(), "passwords": texts});
        let theirs = django.call(&make);
        let ours = preferring(hasher);
        let mut pairs = Vec::new();
        for (password, theirs) in texts.iter().zip(theirs.as_array().unwrap()) {
            let theirs = theirs.as_str().unwrap().to_owned();
            let ours = ours.make(password).await;
            // What Django raises, we refuse.
            assert_eq!(ours.is_err(), theirs == "ValueError", "{password:?} by {hasher:?}");
            if let Ok(ours) = ours {
                let form = |encoded: &str| {
                    let parts: Vec<&str> = encoded.split('$').collect();
                    (parts.len(), encoded.len())
                };
                assert_eq!(form(&ours), form(&theirs), "{ours} {theirs}");
                pairs.extend([(password.clone(), ours.clone()), (password.clone(), theirs)]);
                pairs.push((format!("{password}x"), ours));
            }
        }
        let verdicts = same_verdicts(&mut django, hasher, &pairs).await;
        let right = verdicts.iter().filter(|verdict| **verdict == Checked::Correct).count();
        assert_eq!(right, pairs.len() / 3 * 2, "{hasher:?}");
        // The same hashes where another hasher is preferred.
        let other = if hasher == ALL[0] { ALL[6] } else { ALL[0] };
        let verdicts = same_verdicts(&mut django, other, &pairs).await;
        let outdated = verdicts.iter().filter(|verdict| **verdict == Checked::Outdated).count();
        assert_eq!(outdated, pairs.len() / 3 * 2, "{hasher:?}");
    }
}

/// HMAC fills its key up with NULs, so that PBKDF2 and scrypt do not see those at a password's end, and
/// bcrypt begins anew behind the NUL at the end of a short one. Django's forms refuse them, and so do ours.
#[tokio::test(flavor = "multi_thread")]
async fn a_nul_that_django_does_not_see_is_not_seen_here() {
    let mut django = django();
    let others = [("", "\0"), ("ab", "ab\0"), ("ab", "ab\0ab"), ("ab", "a\0b"), ("ab", "\0ab")];
    let mut seen = BTreeMap::new();
    for hasher in ALL {
        let mut pairs = Vec::new();
        for (password, other) in others {
            pairs.push((other.to_owned(), preferring(hasher).make(password).await.unwrap()));
        }
        let verdicts = same_verdicts(&mut django, hasher, &pairs).await;
        let correct = verdicts.iter().map(|verdict| verdict.is_correct()).collect::<Vec<_>>();
        seen.insert(hasher.algorithm(), correct);
    }
    let [nothing, at_the_end] = [[false; 5], [true, true, false, false, false]];
    for (algorithm, expected) in [
        ("pbkdf2_sha256", at_the_end),
        ("pbkdf2_sha1", at_the_end),
        ("scrypt", at_the_end),
        ("bcrypt", [true, false, true, false, false]),
        ("bcrypt_sha256", nothing),
        ("argon2", nothing),
        ("md5", nothing),
    ] {
        assert_eq!(seen[algorithm], expected, "{algorithm}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_variety_of_argon2_is_read() {
    let mut django = django();
    let hashes = django.call(&json!({"op": "argon2_hashes", "password": "secret"}));
    let hashes: Vec<&str> =
        hashes.as_array().unwrap().iter().map(|h| h.as_str().unwrap()).collect();
    assert_eq!(hashes.len(), 13);
    let pair = |password: &str, encoded: &str| (password.to_owned(), encoded.to_owned());
    let mut pairs: Vec<_> = hashes.iter().map(|encoded| pair("secret", encoded)).collect();
    let verdicts = same_verdicts(&mut django, ALL[2], &pairs).await;
    assert!(verdicts.iter().all(|verdict| verdict.is_correct()), "{verdicts:?}");
    assert_eq!(verdicts.iter().filter(|verdict| **verdict == Checked::Correct).count(), 1);
    pairs.iter_mut().for_each(|(password, _)| password.push('x'));
    let verdicts = same_verdicts(&mut django, ALL[2], &pairs).await;
    assert!(verdicts.iter().all(|verdict| !verdict.is_correct()), "{verdicts:?}");
}

/// Characters of a hash are changed, left out or put in; Django may raise where we say no.
#[tokio::test(flavor = "multi_thread")]
async fn broken_hashes_have_djangos_verdict() {
    let mut django = django();
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeMap::new();
    for hasher in ALL {
        let make = json!({"op": "make", "algorithm": hasher.algorithm(), "passwords": ["secret"]});
        let whole = django.call(&make)[0].as_str().unwrap().to_owned();
        let break_it = (any::<prop::sample::Index>(), 0..3_usize, "[$./0-9a-zA-Z+=,é]");
        let mut pairs = vec![("secret".to_owned(), whole.clone())];
        for _ in 0..300 {
            let (at, left_out, put) = break_it.new_tree(&mut runner).unwrap().current();
            let at = at.index(whole.len());
            let behind = whole.get(at + left_out..).unwrap_or_default();
            let put = if left_out == 2 { "" } else { &put };
            pairs.push(("secret".to_owned(), format!("{}{put}{behind}", &whole[..at])));
        }
        // As above: what is bearable takes too long here.
        let quick = |encoded: &String| {
            let parts: Vec<&str> = encoded.split(['$', '=', ',']).collect();
            !parts.iter().any(|part| part.len() > 3 && part.parse::<u64>().is_ok())
                && (!hasher.algorithm().starts_with("bcrypt") || encoded.contains("$04$"))
        };
        pairs.retain(|(_, encoded)| quick(encoded));
        assert!(pairs.len() > 200, "{hasher:?}: {}", pairs.len());
        for checked in same_verdicts(&mut django, hasher, &pairs).await {
            *seen.entry(format!("{checked:?}")).or_insert(0) += 1;
        }
    }
    println!("{seen:?}");
    assert!(seen["Wrong"] > 1000 && seen["Correct"] >= 7, "{seen:?}");
}

/// A password, and what is known of its user.
type Case = (String, BTreeMap<String, String>);

fn any_case(common: Vec<String>) -> impl Strategy<Value = Case> {
    let value = prop_oneof![
        "[a-z]{3,12}",
        "[A-Z][a-z]{2,8}[0-9]{0,4}",
        "[a-z]{2,8}[.@_ -]{1,2}[a-z]{2,8}(\\.com)?",
        "[@.-]{0,2}[a-z]{0,5}[@. -]{0,2}",
        "[а-яÀ-ÖΑ-ΡΣςᏣ①-⑨Ⓐ-Ⓕ٠-٩²ⅣⅫ्ाะ一-丁_-]{1,8}",
    ];
    let user = (value.clone(), value.clone(), value.clone(), value).prop_map(|(a, b, c, d)| {
        let names = ["username", "first_name", "last_name", "email"];
        names.map(str::to_owned).into_iter().zip([a, b, c, d]).collect::<BTreeMap<_, _>>()
    });
    let free = prop_oneof![
        "[ -~]{0,20}",
        "[0-9]{1,12}",
        "[0-9²①٣၄𝟗⑽]{1,12}",
        "\\PC{0,12}",
        "[ \t\u{1c}\u{85}\u{a0}]{0,2}[a-z0-9]{4,9}[ \n\u{1f}]{0,2}",
    ];
    let common = (prop::sample::select(common), "[ \t\u{1c}\u{1f}\u{85}\u{a0}]?", any::<bool>())
        .prop_map(|(word, space, upper)| space + &if upper { word.to_uppercase() } else { word });
    // Some of a value's characters in another order, and others: about as like as the threshold.
    let like = (0..4_usize, 0..5_usize, any::<prop::sample::Index>(), "[0-9!]{0,6}", any::<bool>());
    (user, free, common, like, 0..4_usize).prop_map(|(user, free, common, like, kind)| {
        let (which, left_out, turn, more, upper) = like;
        let password = match kind {
            0 => free,
            1 => common,
            _ => {
                let mut value: Vec<char> = user.values().nth(which).unwrap().chars().collect();
                value.truncate(value.len().saturating_sub(left_out));
                let middle = if value.is_empty() { 0 } else { turn.index(value.len()) };
                value.rotate_left(middle);
                let value = String::from_iter(value) + &more;
                if upper { value.to_uppercase() } else { value }
            }
        };
        (password, user)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn new_passwords_have_djangos_verdict_in_djangos_words() {
    let mut django = django();
    let common = django.call(&json!({"op": "common"}));
    let common: Vec<String> =
        common.as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect();
    assert!(common.len() > 19_000);
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeMap::new();
    for (min_length, max_similarity, attributes) in [
        (8, 0.7, &["username", "first_name", "last_name", "email"][..]),
        (1, 0.1, &["email", "first_name"]),
        (0, 0.5, &["last_name", "nothing"]),
        (12, 0.85, &["username", "email"]),
        (6, 1.0, &["first_name", "username", "email"]),
    ] {
        let user_attributes: Vec<String> = attributes.iter().map(|&name| name.to_owned()).collect();
        let validators = json!([
            ["UserAttributeSimilarityValidator",
                {"max_similarity": max_similarity, "user_attributes": user_attributes}],
            ["MinimumLengthValidator", {"min_length": min_length}],
            ["CommonPasswordValidator", {}],
            ["NumericPasswordValidator", {}],
        ]);
        let mut settings = Settings::new(SECRET);
        settings.passwords.validators = vec![
            PasswordValidator::UserAttributeSimilarity { user_attributes, max_similarity },
            PasswordValidator::MinimumLength { min_length },
            PasswordValidator::CommonPassword { password_list_path: None },
            PasswordValidator::NumericPassword,
        ];
        let ours = Passwords::new(&settings).unwrap();
        let any_case = any_case(common.clone());
        let mut cases: Vec<Case> =
            (0..2000).map(|_| any_case.new_tree(&mut runner).unwrap().current()).collect();
        if min_length == 8 {
            let nobody = BTreeMap::new();
            cases.extend(common.iter().map(|word| (word.clone(), nobody.clone())));
            // No word is so long that nothing is compared with it.
            let user = BTreeMap::from([("username".to_owned(), "a".to_owned())]);
            cases.extend((0..40).map(|n| ("a".repeat(n), user.clone())));
        }
        let theirs =
            django.call(&json!({"op": "validate", "validators": validators, "cases": cases}));
        for ((password, user), theirs) in cases.iter().zip(theirs.as_array().unwrap()) {
            let user: Vec<(&str, &str)> =
                user.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let ours = ours.validate(password, &user).err().unwrap_or_default();
            let ours: Vec<[&str; 2]> =
                ours.iter().map(|problem| [problem.code, problem.message.as_str()]).collect();
            assert_eq!(json!(ours), *theirs, "{password:?} {user:?} {validators}");
            let codes: Vec<&str> = ours.iter().map(|[code, _]| *code).collect();
            let count = seen.entry(codes.first().map_or("fine", |code| *code).to_owned());
            *count.or_insert(0) += 1;
        }
    }
    println!("{seen:#?}");
    for (kind, least) in [
        ("fine", 1000),
        ("password_too_similar", 1000),
        ("password_too_short", 1000),
        ("password_too_common", 1000),
        ("password_entirely_numeric", 100),
    ] {
        assert!(seen.get(kind).is_some_and(|count| *count >= least), "{kind}: {seen:#?}");
    }
}
