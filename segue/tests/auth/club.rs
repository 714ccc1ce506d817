//! A site whose users are members of a club, and count how often they are asked for.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query};
use axum::http::{Method, Request, StatusCode};
use axum::response::Result;
use axum::routing::{any, get};
use segue::auth::{
    Auth, AuthBackend, AuthLayer, AuthUser, Authenticated, Credentials, LoginRequired,
    UsernamePassword,
};
use segue::{AuthError, AuthErrorKind, CsrfLayer, CsrfToken, Session, SessionKey, Settings};
use tower::ServiceExt as _;

use crate::common::{Answer, TestStore, clock, layer, settings};

#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    pub name: String,
    pub password: String,
    pub active: bool,
    pub superuser: bool,
    pub permissions: Vec<&'static str>,
}

impl AuthUser for Member {
    fn id(&self) -> String {
        format!("id of {}", self.name)
    }

    fn password_hash(&self) -> Option<&str> {
        (!self.password.is_empty()).then_some(&self.password)
    }

    fn is_active(&self) -> bool {
        self.active
    }

    fn is_superuser(&self) -> bool {
        self.superuser
    }
}

/// The members, and how often they were asked for.
#[derive(Clone, Default)]
pub struct Club {
    path: &'static str,
    members: Arc<Mutex<HashMap<String, Member>>>,
    pub asked: Arc<AtomicUsize>,
    pub asked_permissions: Arc<AtomicUsize>,
    pub down: Arc<AtomicBool>,
}

impl Club {
    pub fn new(path: &'static str, names: &[&str]) -> Self {
        let club = Self { path, ..Self::default() };
        for name in names {
            club.change(name, |_| {});
        }
        club
    }

    /// Changes a member, who is made if there is none.
    pub fn change(&self, name: &str, change: impl FnOnce(&mut Member)) {
        let mut members = self.members.lock().unwrap();
        change(members.entry(format!("id of {name}")).or_insert_with(|| Member {
            name: name.to_owned(),
            password: format!("{name}'s secret"),
            active: true,
            superuser: false,
            permissions: Vec::new(),
        }));
    }

    pub fn remove(&self, name: &str) {
        self.members.lock().unwrap().remove(&format!("id of {name}"));
    }

    pub fn get(&self, name: &str) -> Member {
        self.members.lock().unwrap()[&format!("id of {name}")].clone()
    }

    fn fail(&self) -> Result<(), AuthError> {
        if self.down.load(Ordering::SeqCst) {
            return Err(AuthError::new(AuthErrorKind::UsersFailed, "the club is closed"));
        }
        Ok(())
    }
}

impl AuthBackend for Club {
    type User = Member;

    fn path(&self) -> &str {
        self.path
    }

    async fn authenticate(&self, credentials: &Credentials) -> Result<Option<Member>, AuthError> {
        self.fail()?;
        let Some(UsernamePassword { username, password }) = credentials.get() else {
            return Ok(None);
        };
        if username == "banned" && self.path == CLUB {
            return Err(AuthError::new(AuthErrorKind::PermissionDenied, "not you"));
        }
        let members = self.members.lock().unwrap();
        let is_theirs = |m: &&Member| m.active && m.name == *username && m.password == *password;
        Ok(members.values().find(is_theirs).cloned())
    }

    async fn get_user(&self, id: &str) -> Result<Option<Member>, AuthError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.fail()?;
        tokio::task::yield_now().await;
        Ok(self.members.lock().unwrap().get(id).cloned())
    }

    async fn permissions(&self, user: &Member) -> Result<HashSet<String>, AuthError> {
        self.asked_permissions.fetch_add(1, Ordering::SeqCst);
        self.fail()?;
        Ok(user.permissions.iter().map(|&name| name.to_owned()).collect())
    }
}

/// The site, with the club's members and whatever a test wants to look at.
#[derive(Clone)]
pub struct Site {
    pub app: Router,
    pub club: Club,
    pub store: TestStore,
}

pub const CLUB: &str = "club.Backend";

impl Site {
    pub fn new() -> Self {
        Self::with(&settings(), |layer| layer, |routes| routes)
    }

