//! Vectors, refusals, limits and attacks. What Python itself says is in `python_tests`.

use super::*;

/// A dict of one key, `k`, and these opcodes for its value.
fn with_value(opcodes: &[u8]) -> Vec<u8> {
    [b"\x80\x05}\x94\x8c\x01k\x94", opcodes, b"s."].concat()
}

fn refusal(pickle: &[u8]) -> String {
    read(pickle).unwrap_err().to_string()
}

fn refusal_of_value(opcodes: &[u8]) -> String {
    refusal(&with_value(opcodes))
}

/// The session as a JSON object.
fn shown(pickle: &[u8]) -> String {
    let members = read(pickle).unwrap().unwrap();
    let members: Vec<_> = members.iter().map(|m| format!("{}:{}", m.key, m.json)).collect();
    format!("{{{}}}", members.join(","))
}

fn write_json(members: &[(&str, &str)]) -> Result<Vec<u8>, PickleError> {
    write(members.iter().map(|(key, json)| (*key, Content::Json(json))))
}

/// As it is done for a session that nobody changed.
fn write_back(pickle: &[u8]) -> Vec<u8> {
    let members = read(pickle).unwrap().unwrap();
    let content = members.iter().map(|member| {
        let content = member.exact.as_ref().map_or(Content::Json(&member.json), Content::Exact);
        (member.key.as_str(), content)
    });
    write(content).unwrap()
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    digits.map(|two| u8::from_str_radix(str::from_utf8(two).unwrap(), 16).unwrap()).collect()
}

