//! The views of the app.

use axum::response::{Html, Result};
use segue::templates::context;
use segue::{Session, Templates};

pub async fn index(templates: Templates) -> Result<Html<String>> {
    Ok(templates.render("student/index.html", ())?)
}

pub async fn setsession(session: Session, templates: Templates) -> Result<Html<String>> {
    session.insert("name", "manish")?;
    Ok(templates.render("student/setsession.html", ())?)
}

pub async fn getsession(session: Session, templates: Templates) -> Result<Html<String>> {
    let name: Option<String> = session.get("name")?;
    let name = name.as_deref().unwrap_or("not set");
    Ok(templates.render("student/getsession.html", context! { name })?)
}

pub async fn delsession(session: Session, templates: Templates) -> Result<Html<String>> {
    session.remove("name");
    // session.flush();
    Ok(templates.render("student/delsession.html", ())?)
}
