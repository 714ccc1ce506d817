//! Asking the person at the terminal.

use std::error::Error;
use std::io::{self, BufRead as _, IsTerminal as _, Stdin, Write as _};

#[cfg(feature = "auth")]
use super::output::report_refusal;

#[cfg(all(feature = "auth", unix))]
mod echo;

/// Where questions go to and answers come from.
pub(super) struct Terminal {
    answers: Stdin,
}

impl Terminal {
    /// A person's terminal, and nothing else.
    ///
    /// `instead` is what a script should run.
    pub(super) fn open(instead: &str) -> Result<Self, Box<dyn Error>> {
        if !io::stdin().is_terminal() {
            let message = format!("there is no terminal to ask at: run `{instead}` in scripts");
            return Err(message.into());
        }
        Ok(Self { answers: io::stdin() })
    }

    /// A person's terminal, or the lines of a script.
    #[cfg(feature = "auth")]
    pub(super) fn open_or_pipe() -> Self {
        Self { answers: io::stdin() }
    }

    /// Asks, and gives the line that was typed.
    pub(super) fn ask(&self, question: &str) -> Result<String, Box<dyn Error>> {
        show(question)?;
        let mut line = String::new();
        if self.answers.lock().read_line(&mut line)? == 0 {
            return Err(
                "the answers have ended before the last question; nothing was changed".into()
            );
        }
        Ok(line.trim_end_matches(['\n', '\r']).to_owned())
    }
}

/// Questions stand on standard error, so that what a program says can be read by another.
fn show(question: &str) -> io::Result<()> {
    // Not held until there is an answer: who is cancelled meanwhile says so.
    let mut out = io::stderr().lock();
    out.write_all(question.as_bytes())?;
    out.flush()
}

/// Questions whose answers are not shown.
#[cfg(feature = "auth")]
struct Secretly<'a> {
    terminal: &'a Terminal,
    /// Nothing where a script answers.
    #[cfg(unix)]
    echo: Option<echo::Echo>,
}

#[cfg(feature = "auth")]
impl<'a> Secretly<'a> {
    fn at(terminal: &'a Terminal) -> io::Result<Self> {
        Ok(Self {
            terminal,
            #[cfg(unix)]
            echo: io::stdin().is_terminal().then(echo::Echo::of_terminal).transpose()?,
        })
    }

    #[cfg(unix)]
    fn ask(&self, question: &str) -> Result<String, Box<dyn Error>> {
        let _hidden = self.echo.as_ref().map(echo::Echo::hide).transpose()?;
        self.terminal.ask(question)
    }

    #[cfg(not(unix))]
    fn ask(&self, question: &str) -> Result<String, Box<dyn Error>> {
        if !io::stdin().is_terminal() {
            return self.terminal.ask(question);
        }
        show(question)?;
        Ok(console::Term::stderr().read_secure_line()?)
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
    let secretly = Secretly::at(terminal)?;
    for _ in 0..tries {
        let password = secretly.ask("Password: ")?;
        if password != secretly.ask("Password (again): ")? {
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
