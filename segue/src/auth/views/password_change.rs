//! The change of a password by its user.

use std::fmt;

use axum::extract::Form;
use axum::response::{Response, Result};
use http::request::Parts;
use serde::Deserialize;

use super::page::{field_problem, redirect, render, slow_down, too_many};
use crate::auth::guard::LoginRequired;
use crate::auth::handle::Auth;
use crate::auth::redirect::asked_for;
use crate::error::{AuthError, AuthErrorKind};
use crate::templates::{TemplateError, Templates, context};
use crate::users::{User, Users};

const TEMPLATE: &str = "registration/password_change_form.html";
const OLD_IS_WRONG: &str = "Your old password was entered incorrectly. Please enter it again.";

/// What the form sends. Django's `PasswordChangeForm`.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct PasswordChangeForm {
    old_password: String,
    new_password1: String,
    new_password2: String,
}

/// What is wrong with each field.
#[derive(Debug, Default)]
struct Problems {
    old_password: Vec<String>,
    new_password1: Vec<String>,
    new_password2: Vec<String>,
}

/// Shows the form. The template finds the `errors` of `form.old_password`, `form.new_password1` and
/// `form.new_password2`, and `help`, what a password has to be.
///
/// # Errors
/// When nobody is logged in, or the page cannot be rendered.
pub async fn password_change_form(
    templates: Templates,
    users: Users,
    _: LoginRequired,
) -> Result<Response> {
    Ok(page(&templates, &users, &Problems::default())?)
}

/// Changes the password of the user who is logged in and knows the old one. All other sessions of
/// the user end.
///
/// # Errors
/// When nobody is logged in, the page cannot be rendered, or the session or the users fail.
pub async fn password_change(
    templates: Templates,
    users: Users,
    LoginRequired(user): LoginRequired,
    auth: Auth,
    parts: Parts,
    Form(form): Form<PasswordChangeForm>,
) -> Result<Response> {
    let throttle = &auth.rules().throttle;
    let mut problems = form.problems(&users, &user);
    if problems.old_password.is_empty() {
        // Whoever found a browser open must not guess on, either.
        let address = throttle.client_address(&parts);
        let attempt = match throttle.attempt(&user.username, address).await {
            Ok(attempt) => attempt,
            Err(throttled) => {
                problems.old_password.push(too_many(&throttled));
                return Ok(slow_down(page(&templates, &users, &problems)?, &throttled));
            }
        };
        match users.passwords().check(&form.old_password, &user.password).await {
            Ok(checked) if checked.is_correct() => attempt.succeeded().await,
            Ok(_) => {
                problems.old_password.push(OLD_IS_WRONG.to_owned());
            }
            Err(error) => {
                attempt.undecided().await;
                return Err(AuthError::from(error).into());
            }
        }
    }
    if !problems.are_none() {
        return Ok(page(&templates, &users, &problems)?);
    }
    let user = match users.replace_password(&user, &form.new_password1).await {
        Ok(Some(user)) => user,
        // It was right a moment ago. Whoever has changed it meanwhile did so against this, perhaps.
        Ok(None) => {
            problems.old_password.push(OLD_IS_WRONG.to_owned());
            return Ok(page(&templates, &users, &problems)?);
        }
        Err(error) if error.kind() == AuthErrorKind::PasswordTooLong => {
            problems.new_password2.push("This password is too long.".to_owned());
            return Ok(page(&templates, &users, &problems)?);
        }
        Err(error) => return Err(error.into()),
    };
    auth.update_session_auth_hash(user).await?;
    Ok(redirect(&format!("{}/done/", asked_for(&parts).path().trim_end_matches('/'))))
}

/// Says that the password was changed.
///
/// # Errors
/// When nobody is logged in, or the page cannot be rendered.
pub async fn password_change_done(templates: Templates, _: LoginRequired) -> Result<Response> {
    Ok(render(&templates, "registration/password_change_done.html", context! {})?)
}

fn page(
    templates: &Templates,
    users: &Users,
    problems: &Problems,
) -> Result<Response, TemplateError> {
    let Problems { old_password, new_password1, new_password2 } = problems;
    let form = context! {
        old_password => context! { errors => old_password },
        new_password1 => context! { errors => new_password1 },
        new_password2 => context! { errors => new_password2 },
    };
    render(templates, TEMPLATE, context! { form, help => users.passwords().help_texts() })
}

impl PasswordChangeForm {
    /// What is wrong, apart from whether the old password is right.
    fn problems(&self, users: &Users, user: &User) -> Problems {
        let field = |value| field_problem(value).map(str::to_owned).into_iter().collect();
        let mut problems = Problems {
            old_password: field(&self.old_password),
            new_password1: field(&self.new_password1),
            new_password2: field(&self.new_password2),
        };
        if problems.new_password1.is_empty() && problems.new_password2.is_empty() {
            if self.new_password1 == self.new_password2 {
                problems
                    .new_password2
                    .extend(users.password_problems(&self.new_password2, &user.attributes()));
            } else {
                problems.new_password2.push("The two password fields didn’t match.".to_owned());
            }
        }
        problems
    }
}

impl Problems {
    fn are_none(&self) -> bool {
        [&self.old_password, &self.new_password1, &self.new_password2]
            .iter()
            .all(|problems| problems.is_empty())
    }
}

/// Without the passwords.
impl fmt::Debug for PasswordChangeForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordChangeForm").finish_non_exhaustive()
    }
}
