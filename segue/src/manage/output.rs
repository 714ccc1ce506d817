//! What the commands say, and how it looks: in colours at a terminal, plain anywhere else.
//!
//! Results go to standard output, talk to standard error. `NO_COLOR` and `CLICOLOR=0` are respected.

use std::error::Error;
use std::fmt::{Display, Write as _};
use std::io::{self, BufWriter, Stdout, Write as _};

use console::style;

use crate::printable::printable;

/// Says on standard error what a command failed with.
pub(super) fn report_error(message: &str) {
    warn_user!("{} {}", style("error:").for_stderr().red().bold(), printable(message));
}

/// Says on standard error what somebody should know.
pub(super) fn report_warning(message: &str) {
    warn_user!("{} {}", style("warning:").for_stderr().yellow().bold(), printable(message));
}

/// Says on standard error why an answer will not do, and that it is asked for again.
#[cfg(feature = "auth")]
pub(super) fn report_refusal(problem: &str) {
    warn_user!("{} {}", style("Error:").for_stderr().red(), printable(problem));
}

/// Something that went well, on standard output.
pub(super) fn good(text: impl Display) -> impl Display {
    style(text).green()
}

/// Something to look at, on standard output.
pub(super) fn doubtful(text: impl Display) -> impl Display {
    style(text).yellow().bold()
}

/// Something that is wrong, on standard output.
pub(super) fn bad(text: impl Display) -> impl Display {
    style(text).red().bold()
}

/// The head of a table, on standard output.
pub(super) fn heading(text: impl Display) -> impl Display {
    style(text).bold()
}

/// Standard output for results, which another program may read: unlike what is only said, they must
/// not be lost in silence.
#[derive(Debug)]
pub(super) struct Results(BufWriter<Stdout>);

impl Results {
    pub(super) fn new() -> Self {
        Self(BufWriter::new(io::stdout()))
    }

    /// Writes a line; false where nobody reads any more, `head` for example.
    pub(super) fn line(&mut self, line: impl Display) -> Result<bool, Box<dyn Error>> {
        heard(writeln!(self.0, "{line}"))
    }

    /// Writes by way of the writer itself; false where nobody reads any more.
    pub(super) fn write(
        &mut self,
        write: impl FnOnce(&mut BufWriter<Stdout>) -> io::Result<()>,
    ) -> Result<bool, Box<dyn Error>> {
        heard(write(&mut self.0))
    }

    /// Has everything seen that was written; false where nobody reads any more.
    pub(super) fn flush(&mut self) -> Result<bool, Box<dyn Error>> {
        heard(self.0.flush())
    }
}

fn heard(written: io::Result<()>) -> Result<bool, Box<dyn Error>> {
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(format!("cannot write to standard output: {error}").into()),
    }
}

/// JSON without a letter that a terminal could take for an order.
pub(super) fn ascii_json(json: &str) -> String {
    let mut ascii = String::with_capacity(json.len());
    for letter in json.chars() {
        if matches!(letter, ' '..='~') {
            ascii.push(letter);
        } else {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(ascii, "\\u{unit:04x}");
            }
        }
    }
    ascii
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_keeps_its_meaning_in_ascii() {
        let ascii = ascii_json("{\"a\":\"\u{7f}\u{9b}é🦀\"}");
        assert_eq!(ascii, r#"{"a":"\u007f\u009b\u00e9\ud83e\udd80"}"#);
        let value: serde_json::Value = serde_json::from_str(&ascii).unwrap();
        assert_eq!(value["a"], "\u{7f}\u{9b}é🦀");
    }
}
