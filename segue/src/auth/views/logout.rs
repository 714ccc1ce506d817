//! The logout.

use axum::extract::Form;
use axum::extract::rejection::FormRejection;
use axum::response::{Response, Result};
use http::request::Parts;
use serde::Deserialize;

use super::page::{redirect, render, safe_next};
use crate::auth::backend::AuthUser;
use crate::auth::handle::Auth;
use crate::auth::redirect::asked_for;
use crate::templates::{Templates, context};

const TEMPLATE: &str = "registration/logged_out.html";

/// What a logout form may send.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct LogoutForm {
    next: Option<String>,
}

/// Logs out, and sends the visitor to `next`, to `LOGOUT_REDIRECT_URL`, or shows a page that says
/// so. Mount it for POST only: a link, or an image on any site, must not log anybody out.
///
/// # Errors
/// When the page cannot be rendered, or the session cannot be ended.
pub async fn logout<U: AuthUser>(
    templates: Templates,
    auth: Auth<U>,
    parts: Parts,
    form: Result<Form<LogoutForm>, FormRejection>,
) -> Result<Response> {
    let rules = auth.rules();
    // A script sends no form, or another one: whoever wants to leave is not kept for that.
    let form = form.map(|Form(form)| form).unwrap_or_default();
    let next = safe_next(form.next.as_deref(), &parts, rules);
    auth.logout().await?;
    let next = next.as_deref().or(rules.settings.logout_redirect_url.as_deref());
    // It takes no GET, so nobody is sent back to it.
    match next.filter(|next| *next != asked_for(&parts).path()) {
        Some(next) => Ok(redirect(next)),
        None => Ok(render(&templates, TEMPLATE, context! {})?),
    }
}
