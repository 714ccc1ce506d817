//! `changepassword`: another password for a user who has forgotten theirs.

use super::CommandResult;
use super::context::open_users;
use super::output::good;
use super::terminal::{Terminal, choose_password, system_user};
use crate::settings::Settings;
use crate::users::normalize_username;

/// As often Django asks.
const TRIES: usize = 3;

/// What the command line says.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Whose [default: the name of whoever runs the program]
    username: Option<String>,
}

pub(super) async fn run(settings: &Settings, arguments: Arguments) -> CommandResult {
    let (database, users) = open_users(settings).await?;
    let username = arguments
        .username
        .or_else(system_user)
        .ok_or("whose password? Name the user: `changepassword NAME`")?;
    let user = users.by_username(&normalize_username(&username)).await?;
    let user = user.ok_or_else(|| {
        format!("there is no user {username:?} in the database {}", settings.database_url)
    })?;
    say!("Changing password for user {:?}", user.username);
    let terminal = Terminal::open_or_pipe();
    let attributes = user.attributes();
    let problems = |password: &str| users.password_problems(password, &attributes);
    let password = choose_password(&terminal, TRIES, false, problems)?;
    let password = password.ok_or_else(|| {
        format!("no password after {TRIES} tries; that of {username:?} is as it was: run it again")
    })?;
    users.set_password(&user, &password).await?;
    database.close().await;
    let done = format!("Password changed successfully for user {:?}", user.username);
    say!("{}", good(done));
    Ok(())
}
