//! Inputs that nobody thought of.

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use super::tests::read;
use super::*;

/// JSON text as Python writes it.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        prop_oneof![Just("NaN"), Just("Infinity"), Just("-Infinity"), Just("true"), Just("false")]
            .prop_map(str::to_owned),
        any::<i128>().prop_map(|int| int.to_string()),
        any::<i64>().prop_map(|int| (int >> (int & 63)).to_string()),
        "-?[1-9][0-9]{0,400}",
        any::<f64>().prop_map(|float| crate::json::to_text(&float).unwrap()),
        string(),
    ];
    leaf.prop_recursive(5, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8)
                .prop_map(|items| format!("[{}]", items.join(","))),
            members(inner).prop_map(|members| object(&members)),
        ]
    })
}

/// Lone surrogates, too.
fn string() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => any::<String>().prop_map(|text| crate::json::quote(&text).trim_matches('"').to_owned()),
        1 => (0xd800..0xdc00_u16).prop_map(|unit| format!("\\u{unit:04x}")),
    ];
    prop::collection::vec(piece, 0..4).prop_filter_map("escapes", |pieces| {
        let json = format!("\"{}\"", pieces.join("."));
        crate::json::check(&json).ok()
    })
}

fn members(value: impl Strategy<Value = String>) -> impl Strategy<Value = Vec<(String, String)>> {
    prop::collection::hash_map(string(), value, 0..8).prop_map(|map| map.into_iter().collect())
}

fn object(members: &[(String, String)]) -> String {
    let members: Vec<_> = members.iter().map(|(key, value)| format!("{key}:{value}")).collect();
    format!("{{{}}}", members.join(","))
}

/// Opcodes that make a value, in one of the ways there are.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        6 => scalar(),
        1 => Just(b")".to_vec()),
        // The session itself, and its key.
        1 => (0..2_u8).prop_map(|place| vec![b'h', place]),
        1 => Just(b"cos\nsystem\n".to_vec()),
        1 => Just(b"C\x01a".to_vec()),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        (0..9_u8, prop::collection::vec((scalar(), inner), 0..4))
            .prop_map(|(form, pairs)| container(form, &pairs))
    })
}

fn container(form: u8, pairs: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let each = |with_key: bool, after: &[u8]| {
        let pair = |(key, value): &(Vec<u8>, Vec<u8>)| {
            [if with_key { &**key } else { b"" }, value, after].concat()
        };
        pairs.iter().map(pair).collect::<Vec<_>>().concat()
    };
    let around = |before: &[u8], items: Vec<u8>, after: &[u8]| [before, &items, after].concat();
    match form {
        0 => around(b"(", each(false, b""), b"t\x94"),
        1 => around(b"(", each(false, b""), b"l"),
        2 => around(b"](", each(false, b""), b"e"),
        3 => around(b"]\x94", each(false, b"a"), b""),
        4 => around(b")", each(false, b"\x86"), b""),
        5 => around(b")", each(false, b"0\x85"), b""),
        6 => around(b"}\x94(", each(true, b""), b"u"),
        7 => around(b"(", each(true, b""), b"d"),
        _ => around(b"}", each(true, b"s"), b""),
    }
}

fn scalar() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::sample::select(&b"N\x88\x89"[..]).prop_map(|opcode| vec![opcode]),
        (0..4_u8).prop_map(|int| vec![b'K', int]),
        "[a-c]{0,2}".prop_map(|text| [&[0x8c, text.len() as u8], text.as_bytes()].concat()),
        prop::collection::vec(0xd7ff..0xe001_u32, 0..4).prop_map(|codes| {
            // As Python writes surrogates, each for itself.
            let text = codes.iter().map(|code| format!("\\u{code:04x}"));
            format!("V{}\n", text.collect::<String>()).into_bytes()
        }),
        any::<[u8; 8]>().prop_map(|float| [b"G", &float[..]].concat()),
        (-3..3_i8).prop_map(|float| [b"G", &f64::from(float).to_be_bytes()[..]].concat()),
        prop::collection::vec(any::<u8>(), 0..12).prop_map(|long| [
            &[0x8a, long.len() as u8],
            &*long
        ]
        .concat()),
        "-?[1-9][0-9]{0,30}".prop_map(|int| format!("L{int}L\n").into_bytes()),
    ]
}

fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::Off)),
        ..ProptestConfig::with_cases(512)
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn json_comes_back(members in members(json())) {
        let content = members.iter().map(|(key, json)| (key.as_str(), Content::Json(json)));
        let pickle = write(content).unwrap();
        let read = read(&pickle).unwrap().unwrap();
        prop_assert!(read.iter().all(|(_, _, exact)| exact.is_none()));
        let read: Vec<_> = read.iter().map(|(key, json, _)| (key.into(), json.into())).collect();
        prop_assert_eq!(read, members);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        let _ = read(&bytes);
        let _ = read(&[b"\x80\x05", &*bytes, b"."].concat());
    }

    /// And whatever is read is written back as the same.
    #[test]
    fn any_value_is_kept_or_refused(value in value(), at in any::<prop::sample::Index>(), noise: u8) {
        let mut pickle = [b"\x80\x05}\x94\x8c\x01k\x94", &*value, b"s."].concat();
        match read(&pickle) {
            Ok(members) => {
                let members = members.unwrap();
                let written = members.write_back();
                let again = read(&written).unwrap().unwrap();
                prop_assert_eq!(&again.write_back(), &written);
                prop_assert_eq!(again.object(), members.object());
                prop_assert_eq!(again.exact().is_some(), members.exact().is_some());
            }
            Err(error) => prop_assert!(matches!(error, PickleError::Value { .. }), "{}", error),
        }
        // And one byte that is another.
        let at = at.index(pickle.len());
        pickle[at] = noise;
        let _ = read(&pickle);
    }
}
