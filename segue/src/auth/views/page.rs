//! What the pages have in common.

use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};

use crate::auth::layer::Rules;
use crate::auth::redirect::{NEXT, found, is_safe};
use crate::auth::throttle::Throttled;
use crate::templates::{TemplateError, Templates, Value};

/// Renders a page about passwords: nobody keeps it, and nobody puts it into a frame.
pub(super) fn render(
    templates: &Templates,
    name: &str,
    context: Value,
) -> Result<Response, TemplateError> {
    Ok(private(templates.render(name, context)?.into_response()))
}

/// Sends the visitor to a URL.
pub(super) fn redirect(url: &str) -> Response {
    private(found(url))
}

/// What a page says to whoever has failed too often.
pub(super) fn too_many(throttled: &Throttled) -> String {
    let minutes = throttled.retry_after().as_secs().div_ceil(60);
    let unit = if minutes == 1 { "minute" } else { "minutes" };
    format!("Too many failed attempts. Try again in {minutes} {unit}.")
}

/// Tells programs what such a page tells people.
pub(super) fn slow_down(mut page: Response, throttled: &Throttled) -> Response {
    *page.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    let seconds = HeaderValue::from(throttled.retry_after().as_secs());
    page.headers_mut().insert(header::RETRY_AFTER, seconds);
    page
}

/// Django's `never_cache`, and its `X_FRAME_OPTIONS`.
fn private(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let never = "max-age=0, no-cache, no-store, must-revalidate, private";
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(never));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    response
}

/// Where the visitor wanted to go: what the form says, or else the query; nothing where that is not
/// on this site.
pub(super) fn safe_next(form: Option<&str>, parts: &Parts, rules: &Rules) -> Option<String> {
    let query = || {
        let fields = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
        fields.filter(|(name, _)| name == NEXT).last().map(|(_, value)| value.into_owned())
    };
    let next = form.map(str::to_owned).or_else(query)?;
    is_safe(&next, parts, rules).then_some(next)
}

/// The complaint about a field, in Django's words.
pub(super) fn field_problem(value: &str) -> Option<&'static str> {
    if value.is_empty() {
        Some("This field is required.")
    } else if value.contains('\0') {
        Some("Null characters are not allowed.")
    } else {
        None
    }
}
