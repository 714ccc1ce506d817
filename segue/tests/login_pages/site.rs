//! A site with the pages of the login, and visitors who keep their cookies.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Path};
use axum::response::Result;
use axum::routing::{any, get};
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use segue::auth::{Auth, LoginRequired, login_required, views};
use segue::settings::{DatabaseUrl, PasswordHasher};
use segue::users::{NewUser, User};
use segue::{Session, Settings, Templates};
use tempfile::TempDir;
use tower::ServiceExt as _;

use crate::common::HOST;

/// The password of everybody.
pub const PASSWORD: &str = "correct horse battery staple";
pub const NEW: &str = "another horse, another staple";

pub const LOGIN: &str = "/accounts/login/";
pub const LOGOUT: &str = "/accounts/logout/";
pub const CHANGE: &str = "/accounts/password_change/";
pub const DONE: &str = "/accounts/password_change/done/";

pub const WRONG: &str = "Please enter a correct username and password. Note that both fields may be \
                         case-sensitive.";

/// A token of the visitor's own making: it need only agree with the cookie.
const TOKEN: &str = "abcdefghijklmnopqrstuvwxyzABCDEF";

pub struct Site {
    pub site: segue::Site,
    pub app: Router,
    pub folder: TempDir,
}

/// Django's defaults for `example.com`, on an empty database, with hashes of little work.
pub fn settings_in(folder: &TempDir) -> Settings {
    let mut settings = crate::common::settings();
    settings.csrf.cookie_secure = false;
    settings.base_dir = folder.path().to_owned();
    settings.database_url = DatabaseUrl::default_in(folder.path());
    settings.passwords.hashers = Some(vec![PasswordHasher::Pbkdf2Sha256 { iterations: 10 }]);
    settings
}

impl Site {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::build(change, |site| site).await
    }

    /// With the users ann and bob.
    pub async fn build(
        change: impl FnOnce(&mut Settings),
        more: impl FnOnce(segue::Site) -> segue::Site,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = settings_in(&folder);
        change(&mut settings);
        let routes = routes(&settings);
        let site = more(segue::Site::new(settings, routes).await.unwrap());
        let site = Self { app: site.clone().into_router(), site, folder };
        site.site.database().unwrap().migrate().await.unwrap();
        site.create(NewUser::new("ann").email("ann@example.com").password(PASSWORD)).await;
        site.create(NewUser::new("bob").password(PASSWORD)).await;
        site
    }

    pub async fn create(&self, new: NewUser) -> User {
        self.site.users().unwrap().create(new).await.unwrap().unwrap()
    }

    pub async fn user(&self, name: &str) -> User {
        self.site.users().unwrap().by_username(name).await.unwrap().unwrap()
    }

    /// A visitor who was never here.
    pub fn visitor(&self) -> Visitor {
        Visitor::new(&self.app)
    }

    pub async fn logged_in(&self, name: &str) -> Visitor {
        let mut visitor = self.visitor();
        let answer = visitor.log_in(name, PASSWORD).await;
        assert_eq!(answer.status, StatusCode::FOUND, "{answer:?}");
        visitor
    }

    /// Runs a statement on the database.
    pub async fn sql(&self, sql: &str) {
        use sqlx::Connection as _;
        let url = format!("sqlite://{}", self.folder.path().join("db.sqlite3").display());
        let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    /// Takes the database away, so that nothing opens it.
    pub fn break_database(&self) {
        let path = self.folder.path().join("db.sqlite3");
        std::fs::rename(&path, self.folder.path().join("moved")).unwrap();
        std::fs::create_dir(&path).unwrap();
    }

    pub fn mend_database(&self) {
        let path = self.folder.path().join("db.sqlite3");
        std::fs::remove_dir(&path).unwrap();
        std::fs::rename(self.folder.path().join("moved"), &path).unwrap();
    }
}

/// The pages of the login, one for members, and a look into the session.
pub fn routes(settings: &Settings) -> Router {
    let hello = || async { "for members only" };
    let guarded = Router::new()
        .route("/guarded/", get(hello).post(hello))
        .nest("/inner", Router::new().route("/page/", get(hello)))
        .route_layer(login_required());
    Router::new()
        .nest("/accounts", views::urls())
        .route("/who/", any(who))
        .route(
            "/members/",
            any(|LoginRequired(user): LoginRequired| async move { user.to_string() }),
        )
        .route("/keep/{value}/", any(keep))
        .route("/kept/", get(kept))
        .merge(guarded)
        .fallback(|| async { (StatusCode::NOT_FOUND, "nothing here") })
        .with_state(Templates::new(settings))
}

async fn who(auth: Auth) -> Result<String> {
    Ok(auth.user().await?.map_or_else(|| "nobody".to_owned(), |user| user.username.clone()))
}

async fn keep(session: Session, Path(value): Path<String>) -> Result<()> {
    Ok(session.insert("kept", value)?)
}

