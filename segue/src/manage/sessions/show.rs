//! `sessions show`: what one session holds.

use std::io::Write as _;

use jiff::Timestamp;
use serde::Serialize;

use super::key::{self, Found};
use super::place::{NEEDS_KEY, Place};
use super::summary::{Reader, decode, user_of};
use super::user;
use super::words;
use crate::codec::Codec;
use crate::data::SessionData;
use crate::engines::Listed;
use crate::key::SessionKey;
use crate::manage::CommandResult;
use crate::manage::output::{Results, ascii_json, heading};
use crate::printable::printable;
use crate::store::{Record, SessionStore as _};

use super::pretty;

/// What is hidden: what binds the session to the password, what forms prove themselves by, and what
/// gives the user another password. `HASH_SESSION_KEY` in `django/contrib/auth/__init__.py`,
/// `CSRF_SESSION_KEY` in `django/middleware/csrf.py`, `INTERNAL_RESET_SESSION_TOKEN` in
/// `django/contrib/auth/views.py`.
const SECRETS: &[&str] = &["_auth_user_hash", "_csrftoken", "_password_reset_token"];

const HIDDEN: &str = "\"(hidden; --full shows it)\"";

/// What the command line says.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The session's key, or its first 8 characters and more; `-` reads it from standard input, where
    /// other users of the machine do not see it
    #[arg(value_name = "KEY")]
    key: String,

    /// Show the whole key, the CSRF token, the token of a link for another password, and the hash
    /// that binds a login to its password
    #[arg(long)]
    full: bool,

    /// Write one JSON document
    #[arg(long)]
    json: bool,
}

/// A session as it was found.
struct Shown {
    key: Option<SessionKey>,
    expires_at: Option<Timestamp>,
    size: u64,
    /// What it holds, or why that cannot be read; nothing where there is no key to read with.
    data: Option<Result<SessionData, String>>,
}

pub(super) async fn run(place: &Place<'_>, arguments: &Arguments) -> CommandResult {
    let given = key::given(std::slice::from_ref(&arguments.key))?;
    let [text] = given.as_slice() else {
        return Err("one key at a time: standard input has several".into());
    };
    let shown = match key::find(place, text).await? {
        Found::Listed(session) => Some(of_listed(place, session).await?),
        Found::Key(key) => {
            place.stores.sessions.load(&key).await?.map(|record| of_record(place, key, &record))
        }
        Found::Nothing => None,
    };
    let Some(mut shown) = shown else {
        return Err(format!("there is no session {}", words::shortened(text)).into());
    };
    let user = shown.data.as_ref().and_then(|data| user_of(data.as_ref().ok()?));
    if !arguments.full {
        shown.hide_secrets();
    }
    if arguments.json {
        return shown.write_json(arguments.full, user.as_deref(), place.clock.now());
    }
    let name = match &user {
        Some(id) => user::name_of(place.settings, id).await,
        None => None,
    };
    shown.write(arguments.full, user.as_deref(), name.as_deref(), place.clock.now())
}

async fn of_listed(
    place: &Place<'_>,
    mut session: Listed,
) -> Result<Shown, Box<dyn std::error::Error>> {
    let data = match Reader::of(place)? {
        Some(reader) => Some(reader.data(&mut session).await?),
        None => None,
    };
    let Listed { key, expires_at, size, .. } = session;
    Ok(Shown { key, expires_at, size, data })
}

fn of_record(place: &Place<'_>, key: SessionKey, record: &Record) -> Shown {
    let payload = place.stores.sessions.guarantees().payload;
    let codec = Codec::of(payload, &place.settings.secret_keys, &place.clock);
    Shown {
        key: Some(key),
        expires_at: Some(record.expires_at()),
        size: record.payload().len() as u64,
        data: Some(decode(&codec, record.payload())),
    }
}

/// A session as a JSON document, which the data follow: these names stay.
#[derive(Serialize)]
struct Document<'a> {
    key: Option<&'a str>,
    expires: Option<String>,
    expired: Option<bool>,
    user: Option<&'a str>,
    size: u64,
    readable: Option<bool>,
    problem: Option<&'a str>,
}

impl Shown {
    fn hide_secrets(&mut self) {
        let Some(Ok(data)) = &mut self.data else { return };
        for key in SECRETS {
            if data.get(key).is_some() {
                data.set(key, HIDDEN);
            }
        }
    }

    fn write(
        &self,
        full: bool,
        user: Option<&str>,
        name: Option<&str>,
        now: Timestamp,
    ) -> CommandResult {
        let mut out = Results::new();
        let expires = match self.expires_at {
            Some(end) => format!("{} UTC ({})", words::in_utc(end), words::distance(end, now)),
            None => "unreadable".to_owned(),
        };
        let user = match (user, name) {
            (Some(id), Some(name)) => format!("{id} ({name})"),
            (Some(id), None) => id.to_owned(),
            (None, _) if self.data.is_none() => "not known".to_owned(),
            (None, _) => "none".to_owned(),
        };
        let key = words::shown(self.key.as_ref(), full);
        let data = match &self.data {
            Some(Ok(_)) => String::new(),
            Some(Err(reason)) => format!(" cannot be read: {reason}"),
            None => format!(" not shown: {NEEDS_KEY}"),
        };
        for (head, text) in [
            ("Key:    ", key),
            ("Expires:", expires),
            ("User:   ", user),
            ("Size:   ", format!("{} bytes", self.size)),
        ] {
            // A line is a line, whatever is in it.
            let text = printable(&text).replace('\n', "\\n");
            if !out.line(format_args!("{} {text}", heading(head)))? {
                return Ok(());
            }
        }
        out.line(format_args!("{}{}", heading("Data:"), printable(&data)))?;
        if let Some(Ok(data)) = &self.data {
            out.write(|out| {
                pretty::write(out, &data.to_json())?;
                writeln!(out)
            })?;
        }
        out.flush().map(drop)
    }

    fn write_json(&self, full: bool, user: Option<&str>, now: Timestamp) -> CommandResult {
        let key = self.key.as_ref().map(SessionKey::expose);
        let (readable, problem, data) = match &self.data {
            Some(Ok(data)) => (Some(true), None, data.to_json()),
            Some(Err(reason)) => (Some(false), Some(reason.as_str()), "null".to_owned()),
            None => (None, None, "null".to_owned()),
        };
        let document = Document {
            key: if full { key } else { key.map(words::beginning) },
            expires: self.expires_at.map(words::in_json),
            expired: self.expires_at.map(|end| end <= now),
            user,
            size: self.size,
            readable,
            problem,
        };
        // The values within the data are nobody's to read, so they are not a part of the document's
        // type: `1.0` would become something else, and `NaN` an error.
        let mut document = serde_json::to_string(&document)?;
        document.pop();
        document.push_str(",\"data\":");
        document.push_str(&data);
        document.push('}');
        let mut out = Results::new();
        out.line(ascii_json(&document))?;
        out.flush().map(drop)
    }
}
