//! Bodies of browsers, and those that nobody would send in good faith.

use super::multipart::{HEADERS, VALUE};
use super::*;
use crate::csrf::secret::Secret;
use crate::csrf::token::FIELD;

pub(super) const URL_ENCODED: &str = "application/x-www-form-urlencoded";

const TOKEN: &str = "abcdefghijklmnopqrstuvwxyzABCDEFlIL5l1ikE7IG1cFUQfg8v79o6LRD8WPu";

/// What is found, and after how many bytes it is known.
pub(super) fn answer(content_type: &str, body: &[u8]) -> (String, Option<usize>) {
    let mut search = Search::new(content_type).unwrap();
    let known = body.iter().position(|byte| search.feed(&[*byte])).map(|at| at + 1);
    (search.finish(), known)
}

/// What is found, wherever the body is cut.
fn found(content_type: &str, body: &[u8]) -> String {
    let (found, known) = answer(content_type, body);
    for at in 0..=body.len() {
        let mut search = Search::new(content_type).unwrap();
        let (one, other) = body.split_at(at);
        assert_eq!(search.feed(one), known.is_some_and(|known| known <= at), "{at}");
        assert_eq!(search.feed(other), known.is_some(), "{at}");
        assert!(!search.feed(b"") || known.is_some());
        assert_eq!(search.finish(), found, "{at}");
    }
    found
}

/// In parts between `--b`; a `|` is a line break.
fn in_parts(body: &str) -> String {
    found("multipart/form-data; boundary=b", body.replace('|', "\r\n").as_bytes())
}

fn in_pairs(body: &str) -> String {
    found(URL_ENCODED, body.as_bytes())
}

/// The headers of the field and its value.
fn field(value: &str) -> String {
    format!("Content-Disposition: form-data; name=\"{FIELD}\"||{value}")
}

#[test]
fn a_token_is_as_long_as_it_is_said() {
    assert_eq!(Secret::generate().unwrap().mask().unwrap().len(), TOKEN_LENGTH);
    assert_eq!(TOKEN.len(), TOKEN_LENGTH);
}

#[test]
fn the_kind_is_known() {
    let kind = |header| Search::new(header).map(|search| search.kind());
    assert_eq!(
        kind("application/x-www-form-urlencoded; charset=utf-8"),
        Some(FormKind::UrlEncoded)
    );
    assert_eq!(kind("multipart/form-data; boundary=b"), Some(FormKind::Multipart));
    assert_eq!(kind("multipart/form-data"), None);
    assert_eq!(kind("application/json"), None);
}

/// As Chromium 148 sent them.
#[test]
fn the_forms_of_a_browser() {
    let body = format!("a+b%26=%C3%A9+%2B%0D%0A%25&{FIELD}={TOKEN}&z=");
    assert_eq!(in_pairs(&body), TOKEN);

    let browser = |boundary: &str, parts: &[String]| {
        let body = parts.iter().map(|part| format!("--{boundary}|{part}|")).collect::<String>();
        let body = format!("{body}--{boundary}--|").replace('|', "\r\n");
        found(&format!("multipart/form-data; boundary={boundary}"), body.as_bytes())
    };
    let upload = [
        "Content-Disposition: form-data; name=\"a%22b%0D%0Ac\"||x|y".to_owned(),
        "Content-Disposition: form-data; name=\"file\"; filename=\"C:\\dir\\%22q%22\x01é\\\"|\
         Content-Type: text/plain||--|------Web|"
            .to_owned(),
        "Content-Disposition: form-data; name=\"empty\"; filename=\"\"|\
         Content-Type: application/octet-stream||"
            .to_owned(),
        "Content-Disposition: form-data; name=\"last\"||".to_owned(),
        field(TOKEN),
    ];
    assert_eq!(browser("----WebKitFormBoundaryKa2IiXHEjL6vkXOK", &upload), TOKEN);

    let late = [
        format!(
            "Content-Disposition: form-data; name=\"{FIELD}\"; filename=\"a.txt\"|\
             Content-Type: text/plain||{TOKEN}"
        ),
        field(""),
        field(TOKEN),
    ];
    assert_eq!(browser("----WebKitFormBoundaryKSXWEjeIDkgcDIKU", &late), TOKEN);
}

