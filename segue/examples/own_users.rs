//! Users of one's own type, from a place of one's own: here a list in this process.
//!
//! `cargo run -p segue --features auth --example own_users`, then on the command line
//!
//! ```sh
//! curl -i -H "Host: localhost" http://127.0.0.1:3000/                               # who is it?
//! curl -i -H "Host: localhost" -d "" http://127.0.0.1:3000/login/ann/correct-horse  # a cookie
//! ```
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use axum::Router;
use axum::extract::Path;
use axum::response::Result;
use axum::routing::{get, post};
use segue::auth::{
    Auth, AuthBackend, AuthLayer, AuthUser, Credentials, LoginRequired, UsernamePassword,
};
use segue::engines::MemoryStore;
use segue::passwords::Passwords;
use segue::{AuthError, Settings, Site};

/// A member of a club.
#[derive(Clone, Debug)]
pub struct Member {
    number: u32,
    name: String,
    password: String,
}

/// The members, and what looks at their passwords.
#[derive(Debug)]
pub struct Club {
    members: Vec<Member>,
    passwords: Passwords,
}

// Thirty lines make them users.
impl AuthUser for Member {
    fn id(&self) -> String {
        self.number.to_string()
    }
    fn password_hash(&self) -> Option<&str> {
        Some(&self.password)
    }
}

impl AuthBackend for Club {
    type User = Member;

    fn path(&self) -> &str {
        "club.Backend"
    }
    async fn authenticate(&self, given: &Credentials) -> Result<Option<Member>, AuthError> {
        let Some(UsernamePassword { username, password }) = given.get() else { return Ok(None) };
        let Some(member) = self.members.iter().find(|member| member.name == *username) else {
            self.passwords.check_nobody(password).await?; // as slow as for a member
            return Ok(None);
        };
        let checked = self.passwords.check(password, &member.password).await?;
        Ok(checked.is_correct().then(|| member.clone()))
    }
    async fn get_user(&self, id: &str) -> Result<Option<Member>, AuthError> {
        Ok(self.members.iter().find(|member| member.id() == id).cloned())
    }
}
// So much for the thirty lines.

async fn greet(auth: Auth<Member>) -> Result<String> {
    let member = auth.user().await?;
    Ok(member.map_or("Who are you?\n".to_owned(), |member| format!("Hello, {}\n", member.name)))
}

async fn log_in(
    auth: Auth<Member>,
    Path((name, password)): Path<(String, String)>,
) -> Result<String> {
    Ok(match auth.authenticate(UsernamePassword::new(name, password)).await? {
        Some(member) => format!("Welcome, {}\n", auth.login(member).await?.name),
        None => "No.\n".to_owned(),
    })
}

async fn members(LoginRequired(member): LoginRequired<Member>) -> String {
    format!("You are number {}\n", member.number)
}

/// The site with one member, ann.
///
/// # Errors
/// When the settings do not hold.
pub async fn site(settings: &Settings) -> Result<Router, Box<dyn std::error::Error>> {
    let passwords = Passwords::new(settings)?;
    let password = passwords.make("correct-horse").await?;
    let club =
        Club { members: vec![Member { number: 1, name: "ann".into(), password }], passwords };
    let routes = Router::new().route("/", get(greet)).route("/members", get(members));
    // A form would have its CSRF token; this is for `curl`.
    let login = Router::new().route("/login/{name}/{password}", post(log_in));
    Ok(Site::with_store(settings, MemoryStore::new(), routes)?
        .csrf_exempt(login)
        .auth(AuthLayer::new(settings, club)?)
        .into_router())
}

#[tokio::main]
#[allow(dead_code, reason = "a test includes this file")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut settings = Settings::new("fifty random characters, from a safe place, not from here");
    settings.allowed_hosts.push("localhost".to_owned());
    settings.session.cookie_secure = false; // Only until there is https.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("Serving on http://127.0.0.1:3000");
    Ok(axum::serve(listener, site(&settings).await?).await?)
}
