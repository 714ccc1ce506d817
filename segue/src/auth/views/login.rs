//! The login.

use std::fmt;

use axum::extract::Form;
use axum::response::{Response, Result};
use http::request::Parts;
use serde::Deserialize;

use super::page::{field_problem, redirect, render, safe_next, slow_down, too_many};
use crate::auth::backend::{AuthUser, UsernamePassword};
use crate::auth::handle::Auth;
use crate::characters::strip;
use crate::templates::{TemplateError, Templates, context};
use crate::users::{MOST_USERNAME, normalize_username};

const TEMPLATE: &str = "registration/login.html";

/// What the login form sends. Django's `AuthenticationForm`.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct LoginForm {
    username: String,
    password: String,
    next: Option<String>,
}

/// What is wrong with a form: of all of it, and of each field.
#[derive(Debug, Default)]
struct Problems {
    errors: Vec<String>,
    username: Vec<String>,
    password: Vec<String>,
}

/// Shows the form. The template finds `form.username`, the `errors` of `form` and of its fields, and
/// `next`.
///
/// # Errors
/// When the page cannot be rendered.
pub async fn login_form<U: AuthUser>(
    templates: Templates,
    auth: Auth<U>,
    parts: Parts,
) -> Result<Response> {
    let next = safe_next(None, &parts, auth.rules());
    Ok(page(&templates, "", &Problems::default(), next.as_deref())?)
}

/// Logs in whoever sends the right name and password, and shows the form again to whoever does not:
/// in the same words and after the same time, whether the name is known or not.
///
/// # Errors
/// When the page cannot be rendered, or the session or the users fail.
pub async fn login<U: AuthUser>(
    templates: Templates,
    auth: Auth<U>,
    parts: Parts,
    Form(form): Form<LoginForm>,
) -> Result<Response> {
    let rules = auth.rules();
    let next = safe_next(form.next.as_deref(), &parts, rules);
    let typed = strip(&form.username);
    let show = |problems: &Problems| page(&templates, typed, problems, next.as_deref());
    let problems = form.problems();
    if !problems.username.is_empty() || !problems.password.is_empty() {
        return Ok(show(&problems)?);
    }
    let username = normalize_username(typed);
    let address = rules.throttle.client_address(&parts);
    let attempt = match rules.throttle.attempt(&username, address).await {
        Ok(attempt) => attempt,
        Err(throttled) => {
            let page = show(&Problems::of(too_many(&throttled)))?;
            return Ok(slow_down(page, &throttled));
        }
    };
    let credentials = UsernamePassword::new(username, form.password);
    let user = match auth.authenticate(credentials).await {
        Ok(Some(user)) => user,
        Ok(None) => {
            let wrong = "Please enter a correct username and password. Note that both fields may \
                         be case-sensitive.";
            return Ok(show(&Problems::of(wrong.to_owned()))?);
        }
        Err(error) => {
            attempt.undecided().await;
            return Err(error.into());
        }
    };
    attempt.succeeded().await;
    auth.login(user).await?;
    Ok(redirect(next.as_deref().unwrap_or(&rules.settings.login_redirect_url)))
}

fn page(
    templates: &Templates,
    username: &str,
    problems: &Problems,
    next: Option<&str>,
) -> Result<Response, TemplateError> {
    let Problems { errors, username: of_username, password } = problems;
    let form = context! {
        username => context! { value => username, errors => of_username },
        password => context! { errors => password },
        errors,
    };
    render(templates, TEMPLATE, context! { form, next => next.unwrap_or_default() })
}

impl LoginForm {
    /// What is wrong with the fields themselves.
    fn problems(&self) -> Problems {
        let username = strip(&self.username);
        let letters = username.chars().count();
        let too_long = (letters > MOST_USERNAME).then(|| {
            format!("Ensure this value has at most {MOST_USERNAME} characters (it has {letters}).")
        });
        let field = |value| field_problem(value).map(str::to_owned);
        Problems {
            errors: Vec::new(),
            username: field(username).or(too_long).into_iter().collect(),
            password: field(&self.password).into_iter().collect(),
        }
    }
}

impl Problems {
    fn of(error: String) -> Self {
        Self { errors: vec![error], ..Self::default() }
    }
}

/// Without the password.
impl fmt::Debug for LoginForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginForm").finish_non_exhaustive()
    }
}
