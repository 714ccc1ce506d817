//! Headers with parameters: `Content-Type`, and a part's `Content-Disposition`.

/// A `Content-Type` that says "form".
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FormType {
    UrlEncoded,
    Multipart { boundary: String },
}

/// RFC 2046, section 5.1.1, says 70; Django takes these.
const LONGEST_BOUNDARY: usize = 201;

impl FormType {
    pub(super) fn parse(header: &str) -> Option<Self> {
        let (kind, _) = cut(header);
        match kind.trim().to_ascii_lowercase().as_str() {
            "application/x-www-form-urlencoded" => Some(Self::UrlEncoded),
            "multipart/form-data" => {
                let boundary = parameters(header).filter(|(name, _)| name == "boundary").last();
                let (_, boundary) = boundary?;
                is_boundary(boundary.as_bytes()).then_some(Self::Multipart { boundary })
            }
            _ => None,
        }
    }
}

/// As in `boundary_re` of `django/http/multipartparser.py`. No line break can be in it.
fn is_boundary(text: &[u8]) -> bool {
    text.len() <= LONGEST_BOUNDARY
        && text.iter().all(|letter| matches!(letter, b' '..=b'~'))
        && text.last().is_some_and(|last| *last != b' ')
}

/// The parameters of a header: names in lower case, values without their quotes. Those of RFC 2231
/// (`name*=`) stay as they are.
///
/// Source: `_parseparam` of Python's `email.message`, which Django reads these headers with. The last
/// of several of one name counts.
pub(super) fn parameters(header: &str) -> impl Iterator<Item = (String, String)> {
    let (_, mut rest) = cut(header);
    let parts = std::iter::from_fn(move || {
        let (part, after) = cut(rest?);
        rest = after;
        Some(part)
    });
    parts.filter_map(|part| {
        let (name, value) = part.split_once('=')?;
        Some((name.trim().to_ascii_lowercase(), unquote(value.trim())))
    })
}

/// Cuts at the first `;` that is not within quotes.
fn cut(text: &str) -> (&str, Option<&str>) {
    let (mut quoted, mut escaped) = (false, false);
    let separates = |letter: char| {
        if std::mem::take(&mut escaped) {
            return false;
        }
        match letter {
            '"' => quoted = !quoted,
            '\\' => escaped = quoted,
            _ => {}
        }
        letter == ';' && !quoted
    };
    text.split_once(separates).map_or((text, None), |(part, rest)| (part, Some(rest)))
}

/// Only a quote and a backslash are escaped: browsers write any other backslash as it is.
fn unquote(value: &str) -> String {
    let inner = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner
        .map_or_else(|| value.to_owned(), |inner| inner.replace("\\\\", "\\").replace("\\\"", "\""))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn boundary(header: &str) -> Option<String> {
        match FormType::parse(header)? {
            FormType::Multipart { boundary } => Some(boundary),
            FormType::UrlEncoded => None,
        }
    }

    #[test]
    fn a_form_is_one_of_two_kinds() {
        for header in [
            "application/x-www-form-urlencoded",
            " Application/X-WWW-Form-URLencoded ",
            "application/x-www-form-urlencoded; charset=UTF-8",
            "application/x-www-form-urlencoded ;",
        ] {
            assert_eq!(FormType::parse(header), Some(FormType::UrlEncoded), "{header}");
        }
        for header in [
            "",
            ";",
            "text/plain",
            "application/json",
            "application/x-www-form-urlencoded, text/plain",
            "application/x-www-form-urlencoded2",
            "multipart/mixed; boundary=a",
            "multipart/form-data, text/plain; boundary=a",
            "text/plain; multipart/form-data; boundary=a",
        ] {
            assert_eq!(FormType::parse(header), None, "{header}");
        }
    }

    #[test]
    fn a_boundary_is_found() {
        let long = "a".repeat(LONGEST_BOUNDARY);
        for (parameters, expected) in [
            ("boundary=----WebKitFormBoundaryABCdef", "----WebKitFormBoundaryABCdef"),
            ("boundary=\"a\"", "a"),
            ("BOUNDARY = \"a\" ", "a"),
            ("charset=utf-8;boundary=a;x", "a"),
            ("boundary=\"a;b c\"", "a;b c"),
            (r#"boundary="a\"b;\\""#, r#"a"b;\"#),
            (r#"boundary="a\b""#, r"a\b"),
            (r#"x="; boundary=b"; boundary=a"#, "a"),
            (r#"x="\"; boundary=b"; boundary=a"#, "a"),
            (r"x=\; boundary=a", "a"),
            ("boundary=b; boundary=a", "a"),
            ("boundary=a=b", "a=b"),
            ("boundary=\"a", "\"a"),
            ("boundary=\" a\"", " a"),
            (&format!("boundary={long}"), &long),
        ] {
            let header = format!("Multipart/Form-Data; {parameters}");
            assert_eq!(boundary(&header).as_deref(), Some(expected), "{header}");
        }
    }

    #[test]
    fn what_is_no_boundary_is_refused() {
        let long = format!("boundary={}", "a".repeat(LONGEST_BOUNDARY + 1));
        for parameters in [
            "",
            "boundary",
            "boundary=",
            "boundary=\"\"",
            "boundary=\"a \"",
            "boundary=é",
            "boundary=\"a\u{7f}b\"",
            "boundary=\"a\tb\"",
            "boundary=\"a\r\nb\"",
            "boundary2=a",
            "boundary*=utf-8''a",
            &long,
        ] {
            let header = format!("multipart/form-data; {parameters}");
            assert_eq!(boundary(&header), None, "{header}");
        }
        assert_eq!(boundary("multipart/form-data"), None);
    }

    proptest! {
        #[test]
        fn any_header_is_read(header in any::<String>(), rest in "[;=\"\\\\ a-z*é]{0,40}") {
            let _ = FormType::parse(&header);
            let header = format!("multipart/form-data;{rest}");
            for (name, value) in parameters(&header) {
                prop_assert!(name.len() + value.len() < rest.len());
            }
        }

        #[test]
        fn a_quoted_boundary_is_what_was_quoted(text in "[ -~]{0,200}[!-~]") {
            let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
            let found = boundary(&format!("multipart/form-data; boundary=\"{quoted}\"; a=\"b\""));
            prop_assert_eq!(found, Some(text));
        }
    }
}
