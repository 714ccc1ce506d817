//! Whether a terminal shows what is typed.

use std::io;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::task::JoinHandle;

/// The exit status of what Ctrl-C has ended, as a shell counts it.
const INTERRUPTED: i32 = 130;

/// A terminal that shows what is typed, except for a while. While this is there, Ctrl-C leaves it as
/// it was.
pub(super) struct Echo {
    shown: Termios,
    cancelled: JoinHandle<()>,
}

/// While this is there, nothing is shown of what is typed but the end of a line.
pub(super) struct Hidden<'a>(&'a Echo);

impl Echo {
    /// The terminal on standard input.
    pub(super) fn of_terminal() -> io::Result<Self> {
        let shown = tcgetattr(io::stdin())?;
        let before = shown.clone();
        let cancelled = tokio::spawn(async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                restore(&before);
                warn_user!("\nCancelled.");
                #[allow(clippy::exit, reason = "the answer that is waited for will not come")]
                std::process::exit(INTERRUPTED);
            }
        });
        Ok(Self { shown, cancelled })
    }

    /// Hides before the question is shown, so that no answer comes too early: `console` and
    /// `rpassword` ask first. What was typed before is forgotten, as with Python's `getpass`.
    pub(super) fn hide(&self) -> io::Result<Hidden<'_>> {
        let mut hidden = self.shown.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        hidden.local_modes.insert(LocalModes::ECHONL);
        tcsetattr(io::stdin(), OptionalActions::Flush, &hidden)?;
        Ok(Hidden(self))
    }
}

/// Whoever comes after the last question hears Ctrl-C for themselves.
impl Drop for Echo {
    fn drop(&mut self) {
        self.cancelled.abort();
    }
}

impl Drop for Hidden<'_> {
    fn drop(&mut self) {
        restore(&self.0.shown);
    }
}

fn restore(shown: &Termios) {
    // A terminal that has gone has nothing to show.
    let _ = tcsetattr(io::stdin(), OptionalActions::Drain, shown);
}
