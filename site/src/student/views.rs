//! The pages of the app.

use axum::extract::Form;
use axum::response::{Html, Result};
use segue::auth::{Auth, LoginRequired};
use segue::templates::{Value, context};
use segue::users::Users;
use segue::{Session, SessionError, Templates};
use serde::Deserialize;

/// The key in the session.
const NAME: &str = "name";

/// What the form "Set Session" sends.
#[derive(Debug, Deserialize)]
pub struct NameForm {
    name: String,
}

/// The front page: what the session holds, the forms that change it, and who is logged in. Keys that
/// begin with an underscore are Django's own, a secret among them.
///
/// It only reads, so a visitor without a session does not get one.
///
/// # Errors
/// The page cannot be rendered, or the user cannot be looked up.
pub async fn index(templates: Templates, session: Session, auth: Auth) -> Result<Html<String>> {
    let username = auth.user().await?.map(|user| user.username.clone());
    let entries: Vec<Value> = session
        .keys()
        .into_iter()
        .filter(|key| !key.starts_with('_'))
        .map(|key| {
            let value = shown(&session, &key);
            context! { key, value }
        })
        .collect();
    let stored = session.key().is_some();
    Ok(templates.render("student/index.html", context! { entries, stored, username })?)
}

/// Sets the name to that of the tutorial.
///
/// # Errors
/// The page cannot be rendered.
pub async fn setsession(templates: Templates, session: Session) -> Result<Html<String>> {
    session.insert(NAME, "manish")?;
    Ok(templates.render("student/setsession.html", ())?)
}

/// Sets the name to that of the form.
///
/// # Errors
/// The page cannot be rendered.
pub async fn setsession_from_form(
    templates: Templates,
    session: Session,
    Form(form): Form<NameForm>,
) -> Result<Html<String>> {
    session.insert(NAME, form.name)?;
    Ok(templates.render("student/setsession.html", ())?)
}

/// Shows the name, or says that there is none.
///
/// # Errors
/// The page cannot be rendered.
pub async fn getsession(templates: Templates, session: Session) -> Result<Html<String>> {
    let name = shown(&session, NAME);
    Ok(templates.render("student/getsession.html", context! { name })?)
}

/// Removes the name, and leaves the rest of the session alone.
///
/// # Errors
/// The page cannot be rendered.
pub async fn delsession(templates: Templates, session: Session) -> Result<Html<String>> {
    session.remove(NAME);
    Ok(templates.render("student/delsession.html", ())?)
}

/// Ends the session: its data, its record and its cookie.
///
/// # Errors
/// The page cannot be rendered.
pub async fn flushsession(templates: Templates, session: Session) -> Result<Html<String>> {
    session.flush();
    Ok(templates.render("student/flushsession.html", ())?)
}

/// The page for members: whoever is not logged in is sent to the login, and back here after it.
///
/// # Errors
/// The page cannot be rendered.
pub async fn members(
    templates: Templates,
    LoginRequired(user): LoginRequired,
) -> Result<Html<String>> {
    let username = &user.username;
    Ok(templates.render("student/members.html", context! { username })?)
}

/// Says 200 where the database answers, and 503 otherwise.
///
/// # Errors
/// The database does not answer.
pub async fn health(users: Users) -> Result<&'static str> {
    users.by_id(0).await?;
    Ok("ok")
}

/// A value as a reader likes to see it: a text as it is, anything else as JSON.
fn shown(session: &Session, key: &str) -> Option<String> {
    let text: Result<Option<String>, SessionError> = session.get(key);
    // Not every value is a text: Django on the same database may have set a number or a list.
    text.ok().flatten().or_else(|| session.get_raw(key))
}
