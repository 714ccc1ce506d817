//! Headers as Django's `request.META` has them, and how they are shown.

#[cfg(feature = "auth")]
mod client;

use std::borrow::Cow;

use http::{HeaderMap, HeaderValue};

#[cfg(feature = "auth")]
pub(crate) use client::client_address;

/// The value of a header: Latin-1, without the blanks around it, and of several lines of the name
/// one, with commas between them (PEP 3333, and how its servers do it).
pub(crate) fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    text_of(headers, name).map(Cow::into_owned)
}

/// As [`header`], without a copy of what is plain.
pub(crate) fn text_of<'a>(headers: &'a HeaderMap, name: &str) -> Option<Cow<'a, str>> {
    let mut lines = headers.get_all(name).iter();
    let first = lines.next()?;
    let mut lines = lines.peekable();
    if lines.peek().is_none()
        && let Ok(text) = first.to_str()
    {
        return Some(Cow::Borrowed(text.trim_ascii()));
    }
    let mut text = latin_1(first).collect::<String>();
    for line in lines {
        text.push(',');
        text.extend(latin_1(line));
    }
    Some(Cow::Owned(text))
}

fn latin_1(line: &HeaderValue) -> impl Iterator<Item = char> {
    line.as_bytes().trim_ascii().iter().map(|byte| char::from(*byte))
}

/// A browser that opens a page says that it takes HTML; scripts and programs say something else.
#[cfg(feature = "axum")]
pub(crate) fn wants_page(headers: &HeaderMap) -> bool {
    let says = |name, word: &str| {
        let lines = headers.get_all(name).iter();
        lines.filter_map(|line| line.to_str().ok()).any(|line| line.contains(word))
    };
    says("accept", "text/html") || says("sec-fetch-mode", "navigate")
}

/// A text from anybody, as it may stand in a log and on a page: in quotes, escaped, and with no more
/// than so many letters of it.
pub(crate) fn shown(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_joined_and_bytes_are_letters() {
        let mut headers = HeaderMap::new();
        assert_eq!(header(&headers, "origin"), None);
        headers.append("origin", HeaderValue::from_static(""));
        assert_eq!(header(&headers, "origin").as_deref(), Some(""));
        headers.insert("origin", HeaderValue::from_bytes(b" a\xe9 ").unwrap());
        headers.append("origin", HeaderValue::from_static("b"));
        assert_eq!(header(&headers, "origin").as_deref(), Some("aé,b"));
        // A line that is empty is one, too: of two lines nobody may see but one.
        headers.insert("origin", HeaderValue::from_static(""));
        headers.append("origin", HeaderValue::from_static("b"));
        headers.append("origin", HeaderValue::from_static(""));
        assert_eq!(header(&headers, "origin").as_deref(), Some(",b,"));
    }
}
