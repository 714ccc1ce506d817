//! What test programs print: how many tests there were, and what those that failed said.

use std::io::{BufRead as _, BufReader, Read};

/// The lines of a failed test that are repeated at the end.
const REPEATED: usize = 30;

/// What came of the tests.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    /// Those that a filter left out among them: the only filters here are those for what is
    /// missing.
    pub(crate) ignored: u64,
    /// The name of each test that failed, and what it said, without the way to it.
    pub(crate) failures: Vec<String>,
}

impl Outcome {
    /// Passes the output on, line by line as it comes, and reads it.
    pub(crate) fn show_and_read(output: impl Read) -> Self {
        let mut outcome = Self::default();
        let mut is_told = false;
        for line in BufReader::new(output).split(b'\n') {
            let Ok(line) = line else { break };
            // A test may print anything.
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            outcome.count(&line);
            if let Some(name) = line.strip_prefix("---- ").and_then(|l| l.strip_suffix(" ----")) {
                outcome.failures.push(name.trim_end_matches(" stdout").to_owned());
                is_told = true;
            } else if matches!(&*line, "failures:" | "stack backtrace:") {
                is_told = false;
            } else if let Some(failure) = outcome.failures.last_mut().filter(|_| is_told) {
                let lines = failure.lines().count();
                if !line.is_empty() && lines <= REPEATED {
                    failure.push_str("\n  ");
                    failure.push_str(&line);
                }
            }
        }
        outcome
    }

    /// `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; …`
    fn count(&mut self, line: &str) -> Option<()> {
        let (_, numbers) = line.strip_prefix("test result: ")?.split_once(". ")?;
        let number = |word: &str| -> Option<u64> {
            let part = numbers.split("; ").find_map(|part| part.strip_suffix(word))?;
            part.trim().parse().ok()
        };
        let (passed, failed) = (number("passed")?, number("failed")?);
        let ignored = number("ignored")? + number("filtered out")?;
        self.passed += passed;
        self.failed += failed;
        self.ignored += ignored;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_read_from_their_line_alone() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 2 filtered \
                    out; finished in 0.10s";
        let output = format!(
            "running\n{line}\nnot \u{e9}\ntest result: \ntest result_is_read ... ok\n{line}\n"
        );
        let expected = Outcome { passed: 24, failed: 6, ignored: 6, failures: Vec::new() };
        assert_eq!(Outcome::show_and_read(output.as_bytes()), expected);
    }

    #[test]
    fn what_failed_is_kept_without_the_way_to_it() {
        let long = "more\n".repeat(100);
        let output = format!(
            "test a::b ... FAILED\n\nfailures:\n\n---- a::b stdout ----\n\nthread 'a::b' panicked at x.rs:1:1:\n\
             not so\nstack backtrace:\n   0: main\nnote: more\n\n---- c stdout ----\nError: no\n\n\
             ---- d stdout ----\n{long}\n\nfailures:\n    a::b\n    c\n\n\
             test result: FAILED. 0 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out\n"
        );
        let outcome = Outcome::show_and_read(output.as_bytes());
        assert_eq!(outcome.failed, 3);
        let [first, second, third] = &*outcome.failures else { panic!("{outcome:?}") };
        assert_eq!(first, "a::b\n  thread 'a::b' panicked at x.rs:1:1:\n  not so");
        assert_eq!(second, "c\n  Error: no");
        assert_eq!(third.lines().count(), 1 + REPEATED);
    }
}