/// A session of Django's in Redis and in memcached.
#[test]
fn vectors_of_django() {
    let vectors = [
        ("80057d942e", "{}"),
        ("8005950a000000000000007d948c0161944b01732e", r#"{"a":1}"#),
        (
            "80059588000000000000007d94288c0d5f617574685f757365725f6964948c0131948c125f617574685f\
             757365725f6261636b656e64948c29646a616e676f2e636f6e747269622e617574682e6261636b656e64\
             732e4d6f64656c4261636b656e64948c0463617274945d94284b014740040000000000004e88658c036e\
             6f6d948c0d5a6fc3ab20e2988320f09f988094752e",
            r#"{"_auth_user_id":"1","_auth_user_backend":"django.contrib.auth.backends.ModelBackend","cart":[1,2.5,null,true],"nom":"Zo\u00eb \u2603 \ud83d\ude00"}"#,
        ),
    ];
    for (hex, json) in vectors {
        let pickle = bytes(hex);
        assert_eq!(shown(&pickle), json);
        assert_eq!(write_back(&pickle), pickle, "{json}");
    }
}

#[test]
fn none_is_no_session() {
    assert!(read(b"\x80\x05N.").unwrap().is_none());
    assert!(read(b"\x80\x05\x8c\x05lease0N.").unwrap().is_none());
    assert!(read(b"\x80\x05(0N.").unwrap().is_none(), "a mark is popped as in Python");
    assert!(read(b"N.").unwrap().is_none());
    assert!(read(b"\x80\x05}.").unwrap().unwrap().is_empty());
}

#[test]
fn what_json_cannot_hold_is_kept() {
    let values: [(&[u8], &str); 9] = [
        (b"K\x01\x85\x94", "[1]"),
        (b")", "[]"),
        (b"]\x94)a", "[[]]"),
        (b"(K\x01K\x02K\x03K\x04t\x94", "[1,2,3,4]"),
        (b"}\x94K\x01Ns", r#"{"1":null}"#),
        (b"}\x94(NN\x88NG?\xf8\0\0\0\0\0\0Nu", r#"{"null":null,"true":null,"1.5":null}"#),
        (b"G\xff\xf8\0\0\0\0\0\0", "NaN"),
        (b"\x8c\x06\xed\xa0\xbd\xed\xb8\x80\x94", r#""\ud83d\ude00""#),
        (b"}\x94(K\x01K\x02\x8c\x011\x94K\x03u", r#"{"1":2,"1":3}"#),
    ];
    for (opcodes, json) in values {
        let pickle = with_value(opcodes);
        assert_eq!(shown(&pickle), format!("{{\"k\":{json}}}"));
        assert!(read(&pickle).unwrap().unwrap()[0].exact.is_some(), "{json}");
        let again = write_back(&pickle);
        let frame = 11;
        assert_eq!(again[..2], pickle[..2]);
        assert_eq!(again[frame..], pickle[2..], "{json}");
    }
}

#[test]
fn what_json_can_hold_is_not_kept_twice() {
    for opcodes in [&b"]\x94(K\x01NG\x7f\xf8\0\0\0\0\0\0e"[..], b"}\x94\x8c\x01a\x94)0Ns", b"\x88"]
    {
        assert!(read(&with_value(opcodes)).unwrap().unwrap()[0].exact.is_none(), "{opcodes:?}");
    }
}

#[test]
fn keys_are_kept_as_in_a_dict() {
    let pickle = b"\x80\x05}(\x8c\x01aK\x01\x8c\x01bK\x02\x8c\x01aK\x03u.";
    assert_eq!(shown(pickle), r#"{"a":3,"b":2}"#);
    // 1 == 1.0 == True == 1 as a long; -0.0 == 0; 2**70 == 2.0**70; the first of equal keys stays.
    let equal = b"}(K\x01K\x01G?\xf0\0\0\0\0\0\0K\x02\x88K\x03\x8a\x01\x01K\x04K\0K\x05\
                  G\x80\0\0\0\0\0\0\0K\x06\x8a\x09\0\0\0\0\0\0\0\0\x40K\x07GDP\0\0\0\0\0\0K\x08u";
    assert_eq!(shown(&with_value(equal)), r#"{"k":{"1":4,"0":6,"1180591620717411303424":8}}"#);
    // No NaN is equal to any.
    let nans = b"}(G\x7f\xf8\0\0\0\0\0\0K\x01G\x7f\xf8\0\0\0\0\0\0K\x02u";
    assert_eq!(shown(&with_value(nans)), r#"{"k":{"NaN":1,"NaN":2}}"#);
}

#[test]
fn a_top_that_is_no_session() {
    assert_eq!(refusal(b"\x80\x05]."), "the payload is a list, not a dict");
    assert_eq!(refusal(b"\x80\x05K\x01."), "the payload is an int, not a dict");
    assert_eq!(refusal(b"\x80\x05}K\x01Ns."), "a key of the session is an int, not a str");
    assert_eq!(refusal(b"\x80\x05}]Ns."), "a key of the session is a list, not a str");
    assert_eq!(refusal(b"\x80\x05C\x01a."), "the payload is bytes, which JSON does not have");
    assert_eq!(
        refusal(b"\x80\x05}\x8c\x06\xed\xa0\xbd\xed\xb8\x80Ns."),
        "a key of the session is a str with two surrogates apart, not a str"
    );
}

#[test]
fn objects_are_refused_by_name() {
    let object =
        |class: &str| format!("the value of \"k\" is a Python object ({class}), not plain data");
    let unnamed = "the value of \"k\" is a Python object, not plain data";
    let values: [(&[u8], String); 23] = [
        (b"\x8c\x08datetime\x94\x8c\x08datetime\x94\x93\x94C\x0a\x07\xe7\x0b\x0e\x16\x0d\x14\0\0\0\x94\x85\x94R\x94", object("datetime.datetime")),
        (b"cposix\nsystem\n\x8c\x02id\x85R", object("posix.system")),
        (b"cos\nsystem\n", object("os.system")),
        (b"\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R", object("os.system")),
        (b"(\x8c\x02idios\nsystem\n", object("os.system")),
        (b"(cos\nsystem\n\x8c\x02ido", object("os.system")),
        (b"cdecimal\nDecimal\n)\x81", object("decimal.Decimal")),
        (b"cuuid\nUUID\n)}\x92", object("uuid.UUID")),
        (b"cuuid\nUUID\n)\x81}\x8c\x03intK\x01sb", object("uuid.UUID")),
        (b"ccollections\nOrderedDict\n)R(\x8c\x01aK\x01\x8c\x01bK\x02u\x8c\x01cK\x03s", object("collections.OrderedDict")),
        (b"ccollections\ndeque\n)R(K\x01K\x02eK\x03a", object("collections.deque")),
        (b"\x8f\x94(K\x01K\x02\x90", object("set")),
        (b"(K\x01\x91", object("frozenset")),
        (b"\x96\x01\0\0\0\0\0\0\0a", object("bytearray")),
        (b"U\x01a", object("a str of Python 2")),
        (b"T\x01\0\0\0a", object("a str of Python 2")),
        (b"S'a'\n", object("a str of Python 2")),
        (b"Pid\n", unnamed.to_owned()),
        (b"K\x01Q", unnamed.to_owned()),
        (b"\x82\x01", unnamed.to_owned()),
        (b"\x83\x01\x01", unnamed.to_owned()),
        (b"\x84\x01\0\0\0", unnamed.to_owned()),
        (b"\x97\x98", unnamed.to_owned()),
    ];
    for (opcodes, message) in values {
        assert_eq!(refusal_of_value(opcodes), message);
        let nested = [b"]", opcodes, b"a"].concat();
        assert_eq!(refusal_of_value(&nested), message.replace(" is a ", " holds a "));
        // Where nobody can see it, Python would still have run it.
        let message = message.replace("the value of \"k\" is", "the payload holds");
        assert_eq!(refusal(&[b"\x80\x05", opcodes, b"0}."].concat()), message);
        assert_eq!(refusal(&[b"\x80\x05", opcodes, b"0N."].concat()), message);
        assert_eq!(refusal(&[b"\x80\x05}\x8c\x01k", opcodes, b"s\x8c\x01kNs."].concat()), message);
        let message = message.replace("holds", "is");
        assert_eq!(refusal(&[b"\x80\x05", opcodes, b"."].concat()), message);
    }
    assert_eq!(
        refusal_of_value(b"C\x01a"),
        "the value of \"k\" is bytes, which JSON does not have"
    );
    assert_eq!(
        refusal_of_value(b"]C\0a"),
        "the value of \"k\" holds bytes, which JSON does not have"
    );
    assert_eq!(
        refusal_of_value(b"}C\0Ns"),
        "the value of \"k\" is a dict with a key that is bytes"
    );
    assert_eq!(
        refusal_of_value(b"})Ns"),
        "the value of \"k\" is a dict with a key that is a tuple"
    );
    assert_eq!(refusal_of_value(b"K\x01)R"), unnamed, "calling a number");
}

/// Errors show class names, not whatever stands in their place.
#[test]
fn errors_show_no_values() {
    let secret = "sk-12345 hush";
    for opcodes in [
        format!("\u{8c}{}{secret}\u{8c}\u{1}x\u{93}", '\u{d}'),
        format!("c{secret}\nx\n"),
        format!("cos\n{secret}\n"),
    ] {
        let opcodes: Vec<u8> = opcodes.chars().map(|letter| letter as u8).collect();
        let message = refusal_of_value(&opcodes);
        assert_eq!(message, "the value of \"k\" is a Python object, not plain data");
    }
    let member = read(&with_value(b"\x8c\x06secret\x85")).unwrap().unwrap();
    let shown = format!("{member:?} {:?}", Content::Exact(member[0].exact.as_ref().unwrap()));
    assert!(shown.contains("\\\"k\\\"") && !shown.contains("secret"), "{shown}");
    let long = [&b"\x80\x05}X\xe8\x03\0\0"[..], &[b'k'; 1_000], b"C\0s."].concat();
    assert_eq!(refusal(&long).len(), "the value of , which JSON does not have is bytes".len() + 84);
}

#[test]
fn cut_off_anywhere_is_an_error() {
    let pickle = write_json(&[
        (r#""a""#, r#"[1,2.5,null,true,70000,300,-5,100000000000000000000]"#),
        (r#""b""#, r#"{"c":"text","d":{},"e":[[]]}"#),
    ])
    .unwrap();
    let with_objects =
        with_value(b"\x8c\x01a\x8c\x01b\x93)\x81}bX\x01\0\0\0aI5\nL5L\nF1.5\nVx\np7\ng7\n0000\x87");
    assert!(read(&pickle).is_ok());
    for pickle in [pickle, with_objects] {
        for len in 0..pickle.len() {
            let error = read(&pickle[..len]).unwrap_err();
            assert!(matches!(error, PickleError::Malformed { .. }), "{len}: {error}");
        }
    }
}

#[test]
fn what_is_no_pickle() {
    let pickles: [&[u8]; 36] = [
        b"",
        b".",
        b"12345",
        b"\x80\x06N.",
        b"\x80\x05N.N",
        b"\x80\x05NN.",
        b"\x80\x05N(.",
        b"\x80\x05(N.",
        b"0.",
        b"1.",
        b"N\x85\x86.",
        b"t.",
        b"(K\x01d.",
        b"}(K\x01u.",
        b"}K\x01s.",
        b"]e.",
        b"K\x01K\x01a.",
        b")K\x01a.",
        b"}K\x01a.",
        b"]K\x01K\x01s.",
        b"](K\x01u.",
        b"N(\x94.",
        b"N(a.",
        b"](Na.",
        b"h\0.",
        b"j\0\0\0\0.",
        b"g0\n.",
        b"gx\n.",
        b"\x94.",
        b"\x8c\x01\xff.",
        b"2.",
        b"I1_0\n.",
        b"I012\n.",
        b"L\n.",
        b"Fx\n.",
        b"V\\u00\n.",
    ];
    for pickle in pickles {
        let error = read(pickle).unwrap_err();
        assert!(matches!(error, PickleError::Malformed { .. }), "{pickle:?}: {error}");
    }
    assert_eq!(
        refusal(b"\x80\x05N2."),
        "the payload is no whole pickle: an unknown opcode at byte 3"
    );
}

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
    let exact = members[0].exact.as_ref().unwrap();
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
    let exact = Content::Exact(members[0].exact.as_ref().unwrap());
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

#[test]
fn what_is_no_json_is_not_written() {
    for json in ["", "[", "tru", "1 2", "{\"a\"}", "'a'", "[1,]", "\"\\x\""] {
        let error = write_json(&[(r#""k""#, json)]).unwrap_err();
        assert_eq!(error.to_string(), "the value of \"k\" is not JSON", "{json}");
    }
    for key in ["", "1", "[]", "\"a", "a"] {
        assert!(write_json(&[(key, "1")]).is_err(), "{key}");
    }
}

/// Spaces, escapes and floats may be written as one likes.
#[test]
fn json_of_any_style_is_written() {
    let json = " { \"a\\/b\" : [ 1 , 1E2 , -0 , -0.0 , 1e400 ] , \"é\\\\\" : \"\\\"\" } ";
    let written = write_json(&[(r#""k""#, json)]).unwrap();
    assert_eq!(shown(&written), r#"{"k":{"a/b":[1,100.0,0,-0.0,Infinity],"\u00e9\\":"\""}}"#);
}
