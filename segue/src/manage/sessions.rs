//! `sessions`: which there are, what one holds, and away with some of them.

mod delete;
mod filter;
mod key;
mod list;
mod place;
mod pretty;
mod show;
mod stats;
mod summary;
mod user;
mod walk;
mod words;

use super::CommandResult;
use super::context::Context;
use place::Place;

/// What the command line says.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List the sessions that are stored
    List(list::Arguments),
    /// Show what one session holds
    Show(show::Arguments),
    /// Delete sessions: who has one of them is logged out
    Delete(delete::Arguments),
    /// Count the sessions, those that have expired, users and bytes
    Stats(stats::Arguments),
}

pub(super) async fn run(context: &Context<'_>, arguments: Arguments) -> CommandResult {
    if let Action::Delete(arguments) = &arguments.action {
        arguments.require_choice()?;
    }
    let place = Place::open(context).await?;
    let done = match arguments.action {
        Action::List(arguments) => list::run(&place, arguments).await,
        Action::Show(arguments) => show::run(&place, &arguments).await,
        Action::Delete(arguments) => delete::run(&place, arguments).await,
        Action::Stats(arguments) => stats::run(&place, &arguments).await,
    };
    place.close().await;
    done
}
