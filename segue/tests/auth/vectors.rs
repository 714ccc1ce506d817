//! What Django writes into a session at a login: `auth` in `vectors.json`.

use segue::auth::{Auth, AuthBackend, AuthLayer, AuthUser, Authenticated, Credentials};
use segue::{AuthError, Clock, SessionKey, SessionLayer, Sessions, Timestamp};

use crate::common::{TestStore, get, settings};

/// Django's alice, as the vectors have her.
#[derive(Clone)]
struct Alice(String);

impl AuthUser for Alice {
    fn id(&self) -> String {
        "1".to_owned()
    }

    fn password_hash(&self) -> Option<&str> {
        Some(&self.0)
    }
}

impl AuthBackend for Alice {
    type User = Self;

    fn path(&self) -> &str {
        "django.contrib.auth.backends.ModelBackend"
    }

    async fn authenticate(&self, _: &Credentials) -> Result<Option<Self>, AuthError> {
        Ok(None)
    }

    async fn get_user(&self, id: &str) -> Result<Option<Self>, AuthError> {
        Ok((id == "1").then(|| self.clone()))
    }
}

#[tokio::test]
async fn a_login_writes_what_django_writes() {
    let vectors: serde_json::Value = serde_json::from_str(include_str!("../vectors.json")).unwrap();
    let auth = &vectors["auth"];
    let alice = Alice(auth["password_field"].as_str().unwrap().to_owned());
    let clock = Clock::fixed(Timestamp::from_second(1_700_000_000).unwrap());
    let store = TestStore::new(clock.clone());
    let key = SessionKey::parse(auth["key_after_login"].as_str().unwrap()).unwrap();
    store.set_next_key(key.clone());
    let (settings, login) = (settings(), alice.clone());
    let sessions = Sessions::with_clock(store.clone(), &settings, clock).unwrap();
    let app = axum::Router::new()
        .route(
            "/login",
            axum::routing::get(async move |auth: Auth<Alice>| {
                let path = login.path().to_owned();
                auth.login(Authenticated::new(login, path)).await.map(|_| "in")
            }),
        )
        .route(
            "/who",
            axum::routing::get(async |auth: Auth<Alice>| {
                auth.user().await.map(|user| user.map_or("nobody".to_owned(), |user| user.id()))
            }),
        )
        .layer(AuthLayer::new(&settings, alice).unwrap())
        .layer(SessionLayer::from_sessions(sessions.clone(), &settings).unwrap());
    let answer = get(&app, "/login", None).await;
    assert_eq!(answer.cookie(), format!("sessionid={}", key.expose()));
    let data = sessions.codec().decode(store.records()[&key].payload()).unwrap();
    let expected = &auth["after_login_session_dict"];
    let found: serde_json::Value = serde_json::from_str(&data.to_json()).unwrap();
    assert_eq!(&found, expected);

    // And what Django itself wrote makes the visitor alice.
    let theirs = auth["session_data"].as_str().unwrap();
    store.plant(key, theirs.as_bytes(), Timestamp::MAX);
    assert_eq!(get(&app, "/who", Some(&answer.cookie())).await.body, "1");
}
