//! No page of an error shows what nobody else may see.

use axum::Router;
use axum::response::{Html, Result};
use axum::routing::get;
use http::Method;
use segue::templates::context;
use segue::{Session, SessionError, Templates};

use super::{Pages, settings};
use crate::common::{KEY, SECRET, clock, key, keys};

/// A value of the session.
const VALUE: &str = "a value of the session";

async fn template(templates: Templates, session: Session) -> Result<Html<String>> {
    let value = session.get::<String>("value")?;
    Ok(templates.render("page.html", context! { value, one => session.get_raw("value") })?)
}

async fn value(session: Session) -> Result<String, SessionError> {
    Ok(session.get::<u32>("value")?.unwrap_or(0).to_string())
}

async fn read(session: Session) -> String {
    session.keys().len().to_string()
}

/// Far from the value: the lines around a panic are shown.
async fn panics(session: Session) -> Result<String, SessionError> {
    assert!(session.contains_key("value"));
    panic!("no more than this");
}

#[tokio::test]
async fn no_secret_is_on_any_page() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("templates")).unwrap();
    let source = "{{ value }} {{ one }}\n{{ value.nothing.there }}";
    std::fs::write(folder.path().join("templates/page.html"), source).unwrap();
    let mut settings = settings(true);
    settings.base_dir = folder.path().to_owned();
    settings.database_url = segue::settings::DatabaseUrl::parse(
        "postgres://user:the-password@127.0.0.1/none",
        folder.path(),
    )
    .unwrap();
    let routes = Router::new()
        .route("/panics", get(panics))
        .route("/template", get(template))
        .route("/value", get(value))
        .route("/read", get(read))
        .route("/500", get(|| async { http::StatusCode::INTERNAL_SERVER_ERROR }))
        .with_state(Templates::new(&settings));
    let pages = Pages::with(&settings, routes, |site| site);
    let live = clock().now() + segue::SignedDuration::from_secs(60);
    let codec = segue::Codec::signed_json(&keys(), &clock());
    let data = segue::SessionData::parse(&format!("{{\"value\":\"{VALUE}\"}}")).unwrap();
    pages.store.plant(key(), &codec.encode(&data).unwrap(), live);

    let csrf = "abcdefghijklmnopqrstuvwxyzABCDEF";
    let cookie = format!("sessionid={KEY}; csrftoken={csrf}; other=third-cookie");
    let mut seen = 0;
    for accept in ["text/html", "*/*"] {
        let headers = [
            ("cookie", cookie.as_str()),
            ("accept", accept),
            ("authorization", "Bearer the-bearer"),
            ("x-csrftoken", csrf),
            ("referer", "https://example.com/?the-referer"),
        ];
        for (path, status) in [
            ("/panics?token=the-query", 500),
            ("/template?token=the-query", 500),
            ("/value?token=the-query", 500),
            ("/500?token=the-query", 500),
            ("/nowhere?token=the-query", 404),
            ("/?token=the-query", 200),
            ("/read?down&token=the-query", 503),
        ] {
            pages.store.set_down(path.contains("down"));
            let page = pages.send(Method::GET, path, &headers).await;
            assert_eq!(page.status, status, "{path}: {}", page.text);
            for secret in [
                SECRET,
                KEY,
                VALUE,
                csrf,
                "third-cookie",
                "the-password",
                "the-bearer",
                "the-query",
                "the-referer",
            ] {
                assert!(!page.text.contains(secret), "{secret} is on {path}: {}", page.text);
            }
            seen += 1;
        }
    }
    assert_eq!(seen, 14);
}
