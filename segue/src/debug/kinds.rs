//! What is said of each kind of error.

#[cfg(feature = "templates")]
mod template;

use std::error::Error;
use std::path::Path;

use http::{Extensions, StatusCode};

use super::DebugPages;
use super::excerpt::around;
use super::report::{Report, Section};
#[cfg(feature = "auth")]
use crate::error::{AuthError, AuthErrorKind};
use crate::error::{SessionError, SessionErrorKind, StoreError, StoreErrorKind};
use crate::panics::{Frame, Panic};
#[cfg(feature = "templates")]
use crate::templates::TemplateError;

const CHECK: &str = "`cargo run -- check` asks every store that the settings name.";

/// The report of the error that became a response, if it is one of ours.
pub(super) fn known(pages: &DebugPages, extensions: &Extensions) -> Option<Report> {
    if let Some(panic) = extensions.get::<Panic>() {
        return Some(panicked(pages, panic));
    }
    #[cfg(feature = "templates")]
    if let Some(error) = extensions.get::<TemplateError>() {
        return Some(template::report(pages, error));
    }
    #[cfg(feature = "auth")]
    if let Some(error) = extensions.get::<AuthError>() {
        return Some(of_users(error));
    }
    extensions.get::<SessionError>().map(|error| of_session(pages, error))
}

fn panicked(pages: &DebugPages, panic: &Panic) -> Report {
    let mut report = Report::new("A handler panicked", panic.message());
    let frames = panic.frames();
    if let Some((file, line)) = panic.place() {
        let heading = format!("{file}, line {line}");
        let lines = pages.source(file, &frames).map(|source| around(&source, line as usize));
        let lines = lines.unwrap_or_default();
        report = report.section(Section::Source { heading, lines });
    }
    if !frames.is_empty() {
        let shown =
            |frame: Frame| (format!("`{}`", frame.function), frame.place.unwrap_or_default());
        let items = frames.into_iter().map(shown).collect();
        report = report.section(Section::List { heading: "Called by, the last one first", items });
    }
    report.mend(
        "A handler that returns a `Result` answers for what can go wrong; with `?` in the place of \
         `unwrap` and `expect` the error becomes the response.",
    )
}

impl DebugPages {
    /// The text of a source file, unless it has changed since the program was built: its lines
    /// would be others.
    fn source(&self, file: &str, frames: &[Frame]) -> Option<String> {
        let built = std::env::current_exe().ok()?.metadata().ok()?.modified().ok()?;
        // The compiler names files from the folder of the workspace; the calls know more of some.
        let folder = std::env::current_dir().ok()?.join(&self.base_dir);
        let known = frames.iter().filter_map(Frame::file).filter(|path| path.ends_with(file));
        let path = known
            .map(Path::to_owned)
            .chain(folder.ancestors().map(|folder| folder.join(file)))
            .find(|path| path.is_file())?;
        let changed = path.metadata().ok()?.modified().ok()?;
        if changed > built { None } else { std::fs::read_to_string(path).ok() }
    }
}

fn of_session(pages: &DebugPages, error: &SessionError) -> Report {
    let title = match error.kind() {
        SessionErrorKind::StoreFailed => "The session store failed",
        SessionErrorKind::Interrupted => "The session was ended meanwhile",
        SessionErrorKind::Contended => "Too many requests changed the session at once",
        SessionErrorKind::Value => "A value of the session is of another type",
        SessionErrorKind::TooLarge => "The session is too large",
        SessionErrorKind::Unreadable => "The session cannot be read",
        SessionErrorKind::Middleware => "The middleware stands in the wrong order",
    };
    let report = caused(title, error).fact("Session store", pages.store.clone());
    match error.kind() {
        SessionErrorKind::StoreFailed | SessionErrorKind::TooLarge => mend_store(report, error),
        SessionErrorKind::Value => {
            report.mend("`session.get` must ask for the type that `session.insert` was given.")
        }
        SessionErrorKind::Contended => {
            report.mend("Look for what changes one session in a loop; `session.update` keeps all.")
        }
        _ => report,
    }
}

#[cfg(feature = "auth")]
fn of_users(error: &AuthError) -> Report {
    let title = match error.kind() {
        AuthErrorKind::Busy => "Too many passwords are being checked",
        AuthErrorKind::Middleware => "The middleware stands in the wrong order",
        _ => "It cannot be told who the visitor is",
    };
    let report = caused(title, error);
    match error.kind() {
        AuthErrorKind::UsersFailed => mend_store(report, error),
        AuthErrorKind::Busy => {
            report.mend("`PASSWORD_HASHING_LIMIT` says how many are checked at once.")
        }
        _ => report,
    }
}

/// What the store says is the message of one of the causes.
fn mend_store(report: Report, error: &(dyn Error + 'static)) -> Report {
    let store = causes(error).find_map(|cause| cause.downcast_ref::<StoreError>());
    match store.map(StoreError::kind) {
        Some(StoreErrorKind::TooLarge) => report.mend(
            "Keep less in the session, an id in the place of a whole object for example, or take \
             another `SESSION_ENGINE`.",
        ),
        Some(StoreErrorKind::Refused) => {
            report.mend("A table that is missing is made by `cargo run -- migrate`.").mend(CHECK)
        }
        Some(StoreErrorKind::Unavailable) => report
            .mend("Is it up, and reachable from here under the name in the settings?")
            .mend(CHECK),
        _ => report.mend(CHECK),
    }
}

/// A report with everything that the error says, and what caused it.
fn caused(title: &str, error: &(dyn Error + 'static)) -> Report {
    let mut texts: Vec<String> = vec![error.to_string()];
    for cause in causes(error).map(ToString::to_string) {
        // Some errors say their cause themselves.
        if !texts.iter().any(|text| text.ends_with(&cause)) {
            texts.push(cause);
        }
    }
    // What the title says already is not said twice.
    if texts.len() > 1 && texts.first().is_some_and(|text| text.eq_ignore_ascii_case(title)) {
        texts.remove(0);
    }
    let mut texts = texts.into_iter();
    let report = Report::new(title, texts.next().unwrap_or_default());
    let items: Vec<_> = texts.map(|text| (text, String::new())).collect();
    if items.is_empty() {
        return report;
    }
    report.section(Section::List { heading: "Because", items })
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(error.source(), |&error| error.source())
}

/// A server error that an error type of the project's own, or one of axum's, became.
pub(super) fn answered(status: StatusCode, said: &str) -> Report {
    let report = Report::new("A handler answered with a server error", status.to_string());
    let text = if said.is_empty() { "Nothing." } else { said }.to_owned();
    report
        .section(Section::Text { heading: "What it answered", text })
        .mend("The `IntoResponse` of the handler's error made this response; log the cause there.")
}