async fn kept(session: Session) -> Result<String> {
    Ok(session.get::<String>("kept")?.unwrap_or_else(|| "nothing".to_owned()))
}

/// A browser, or what an attacker makes look like one. A clone is one with stolen cookies.
#[derive(Clone)]
pub struct Visitor {
    app: Router,
    pub cookies: BTreeMap<String, String>,
    pub address: &'static str,
    pub headers: Vec<(&'static str, String)>,
}

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub async fn of(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 16 << 20).await.unwrap();
        Self {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    #[track_caller]
    pub fn location(&self) -> &str {
        assert_eq!(self.status, StatusCode::FOUND, "{self:?}");
        self.header("location").unwrap()
    }

    /// A page with these texts.
    #[track_caller]
    pub fn shows(&self, texts: &[&str]) {
        for text in texts {
            assert!(self.body.contains(text), "{text:?} is not in {self:?}");
        }
    }

    /// Everything that a stranger can see, without tokens, which differ each time.
    pub fn seen(&self) -> String {
        let without_token = |text: &str, before: &str| {
            let mut parts = text.split(before);
            let mut seen = parts.next().unwrap_or_default().to_owned();
            for part in parts {
                let rest = part.trim_start_matches(|c: char| c.is_ascii_alphanumeric());
                seen.push_str(before);
                seen.push_str(rest);
            }
            seen
        };
        let headers: Vec<String> = self
            .headers
            .iter()
            .map(|(name, value)| {
                let value = value.to_str().unwrap();
                let expires = value.find("; expires=").unwrap_or(value.len());
                let value = value.get(..expires).unwrap_or(value);
                without_token(&format!("{name}: {value}"), "csrftoken=")
            })
            .collect();
        let body = without_token(&self.body, "name=\"csrfmiddlewaretoken\" value=\"");
        format!("{} {headers:#?}\n{body}", self.status)
    }
}

impl Visitor {
    pub fn new(app: &Router) -> Self {
        let (cookies, headers) = (BTreeMap::new(), Vec::new());
        Self { app: app.clone(), cookies, address: "192.0.2.1:1", headers }
    }

    pub fn from(self, address: &'static str) -> Self {
        Self { address, ..self }
    }

    /// The key of its session.
    pub fn session(&self) -> Option<&String> {
        self.cookies.get("sessionid")
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, "").await
    }

    /// Opens a page as a browser does.
    pub async fn open(&mut self, path: &str) -> Answer {
        self.headers.push(("accept", "text/html,*/*;q=0.8".to_owned()));
        let answer = self.get(path).await;
        self.headers.pop();
        answer
    }

    /// Sends a form with its token.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let token = self.cookies.entry("csrftoken".to_owned()).or_insert(TOKEN.to_owned()).clone();
        let form = form(&[("csrfmiddlewaretoken", token.as_str())], fields);
        self.send(Method::POST, path, &form).await
    }

    pub async fn log_in(&mut self, username: &str, password: &str) -> Answer {
        self.post(LOGIN, &[("username", username), ("password", password)]).await
    }

    pub async fn change(&mut self, old: &str, new: &str, again: &str) -> Answer {
        let fields = [("old_password", old), ("new_password1", new), ("new_password2", again)];
        self.post(CHANGE, &fields).await
    }

    pub async fn who(&mut self) -> String {
        let answer = self.get("/who/").await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        answer.body
    }

    pub async fn send(&mut self, method: Method, path: &str, body: &str) -> Answer {
        let request = self.request(method, path, body);
        let answer = Answer::of(self.app.clone().oneshot(request).await.unwrap()).await;
        self.keep_cookies(&answer);
        answer
    }

    pub fn request(&self, method: Method, path: &str, body: &str) -> Request<Body> {
        let is_post = method == Method::POST;
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, HOST);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        if is_post && !self.headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        for (name, value) in &self.cookies {
            request = request.header(header::COOKIE, format!("{name}={value}"));
        }
        let mut request = request.body(Body::from(body.to_owned())).unwrap();
        let address: SocketAddr = self.address.parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(address));
        request
    }

    fn keep_cookies(&mut self, answer: &Answer) {
        for line in answer.headers.get_all(header::SET_COOKIE) {
            let line = line.to_str().unwrap();
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            if line.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

/// A body of these fields.
pub fn form(first: &[(&str, &str)], fields: &[(&str, &str)]) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(first).extend_pairs(fields);
    form.finish()
}

/// The pages are nobody's to keep, or to put into a frame.
#[track_caller]
pub fn is_private(answer: &Answer) {
    let cache = "max-age=0, no-cache, no-store, must-revalidate, private";
    assert_eq!(answer.header("cache-control"), Some(cache), "{answer:?}");
    assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{answer:?}");
    assert_eq!(answer.header("vary"), Some("Cookie"), "{answer:?}");
}
