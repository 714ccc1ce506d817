//! Measures Segue, side by side with what it is compared to. README.md says how it is run and read.
//!
//! Figures mean something beside others of the same run only: the machine is never the same.

mod catalogue;
mod command_line;
mod enumeration;
mod growth;
mod harness;
mod logins;
mod measure;
mod report;
mod serve;
mod site;
mod statistics;

use std::error::Error;

pub use serve::Allocations;

/// What may go wrong ends the program.
pub type Result<T = ()> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Does what the command line says.
///
/// # Errors
/// Where nothing at all could be measured, or a name is none.
pub fn run() -> Result {
    command_line::run()
}

/// Serves one of the servers that are in this program; `counted` calls it too.
///
/// # Errors
/// Where the store or the port cannot be opened.
pub fn serve(name: &str, allocations: Option<Allocations>) -> Result {
    serve::run(name, allocations)
}

/// Tells whoever waits what is being done.
#[allow(clippy::print_stderr, reason = "a benchmark takes its time, and says on what")]
fn progress(text: &str) {
    eprintln!("{text}");
}