#[test]
fn the_last_pair_counts() {
    let long = "x".repeat(2000);
    for (body, expected) in [
        ("", ""),
        ("&&&", ""),
        ("=", ""),
        ("csrfmiddlewaretoken", ""),
        ("csrfmiddlewaretoken=", ""),
        ("csrfmiddlewaretoken=a", "a"),
        ("&csrfmiddlewaretoken=a&", "a"),
        ("csrfmiddlewaretoken=a=b", "a=b"),
        ("csrfmiddlewaretoken=a&csrfmiddlewaretoken=b", "b"),
        ("csrfmiddlewaretoken=a&csrfmiddlewaretoken=", ""),
        ("csrfmiddlewaretoken=a&csrfmiddlewaretoken", ""),
        ("csrfmiddlewaretoken=a;csrfmiddlewaretoken=b", "a;csrfmiddlewaretoken=b"),
        ("csrfmiddlewaretoken=+%2B%20%26%3d%C3%a9%zz%", " + &=é%zz%"),
        ("%63srf%6didd%6C%65waretoken=%61", "a"),
        ("csrf%00middlewaretoken=a", ""),
        ("csrfmiddlewaretoken%3Da", ""),
        ("Csrfmiddlewaretoken=a&csrfmiddlewaretoken2=b&+csrfmiddlewaretoken=c", ""),
        ("a=csrfmiddlewaretoken=a", ""),
        ("csrfmiddlewaretoken=a\0b%00", "a\0b\0"),
        (&format!("csrfmiddlewaretoken=a&{long}"), "a"),
        (&format!("{long}csrfmiddlewaretoken=a&csrfmiddlewaretoken=b&a={long}"), "b"),
    ] {
        assert_eq!(in_pairs(body), expected, "{body}");
    }
    assert_eq!(found(URL_ENCODED, b"csrfmiddlewaretoken=a\xff%C3"), "a\u{fffd}\u{fffd}");
}

/// No token is cut, however it is written, and what is too long stays so.
#[test]
fn a_long_value_is_too_long() {
    let encode = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
    for character in ["a", "é", "𝄞", "\0"] {
        for length in [1, 32, 63, 64, 65, 100, 5000] {
            let value = character.repeat(length);
            for value_in_body in [value.clone(), encode(&value)] {
                let body = format!("{}={value_in_body}&z=z", encode(FIELD));
                let (found, _) = answer(URL_ENCODED, body.as_bytes());
                assert_eq!(found.chars().count(), length.min(65), "{length} of {character}");
                assert!(value.starts_with(&found));
            }
            let body = format!("--b|{}|--b--", field(&value)).replace('|', "\r\n");
            let (found, _) = answer("multipart/form-data; boundary=b", body.as_bytes());
            assert_eq!(found == value, found.len() < VALUE, "{length} of {character}");
            assert_eq!(found.chars().count() > TOKEN_LENGTH, length > TOKEN_LENGTH);
        }
    }
}

