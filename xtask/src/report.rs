//! What passed, what failed, and the closing line.

use std::process::ExitCode;
use std::time::Instant;

use crate::test_output::Outcome;

/// Counts steps and tests.
#[derive(Debug, Default)]
pub(crate) struct Report {
    passed: u64,
    failed: u64,
    skipped: u64,
    /// What failed and why, to repeat it where it is seen.
    failures: Vec<String>,
}

impl Report {
    /// Runs one step under its heading and counts it as one; the error is its explanation.
    pub(crate) fn step(&mut self, heading: &str, work: impl FnOnce() -> Result<(), String>) {
        self.timed(heading, |report| match work() {
            Ok(()) => report.passed += 1,
            Err(reason) => report.fail(heading, &reason),
        });
    }

    /// Runs work that counts for itself, under a heading and with its time.
    pub(crate) fn timed(&mut self, heading: &str, work: impl FnOnce(&mut Self)) {
        println!("\n== {heading}");
        let (started, failures) = (Instant::now(), self.failures.len());
        work(self);
        let word = if self.failures.len() == failures { "done" } else { "FAILED" };
        println!("-- {word} in {:.1} s", started.elapsed().as_secs_f64());
    }

    /// Counts a failure.
    pub(crate) fn fail(&mut self, heading: &str, reason: &str) {
        println!("{heading}: {reason}");
        self.failed += 1;
        self.failures.push(format!("{heading}: {reason}"));
    }

    /// Counts what was left out.
    pub(crate) fn skip(&mut self, what: &str, reason: &str) {
        println!("SKIPPED {what}: {reason}");
        self.skipped += 1;
    }

    /// Adds the tests that test programs counted, and what those that failed said.
    pub(crate) fn add_tests(&mut self, tests: Outcome) {
        self.passed += tests.passed;
        self.failed += tests.failed;
        self.skipped += tests.ignored;
        self.failures.extend(tests.failures.into_iter().map(|failure| format!("test {failure}")));
        if tests.failed > 0 {
            self.failures.push(format!("tests: {} failed", tests.failed));
        }
    }

    /// Repeats the failures and prints the closing line.
    pub(crate) fn close(self) -> ExitCode {
        println!();
        for failure in &self.failures {
            println!("FAILED {failure}");
        }
        println!("{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped);
        if self.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
