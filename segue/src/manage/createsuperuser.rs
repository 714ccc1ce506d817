//! `createsuperuser`: somebody who may do everything.

use std::env::VarError;
use std::error::Error;

use super::CommandResult;
use super::context::open_users;
use super::output::{good, report_refusal};
use super::terminal::{Terminal, choose_password, system_user};
use crate::settings::Settings;
use crate::users::{NewUser, Users, email_problem, normalize_username, username_problem};

/// What the command line says.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub(super) struct Arguments {
    /// The name of the superuser
    #[arg(long)]
    username: Option<String>,

    /// The superuser's address for mail
    #[arg(long)]
    email: Option<String>,

    #[arg(
        long = "noinput",
        visible_alias = "no-input",
        help = "Ask nothing: what is not given here stands in DJANGO_SUPERUSER_USERNAME, _EMAIL and \
                _PASSWORD in the environment. Without a password nobody can log in before \
                `changepassword`"
    )]
    no_input: bool,
}

pub(super) async fn run(settings: &Settings, arguments: &Arguments) -> CommandResult {
    let (database, users) = open_users(settings).await?;
    let new = if arguments.no_input {
        from_arguments(arguments)?
    } else {
        ask(&users, arguments, &Terminal::open("createsuperuser --noinput")?).await?
    };
    let name = new.username().to_owned();
    let created = users.create(new.superuser()).await;
    database.close().await;
    match created? {
        Some(_) => say!("{}", good("Superuser created successfully.")),
        None => return Err(taken(&name).into()),
    }
    Ok(())
}

/// Source: the branch without input in Django's `createsuperuser.py`. A password is no argument,
/// because everybody on the machine can read those.
fn from_arguments(arguments: &Arguments) -> Result<NewUser, Box<dyn Error>> {
    let needed = |given: &Option<String>, option, name| match given.clone() {
        Some(value) => Ok(value),
        None => {
            variable(name)?.ok_or_else(|| format!("with --noinput, {option} or {name} is needed"))
        }
    };
    let username = needed(&arguments.username, "--username", "DJANGO_SUPERUSER_USERNAME")?;
    let email = needed(&arguments.email, "--email", "DJANGO_SUPERUSER_EMAIL")?;
    if let Some(problem) = username_problem(&normalize_username(&username)) {
        return Err(format!("the username {username:?} will not do: {problem}").into());
    }
    if let Some(problem) = email_problem(&email) {
        return Err(format!("the address {email:?} will not do: {problem}").into());
    }
    let new = NewUser::new(username).email(email);
    Ok(match variable("DJANGO_SUPERUSER_PASSWORD")? {
        Some(password) => new.password(password),
        None => new,
    })
}

/// A variable of the environment, which must not be empty.
fn variable(name: &str) -> Result<Option<String>, String> {
    match std::env::var(name) {
        Ok(value) if value.is_empty() => {
            Err(format!("{name} is empty: give it a value, or take it out of the environment"))
        }
        Ok(value) => Ok(Some(value)),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(format!("{name} is not UTF-8")),
    }
}

async fn ask(
    users: &Users,
    arguments: &Arguments,
    terminal: &Terminal,
) -> Result<NewUser, Box<dyn Error>> {
    let username = match &arguments.username {
        Some(username) => match problem(users, username).await? {
            Some(problem) => return Err(format!("--username {username:?}: {problem}").into()),
            None => username.clone(),
        },
        None => ask_username(users, terminal).await?,
    };
    let email = match &arguments.email {
        Some(email) => match email_problem(email) {
            Some(problem) => return Err(format!("--email {email:?}: {problem}").into()),
            None => email.clone(),
        },
        None => ask_email(terminal)?,
    };
    let new = NewUser::new(username).email(email);
    let attributes = new.attributes();
    let problems = |password: &str| users.password_problems(password, &attributes);
    let password = choose_password(terminal, usize::MAX, true, problems)?;
    let password =
        password.ok_or("no password was chosen, so no superuser was created: run it again")?;
    Ok(new.password(password))
}

async fn ask_username(users: &Users, terminal: &Terminal) -> Result<String, Box<dyn Error>> {
    let default = default_username(users).await?;
    let prompt = match &default {
        Some(default) => format!("Username (leave blank to use {default:?}): "),
        None => "Username: ".to_owned(),
    };
    loop {
        let typed = terminal.ask(&prompt)?;
        let username = match (typed.is_empty(), &default) {
            (true, Some(default)) => default.clone(),
            _ => typed,
        };
        match problem(users, &username).await? {
            Some(problem) => report_refusal(&problem),
            None => return Ok(username),
        }
    }
}

fn ask_email(terminal: &Terminal) -> Result<String, Box<dyn Error>> {
    loop {
        let email = terminal.ask("Email address: ")?;
        match email_problem(&email) {
            Some(problem) => report_refusal(&problem),
            None => return Ok(email),
        }
    }
}

/// What speaks against a name.
async fn problem(users: &Users, username: &str) -> Result<Option<String>, Box<dyn Error>> {
    let username = normalize_username(username);
    if let Some(problem) = username_problem(&username) {
        return Ok(Some(problem));
    }
    let is_taken = users.by_username(&username).await?.is_some();
    Ok(is_taken.then(|| taken(&username)))
}

fn taken(username: &str) -> String {
    format!(
        "the username {username:?} is already taken: choose another, or give that user another \
         password with `changepassword`"
    )
}

/// Who runs the program, if the name will do. Django's `get_default_username`.
async fn default_username(users: &Users) -> Result<Option<String>, Box<dyn Error>> {
    let Some(name) = system_user() else { return Ok(None) };
    let name = normalize_username(&name).replace(' ', "").to_lowercase();
    Ok(problem(users, &name).await?.is_none().then_some(name))
}