#[test]
fn the_part_of_the_field_is_found() {
    let file = format!("Content-Disposition: form-data; name=\"{FIELD}\"; filename=\"x\"||file");
    for (body, expected) in [
        ("--b|@t|--b--|", "t"),
        ("--b|@t|--b--", "t"),
        ("--b|@t|--b--epilogue|--b|@u|--b--", "t"),
        ("|--b|@t|--b--", "t"),
        ("preamble|--b|@t|--b--", "t"),
        ("--b \t |@t|--b \t|", "t"),
        ("--b|X-A: b|X-C: d|@t|--b--", "t"),
        ("--b|A: b||a|--b|@t|--b--", "t"),
        // Of several, the first that is not empty.
        ("--b|@t|--b|@u|--b--", "t"),
        ("--b|@|--b|@u|--b--", "u"),
        ("--b|@|--b--", ""),
        ("--b|$|--b--", ""),
        ("--b|$|--b|@t|--b--", "t"),
        // Parts without headers, without a body, without anything.
        ("--b|||--b|@t|--b--", "t"),
        ("--b||a|--b|@t|--b--", "t"),
        ("--b||--b|@t|--b--", "t"),
        ("--b|--b|@t|--b--", "t"),
        ("--b|A: b||--b|@t|--b--", "t"),
        ("--b|A: b|--b|@t|--b--", "t"),
        ("--b|@--b|@t|--b--", "t"),
        // Text, as far as a field goes.
        ("--b|@|||--b--", "\r\n\r\n"),
        ("--b|@t\0u|--b--", "t\0u"),
        ("--b|@\n|--b--", "\n"),
        ("--b|@\r|--b--", "\r"),
        // Lines that are no delimiters.
        ("--b|@a--b--|--b--", "a--b--"),
        ("--b|@a\n--b--|--b--", "a\n--b--"),
        ("--b|@a\r--b--|--b--", "a\r--b--"),
        ("--b|@a|--bb|--b--", "a\r\n--bb"),
        ("--b|@a|--b-|--b--", "a\r\n--b-"),
        ("--b|@a|--b --|--b--", "a\r\n--b --"),
        ("--b|@a|--b\n|--b--", "a\r\n--b\n"),
        ("--b|@a|--b\r|--b--", "a\r\n--b\r"),
        ("--b|@a|--b\r\r\r|--b--", "a\r\n--b\r\r\r"),
        ("--b|@a|-|--|---b|--b--", "a\r\n-\r\n--\r\n---b"),
        ("--b|@a|--|--b--", "a\r\n--"),
        ("a--b|@t|--b--", ""),
        ("--bb|@t|--bb--", ""),
        ("--b--|--b|@t|--b--", ""),
        ("", ""),
        ("--", ""),
        ("--b", ""),
        ("--b|", ""),
        ("--b||", ""),
        // Lines that end as on Unix.
        ("--b\n@t\n--b--\n", ""),
        ("--b\nContent-Disposition: form-data; name=\"csrfmiddlewaretoken\"\n\nt\n--b--\n", ""),
        ("--b|Content-Disposition: form-data; name=\"csrfmiddlewaretoken\"\n\nt|--b--", ""),
    ] {
        let body = body.replace('@', &field("")).replace('$', &file);
        assert_eq!(in_parts(&body), expected, "{body:?}");
    }
}

