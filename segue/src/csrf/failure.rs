//! Why a request was refused, in Django's words.

use std::fmt;

/// Why a request was refused.
///
/// Its text is the reason that Django gives for the same request, and stands in the response's
/// extensions. [`CsrfLayer::on_failure`](super::CsrfLayer::on_failure) makes a page of it.
///
/// Source: the `REASON_…` constants of `django/middleware/csrf.py`.
///
/// ```
/// use segue::csrf::CsrfFailure;
///
/// assert_eq!(CsrfFailure::NoCookie.to_string(), "CSRF cookie not set.");
/// assert_eq!(CsrfFailure::NoCookie.status(), 403);
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CsrfFailure {
    /// The `Origin` is neither this site nor in `CSRF_TRUSTED_ORIGINS`.
    #[non_exhaustive]
    BadOrigin {
        /// What the request says.
        origin: String,
    },
    /// A request over https has neither `Origin` nor `Referer`.
    NoReferer,
    /// The `Referer` is no URL.
    MalformedReferer,
    /// The `Referer` of a request over https is not https.
    InsecureReferer,
    /// The `Referer` is neither this site nor in `CSRF_TRUSTED_ORIGINS`.
    #[non_exhaustive]
    BadReferer {
        /// What the request says: a whole URL, which may hold secrets of another page.
        referer: String,
    },
    /// The visitor has no secret: cookies are off, or no page with a token was shown yet.
    NoCookie,
    /// The cookie holds no secret.
    BadCookie(Malformed),
    /// The request has no token.
    TokenMissing,
    /// The request's token is none.
    BadToken(TokenSource, Malformed),
    /// The request's token is that of another secret.
    WrongToken(TokenSource),
    /// The browser says that the request comes from another site, whose origin is not in
    /// `CSRF_TRUSTED_ORIGINS`. `CSRF_MODE` is `fetch-metadata` or `both`.
    #[non_exhaustive]
    CrossOrigin {
        /// `Sec-Fetch-Site`, or nothing where the request has none.
        site: Option<String>,
        /// `Origin`, or nothing where the request has none.
        origin: Option<String>,
    },
    /// The form, or what comes before the token in an upload, is larger than this many bytes.
    TooLarge(u64),
    /// There is no room to keep the beginning of a form until its token is found.
    NoRoom,
}

/// What is wrong with a text that should be a token.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// It has neither 32 nor 64 characters.
    Length,
    /// It has others than letters and digits.
    Characters,
}

/// Where a token was found.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenSource {
    /// The form's field `csrfmiddlewaretoken`.
    Form,
    /// The header of this name.
    Header(String),
}

impl CsrfFailure {
    /// The status code of the response: 403; 413 for a form that is too large, 503 where there is
    /// no room for it.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::TooLarge(_) => 413,
            Self::NoRoom => 503,
            _ => 403,
        }
    }

    /// The reason without what another page's address may give away.
    pub(super) fn for_log(&self) -> String {
        match self {
            Self::BadReferer { referer } => {
                let site: String = referer.split('/').take(3).collect::<Vec<_>>().join("/");
                let site = match site.rsplit_once('@') {
                    Some((_, host)) => format!("https://{host}"),
                    None => site,
                };
                let site = site.split(['?', '#']).next().unwrap_or_default();
                bad_referer(site)
            }
            other => other.to_string(),
        }
    }
}

fn bad_referer(referer: &str) -> String {
    format!("Referer checking failed - {referer} does not match any trusted origins.")
}

impl fmt::Display for CsrfFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadOrigin { origin } => {
                write!(f, "Origin checking failed - {origin} does not match any trusted origins.")
            }
            Self::NoReferer => f.write_str("Referer checking failed - no Referer."),
            Self::MalformedReferer => {
                f.write_str("Referer checking failed - Referer is malformed.")
            }
            Self::InsecureReferer => {
                f.write_str("Referer checking failed - Referer is insecure while host is secure.")
            }
            Self::BadReferer { referer } => f.write_str(&bad_referer(referer)),
            Self::NoCookie => f.write_str("CSRF cookie not set."),
            Self::BadCookie(fault) => write!(f, "CSRF cookie {fault}."),
            Self::TokenMissing => f.write_str("CSRF token missing."),
            Self::BadToken(source, fault) => write!(f, "CSRF token from {source} {fault}."),
            Self::WrongToken(source) => write!(f, "CSRF token from {source} incorrect."),
            Self::CrossOrigin { site, origin } => {
                let origin = origin.as_deref().unwrap_or("an unknown origin");
                match site {
                    Some(site) => write!(
                        f,
                        "Sec-Fetch-Site checking failed - {site}, and {origin} does not match any \
                         trusted origins."
                    ),
                    None => write!(
                        f,
                        "Origin checking failed - {origin} does not match the host or any trusted \
                         origins."
                    ),
                }
            }
            Self::TooLarge(limit) => {
                write!(f, "Form too large: more than {limit} bytes, or as many before its token.")
            }
            Self::NoRoom => f.write_str("No room for the form while its token is looked for."),
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "has incorrect length",
            Self::Characters => "has invalid characters",
        })
    }
}

impl fmt::Display for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form => f.write_str("POST"),
            Self::Header(name) => write!(f, "the '{}' HTTP header", title(name)),
        }
    }
}

/// As Python's `str.title` writes a header's name.
fn title(name: &str) -> String {
    let mut before = ' ';
    name.chars()
        .map(|letter| {
            let first = !before.is_ascii_alphabetic();
            before = letter;
            if first { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_names_are_written_as_python_does() {
        for (name, written) in [
            ("x-csrftoken", "X-Csrftoken"),
            ("x-csrf2token", "X-Csrf2Token"),
            ("X-XSRF-TOKEN", "X-Xsrf-Token"),
        ] {
            assert_eq!(title(name), written);
        }
    }

    #[test]
    fn the_log_tells_the_site_of_another_page_and_no_more() {
        for referer in [
            "https://evil.com/reset/s3cr3t?token=s3cr3t#s3cr3t",
            "https://evil.com?s3cr3t",
            "https://evil.com#s3cr3t",
            "https://user:s3cr3t@evil.com/",
        ] {
            let failure = CsrfFailure::BadReferer { referer: referer.to_owned() };
            let expected =
                "Referer checking failed - https://evil.com does not match any trusted origins.";
            assert_eq!(failure.for_log(), expected);
            assert!(failure.to_string().contains(referer));
        }
    }
}
