//! What a visitor gets whose request was refused.

use std::fmt;
use std::sync::Arc;

use http::request::Parts;
use http::{HeaderValue, Response, StatusCode, header};

use super::failure::{CsrfFailure, TokenSource};
use crate::html::escape;
use crate::meta::shown;

/// More letters of a text do not go into the log.
const MOST: usize = 300;

type Page = dyn Fn(&Parts, &CsrfFailure) -> Response<String> + Send + Sync;

/// Makes the response for a refused request.
#[derive(Clone)]
pub(super) struct FailurePage {
    custom: Option<Arc<Page>>,
    debug: bool,
}

impl FailurePage {
    pub(super) fn new(debug: bool) -> Self {
        Self { custom: None, debug }
    }

    pub(super) fn custom(
        &self,
        page: impl Fn(&Parts, &CsrfFailure) -> Response<String> + Send + Sync + 'static,
    ) -> Self {
        Self { custom: Some(Arc::new(page)), debug: self.debug }
    }

    pub(super) fn respond(&self, request: &Parts, failure: CsrfFailure) -> Response<String> {
        tracing::warn!(
            path = %shown(request.uri.path(), MOST),
            method = %shown(request.method.as_str(), MOST),
            status = failure.status(),
            reason = %shown(&failure.for_log(), MOST),
            "CSRF verification failed"
        );
        let mut response = match &self.custom {
            Some(page) => page(request, &failure),
            None => self.default(&failure),
        };
        response.extensions_mut().insert(failure);
        response
    }

    fn default(&self, failure: &CsrfFailure) -> Response<String> {
        let status = StatusCode::from_u16(failure.status()).unwrap_or(StatusCode::FORBIDDEN);
        let mut response = Response::new(html(status, failure, self.debug));
        *response.status_mut() = status;
        let html = HeaderValue::from_static("text/html; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, html);
        response
    }
}

impl fmt::Debug for FailurePage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FailurePage").field("custom", &self.custom.is_some()).finish()
    }
}

fn html(status: StatusCode, failure: &CsrfFailure, debug: bool) -> String {
    let title = status.canonical_reason().unwrap_or("Refused");
    let code = status.as_u16();
    let visitor = for_visitors(failure);
    let developer = if debug { for_developers(failure) } else { String::new() };
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"robots\" content=\"noindex\">\n<title>{code} {title}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title} <small>({code})</small></h1>\n\
         <p>CSRF verification failed: this site could not tell that the form was its own, and did \
         nothing with it.</p>\n<p>{visitor}</p>\n{developer}</main>\n</body>\n</html>\n"
    )
}

const STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;margin:0;padding:2rem 1rem}\
                     main{max-width:42rem;margin:auto}h1{font-size:1.8rem;margin-top:0}h2{font-size:1.2rem}\
                     small{font-weight:400;opacity:.7}\
                     code{font-size:.95em;overflow-wrap:anywhere}\
                     section{border-top:1px solid #8888;margin-top:2rem}";

/// What the person in front of the browser can do about it.
fn for_visitors(failure: &CsrfFailure) -> &'static str {
    match failure {
        CsrfFailure::NoCookie | CsrfFailure::BadCookie(_) => {
            "Your browser sent no cookie that this site had given it. If you have turned cookies \
             off, please turn them on, at least for this site; then load the page with the form \
             again."
        }
        CsrfFailure::NoReferer => {
            "Your browser did not say which page the form was on. If you have turned the \
             <code>Referer</code> header off, please turn it on, at least for this site."
        }
        CsrfFailure::BadOrigin { .. }
        | CsrfFailure::BadReferer { .. }
        | CsrfFailure::CrossOrigin { .. } => {
            "Your browser said that the form was on a page of another site. If you did not mean to \
             send anything, there is nothing to do. If you did, please open this site itself, and \
             send the form there."
        }
        CsrfFailure::TooLarge(_) => "What you sent is larger than this site takes.",
        CsrfFailure::NoRoom => "The site is busy. Please try again in a moment.",
        _ => {
            "Please go back, load the page with the form again, and send it once more. A form is \
             too old when you have logged in since, in another tab for example."
        }
    }
}

/// The reason, and how to mend it.
fn for_developers(failure: &CsrfFailure) -> String {
    let mends: String = mends(failure).iter().map(|mend| format!("<li>{mend}</li>\n")).collect();
    format!(
        "<section>\n<h2>Reason</h2>\n<p><code id=\"reason\">{}</code></p>\n\
         <h2>How to mend it</h2>\n<ul>\n{mends}</ul>\n\
         <p>You see this part because <code>DEBUG</code> is on.</p>\n</section>\n",
        escape(&failure.to_string())
    )
}

fn mends(failure: &CsrfFailure) -> &'static [&'static str] {
    const PROXY: &str = "Behind a proxy that speaks https for this site, set \
                         <code>SECURE_PROXY_SSL_HEADER</code>, and \
                         <code>USE_X_FORWARDED_HOST</code> where it changes the host.";
    const TRUST: &str = "If the form is on another site of yours, add its origin to \
                         <code>CSRF_TRUSTED_ORIGINS</code>, as \
                         <code>https://forms.example.com</code>.";
    const HOST: &str = "The host that the browser uses must be in <code>ALLOWED_HOSTS</code>.";
    const FORM: &str = "Put <code>{% csrf_token %}</code> into every form with \
                        <code>method=\"post\"</code> that this site receives, and render it with \
                        <code>templates: Templates</code>, or <code>CsrfToken::input()</code>.";
    const SCRIPT: &str = "Scripts send the token in the header <code>X-CSRFToken</code>.";
    const PROGRAM: &str = "For programs that send no cookies, a webhook for example, exempt the \
                           route: <code>Site::csrf_exempt</code>.";
    const COOKIE: &str = "The cookie is set by the page with the form. Browsers keep a \
                          <code>Secure</code> one over https only: without, set \
                          <code>CSRF_COOKIE_SECURE = false</code>.";
    const STALE: &str = "The token is renewed by a login: load the form again. Two sites on one \
                         host name need different <code>CSRF_COOKIE_NAME</code>s, or the same \
                         settings.";
    const SIZE: &str = "Put <code>{% csrf_token %}</code> before the files in the form: what comes \
                        before it has to wait. <code>DATA_UPLOAD_MAX_MEMORY_SIZE</code> and \
                        <code>CSRF_SEARCH_MAX_SIZE</code> are the limits.";
    match failure {
        CsrfFailure::BadOrigin { .. } | CsrfFailure::BadReferer { .. } => &[TRUST, HOST, PROXY],
        CsrfFailure::CrossOrigin { .. } => &[TRUST, HOST, PROXY, PROGRAM],
        CsrfFailure::NoReferer | CsrfFailure::MalformedReferer | CsrfFailure::InsecureReferer => &[
            "Over https a request without <code>Origin</code> needs its <code>Referer</code>: no \
             <code>Referrer-Policy: no-referrer</code> on pages with forms.",
            PROXY,
        ],
        CsrfFailure::NoCookie | CsrfFailure::BadCookie(_) => &[COOKIE, FORM, PROGRAM],
        CsrfFailure::TokenMissing => &[FORM, SCRIPT, PROGRAM],
        CsrfFailure::BadToken(TokenSource::Header(_), _)
        | CsrfFailure::WrongToken(TokenSource::Header(_)) => &[SCRIPT, STALE],
        CsrfFailure::BadToken(..) | CsrfFailure::WrongToken(_) => &[STALE, FORM],
        CsrfFailure::TooLarge(_) | CsrfFailure::NoRoom => &[SIZE],
    }
}