#[test]
fn the_headers_say_which_part_it_is() {
    for (headers, is_found) in [
        ("Content-Disposition: form-data; name=csrfmiddlewaretoken", true),
        ("content-disposition:form-data;NAME = \" csrfmiddlewaretoken \"", true),
        ("Content-Disposition: x; a=\"; name=b\"; name=csrfmiddlewaretoken", true),
        ("Content-Disposition: form-data; name=a; name=csrfmiddlewaretoken", true),
        ("Content-Disposition: form-data; name=csrfmiddlewaretoken; filename=\"\"", true),
        ("Content-Type: text/plain|CONTENT-DISPOSITION: form-data; name=csrfmiddlewaretoken", true),
        ("Content-Disposition: a; name=b|Content-Disposition: a; name=csrfmiddlewaretoken", true),
        ("Content-Disposition: form-data; name=csrfmiddlewaretoken; filename=\"x\"", false),
        ("Content-Disposition: form-data; FileName=x; name=csrfmiddlewaretoken", false),
        ("Content-Disposition: form-data; name=csrfmiddlewaretoken; filename*=utf-8''x", false),
        (
            "Content-Disposition: form-data; filename*=utf-8''x; filename=\"\"; \
             name=csrfmiddlewaretoken",
            false,
        ),
        ("Content-Disposition: form-data; name=csrfmiddlewaretoken; name=a", false),
        ("Content-Disposition: a; name=csrfmiddlewaretoken|Content-Disposition: a", false),
        ("Content-Disposition: form-data; name=\"Csrfmiddlewaretoken\"", false),
        ("Content-Disposition: form-data; filename=\"a;name=csrfmiddlewaretoken\"", false),
        ("Content-Disposition: form-data; x=\"\\\"; name=csrfmiddlewaretoken\"", false),
        ("Content-Disposition: name=csrfmiddlewaretoken", false),
        ("Content-Disposition:", false),
        ("Content-Dispositions: form-data; name=csrfmiddlewaretoken", false),
        ("X: form-data; name=csrfmiddlewaretoken", false),
        // Lines that are folded, or no headers.
        ("Content-Disposition: form-data;| name=csrfmiddlewaretoken", false),
        ("A: b| c|Content-Disposition: form-data; name=csrfmiddlewaretoken", false),
        ("a|Content-Disposition: form-data; name=csrfmiddlewaretoken", false),
        ("A: \0|Content-Disposition: form-data; name=csrfmiddlewaretoken", false),
    ] {
        let expected = if is_found { "t" } else { "u" };
        let body = format!("--b|{headers}||t|--b|{}|--b--", field("u"));
        assert_eq!(in_parts(&body), expected, "{headers}");
    }
    let latin =
        b"--b\r\nContent-Disposition: a; name=csrfmiddlewaretoken; x=\xe9\r\n\r\nt\r\n--b--";
    assert_eq!(found("multipart/form-data; boundary=b", latin), "");
}

#[test]
fn headers_have_a_limit() {
    // A line break is counted before them, and two after them.
    let fixed = "|".len() * 2 + field("").replace('|', "\r\n").len() + "X: |".len() + 1;
    for (filler, is_found) in
        [(HEADERS - fixed, true), (HEADERS - fixed + 1, false), (20_000, false)]
    {
        let headers = format!("X: {}|{}", "x".repeat(filler), field("t"));
        let body = format!("--b|{headers}|--b|{}|--b--", field("u")).replace('|', "\r\n");
        for size in [1, 7, 4096, body.len()] {
            let mut search = Search::new("multipart/form-data; boundary=b").unwrap();
            let mut pieces = body.as_bytes().chunks(size);
            assert!(pieces.any(|piece| search.feed(piece)));
            assert_eq!(search.finish(), if is_found { "t" } else { "" }, "{filler} in {size}");
        }
    }
    // Nor may there be many.
    let headers = format!("{}{}", "X: x|".repeat(40), field("t"));
    assert_eq!(in_parts(&format!("--b|{headers}|--b|{}|--b--", field("u"))), "u");
}

#[test]
fn a_form_that_breaks_off_ends_there() {
    let body = format!("--b|A: b||x|--b|{}|--b--|", field(TOKEN)).replace('|', "\r\n");
    let value = body.find(TOKEN).unwrap()..body.find(TOKEN).unwrap() + TOKEN.len();
    for end in 0..=body.len() {
        let (found, known) = answer("multipart/form-data; boundary=b", &body.as_bytes()[..end]);
        assert_eq!(found, body.get(value.start..end.min(value.end)).unwrap_or_default(), "{end}");
        let is_known = end > value.end + "|--b--".len();
        assert_eq!(known.is_some(), is_known, "{end}");
    }
    let body = format!("a=b&{FIELD}={TOKEN}");
    for end in 0..=body.len() {
        let (found, known) = answer(URL_ENCODED, &body.as_bytes()[..end]);
        let start = body.find(TOKEN).unwrap();
        assert_eq!((&*found, known), (body.get(start..end).unwrap_or_default(), None), "{end}");
    }
}

