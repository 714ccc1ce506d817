//! `completions`: what a shell needs to know to complete a command line.

use clap_complete::Shell;

use super::CommandResult;
use super::output::Results;

/// What the command line says.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The shell that completes
    shell: Shell,
}

/// Writes the shell's script for this command line.
pub(super) fn run(
    mut command: clap::Command,
    arguments: &Arguments,
    program: &str,
) -> CommandResult {
    let mut script = Vec::new();
    // Not to standard output: it would panic where nobody reads it.
    clap_complete::generate(arguments.shell, &mut command, program, &mut script);
    let mut out = Results::new();
    out.write(|out| std::io::Write::write_all(out, &script))?;
    out.flush().map(drop)
}
