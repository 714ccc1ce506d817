//! Counts the visits of each visitor: `cargo run -p segue --example visits`.

use axum::{Router, routing::get};
use segue::{Session, SessionError, SessionLayer, Settings, engines::DatabaseStore};

async fn visit(session: Session) -> Result<String, SessionError> {
    let n = session.update("visits", |n: Option<u32>| n.unwrap_or(0) + 1)?;
    Ok(format!("visit {n}"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut settings = Settings::new("fifty random characters, from a safe place, not from here");
    settings.session.cookie_secure = false; // Only until there is https.
    let store = DatabaseStore::from_url("sqlite://db.sqlite3").await?;
    store.database().migrate().await?;
    let app = Router::new().route("/", get(visit)).layer(SessionLayer::new(store, &settings)?);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    Ok(axum::serve(listener, app).await?)
}
