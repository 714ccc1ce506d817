//! What passed, what failed, and the closing line.

use std::process::ExitCode;
use std::time::Instant;

/// Counts steps and tests.
#[derive(Debug, Default)]
pub(crate) struct Report {
    passed: u64,
    failed: u64,
    skipped: u64,
    /// The headings of what failed, to repeat them where they are seen.
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

    /// Adds the tests that a test program counted.
    pub(crate) fn add_tests(&mut self, passed: u64, failed: u64, ignored: u64) {
        self.passed += passed;
        self.failed += failed;
        self.skipped += ignored;
        if failed > 0 {
            self.failures.push(format!("tests: {failed} failed, see above"));
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