    pub fn with(
        settings: &Settings,
        auth: impl FnOnce(AuthLayer<Member>) -> AuthLayer<Member>,
        routes: impl FnOnce(Router) -> Router,
    ) -> Self {
        let club = Club::new(CLUB, &["ann", "bob"]);
        let store = TestStore::new(clock());
        let all = Router::new()
            .route("/public", get(|| async { "for all" }))
            .route("/who", any(who))
            .route("/login/{name}", any(log_in))
            .route("/trust/{name}", any(trust))
            .route("/logout", any(log_out))
            .route("/password/{new}", any(change_password))
            .route("/keep/{key}/{value}", any(keep))
            .route("/kept/{key}", any(kept))
            .route("/token", any(|token: CsrfToken| async move { token.get() }))
            .route("/members", any(members))
            .with_state(());
        let layer_of_auth = auth(AuthLayer::new(settings, club.clone()).unwrap());
        let club_of_routes = club.clone();
        let app = routes(all)
            .layer(axum::Extension(club_of_routes))
            .layer(layer_of_auth)
            .layer(CsrfLayer::new(settings).unwrap().exempt())
            .layer(layer(&store, settings));
        Self { app, club, store }
    }

    pub async fn get(&self, path: &str, cookie: Option<&str>) -> Answer {
        let mut answer = crate::common::get(&self.app, path, cookie).await;
        // The session's first, the CSRF secret's after it.
        answer.set_cookie.sort_by_key(|cookie| !cookie.starts_with("sessionid="));
        answer
    }

    /// The cookie of a fresh login.
    pub async fn logged_in(&self, name: &str) -> String {
        let answer = self.get(&format!("/login/{name}"), None).await;
        assert_eq!(answer.body, format!("welcome, {name}"));
        answer.cookie()
    }

    /// Who the visitor with this cookie is.
    pub async fn who(&self, cookie: &str) -> String {
        self.get("/who", Some(cookie)).await.body
    }

    /// Whether the store still has the session of a cookie.
    pub fn has(&self, cookie: &str) -> bool {
        let key = cookie.strip_prefix("sessionid=").and_then(SessionKey::parse).unwrap();
        self.store.records().contains_key(&key)
    }

    pub async fn send(&self, request: Request<Body>) -> http::Response<Body> {
        self.app.clone().oneshot(request).await.unwrap()
    }
}

async fn who(auth: Auth<Member>) -> Result<String> {
    let user = auth.user().await?;
    Ok(user.map_or_else(|| "nobody".to_owned(), |user| user.name.clone()))
}

/// With the right password, or the one in the query.
async fn log_in(
    auth: Auth<Member>,
    Path(name): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<String> {
    let right = format!("{name}'s secret");
    let password = query.get("password").cloned().unwrap_or(right);
    let Some(user) = auth.authenticate(UsernamePassword::new(name, password)).await? else {
        return Ok("no".to_owned());
    };
    let user = auth.login(user).await?;
    assert_eq!(auth.user().await?, Some(user.clone()), "it is known in this request too");
    Ok(format!("welcome, {}", user.name))
}

/// Without any password, by the backend in the query.
async fn trust(
    auth: Auth<Member>,
    axum::Extension(club): axum::Extension<Club>,
    Path(name): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<String> {
    let backend = query.get("backend").cloned().unwrap_or(CLUB.to_owned());
    let user = auth.login(Authenticated::new(club.get(&name), backend)).await?;
    Ok(format!("welcome, {}", user.name))
}

async fn log_out(auth: Auth<Member>) -> Result<String> {
    auth.logout().await?;
    assert!(!auth.is_authenticated().await?, "it is known in this request too");
    Ok("goodbye".to_owned())
}

/// Changes the visitor's password, and keeps this session.
async fn change_password(
    LoginRequired(user): LoginRequired<Member>,
    auth: Auth<Member>,
    axum::Extension(club): axum::Extension<Club>,
    Path(new): Path<String>,
) -> Result<String> {
    club.change(&user.name, |member| member.password = new);
    let user = auth.update_session_auth_hash(club.get(&user.name)).await?;
    assert_eq!(auth.user().await?, Some(user));
    Ok("changed".to_owned())
}

async fn keep(session: Session, Path((key, value)): Path<(String, String)>) -> Result<String> {
    session.insert(&key, value)?;
    Ok("kept".to_owned())
}

async fn kept(session: Session, Path(key): Path<String>) -> Result<String> {
    Ok(session.get_raw(&key).unwrap_or_else(|| "nothing".to_owned()))
}

async fn members(LoginRequired(user): LoginRequired<Member>) -> String {
    format!("for {} only", user.name)
}

/// A request of a browser that opens a page.
pub fn page(path: &str, cookie: Option<&str>) -> Request<Body> {
    let mut request = Request::builder()
        .method(Method::GET)
        .uri(path)
        .header("host", crate::common::HOST)
        .header("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
    if let Some(cookie) = cookie {
        request = request.header("cookie", cookie);
    }
    request.body(Body::empty()).unwrap()
}

pub const OK: StatusCode = StatusCode::OK;
