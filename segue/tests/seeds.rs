//! What the fuzzers look for, in ordinary tests: on the inputs that are kept, and on others that are
//! made of them.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody imports it"
)]

#[path = "../../fuzz/checks/mod.rs"]
mod checks;

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{FileFailurePersistence, TestRunner};

type Check = fn(&[u8]);

/// Each fuzz target, and how many inputs are made of its seeds in this test.
const TARGETS: [(&str, Check, u32); 6] = [
    ("codec", checks::codec, 2000),
    ("cookie", checks::cookie, 1500),
    ("file", checks::file, 300),
    ("form", checks::form, 1500),
    ("signature", checks::signature, 3000),
    ("unpickle", checks::unpickle, 8000),
];

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("fuzz")
}

/// Name and content of each, in order.
fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(fuzz().join("seeds").join(target)).unwrap();
    let mut seeds: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.display().to_string(), fs::read(&path).unwrap()))
        .collect();
    seeds.sort();
    seeds
}

fn names(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(fuzz().join(folder)).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

fn passes(check: Check, input: &[u8]) -> bool {
    catch_unwind(|| check(input)).is_ok()
}

#[test]
fn each_target_has_a_check_and_seeds() {
    let targets = TARGETS.map(|(name, ..)| name);
    assert_eq!(names("fuzz_targets"), targets);
    assert_eq!(names("seeds"), targets);
    for target in targets {
        assert!(seeds(target).len() >= 10, "{target} has seeds");
    }
}

#[test]
fn the_seeds_pass() {
    for (target, check, _) in TARGETS {
        for (name, seed) in seeds(target) {
            assert!(passes(check, &seed), "{name}");
        }
    }
}

/// A small fuzzer: seeds with a part of another one, or of noise, in the place of a part of theirs.
#[test]
fn what_is_made_of_seeds_passes() {
    for (target, check, cases) in TARGETS {
        let pick = prop::sample::select(seeds(target));
        let noise = prop_oneof![
            3 => pick.clone().prop_map(|(_, seed)| seed),
            1 => any::<Vec<u8>>(),
            1 => any::<String>().prop_map(String::into_bytes),
            1 => any::<u8>().prop_map(|byte| vec![byte]),
        ];
        let places = any::<[Index; 4]>();
        let made = (pick, noise, places).prop_map(|((_, mut seed), noise, [a, b, c, d])| {
            let ends = |from: Index, to: Index, length: usize| {
                let (from, to) = (from.index(length + 1), to.index(length + 1));
                from.min(to)..from.max(to)
            };
            let part = noise[ends(c, d, noise.len())].to_vec();
            seed.splice(ends(a, b, seed.len()), part);
            seed
        });
        let config = ProptestConfig {
            failure_persistence: Some(Box::new(FileFailurePersistence::Off)),
            ..ProptestConfig::with_cases(cases)
        };
        let tested = TestRunner::new(config).run(&made, |input| {
            prop_assert!(passes(check, &input), "{target}");
            Ok(())
        });
        tested.unwrap();
    }
}

/// JSON text, and what comes near it.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "null|true|false|NaN|-?Infinity|[0-9]{1,30}",
        "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?([eE][-+]?[0-9]{1,3})?",
        any::<String>().prop_map(|text| serde_json::Value::from(text).to_string()),
        "\"(\\\\u[d-e][0-9a-f]{3}|\\\\[nt/\\\\\"]|[a-zé])*\"",
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        let members = prop::collection::vec(("[a-c]{0,2}|\\\\u006[1-3]", inner.clone()), 0..6);
        prop_oneof![
            prop::collection::vec(inner, 0..6).prop_map(|items| format!("[ {}]", items.join(","))),
            members.prop_map(|members| object(&members)),
        ]
    })
}

fn object(members: &[(String, String)]) -> String {
    let members: Vec<_> = members.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
    format!("{{{}}}", members.join(","))
}

fn session() -> impl Strategy<Value = String> {
    prop::collection::vec(("[a-c]{0,2}|\\\\u006[1-3]", json()), 0..6)
        .prop_map(|members| object(&members))
}

/// A change, as the check reads it.
fn change() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => ("[a-d]?", json()).prop_map(|(key, value)| format!("+{key}={value}")),
        2 => "[-*][a-d]?",
        1 => Just("0".to_owned()),
        1 => session().prop_map(|theirs| format!("<{theirs}")),
    ]
}

/// A pair in a `Cookie` header, or what somebody took for one.
fn pair() -> impl Strategy<Value = Vec<u8>> {
    let value = prop_oneof![
        2 => Just(b"$K".to_vec()),
        2 => "\"?[ -~]{0,40}\"?".prop_map(String::into_bytes),
        1 => "[a-z0-9]{31,33}".prop_map(String::into_bytes),
        1 => prop::collection::vec(0x80..=0xff_u8, 1..8),
    ];
    ("[ \t]?(sessionid|SESSIONID|sessionid2|a|)[ =]?=?", value)
        .prop_map(|(name, value)| [name.as_bytes(), &value].concat())
}

proptest! {
    // What once failed is tried first, from then on.
    #![proptest_config(ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_codec_gives_back_what_it_got_whatever_is_done_to_it(
        session in session(),
        changes in prop::collection::vec(change(), 0..8),
    ) {
        checks::codec([&[session], &*changes].concat().join("\0").as_bytes());
    }

    #[test]
    fn no_text_is_believed_and_no_change_of_a_signed_one(
        how: [u8; 4],
        text in prop_oneof![any::<String>(), "[a-zA-Z0-9_.-]{0,60}:-?[0-9A-Za-z]{0,12}(:[a-zA-Z0-9_-]{43})?"],
    ) {
        checks::signature(&[&how, text.as_bytes()].concat());
    }

    #[test]
    fn any_cookies_are_answered(
        headers in prop::collection::vec(prop::collection::vec(pair(), 0..4), 0..3),
    ) {
        let headers: Vec<_> = headers.iter().map(|pairs| pairs.join(&b"; "[..])).collect();
        checks::cookie(&headers.join(&b'\n'));
    }

    #[test]
    fn any_file_is_a_session_or_none(
        how: [u8; 4],
        content in prop_oneof![
            any::<Vec<u8>>(),
            session().prop_map(String::into_bytes),
            json().prop_map(|end| format!("{{\"_session_expiry\":{end}}}").into_bytes()),
        ],
    ) {
        checks::file(&[&how, &*content].concat());
    }
}
