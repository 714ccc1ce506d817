//! Inputs that nobody thought of.

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

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

fn write_members(members: &[Member]) -> Vec<u8> {
    let content = members.iter().map(|member| {
        let content = member.exact.as_ref().map_or(Content::Json(&member.json), Content::Exact);
        (member.key.as_str(), content)
    });
    write(content).unwrap()
}

/// Opcodes that make sense together more often than chance would have it.
fn opcodes() -> impl Strategy<Value = Vec<u8>> {
    let opcode = prop_oneof![
        8 => prop::sample::select(&b"NK)]}(.0taesuldR\x85\x86\x87\x88\x89\x94\x93\x81\x8f\x90\x91b1"[..])
            .prop_map(|opcode| if opcode == b'K' { b"K\x07".to_vec() } else { vec![opcode] }),
        2 => (0..4_u8).prop_map(|place| vec![b'h', place]),
        2 => "[a-c]{0,2}".prop_map(|text| [&[0x8c, text.len() as u8], text.as_bytes()].concat()),
        1 => any::<[u8; 8]>().prop_map(|float| [b"G", &float[..]].concat()),
        1 => prop::collection::vec(any::<u8>(), 0..12)
            .prop_map(|long| [&[0x8a, long.len() as u8], &*long].concat()),
        1 => Just(b"cos\nsystem\n".to_vec()),
        1 => "-?[0-9]{1,30}".prop_map(|int| format!("L{int}L\n").into_bytes()),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
    ];
    prop::collection::vec(opcode, 0..24).prop_map(|opcodes| opcodes.concat())
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
        prop_assert!(read.iter().all(|member| member.exact.is_none()));
        let read: Vec<_> = read.into_iter().map(|member| (member.key, member.json)).collect();
        prop_assert_eq!(read, members);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        let _ = read(&bytes);
        let _ = read(&[b"\x80\x05", &*bytes, b"."].concat());
    }

    /// And whatever is read is written back as the same.
    #[test]
    fn any_value_is_kept_or_refused(opcodes in opcodes()) {
        let _ = read(&opcodes);
        let pickle = [b"\x80\x05}\x94\x8c\x01k\x94", &*opcodes, b"s."].concat();
        if let Ok(Some(members)) = read(&pickle) {
            let written = write_members(&members);
            let again = read(&written).unwrap().unwrap();
            prop_assert_eq!(&write_members(&again), &written);
            let json = |members: &[Member]| members.iter().map(|m| m.json.clone()).collect::<Vec<_>>();
            prop_assert_eq!(json(&again), json(&members));
        }
    }
}
