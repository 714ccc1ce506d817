//! The pages for users of a type of one's own.

use axum::Router;
use axum::routing::{get, post};
use http::StatusCode;
use segue::auth::{Auth, AuthBackend, AuthLayer, AuthUser, Credentials, UsernamePassword, views};
use segue::engines::MemoryStore;
use segue::{AuthError, AuthErrorKind, Templates};

use crate::site::{LOGIN, LOGOUT, PASSWORD, Visitor, WRONG, settings_in};

#[derive(Clone)]
struct Member(String);

impl AuthUser for Member {
    fn id(&self) -> String {
        self.0.clone()
    }

    fn password_hash(&self) -> Option<&str> {
        None
    }
}

struct Club;

impl AuthBackend for Club {
    type User = Member;

    fn path(&self) -> &str {
        "club.Backend"
    }

    async fn authenticate(&self, given: &Credentials) -> Result<Option<Member>, AuthError> {
        let Some(given) = given.get::<UsernamePassword>() else { return Ok(None) };
        if given.username == "busy" {
            return Err(AuthError::new(AuthErrorKind::Busy, "too many at once"));
        }
        let known = given.username == "mia" && given.password == PASSWORD;
        Ok(known.then(|| Member(given.username.clone())))
    }

    async fn get_user(&self, id: &str) -> Result<Option<Member>, AuthError> {
        Ok(Some(Member(id.to_owned())))
    }
}

async fn who(auth: Auth<Member>) -> Result<String, AuthError> {
    Ok(auth.user().await?.map_or_else(|| "nobody".to_owned(), |member| member.0.clone()))
}

/// A site without a database.
fn app() -> Router {
    let settings = settings_in(&tempfile::tempdir().unwrap());
    let accounts = Router::new()
        .route("/login/", get(views::login_form::<Member>).post(views::login::<Member>))
        .route("/logout/", post(views::logout::<Member>));
    let routes = Router::new()
        .nest("/accounts", accounts)
        .nest("/django", views::urls())
        .route("/who/", get(who))
        .with_state(Templates::new(&settings));
    segue::Site::with_store(&settings, MemoryStore::new(), routes)
        .unwrap()
        .auth(AuthLayer::new(&settings, Club).unwrap())
        .into_router()
}

#[tokio::test]
async fn they_log_in_and_out_by_the_same_pages() {
    let app = app();
    let mut visitor = Visitor::new(&app);
    visitor.get(LOGIN).await.shows(&["<h1>Log in</h1>"]);
    visitor.log_in("mia", "a guess").await.shows(&[WRONG]);
    assert_eq!(visitor.who().await, "nobody");
    visitor.log_in("mia", PASSWORD).await.location();
    assert_eq!(visitor.who().await, "mia");
    visitor.post(LOGOUT, &[]).await.shows(&["<h1>Logged out</h1>"]);
    assert_eq!(visitor.who().await, "nobody");
}

#[tokio::test]
async fn their_guesses_are_counted_and_trouble_is_taken_back() {
    let app = app();
    let mut visitor = Visitor::new(&app);
    for _ in 0..20 {
        let answer = visitor.log_in("busy", PASSWORD).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.header("retry-after"), Some("5"));
    }
    for _ in 0..10 {
        visitor.log_in("mia", "a guess").await.shows(&[WRONG]);
    }
    assert_eq!(visitor.log_in("mia", PASSWORD).await.status, StatusCode::TOO_MANY_REQUESTS);
}

/// Django's pages on a site with other users say what is wrong, and log nobody in.
#[tokio::test]
async fn djangos_pages_are_not_theirs() {
    let app = app();
    let mut visitor = Visitor::new(&app);
    for path in ["/django/login/", "/django/password_change/"] {
        let answer = visitor.get(path).await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{path}");
    }
    let fields = [("username", "mia"), ("password", PASSWORD)];
    let answer = visitor.post("/django/login/", &fields).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(visitor.who().await, "nobody");
}
