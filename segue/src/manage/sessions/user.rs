//! Whose sessions are meant.

use std::error::Error;

use crate::settings::Settings;

/// A user whose sessions are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// As sessions have it.
    pub(super) id: String,
    /// Where it is known.
    pub(super) username: Option<String>,
}

impl Wanted {
    fn by_id(id: &str) -> Self {
        Self { id: id.to_owned(), username: None }
    }

    /// For questions: the name and the id.
    pub(super) fn describe(&self) -> String {
        match &self.username {
            Some(username) => format!("user {username:?} (id {})", self.id),
            None => format!("the user with the id {}", self.id),
        }
    }
}

/// The user that is meant by a name or an id; `id:` and `name:` before it say which it is.
pub(super) async fn wanted(settings: &Settings, text: &str) -> Result<Wanted, Box<dyn Error>> {
    if let Some(id) = text.strip_prefix("id:") {
        return Ok(Wanted::by_id(id));
    }
    let (name, may_be_id) = match text.strip_prefix("name:") {
        Some(name) => (name, false),
        None => (text, !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())),
    };
    match (by_name(settings, name, may_be_id).await?, may_be_id) {
        (Some(user), true) if user.id != text => Err(format!(
            "{text} is the name of the user with the id {}, and may be the id of another: write \
             `--user name:{text}` or `--user id:{text}`",
            user.id
        )
        .into()),
        (Some(user), _) => Ok(user),
        (None, true) => Ok(Wanted::by_id(text)),
        (None, false) => {
            Err(format!("there is no user {name:?}; for an id write `--user id:{name}`").into())
        }
    }
}

/// The name of the user with this id, where users can be asked; a session may be of another kind of
/// users, or of one who is gone.
#[cfg(feature = "auth")]
pub(super) async fn name_of(settings: &Settings, id: &str) -> Option<String> {
    if !settings.database_url.exists() {
        return None;
    }
    let id = id.parse().ok()?;
    let (database, users) = crate::manage::context::open_users(settings).await.ok()?;
    let user = users.by_id(id).await;
    database.close().await;
    Some(user.ok()??.username)
}

#[cfg(not(feature = "auth"))]
#[allow(clippy::unused_async, reason = "with users it asks the database")]
pub(super) async fn name_of(_: &Settings, _: &str) -> Option<String> {
    None
}

#[cfg(feature = "auth")]
async fn by_name(
    settings: &Settings,
    name: &str,
    may_be_id: bool,
) -> Result<Option<Wanted>, Box<dyn Error>> {
    if !settings.database_url.exists() && may_be_id {
        return Ok(None);
    }
    let (database, users) = crate::manage::context::open_users(settings).await?;
    let user = users.by_username(&crate::users::normalize_username(name)).await;
    database.close().await;
    let user = user.map_err(|error| {
        let error = crate::error::describe(&error);
        format!("{error}; where users are somewhere else, write their id: `--user id:{name}`")
    })?;
    Ok(user.map(|user| Wanted { id: user.id.to_string(), username: Some(user.username) }))
}

#[cfg(not(feature = "auth"))]
#[allow(clippy::unused_async, reason = "with users it asks the database")]
async fn by_name(_: &Settings, _: &str, _: bool) -> Result<Option<Wanted>, Box<dyn Error>> {
    Ok(None)
}
