//! The program itself, as short as it goes: two servers, every route, every figure.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a test fails by panicking"
)]

use std::process::{Command, Output};

fn bench(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bench")).args(arguments).output().unwrap()
}

#[test]
fn a_name_that_is_none_is_refused() {
    let output = bench(&["segue-memroy"]);
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("segue-memroy is neither a server nor a part"), "{error}");
}

/// `cargo xtask test` leaves these out where it cannot install what they need.
mod measuring {
    use super::bench;

    #[test]
    fn two_servers_are_measured_side_by_side() {
        let short = ["--seconds", "0.2", "--repetitions", "1", "--no-build"];
        let output = bench(&[&["segue-memory", "limit-none"], &short[..]].concat());
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        let page = String::from_utf8_lossy(&output.stdout);
        assert!(!page.contains("could not be measured"), "{page}");
        // Both tables have a row for either.
        for name in ["| **segue-memory** | ", "| *limit-none* | "] {
            assert_eq!(page.matches(name).count(), 2, "{page}");
        }
        let counts = page.split("besides time").nth(1).unwrap();
        let row = counts.lines().find(|line| line.contains("segue-memory")).unwrap();
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        // `| name | round trips | system calls | allocations | bytes |`
        assert_eq!(cells[2], "in process", "{row}");
        let allocations: Vec<f64> =
            cells[4].split(" / ").map(|cell| cell.parse().unwrap()).collect();
        assert!(allocations[2] > allocations[1] && allocations[1] > allocations[0], "{row}");
    }
}
