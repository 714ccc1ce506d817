//! Asking the person at the terminal.

use std::error::Error;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use console::Term;

#[cfg(feature = "auth")]
use super::output::report_refusal;

/// Where questions go to and answers come from.
pub(super) struct Terminal {
    /// Nothing where a script answers.
    term: Option<Term>,
}

impl Terminal {
    /// A person's terminal, and nothing else.
    ///
    /// `instead` is what a script should run.
    pub(super) fn open(instead: &str) -> Result<Self, Box<dyn Error>> {
        if io::stdin().is_terminal() {
            return Ok(Self { term: Some(Term::stderr()) });
        }
        Err(format!("there is no terminal to ask at: run `{instead}` in scripts").into())
    }

    /// A person's terminal, or the lines of a script.
    #[cfg(feature = "auth")]
    pub(super) fn open_or_pipe() -> Self {
        Self { term: io::stdin().is_terminal().then(Term::stderr) }
    }

    /// Asks, and gives the line that was typed.
    pub(super) fn ask(&self, prompt: &str) -> Result<String, Box<dyn Error>> {
        Self::show(prompt)?;
        match &self.term {
            Some(term) => term.read_line().map_err(|error| gone(&error).into()),
            None => Self::line(),
        }
    }

    /// Asks, and does not show what is typed.
    #[cfg(feature = "auth")]
    pub(super) fn ask_secretly(&self, prompt: &str) -> Result<String, Box<dyn Error>> {
        Self::show(prompt)?;
        match &self.term {
            Some(term) => term.read_secure_line().map_err(|error| gone(&error).into()),
            None => Self::line(),
        }
    }

    /// Questions stand on standard error, so that what a program says can be read by another.
    fn show(prompt: &str) -> io::Result<()> {
        let mut out = io::stderr().lock();
        out.write_all(prompt.as_bytes())?;
        out.flush()
    }

    fn line() -> Result<String, Box<dyn Error>> {
        let mut line = String::new();
        if io::stdin().lock().read_line(&mut line)? == 0 {
            return Err(
                "the answers have ended before the last question; nothing was changed".into()
            );
        }
        Ok(line.trim_end_matches(['\n', '\r']).to_owned())
    }
}

/// Ctrl-C, or the end of the terminal.
fn gone(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::Interrupted | io::ErrorKind::UnexpectedEof | io::ErrorKind::NotConnected => {
            "cancelled; nothing was changed".to_owned()
        }
        _ => format!("no answer can be read from the terminal: {error}; nothing was changed"),
    }
}

/// Has a new password typed twice, and so often again as it will not do. Nothing after so many
/// tries.
///
/// Who `may_insist` can take one that has problems.
#[cfg(feature = "auth")]
pub(super) fn choose_password(
    terminal: &Terminal,
    tries: usize,
    may_insist: bool,
    problems: impl Fn(&str) -> Vec<String>,
) -> Result<Option<String>, Box<dyn Error>> {
    for _ in 0..tries {
        let password = terminal.ask_secretly("Password: ")?;
        if password != terminal.ask_secretly("Password (again): ")? {
            report_refusal("Your passwords didn't match.");
            continue;
        }
        if password.trim().is_empty() {
            report_refusal("Blank passwords aren't allowed.");
            continue;
        }
        let problems = problems(&password);
        for problem in &problems {
            warn_user!("{problem}");
        }
        let insists = || {
            let question = "Bypass password validation and create user anyway? [y/N]: ";
            terminal.ask(question).map(|answer| answer.eq_ignore_ascii_case("y"))
        };
        if problems.is_empty() || (may_insist && insists()?) {
            return Ok(Some(password));
        }
    }
    Ok(None)
}

/// The name of whoever runs the program.
#[cfg(feature = "auth")]
pub(super) fn system_user() -> Option<String> {
    ["LOGNAME", "USER", "LNAME", "USERNAME"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
}
