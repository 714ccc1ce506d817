//! What a hostile pickle could want: time, memory, the stack.

use super::tests::{read, refusal, refusal_of_value, shown, with_value, write_back, write_json};
use super::*;

#[test]
fn a_length_is_not_believed() {
    let huge: [&[u8]; 9] = [
        b"\x8d\0\0\0\0\0\0\0\x80a",
        b"\x8d\xff\xff\xff\xff\xff\xff\xff\xffa",
        b"\x8e\0\0\0\0\0\0\0\x80a",
        b"\x96\xff\xff\xff\xff\xff\xff\xff\x7fa",
        b"X\xff\xff\xff\xffa",
        b"B\xff\xff\xff\xffa",
        b"\x8b\xff\xff\xff\x7fa",
        b"\x8b\xff\xff\xff\xffa",
        b"\x95\0\0\0\0\0\0\0\x80N",
    ];
    for opcodes in huge {
        let error = read(&with_value(opcodes)).unwrap_err();
        assert!(matches!(error, PickleError::Malformed { .. }), "{opcodes:?}: {error}");
    }
    // A place in the memo is a name, not a size.
    assert_eq!(shown(&with_value(b"Nr\xff\xff\xff\xff0j\xff\xff\xff\xff")), r#"{"k":null}"#);
}

#[test]
fn what_holds_itself_is_refused() {
    let cycles: [&[u8]; 4] =
        [b"]\x94h\x02a", b"}\x94\x8c\x01a\x94h\x02s", b"]\x94h\x02\x85a", b"]\x94]\x94h\x02aa"];
    for opcodes in cycles {
        assert_eq!(refusal_of_value(opcodes), "the value of \"k\" holds itself");
    }
    let of_the_session = b"\x80\x05}\x94\x8c\x01kh\0s.";
    assert_eq!(refusal(of_the_session), "the value of \"k\" holds itself");
    // Twice the same beside each other is none.
    assert_eq!(shown(&with_value(b"]\x94(]\x94h\x03h\x03e")), r#"{"k":[[],[],[]]}"#);
}

#[test]
fn depth_has_a_limit() {
    let nested = |depth: usize| [b"]".repeat(depth), b"a".repeat(depth - 1)].concat();
    // The session's own dict is one.
    assert!(shown(&with_value(&nested(MAX_DEPTH - 1))).contains("[[[]]]"));
    let message = "the value of \"k\" is nested more than 1000 deep";
    assert_eq!(refusal_of_value(&nested(MAX_DEPTH)), message);
    assert_eq!(refusal_of_value(&nested(100_000)), message);
    let tuples = [b")".to_vec(), b"\x85".repeat(100_000)].concat();
    assert_eq!(refusal_of_value(&tuples), message);
    let json = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    let written = write_json(&[(r#""k""#, &json(MAX_DEPTH - 1))]).unwrap();
    assert!(read(&written).is_ok());
    let error = write_json(&[(r#""k""#, &json(MAX_DEPTH))]).unwrap_err();
    assert_eq!(error.to_string(), message);
    assert_eq!(write_json(&[(r#""k""#, &json(1_000_000))]).unwrap_err(), error);
    // Tuples, which are kept, may be as deep.
    let tuples = [b")".to_vec(), b"\x85".repeat(MAX_DEPTH - 2)].concat();
    assert_eq!(shown(&write_back(&with_value(&tuples))), shown(&with_value(&tuples)));
}

#[test]
fn a_billion_laughs_are_too_many() {
    let mut laughs = [&b"\x80\x05(\x8c\xff"[..], &[b'x'; 255], b"\x94"].concat();
    for place in 0..9 {
        laughs = [&*laughs, b"](", &[b'h', place].repeat(10), b"e\x94"].concat();
    }
    laughs.extend(b"1}\x8c\x01kh\x09s.");
    assert_eq!(read(&laughs).unwrap_err(), PickleError::TooLarge);
    // One long text over and over: as values, as keys of one dict, as keys of many.
    let text = [&b"X\0\0\x01\0"[..], &vec![b'x'; MAX_SIZE / 64]].concat();
    let values = [b"](", &*text, b"\x94", &b"h\x02".repeat(64), b"e"].concat();
    assert_eq!(read(&with_value(&values)).unwrap_err(), PickleError::TooLarge);
    let keys = [b"}(", &*text, b"\x94N", &b"h\x02N".repeat(1_000), b"u"].concat();
    assert_eq!(read(&with_value(&keys)).unwrap_err(), PickleError::TooLarge);
    let keys = [b"](", &*text, b"\x94", &b"}h\x02Ns".repeat(64), b"e"].concat();
    assert_eq!(read(&with_value(&keys)).unwrap_err(), PickleError::TooLarge);
    // A few are no attack.
    let values = [b"](", &*text, b"\x94", &b"h\x02".repeat(4), b"e"].concat();
    assert!(read(&with_value(&values)).is_ok());
}

#[test]
fn size_has_a_limit() {
    let bytes = |len: usize| {
        let len32 = u32::try_from(len).unwrap().to_le_bytes();
        with_value(&[&b"B"[..], &len32, &vec![b'x'; len]].concat())
    };
    let around = bytes(0).len();
    let largest = read(&bytes(MAX_SIZE - around)).unwrap_err();
    assert!(matches!(largest, PickleError::Value { reason: Reason::Bytes, .. }), "{largest}");
    assert_eq!(read(&bytes(MAX_SIZE - around + 1)).unwrap_err(), PickleError::TooLarge);
    // One text under two keys.
    let len = u32::try_from(MAX_SIZE / 8 * 5).unwrap();
    let text = [&b"X"[..], &len.to_le_bytes(), &vec![b'x'; MAX_SIZE / 8 * 5]].concat();
    let twice = [b"\x80\x05}(\x8c\x01a", &*text, b"\x94\x8c\x01bh\0u."].concat();
    assert_eq!(read(&twice).unwrap_err(), PickleError::TooLarge);
    // Floats, which are longer in a pickle: what is kept must not be more than what is read.
    let floats = [b"G\0\0\0\0\0\0\0\0", &*b"\x94".to_vec(), &b"h\0".repeat(MAX_SIZE / 24)];
    let pickle =
        |keys: &[u8]| [b"\x80\x05}(\x8c\x01a(", &*floats.concat(), b"t\x94", keys, b"u."].concat();
    assert!(read(&pickle(b"\x8c\x01bh\x01")).is_ok());
    let thrice = pickle(b"\x8c\x01bh\x01\x8c\x01ch\x01");
    assert_eq!(read(&thrice).unwrap_err(), PickleError::TooLarge);
    // Parts of one byte.
    for part in [b"]", b"(", b"\x94"] {
        let opcodes = [b"N", &*part.repeat(MAX_STEPS)].concat();
        assert_eq!(read(&opcodes).unwrap_err(), PickleError::TooLarge, "{part:?}");
    }
    assert!(PickleError::TooLarge.to_string().contains("4 MiB, or of more than 262144 parts"));
}

/// What was written must be readable, what was kept included.
#[test]
fn what_is_kept_counts_too() {
    let many = [b"](", &*b"N".repeat(MAX_STEPS - 5_000), b"e\x85"].concat();
    let members = read(&with_value(&many)).unwrap().unwrap();
    let exact = members.exact().unwrap();
    // Two for each text.
    let spare = (MAX_STEPS - exact.steps) / 2;
    let exact = Content::Exact(exact);
    let write_with = |more: usize| {
        let json = format!("[[],{}{{}}]", "\"a\",".repeat(more));
        write([(r#""a""#, exact), (r#""b""#, Content::Json(&json))].into_iter())
    };
    // The last that can be written is the last that could be read.
    let most = (spare - 20..spare).rfind(|more| write_with(*more).is_ok()).unwrap();
    let written = write_with(most).unwrap();
    assert!(read(&written).is_ok());
    assert_eq!(write_with(most + 1).unwrap_err(), PickleError::TooLarge);
    let stop = written.len() - 1;
    let more = [&written[..stop - 1], b"\x8c\x01c\x94Nu."].concat();
    assert_eq!(read(&more).unwrap_err(), PickleError::TooLarge);
    let long = [&b"X\0\0\x08\0"[..], &vec![1; MAX_SIZE / 8], b"\x85"].concat();
    let members = read(&with_value(&long)).unwrap().unwrap();
    let exact = Content::Exact(members.exact().unwrap());
    let error = write([(r#""a""#, exact), (r#""b""#, exact)].into_iter()).unwrap_err();
    assert_eq!(error, PickleError::TooLarge, "six eighths as JSON each");
    let json = format!("\"{}\"", "x".repeat(MAX_SIZE / 32 * 9));
    assert!(write([(r#""b""#, Content::Json(&json))].into_iter()).is_ok());
    let both = [(r#""a""#, exact), (r#""b""#, Content::Json(&json))];
    assert_eq!(write(both.into_iter()).unwrap_err(), PickleError::TooLarge);
}

#[test]
fn integers_have_a_limit() {
    let nines = "9".repeat(MAX_DIGITS);
    let written = write_json(&[(r#""k""#, &nines)]).unwrap();
    assert_eq!(shown(&written), format!("{{\"k\":{nines}}}"));
    let message = "the value of \"k\" is an integer of more than 4300 digits";
    let error = write_json(&[(r#""k""#, &format!("-1{nines}"))]).unwrap_err();
    assert_eq!(error.to_string(), message);
    let error = write_json(&[(r#""k""#, &format!("[1{nines}]"))]).unwrap_err();
    assert_eq!(error.to_string(), message.replace("is", "holds"));
    let long = |len: u32| [&b"\x8b"[..], &len.to_le_bytes(), &vec![1; len as usize]].concat();
    assert_eq!(refusal_of_value(&long(2_000)), message);
    assert_eq!(refusal_of_value(&long(1_000_000)), message);
    assert_eq!(refusal_of_value(format!("L1{nines}L\n").as_bytes()), message);
    assert_eq!(refusal_of_value(&[b"}", &*long(2_000), b"Ns"].concat()), message, "as a key");
    // Zeros above count for nothing.
    let padded = [&b"\x8b\0\0\x10\0\x05"[..], &vec![0; (1 << 20) - 1]].concat();
    assert_eq!(shown(&with_value(&padded)), r#"{"k":5}"#);
}
