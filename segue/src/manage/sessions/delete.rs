//! `sessions delete`: who has one of these sessions is logged out.

use std::collections::HashSet;
use std::error::Error;

use clap::error::ErrorKind;

use super::filter::{FILTERS, Filter, Filters};
use super::key::{self, Found};
use super::place::Place;
use super::walk::Walk;
use super::words;
use crate::key::SessionKey;
use crate::manage::CommandResult;
use crate::manage::output::report_warning;
use crate::manage::progress::Progress;
use crate::manage::terminal::Terminal;
use crate::store::SessionStore as _;

/// So often the sessions of a user are gone through: whose key is changed meanwhile may have been
/// passed by.
const MOST_PASSES: u32 = 5;

/// What the command line says.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Keys, whole or their first 8 characters and more; `-` reads keys from standard input, where
    /// other users of the machine do not see them
    #[arg(value_name = "KEY", conflicts_with = "all", conflicts_with_all = FILTERS)]
    keys: Vec<String>,

    /// All sessions: everybody is logged out
    #[arg(long, conflicts_with_all = FILTERS)]
    all: bool,

    /// Count them, and delete none
    #[arg(long)]
    dry_run: bool,

    /// Do not ask; in scripts, where nobody can be asked, it is needed
    #[arg(long, short, visible_alias = "no-input", alias = "noinput")]
    yes: bool,

    #[command(flatten)]
    filters: Filters,
}

impl Arguments {
    /// Says which sessions are meant: nobody deletes all of them by saying nothing.
    pub(super) fn require_choice(&self) -> CommandResult {
        if !self.keys.is_empty() || self.all || !self.filters.are_empty() {
            return Ok(());
        }
        let message = "which sessions? Name keys, say which are meant (--user, --expired and so on), \
                       or all of them (--all)\n";
        Err(clap::Error::raw(ErrorKind::MissingRequiredArgument, message).into())
    }
}

pub(super) async fn run(place: &Place<'_>, arguments: Arguments) -> CommandResult {
    let guarantees = place.stores.sessions.guarantees();
    if guarantees.in_cookie {
        // Says what to do.
        place.listable()?;
    }
    let must_ask = !arguments.yes && !arguments.dry_run;
    let terminal = must_ask.then(|| Terminal::open("sessions delete --yes")).transpose()?;
    if arguments.keys.is_empty() {
        let filter = arguments.filters.resolve(place).await?;
        by_filter(place, &filter, arguments.dry_run, terminal.as_ref()).await
    } else {
        by_keys(place, &arguments.keys, arguments.dry_run, terminal.as_ref()).await
    }
}

async fn by_keys(
    place: &Place<'_>,
    keys: &[String],
    dry_run: bool,
    terminal: Option<&Terminal>,
) -> CommandResult {
    let mut found: HashSet<SessionKey> = HashSet::new();
    let mut missing = 0;
    // Before any is deleted: a slip of the pen in the last one must not cost the first.
    for text in key::given(keys)? {
        let key = match key::find(place, &text).await? {
            Found::Listed(session) => session.key,
            Found::Key(key) => place.stores.sessions.load(&key).await?.map(|_| key),
            Found::Nothing => None,
        };
        match key {
            Some(key) => {
                found.insert(key);
            }
            None => {
                missing += 1;
                report_warning(&format!("there is no session {}", words::shortened(&text)));
            }
        }
    }
    let number = found.len() as u64;
    if number == 0 && missing > 0 {
        return Err("there is none of these sessions; nothing was deleted".into());
    }
    if dry_run {
        say!("Would delete {}.", words::sessions(number));
        return Ok(());
    }
    if !agreed(terminal, &words::sessions(number))? {
        return Ok(());
    }
    for key in &found {
        place.stores.sessions.delete(key).await?;
    }
    say!("Deleted {}.", words::sessions(number));
    Ok(())
}

async fn by_filter(
    place: &Place<'_>,
    filter: &Filter,
    dry_run: bool,
    terminal: Option<&Terminal>,
) -> CommandResult {
    if dry_run || terminal.is_some() {
        let (number, counted) = count(place, filter).await;
        if dry_run {
            if counted.is_ok() || number > 0 {
                say!("Would delete {}.", words::sessions(number));
            }
            return counted;
        }
        if number == 0 {
            counted?;
            say!("No sessions to delete.");
            return Ok(());
        }
        let of = filter.user.as_ref().map(|user| format!(" of {}", user.describe()));
        let mut what = format!("{}{}", words::sessions(number), of.unwrap_or_default());
        if let Err(error) = counted {
            report_warning(&crate::describe(&*error));
            what = format!("at least {what}");
        }
        if !agreed(terminal, &what)? {
            return Ok(());
        }
    }
    let progress = Progress::of("deleted");
    let mut done = Done::default();
    let mut passes = 0;
    // A session whose key is changed while the list is gone through may be passed by: a user is
    // logged out when none was found.
    let passed = loop {
        let before = done.deleted;
        if let Err(error) = pass(place, filter, &progress, &mut done).await {
            break Err(error);
        }
        passes += 1;
        let is_clean = done.deleted == before;
        if is_clean || filter.user.is_none() || passes == MOST_PASSES {
            break Ok(!is_clean && filter.user.is_some());
        }
    };
    progress.end();
    match done.deleted {
        // That there are none is not known after an error.
        0 if passed.is_err() => {}
        0 => say!("No sessions to delete."),
        deleted => say!("Deleted {}.", words::sessions(deleted)),
    }
    if done.without_key > 0 {
        report_warning(&format!(
            "{} stayed, whose session_key no cookie can hold",
            words::sessions(done.without_key)
        ));
    }
    if passed? {
        return Err("the user goes on making sessions: first take the account out of use, by \
                    `changepassword` or in Django's admin (active), then delete again"
            .into());
    }
    Ok(())
}

/// What was done.
#[derive(Debug, Default)]
struct Done {
    deleted: u64,
    without_key: u64,
}

async fn pass(
    place: &Place<'_>,
    filter: &Filter,
    progress: &Progress,
    done: &mut Done,
) -> CommandResult {
    let mut walk = Walk::new(place, filter)?;
    done.without_key = 0;
    while let Some(page) = walk.next().await? {
        for (session, _) in page {
            match session.key {
                // By the engine, which tells the cache as well, and waits for who is at it.
                Some(key) => {
                    place.stores.sessions.delete(&key).await?;
                    done.deleted += 1;
                    progress.set(done.deleted, None);
                }
                None => done.without_key += 1,
            }
        }
    }
    Ok(())
}

/// How many are meant, and whether all could be looked at.
async fn count(place: &Place<'_>, filter: &Filter) -> (u64, CommandResult) {
    let mut number = 0;
    let mut count = async || {
        let mut walk = Walk::new(place, filter)?;
        while let Some(page) = walk.next().await? {
            number += page.len() as u64;
        }
        Ok(())
    };
    let counted = count().await;
    (number, counted)
}

/// Asks, where somebody can be asked.
fn agreed(terminal: Option<&Terminal>, what: &str) -> Result<bool, Box<dyn Error>> {
    let Some(terminal) = terminal else { return Ok(true) };
    let answer = terminal.ask(&format!("Delete {what}? [y/N]: "))?;
    let agreed = matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes");
    if !agreed {
        say!("Nothing was deleted.");
    }
    Ok(agreed)
}
