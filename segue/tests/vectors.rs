//! The worked examples that a real Django made: `signing`, `engine_db`, `session_middleware`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody imports it"
)]

mod common;

use std::time::Duration;

use axum::Router;
use axum::routing::get as route;
use common::{KEY, SECRET, clock, key, keys, layer, settings};
use segue::engines::DatabaseStore;
use segue::settings::SameSite;
use segue::signing::{Signer, TimestampSigner, dumps, dumps_compressed, loads, salted_hmac};
use segue::{
    Codec, SecretKey, SecretKeys, Session, SessionError, SessionErrorKind, SessionKey, Sessions,
    Settings,
};
use serde_json::Value;
use sha1::Sha1;
use sha2::Sha256;

const SESSION_SALT: &str = "django.contrib.sessions.SessionStore";

fn vectors(section: &str) -> Value {
    let all: Value = serde_json::from_str(include_str!("vectors.json")).unwrap();
    all[section].clone()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn signatures() {
    let v = vectors("signing");
    for (name, salt) in [("Signer_default", "django.core.signing.Signer"), ("Signer_salt_x", "x")] {
        let signer = Signer::new(&keys(), salt);
        let (value, out) = (v[name]["value"].as_str().unwrap(), v[name]["out"].as_str().unwrap());
        assert_eq!(signer.sign(value), out);
        assert_eq!(signer.unsign(out), Ok(value));
    }
    let t = &v["TimestampSigner_default"];
    let signer = TimestampSigner::new(&keys(), t["salt"].as_str().unwrap(), &clock());
    assert_eq!(signer.sign(t["value"].as_str().unwrap()), t["out"].as_str().unwrap());
    let steps = &v["hmac_steps"];
    let mac = salted_hmac::<Sha256>(
        &format!("{SESSION_SALT}signer"),
        steps["message"].as_str().unwrap(),
        &SecretKey::new(SECRET),
    );
    assert_eq!(hex(&mac), steps["mac_hex"].as_str().unwrap());
    let derived = <Sha256 as sha2::Digest>::digest(format!("{SESSION_SALT}signer{SECRET}"));
    assert_eq!(hex(&derived), steps["derived_key_hex"].as_str().unwrap());
    let sha1 = salted_hmac::<Sha1>("s", "v", &SecretKey::new(SECRET));
    assert_eq!(hex(&sha1), v["salted_hmac_sha1_default"].as_str().unwrap());
}

/// Base 62 and base 64 show in signed texts only: a time and a payload each.
#[test]
fn base62_and_base64() {
    let v = vectors("signing");
    for (number, text) in v["base62"].as_object().unwrap() {
        let seconds: i64 = number.parse().unwrap();
        let clock = segue::Clock::fixed(segue::Timestamp::from_second(seconds).unwrap());
        let signer = TimestampSigner::new(&keys(), "salt", &clock);
        let signed = signer.sign("value");
        assert_eq!(signed.split(':').nth(1).unwrap(), text.as_str().unwrap(), "{number}");
        assert_eq!(signer.unsign(&signed, Some(Duration::ZERO)), Ok("value"));
    }
    for (text, base64) in v["b64_nopad"].as_object().unwrap() {
        let signer = TimestampSigner::new(&keys(), "salt", &clock());
        let bytes: Vec<u8> = if text.starts_with('\u{ff}') {
            text.encode_utf16()
                .filter_map(|unit| char::from_u32(unit.into()))
                .collect::<String>()
                .into()
        } else {
            text.clone().into_bytes()
        };
        let signed = signer.sign_bytes(&bytes, false);
        assert_eq!(signed.split(':').next().unwrap(), base64.as_str().unwrap(), "{text}");
        assert_eq!(signer.unsign_bytes(&signed, None).unwrap(), bytes);
    }
}

#[test]
fn signed_objects() {
    let v = vectors("signing");
    let default = &v["dumps_default_salt"];
    let out = dumps(&default["obj"], &keys(), "django.core.signing", &clock()).unwrap();
    assert_eq!(out, default["out"].as_str().unwrap());
    for case in v["dumps_session_salt"].as_array().unwrap() {
        let out = case["out"].as_str().unwrap();
        let back: Value = loads(out, &keys(), SESSION_SALT, &clock(), None).unwrap();
        assert_eq!(back, case["obj"]);
        let ours = if case["compress"].as_bool().unwrap() {
            dumps_compressed(&case["obj"], &keys(), SESSION_SALT, &clock()).unwrap()
        } else {
            dumps(&case["obj"], &keys(), SESSION_SALT, &clock()).unwrap()
        };
        // serde_json sorts the keys of a map, and zlib's bytes are the library's own.
        assert_eq!(ours.starts_with('.'), out.starts_with('.'), "{out}");
        if case["obj"].as_object().unwrap().len() < 2 {
            assert_eq!(ours, out);
        }
        let back: Value = loads(&ours, &keys(), SESSION_SALT, &clock(), None).unwrap();
        assert_eq!(back, case["obj"]);
    }
}

/// The codec keeps the order of the keys, so uncompressed payloads are Django's to the byte.
#[test]
fn signed_sessions_to_the_byte() {
    let v = vectors("signing");
    let signer = TimestampSigner::new(&keys(), SESSION_SALT, &clock());
    for case in v["dumps_session_salt"].as_array().unwrap() {
        let out = case["out"].as_str().unwrap();
        let json = signer.unsign_bytes(out, None).unwrap();
        let data = segue::SessionData::parse(std::str::from_utf8(&json).unwrap()).unwrap();
        if !case["compress"].as_bool().unwrap() {
            assert_eq!(signer.sign_bytes(data.to_json().as_bytes(), false), out);
        }
    }
}

#[test]
fn fallback_keys() {
    let v = &vectors("signing")["fallbacks"];
    let text = v["value"].as_str().unwrap();
    let fallbacks = v["SECRET_KEY_FALLBACKS"].as_array().unwrap();
    let fallbacks = fallbacks.iter().map(|key| SecretKey::new(key.as_str().unwrap())).collect();
    let believed = SecretKeys { current: SecretKey::new("new-key"), fallbacks };
    let back: Value = loads(text, &believed, SESSION_SALT, &clock(), None).unwrap();
    assert_eq!(back, v["loads"]);
    let ours = SecretKeys::new(v["signed_with"].as_str().unwrap());
    assert_eq!(dumps(&v["loads"], &ours, SESSION_SALT, &clock()).unwrap(), text);
    let refused = loads::<Value>(text, &SecretKeys::new("new-key"), SESSION_SALT, &clock(), None);
    assert!(refused.is_err());
}

struct Database {
    _folder: tempfile::TempDir,
    store: DatabaseStore,
    pool: sqlx::SqlitePool,
}

async fn database() -> Database {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db.sqlite3");
    let database =
        segue::database::Database::from_url(&format!("sqlite://{}", path.display())).await.unwrap();
    database.migrate().await.unwrap();
    let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    Database { _folder: folder, store: DatabaseStore::new(database, clock()), pool }
}

#[tokio::test]
async fn rows_that_django_wrote() {
    let v = vectors("engine_db");
    let Database { _folder, store, pool } = database().await;
    let sessions = Sessions::with_clock(store, &settings(), clock()).unwrap();
    for row in v["default"].as_array().unwrap() {
        sqlx::query("INSERT INTO django_session VALUES (?, ?, ?)")
            .bind(row["session_key"].as_str().unwrap())
            .bind(row["session_data"].as_str().unwrap())
            .bind(row["expire_date_raw"].as_str().unwrap())
            .execute(&pool)
            .await
            .unwrap();
    }
    let session = sessions.open(Some(key())).load().await.unwrap();
    let items: Value = session
        .items()
        .into_iter()
        .map(|(key, json)| (key, serde_json::from_str::<Value>(&json).unwrap()))
        .collect();
    assert_eq!(items, v["loaded_back"]);

    // The same session, saved by us: the date to the letter, the payload by value.
    let (first, second) = (&v["default"][0], &v["default"][1]);
    session.mark_modified();
    session.save().await.unwrap();
    let row = read(&pool, KEY).await;
    assert_eq!(row.1, first["expire_date_raw"].as_str().unwrap());
    let ours = sessions.open(None).load().await.unwrap();
    for (key, json) in session.items() {
        ours.insert_raw(&key, &json).unwrap();
    }
    ours.save().await.unwrap();
    let row = read(&pool, ours.key().unwrap().expose()).await;
    assert_eq!(row.1, first["expire_date_raw"].as_str().unwrap());
    let codec = Codec::signed_json(&keys(), &clock());
    let decode = |text: &str| codec.decode(text.as_bytes()).unwrap().to_json();
    assert_eq!(decode(&row.0), decode(first["session_data"].as_str().unwrap()));

    let ours = sessions.open(None).load().await.unwrap();
    ours.set_expiry("2030-01-02T03:04:05.678901Z".parse::<segue::Timestamp>().unwrap());
    ours.save().await.unwrap();
    let row = read(&pool, ours.key().unwrap().expose()).await;
    assert_eq!(row.0, second["session_data"].as_str().unwrap(), "not compressed: to the byte");
    assert_eq!(row.1, second["expire_date_raw"].as_str().unwrap());
    for row in v["pg"].as_array().unwrap() {
        assert!(codec.decode(row[1].as_str().unwrap().as_bytes()).is_ok());
    }
}

async fn read(pool: &sqlx::SqlitePool, key: &str) -> (String, String) {
    sqlx::query_as("SELECT session_data, expire_date FROM django_session WHERE session_key = ?")
        .bind(key)
        .fetch_one(pool)
        .await
        .unwrap()
}

/// What Django's statements do, ours do: see `engine_db.sql` and `engine_db.exceptions`.
#[tokio::test]
async fn statements_have_djangos_effects() {
    let v = vectors("engine_db");
    let Database { _folder, store, pool } = database().await;
    let sessions = Sessions::with_clock(store, &settings(), clock()).unwrap();
    assert!(v["exceptions"]["save deleted (UpdateError)"].is_string());
    let session = sessions.open(None).load().await.unwrap();
    session.insert("x", 1).unwrap();
    session.save().await.unwrap();
    let save = v["sql"]["save existing"][1].as_str().unwrap();
    let row = read(&pool, session.key().unwrap().expose()).await;
    assert!(save.contains(&format!("'{}'", row.0)), "the payload of Django's UPDATE");
    assert!(save.contains(&format!("'{}'", row.1)), "the date of Django's UPDATE");

    sqlx::query("DELETE FROM django_session").execute(&pool).await.unwrap();
    session.insert("x", 2).unwrap();
    let error = session.save().await.unwrap_err();
    assert_eq!(error.kind(), SessionErrorKind::Interrupted);
    let left: i64 =
        sqlx::query_scalar("SELECT count(*) FROM django_session").fetch_one(&pool).await.unwrap();
    assert_eq!(left, 0, "a deleted session is not created again");
}

/// A case of `session_middleware`: settings, view, status; whether a cookie of a known session is
/// sent is in the name.
async fn middleware_case(name: &str, case: &Value) {
    let store = common::TestStore::new(clock());
    let mut settings = settings();
    change_settings(name, &mut settings);
    let codec = Codec::signed_json(&keys(), &clock());
    let stored = segue::SessionData::parse(r#"{"a":1}"#).unwrap();
    let live = clock().now() + segue::SignedDuration::from_secs(60);
    let cookie = match name {
        _ if name.contains("no cookie") || name.starts_with("no access") => None,
        "read-only, invalid cookie 'abc' (<8 chars)" => Some("sessionid=abc".to_owned()),
        _ => Some(format!("sessionid={KEY}")),
    };
    if cookie.is_some() && !name.contains("unknown key") {
        store.plant(key(), &codec.encode(&stored).unwrap(), live);
    } else {
        store.set_next_key(key());
    }
    let name = name.to_owned();
    let (view, race) = (name.clone(), store.clone());
    let app = Router::new()
        .route("/", route(|request| do_view(view, race, request)))
        .layer(layer(&store, &settings));
    let answer = common::get(&app, "/", cookie.as_deref()).await;
    if case["exception"].is_string() {
        assert_eq!(answer.status, 400, "{name}");
        return;
    }
    let expected: Vec<&str> =
        case["set_cookie"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    assert_eq!(answer.set_cookie, expected, "{name}");
    assert_eq!(answer.vary.as_deref(), case["vary"].as_str(), "{name}");
    assert_eq!(u64::from(answer.status.as_u16()), case["status"].as_u64().unwrap(), "{name}");
}

fn change_settings(name: &str, settings: &mut Settings) {
    let session = &mut settings.session;
    session.save_every_request = name.contains("save_every_request");
    match name {
        "write, cookie, all attrs" => {
            session.cookie_domain = Some(".example.com".to_owned());
            session.cookie_path = "/app/".to_owned();
            session.cookie_age = 60;
            session.cookie_samesite = SameSite::None;
            session.cookie_secure = true;
        }
        "samesite False" => {
            session.cookie_samesite = SameSite::Omitted;
            session.cookie_httponly = false;
        }
        "expire at browser close" => session.expire_at_browser_close = true,
        "flush, cookie, domain+path" => {
            session.cookie_domain = Some(".example.com".to_owned());
            session.cookie_path = "/app/".to_owned();
        }
        _ => {}
    }
}

async fn do_view(
    name: String,
    store: common::TestStore,
    request: axum::extract::Request,
) -> Result<http::StatusCode, SessionError> {
    let handle = request.extensions().get::<segue::SessionHandle>().unwrap();
    if name.starts_with("no access") {
        return Ok(http::StatusCode::OK);
    }
    let session: Session = handle.load().await?;
    match name.as_str() {
        "set_expiry(0)" => session.set_expiry(0),
        "set_expiry(300)" => session.set_expiry(300),
        "set_expiry(-5)" => session.set_expiry(-5),
        "clear() (keeps key)" => session.clear(),
        _ if name.starts_with("flush") => session.flush(),
        _ if name.starts_with("read") || name.contains("unknown key") => drop(session.keys()),
        _ => session.insert("b", 2)?,
    }
    if name.starts_with("concurrent delete") {
        store.records().remove(&SessionKey::parse(KEY).unwrap());
    }
    Ok(match name.as_str() {
        "status 500 with write" => http::StatusCode::INTERNAL_SERVER_ERROR,
        _ => http::StatusCode::OK,
    })
}

#[tokio::test]
async fn middleware() {
    let cases = vectors("session_middleware");
    let cases = cases.as_object().unwrap();
    assert_eq!(cases.len(), 18);
    for (name, case) in cases {
        middleware_case(name, case).await;
    }
}
