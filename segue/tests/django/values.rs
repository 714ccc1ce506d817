//! Every JSON type goes from either side to the other and back, and stays what it was.

use segue::{Session, SessionKey};

use crate::place::{Place, open, start};

/// Names, and values as Python's `json.dumps` writes them.
const VALUES: &[(&str, &str)] = &[
    ("null", "null"),
    ("bools", "[true,false]"),
    ("empty", r#"{"list":[],"dict":{},"text":""}"#),
    ("nested", r#"{"a":{"b":[1,{"c":[[],[null]]}]},"z":1,"m":2}"#),
    ("plain", r#""manish""#),
    ("escapes", r#""\"\\/\b\f\n\r\t\u0000\u001f\u007f<>&'""#),
    ("unicode", r#""Zo\u00eb \u2603 \u0416 \u4e2d\ufffd""#),
    ("emoji", r#""\ud83d\ude00 \ud83d\udc68\u200d\ud83d\udc69\u200d\ud83d\udc67""#),
    ("Zo\u{eb} \u{1f600}", r#""a key that is not ASCII""#),
    ("", r#""the empty key""#),
    ("ints", "[0,-1,9007199254740993,18446744073709551616,-9223372036854775809]"),
    ("big", "1000000000000000000000000000000"),
    ("floats", "[1.0,0.1,-2.5,1e+16,1.5e-07,1.7976931348623157e+308,5e-324,123456789.123]"),
    ("minus zero", "-0.0"),
    ("no numbers", "[NaN,Infinity,-Infinity]"),
    ("NaN", "NaN"),
    ("lone surrogates", r#"["\ud800","a\udc00b","\udc00\ud800"]"#),
    ("surrogate", r#""\ud800""#),
    ("surrogate as key", r#"{"\ud800":1,"\udfff":{"\ud800\ud800":[]}}"#),
];

/// Those that a cookie can hold.
pub fn short_values() -> Vec<(String, String)> {
    VALUES.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

pub fn values() -> Vec<(String, String)> {
    let mut values = short_values();
    let letters: String = ('a'..='z').cycle().take(100 * 1024).collect();
    values.push(("100 KB".to_owned(), format!("\"{letters}\"")));
    let snow = "\\u2603".repeat(100 * 1024 / 6);
    values.push(("100 KB escaped".to_owned(), format!("\"{snow}\"")));
    let deep = format!("{}1.0{}", "[".repeat(200), "]".repeat(200));
    values.push(("deep".to_owned(), deep));
    values
}

/// A careless reader of floats takes it for its neighbour, …8527e-167.
const HARD: f64 = -2.064_983_276_005_853e-167;

/// All of them as one object.
pub fn object(values: &[(String, String)]) -> String {
    let members: Vec<String> =
        values.iter().map(|(key, value)| format!("{}:{value}", quoted(key))).collect();
    format!("{{{}}}", members.join(","))
}

/// As Python's `json.dumps` writes it.
fn quoted(key: &str) -> String {
    let unit = |unit: u16| match u8::try_from(unit) {
        Ok(byte @ b' '..=b'~') => char::from(byte).to_string(),
        _ => format!("\\u{unit:04x}"),
    };
    format!("\"{}\"", key.encode_utf16().map(unit).collect::<String>())
}

/// An object with one more member.
pub fn with(object: &str, member: &str) -> String {
    format!("{},{member}}}", object.strip_suffix('}').unwrap())
}

fn key_of(session: &Session) -> SessionKey {
    session.key().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_goes_from_rust_to_django_and_back() {
    let place = Place::new().await;
    let (sessions, mut django) = (place.sessions(), place.django());
    let (values, text) = (values(), object(&values()));

    let session = start(&sessions).await;
    for (key, value) in &values {
        session.insert_raw(key, value).unwrap();
    }
    session.save().await.unwrap();
    let key = key_of(&session);
    assert_eq!(django.row(&key).unwrap().json, text, "to the byte what Django would store");
    assert_eq!(django.read(&key), text);

    // Django reads all of it and writes it anew.
    django.change(&key, r#"{"touched":"by Django"}"#);
    let again = open(&sessions, &key).await;
    assert_eq!(again.items()[..values.len()], values);
    assert_eq!(again.get_raw("touched").unwrap(), "\"by Django\"");
    assert_eq!(again.keys().len(), values.len() + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_goes_from_django_to_rust_and_back() {
    let place = Place::new().await;
    let (sessions, mut django) = (place.sessions(), place.django());
    // Here a key itself may be a lone surrogate, which is no text in Rust.
    let text = with(&object(&values()), r#""\ud800":"a lone surrogate as key""#);

    let key = django.create(&text);
    assert_eq!(django.read(&key), text, "the values are written as Python writes them");
    let session = open(&sessions, &key).await;
    for (name, value) in values() {
        assert_eq!(session.get_raw(&name), Some(value), "{name}");
    }
    session.insert("touched", "by Rust").unwrap();
    session.save().await.unwrap();

    let text = with(&text, r#""touched":"by Rust""#);
    assert_eq!(django.row(&key).unwrap().json, text, "the others are the same to the byte");
    assert_eq!(django.read(&key), text);
}

#[tokio::test(flavor = "multi_thread")]
async fn types_of_rust_are_the_types_of_python() {
    let place = Place::new().await;
    let (sessions, mut django) = (place.sessions(), place.django());
    let session = start(&sessions).await;
    session.insert("floats", [1.0, -0.0, 1e16, 1e300, 0.1, 5e-324, 1.5e-7, HARD]).unwrap();
    session.insert("u128", 10_u128.pow(30)).unwrap();
    session.insert("text", "Zoë ☃ 😀 \u{7f} \u{0} </script>").unwrap();
    session.insert("none", None::<u8>).unwrap();
    // JSON text that is not ASCII: Django takes stored text for Latin-1.
    session.insert_raw("raw", r#"{"é ☃": "😀"}"#).unwrap();
    session.insert("map", std::collections::BTreeMap::from([("é", vec![1, 2])])).unwrap();
    session.save().await.unwrap();
    let key = key_of(&session);
    let python = r#"{"floats":[1.0,-0.0,1e+16,1e+300,0.1,5e-324,1.5e-07,-2.064983276005853e-167],"#
        .to_owned()
        + r#""u128":1000000000000000000000000000000,"#
        + r#""text":"Zo\u00eb \u2603 \ud83d\ude00 \u007f \u0000 </script>","#
        + r#""none":null,"raw":{"\u00e9 \u2603":"\ud83d\ude00"},"map":{"\u00e9":[1,2]}}"#;
    assert_eq!(django.read(&key), python);

    django.change(&key, r#"{"touched":true}"#);
    let again = open(&sessions, &key).await;
    let floats: Vec<f64> = again.get("floats").unwrap().unwrap();
    let bits = |floats: &[f64]| floats.iter().map(|float| float.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&floats), bits(&[1.0, -0.0, 1e16, 1e300, 0.1, 5e-324, 1.5e-7, HARD]));
    assert_eq!(again.get("u128").unwrap(), Some(10_u128.pow(30)));
    let text: Option<String> = again.get("text").unwrap();
    assert_eq!(text.as_deref(), Some("Zoë ☃ 😀 \u{7f} \u{0} </script>"));
    let nan = django.create(r#"{"nan":NaN}"#);
    let nan: Option<f64> = open(&sessions, &nan).await.get("nan").unwrap();
    assert!(nan.unwrap().is_nan());
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_changes_in_turn_leave_both_sides_equal() {
    let place = Place::new().await;
    let (sessions, mut django) = (place.sessions(), place.django());
    let values = values();
    let key = django.create(&object(&values));
    for turn in 0..10 {
        let session = open(&sessions, &key).await;
        session.update("turns", |n: Option<u32>| n.unwrap_or(0) + 1).unwrap();
        session.insert_raw(&format!("rust {turn}"), &values[turn].1).unwrap();
        session.save().await.unwrap();
        // Of two keys that Django sets, one is Rust's of this turn.
        let value = &values[turn + 1].1;
        django.change(&key, &format!(r#"{{"django {turn}":{value},"rust {turn}":{turn}}}"#));
    }
    let session = open(&sessions, &key).await;
    assert_eq!(session.get("turns").unwrap(), Some(10));
    assert_eq!(object(&session.items()), django.read(&key));
    for turn in 0..10 {
        assert_eq!(session.get(&format!("rust {turn}")).unwrap(), Some(turn));
        assert_eq!(session.get_raw(&format!("django {turn}")).unwrap(), values[turn + 1].1);
    }
    assert_eq!(session.items()[..values.len()], values, "what nobody touched is as it was");
    // The order is Python's too: a key that is set again keeps its place.
    assert_eq!(session.keys()[values.len()..][..3], ["turns", "rust 0", "django 0"]);
}
