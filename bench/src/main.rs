//! Measures Segue: `cargo run -p bench --release -- [names]`.
//!
//! Figures mean something beside others of the same run only: the machine is never the same.

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod enumeration;
mod logins;
mod site;
mod statistics;

use std::error::Error;

use clap::{Parser, ValueEnum};

/// What may go wrong ends the program.
type Result<T = ()> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Measures Segue, side by side with what it is compared to.
#[derive(Debug, Parser)]
struct Cli {
    /// What to measure [default: everything]
    names: Vec<Name>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Name {
    /// How fast another page answers while a hundred people log in, with and without a bound on the
    /// passwords that are hashed at once
    Logins,
    /// Whether the time that a failed login takes tells if there is such a user
    Enumeration,
}

fn main() -> Result {
    let mut names = Cli::parse().names;
    if names.is_empty() {
        names = Name::value_variants().to_vec();
    }
    let cores = std::thread::available_parallelism()?;
    println!("{cores} cores\n");
    for name in names {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(async {
            match name {
                Name::Logins => logins::run().await,
                Name::Enumeration => enumeration::run().await,
            }
        })?;
    }
    Ok(())
}
