//! What the pages have in common.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};

use crate::auth::layer::Rules;
use crate::auth::redirect::{NEXT, is_safe, location};
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
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::FOUND;
    response.headers_mut().insert(header::LOCATION, location(url));
    private(response)
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