/// An upload need not be read to its end.
#[test]
fn the_answer_is_known_with_the_field() {
    let known = |body: &str| {
        let body = body.replace('|', "\r\n");
        let (_, known) = answer("multipart/form-data; boundary=b", body.as_bytes());
        known.map(|known| body[known..].to_owned())
    };
    let token = field("t");
    assert_eq!(known(&format!("--b|{token}|--b|file")).as_deref(), Some("file"));
    assert_eq!(known(&format!("--b|{token}|--b--|file")).as_deref(), Some("\r\nfile"));
    assert_eq!(known("--b|A: b||a|--b--file").as_deref(), Some("file"));
    assert_eq!(known(&format!("--b|{token}|--b")), None);
    // Nor a value that is too long.
    let (value, blanks) = ("t".repeat(VALUE), " ".repeat(1000));
    assert_eq!(known(&format!("--b|{}file", field(&value))).as_deref(), Some("file"));
    assert_eq!(known(&format!("--b|{token}|--b{blanks}")), None);
    assert_eq!(known(&format!("--b|{token}|--b{blanks}|file")).as_deref(), Some("file"));
    assert_eq!(known(&format!("--b|{token}|--b{blanks}xfile")).as_deref(), Some("file"));
}

/// A megabyte of what is nearly a delimiter, then the token.
#[test]
fn a_large_file_is_passed_over_with_little_memory() {
    let boundary = "=b".repeat(100);
    let content_type = format!("multipart/form-data; boundary=\"{boundary}\"");
    let file = |content: &str| {
        let content = content.repeat((1 << 20) / content.len());
        let headers = "Content-Disposition: form-data; name=\"a\"; filename=\"b\"";
        let body = format!("--{boundary}|{headers}||x{content}|--{boundary}|{}", field(TOKEN));
        format!("{body}|--{boundary}--|").replace('|', "\r\n")
    };
    let nearly = [
        "\0",
        "\r",
        "\n",
        "|",
        "|--",
        "|--=b=b=b",
        "||--=b",
        &format!("|--{}", "=b".repeat(99)),
        &format!("|--{boundary}x"),
        &format!("|--{boundary} \r"),
        &format!("--{boundary}"),
    ];
    for content in nearly {
        let body = file(content);
        for size in [1, 100, 65536, body.len()] {
            let mut search = Search::new(&content_type).unwrap();
            let mut kept = 0;
            for piece in body.as_bytes().chunks(size) {
                search.feed(piece);
                kept = kept.max(search.kept());
            }
            assert!(kept < 1024, "{content}: {kept} bytes");
            assert_eq!(search.finish(), TOKEN, "{content} in {size}");
        }
    }
}

#[test]
fn no_form_makes_it_keep_much() {
    let kept = |content_type: &str, start: &str, content: &str| {
        let mut search = Search::new(content_type).unwrap();
        let mut kept = 0;
        search.feed(start.replace('|', "\r\n").as_bytes());
        for size in [1, 3, 1000, 1 << 16] {
            search.feed(content.repeat(size).as_bytes());
            kept = kept.max(search.kept());
        }
        kept
    };
    let in_pairs = |start: &str, content: &str| kept(URL_ENCODED, start, content);
    assert!(in_pairs("", "a") <= 2048);
    assert!(in_pairs("", &format!("{FIELD}={}&", "𝄞".repeat(300))) <= 4096);
    let in_parts =
        |start: &str, content: &str| kept("multipart/form-data; boundary=b", start, content);
    assert!(in_parts("--b|", "A: b\r\n") <= 16 << 10);
    assert!(in_parts("--b|", "\r") <= 16 << 10);
    for content in ["a", "\r", "\r\n--b ", "\r\n--b\r\nA: b\r\n\r\n"] {
        assert!(in_parts(&format!("--b|{}", field("")), content) < 1024, "{content}");
    }
    assert!(in_parts(&format!("--b|{}|--b", field("t")), " ") < 1024);
}
