//! The pages of the app.

use axum::extract::{Form, State};
use minijinja::{Value, context};
use segue::{Session, SessionError};
use serde::Deserialize;

use crate::templates::{PageResult, Templates};

/// The key in the session.
const NAME: &str = "name";

/// What the form "Set Session" sends.
#[derive(Debug, Deserialize)]
pub struct NameForm {
    name: String,
}

/// The front page: what the session holds, and the forms that change it.
///
/// It only reads, so a visitor without a session does not get one.
///
/// # Errors
/// The page cannot be rendered.
pub async fn index(State(templates): State<Templates>, session: Session) -> PageResult {
    let entries: Vec<Value> = session
        .keys()
        .into_iter()
        .map(|key| {
            let value = shown(&session, &key);
            context! { key, value }
        })
        .collect();
    let stored = session.key().is_some();
    templates.render("student/index.html", context! { entries, stored })
}

/// Sets the name to that of the tutorial.
///
/// # Errors
/// The page cannot be rendered.
pub async fn setsession(templates: State<Templates>, session: Session) -> PageResult {
    set(&templates, &session, "manish")
}

/// Sets the name to that of the form.
///
/// # Errors
/// The page cannot be rendered.
pub async fn setsession_from_form(
    templates: State<Templates>,
    session: Session,
    Form(form): Form<NameForm>,
) -> PageResult {
    set(&templates, &session, &form.name)
}

fn set(templates: &Templates, session: &Session, name: &str) -> PageResult {
    session.insert(NAME, name)?;
    templates.render("student/setsession.html", context! {})
}

/// Shows the name, or says that there is none.
///
/// # Errors
/// The page cannot be rendered.
pub async fn getsession(State(templates): State<Templates>, session: Session) -> PageResult {
    let name = shown(&session, NAME);
    templates.render("student/getsession.html", context! { name })
}

/// Removes the name, and leaves the rest of the session alone.
///
/// # Errors
/// The page cannot be rendered.
pub async fn delsession(State(templates): State<Templates>, session: Session) -> PageResult {
    session.remove(NAME);
    templates.render("student/delsession.html", context! {})
}

/// Ends the session: its data, its record and its cookie.
///
/// # Errors
/// The page cannot be rendered.
pub async fn flushsession(State(templates): State<Templates>, session: Session) -> PageResult {
    session.flush();
    templates.render("student/flushsession.html", context! {})
}

/// A value as a reader likes to see it: a text as it is, anything else as JSON.
fn shown(session: &Session, key: &str) -> Option<String> {
    let text: Result<Option<String>, SessionError> = session.get(key);
    // Not every value is a text: Django on the same database may have set a number or a list.
    text.ok().flatten().or_else(|| session.get_raw(key))
}
