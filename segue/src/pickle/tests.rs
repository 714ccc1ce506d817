//! Vectors and refusals. What Python itself says is in `python_tests`.

use super::*;

/// A dict of one key, `k`, and these opcodes for its value.
pub(super) fn with_value(opcodes: &[u8]) -> Vec<u8> {
    [b"\x80\x05}\x94\x8c\x01k\x94", opcodes, b"s."].concat()
}

pub(super) fn refusal(pickle: &[u8]) -> String {
    read(pickle).unwrap_err().to_string()
}

pub(super) fn refusal_of_value(opcodes: &[u8]) -> String {
    refusal(&with_value(opcodes))
}

/// The members of a session, to be looked at.
pub(super) struct Kept {
    source: Vec<u8>,
    members: Vec<Member>,
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.object())
    }
}

pub(super) fn read(pickle: &[u8]) -> Result<Option<Kept>, PickleError> {
    super::read(pickle, |Members { source, members }| Kept {
        source: source.to_vec(),
        members: members.collect(),
    })
}

impl Kept {
    /// Key, JSON and what is kept, of each.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str, Option<&Exact>)> {
        let text = |place: &Range<usize>| str::from_utf8(&self.source[place.clone()]).unwrap();
        self.members.iter().map(move |m| (text(&m.key), text(&m.json), m.exact.as_ref()))
    }

    /// What is kept of the first.
    pub(super) fn exact(&self) -> Option<&Exact> {
        self.members[0].exact.as_ref()
    }

    /// The session as a JSON object.
    pub(super) fn object(&self) -> String {
        let members: Vec<_> = self.iter().map(|(key, json, _)| format!("{key}:{json}")).collect();
        format!("{{{}}}", members.join(","))
    }

    /// As it is done for a session that nobody changed.
    pub(super) fn write_back(&self) -> Vec<u8> {
        let content = |(key, json, exact): (_, _, Option<_>)| {
            (key, exact.map_or(Content::Json(json), Content::Exact))
        };
        write(self.iter().map(content)).unwrap()
    }
}

/// The session as a JSON object.
pub(super) fn shown(pickle: &[u8]) -> String {
    read(pickle).unwrap().unwrap().object()
}

pub(super) fn write_json(members: &[(&str, &str)]) -> Result<Vec<u8>, PickleError> {
    write(members.iter().map(|(key, json)| (*key, Content::Json(json))))
}

pub(super) fn write_back(pickle: &[u8]) -> Vec<u8> {
    read(pickle).unwrap().unwrap().write_back()
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
    assert!(read(b"\x80\x05}.").unwrap().unwrap().members.is_empty());
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
        assert!(read(&pickle).unwrap().unwrap().exact().is_some(), "{json}");
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
        assert!(read(&with_value(opcodes)).unwrap().unwrap().exact().is_none(), "{opcodes:?}");
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
    let kept = read(&with_value(b"\x8c\x06secret\x85")).unwrap().unwrap();
    let shown = format!("{:?}", Content::Exact(kept.exact().unwrap()));
    assert!(shown.contains("Exact") && !shown.contains("secret"), "{shown}");
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
    let pickles: [&[u8]; 39] = [
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
        b"N(\x94t0.",
        b"N(\x85t0.",
        b"N(a.",
        b"](Na.",
        b"](Na0.",
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
