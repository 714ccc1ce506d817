//! Finds the token in a form while the form passes by: a piece at a time, and never much of it.

#![cfg_attr(
    not(test),
    expect(dead_code, reason = "the middleware that reads request bodies is not there yet")
)]

mod content_type;
mod multipart;
#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod tests;
mod urlencoded;

use content_type::FormType;
use multipart::Multipart;
use urlencoded::UrlEncoded;

/// The characters of a token. Of a longer value nothing matters but that it is longer.
const TOKEN_LENGTH: usize = 64;

/// Looks for the token in a form that comes in pieces.
///
/// However the form is cut into pieces, the answer is the same. What is kept of it has a bound, and
/// each byte is looked at once. It has no `Debug`: what it holds may be a token.
pub(super) struct Search(Reader);

enum Reader {
    UrlEncoded(UrlEncoded),
    Multipart(Multipart),
}

/// How a form is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FormKind {
    /// As the part of an address after its `?`.
    UrlEncoded,
    /// Part after part, as an upload of files has to be.
    Multipart,
}

impl Search {
    /// By the `Content-Type`; nothing where the body is no form that Django would look into.
    ///
    /// Django refuses an upload without a good boundary; in ours nothing can be found.
    pub(super) fn new(content_type: &str) -> Option<Self> {
        Some(Self(match FormType::parse(content_type)? {
            FormType::UrlEncoded => Reader::UrlEncoded(UrlEncoded::default()),
            FormType::Multipart { boundary } => Reader::Multipart(Multipart::new(&boundary)),
        }))
    }

    pub(super) fn kind(&self) -> FormKind {
        match self.0 {
            Reader::UrlEncoded(_) => FormKind::UrlEncoded,
            Reader::Multipart(_) => FormKind::Multipart,
        }
    }

    /// Looks at the next piece. `true`: the answer is known, more pieces change nothing.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> bool {
        match &mut self.0 {
            Reader::UrlEncoded(form) => {
                form.feed(bytes);
                // The last of several fields counts, as in Django.
                false
            }
            Reader::Multipart(form) => form.feed(bytes),
        }
    }

    /// The text of the field, as far as it is known once the body has ended or `feed` said `true`;
    /// empty where there is none. Of what is longer than a token it may be a part that is longer, too.
    pub(super) fn finish(self) -> String {
        match self.0 {
            Reader::UrlEncoded(form) => form.finish(),
            Reader::Multipart(form) => form.finish(),
        }
    }

    /// How many bytes are kept.
    #[cfg(test)]
    fn kept(&self) -> usize {
        match &self.0 {
            Reader::UrlEncoded(form) => form.kept(),
            Reader::Multipart(form) => form.kept(),
        }
    }
}
