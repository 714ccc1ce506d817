//! Every page, asked for over HTTP in this process.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use segue::settings::{DatabaseUrl, PasswordHasher};
use segue::users::NewUser;
use segue::{SessionKey, Settings, Site};
use site::urls::urlpatterns;
use tempfile::TempDir;
use tower::ServiceExt as _;

/// The demo on a database of its own, and a visitor who keeps its cookies.
struct Visitor {
    site: Site,
    router: Router,
    /// Of the session: name and value.
    cookie: Option<String>,
    /// Of the CSRF protection.
    csrf_cookie: Option<String>,
    _folder: TempDir,
}

struct Page {
    status: StatusCode,
    /// Of the session, as the response sets it.
    set_cookie: Option<String>,
    sets_csrf_cookie: bool,
    html: String,
}

impl Page {
    #[track_caller]
    fn shows(&self, text: &str) {
        assert_eq!(self.status, StatusCode::OK);
        assert!(self.html.contains(text), "{text:?} is not in {}", self.html);
        assert!(self.html.starts_with("<!DOCTYPE html>\n<html lang=\"en\">"));
        assert!(!self.html.contains("<script"), "{}", self.html);
    }

    /// The tokens in the page's forms.
    fn tokens(&self) -> Vec<&str> {
        let field = "<input type=\"hidden\" name=\"csrfmiddlewaretoken\" value=\"";
        self.html.split(field).skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
    }
}

impl Visitor {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings::new("a secret key for the tests of the demo");
        settings.allowed_hosts.push("example.com".to_owned());
        settings.base_dir = env!("CARGO_MANIFEST_DIR").into();
        settings.database_url = DatabaseUrl::default_in(folder.path());
        change(&mut settings);
        let routes = urlpatterns(&settings);
        let site = Site::new(settings, routes).await.unwrap();
        site.database().unwrap().migrate().await.unwrap();
        let router = site.clone().into_router();
        Self { router, site, cookie: None, csrf_cookie: None, _folder: folder }
    }

    async fn get(&mut self, path: &str) -> Page {
        self.send(Method::GET, path, "").await
    }

    /// Fills in a form of the front page, and sends it.
    async fn post(&mut self, path: &str, form: &str) -> Page {
        let front = self.get("/").await;
        let form = format!("csrfmiddlewaretoken={}&{form}", front.tokens()[0]);
        self.send(Method::POST, path, &form).await
    }

    async fn send(&mut self, method: Method, path: &str, form: &str) -> Page {
        let mut request =
            Request::builder().method(&method).uri(path).header(header::HOST, "example.com");
        if method == Method::POST {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        for cookie in [&self.csrf_cookie, &self.cookie].into_iter().flatten() {
            request = request.header(header::COOKIE, cookie);
        }
        let request = request.body(Body::from(form.to_owned())).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (mut set_cookie, mut sets_csrf_cookie) = (None, false);
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap().to_owned();
            let pair = cookie.split(';').next().unwrap().to_owned();
            let pair = (!cookie.contains("Max-Age=0")).then_some(pair);
            if cookie.starts_with("csrftoken=") {
                (self.csrf_cookie, sets_csrf_cookie) = (pair, true);
            } else {
                (self.cookie, set_cookie) = (pair, Some(cookie));
            }
        }
        let status = response.status();
        let bytes = to_bytes(response.into_body(), 100_000).await.unwrap();
        let html = String::from_utf8(bytes.to_vec()).unwrap();
        Page { status, set_cookie, sets_csrf_cookie, html }
    }

    /// Sets a value in the visitor's session from outside, as Django on the same database may.
    async fn put(&self, name: &str, json: &str) {
        let key = session_key(self.cookie.as_ref().unwrap());
        let session = self.site.sessions().open(Some(key)).load().await.unwrap();
        session.insert_raw(name, json).unwrap();
        session.save().await.unwrap();
    }

    /// Whether the session that this cookie names is still stored.
    async fn is_stored(&self, cookie: &str) -> bool {
        self.site.sessions().exists(&session_key(cookie)).await.unwrap()
    }
}

fn session_key(cookie: &str) -> SessionKey {
    SessionKey::parse(cookie.strip_prefix("sessionid=").unwrap()).unwrap()
}

#[tokio::test]
async fn the_front_page_has_what_the_tutorial_asks_for_and_begins_no_session() {
    let mut visitor = Visitor::new().await;
    let page = visitor.get("/").await;
    page.shows("<form class=\"field\" method=\"post\" action=\"/set/\">");
    page.shows("<label for=\"name\">Name</label>");
    page.shows("<input id=\"name\" name=\"name\" type=\"text\"");
    page.shows(">Set Session</button>");
    page.shows("href=\"/get/\">Get Session Value</a>");
    page.shows("<form method=\"post\" action=\"/del/\">");
    page.shows(">Clear Session</button>");
    page.shows("<form method=\"post\" action=\"/flush/\">");
    page.shows("You have none yet.");
    assert_eq!(page.set_cookie, None);
}

#[tokio::test]
async fn the_tutorial_from_set_to_get_to_del() {
    let mut visitor = Visitor::new().await;
    let page = visitor.get("/set/").await;
    page.shows("<h1>Session is set</h1>");
    let cookie = page.set_cookie.unwrap();
    for part in ["sessionid=", "; HttpOnly", "; Max-Age=1209600", "; Path=/", "; SameSite=Lax"] {
        assert!(cookie.contains(part), "{part:?} is not in the cookie");
    }

    let page = visitor.get("/get/").await;
    page.shows("<h1>Session Value is manish</h1>");
    assert_eq!(page.set_cookie, None, "reading does not renew the session");

    let cookie = visitor.cookie.clone().unwrap();
    visitor.get("/del/").await.shows("<h1>Session is cleared</h1>");
    let page = visitor.get("/get/").await;
    page.shows("<h1>No Session Value is set</h1>");
    assert_eq!(visitor.cookie.as_ref(), Some(&cookie), "the session stays");
    assert!(visitor.is_stored(&cookie).await);
    visitor.get("/").await.shows("It is there, and holds nothing.");
}

#[tokio::test]
async fn a_form_sets_the_name_and_a_form_clears_it() {
    let mut visitor = Visitor::new().await;
    visitor.post("/set/", "name=Zo%C3%AB+%F0%9F%98%80").await.shows("<h1>Session is set</h1>");
    visitor.get("/get/").await.shows("<h1>Session Value is Zoë 😀</h1>");
    let page = visitor.get("/").await;
    page.shows("<code>name</code></th><td>Zoë 😀</td>");

    let cookie = visitor.cookie.clone();
    visitor.post("/del/", "").await.shows("<h1>Session is cleared</h1>");
    visitor.get("/get/").await.shows("<h1>No Session Value is set</h1>");
    assert_eq!(visitor.cookie, cookie);
}

/// The token is on the page with the forms, and its cookie comes with that page alone.
#[tokio::test]
async fn every_form_has_a_token_and_other_pages_have_none() {
    let mut visitor = Visitor::new().await;
    for path in ["/get/", "/set/", "/del/", "/static/style.css", "/nowhere/"] {
        let page = visitor.get(path).await;
        assert!(!page.sets_csrf_cookie && page.tokens().is_empty(), "{path}");
    }
    let page = visitor.get("/").await;
    assert!(page.sets_csrf_cookie);
    assert_eq!(page.html.matches("<form").count(), 3);
    let mut tokens = page.tokens();
    assert!(tokens.iter().all(|token| token.len() == 64), "{tokens:?}");
    tokens.sort_unstable();
    tokens.dedup();
    assert_eq!(tokens.len(), 3, "each looks different");
    for form in ["/set/", "/del/", "/flush/"] {
        let page = visitor.post(form, "name=x").await;
        assert_eq!((page.status, page.sets_csrf_cookie), (StatusCode::OK, false), "{form}");
    }
}

#[tokio::test]
async fn a_form_without_a_token_is_refused_and_changes_nothing() {
    let mut visitor = Visitor::new().await;
    visitor.get("/set/").await;
    let front = visitor.get("/").await;
    let (cookie, csrf_cookie) = (visitor.cookie.clone(), visitor.csrf_cookie.clone());
    let wrong = format!("csrfmiddlewaretoken={}&name=evil", "a".repeat(64));
    let right = format!("csrfmiddlewaretoken={}&name=evil", front.tokens()[0]);
    for path in ["/set/", "/del/", "/flush/"] {
        for form in ["name=evil", &wrong] {
            let page = visitor.send(Method::POST, path, form).await;
            assert_eq!((page.status, page.set_cookie), (StatusCode::FORBIDDEN, None), "{path}");
            assert!(page.html.contains("CSRF verification failed"), "{}", page.html);
        }
        // The token without its cookie, as another site would have to send it.
        visitor.csrf_cookie = None;
        let page = visitor.send(Method::POST, path, &right).await;
        assert_eq!((page.status, page.set_cookie), (StatusCode::FORBIDDEN, None), "{path}");
        visitor.csrf_cookie.clone_from(&csrf_cookie);
    }
    assert_eq!(visitor.cookie, cookie);
    visitor.get("/get/").await.shows("<h1>Session Value is manish</h1>");

    visitor.send(Method::POST, "/set/", &right).await.shows("<h1>Session is set</h1>");
    visitor.get("/get/").await.shows("<h1>Session Value is evil</h1>");
}

#[tokio::test]
async fn the_secret_may_be_in_the_session_and_is_not_shown() {
    let mut visitor = Visitor::with(|settings| settings.csrf.use_sessions = true).await;
    let page = visitor.get("/").await;
    assert!(page.set_cookie.is_some() && !page.sets_csrf_cookie, "the session has to hold it");
    visitor.post("/set/", "name=manish").await.shows("<h1>Session is set</h1>");
    let page = visitor.get("/").await;
    page.shows("<code>name</code></th><td>manish</td>");
    assert_eq!((page.html.matches("<code>").count(), page.tokens().len()), (1, 3));

    let (cookie, token) = (visitor.cookie.clone(), page.tokens()[0].to_owned());
    for form in ["name=evil", &format!("csrfmiddlewaretoken={}&name=evil", "a".repeat(64))] {
        let page = visitor.send(Method::POST, "/set/", form).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN);
    }
    visitor.cookie = None;
    let right = format!("csrfmiddlewaretoken={token}&name=evil");
    let page = visitor.send(Method::POST, "/set/", &right).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN, "a token without its session");
    visitor.cookie = cookie;
    visitor.get("/get/").await.shows("<h1>Session Value is manish</h1>");
}

#[tokio::test]
async fn clearing_removes_the_name_alone() {
    let mut visitor = Visitor::new().await;
    visitor.get("/set/").await;
    visitor.put("visits", "3").await;

    visitor.post("/del/", "").await;
    visitor.put("_private", "4").await;
    let page = visitor.get("/").await;
    page.shows("<code>visits</code></th><td>3</td>");
    assert!(!page.html.contains("manish"));
    assert!(!page.html.contains("_private"), "what is Django's own is not shown");
}

#[tokio::test]
async fn without_a_session_nothing_is_set_nothing_is_cleared_and_none_begins() {
    let mut visitor = Visitor::new().await;
    for path in ["/get/", "/del/"] {
        let page = visitor.get(path).await;
        assert_eq!((page.status, page.set_cookie), (StatusCode::OK, None), "{path}");
    }
    for path in ["/del/", "/flush/"] {
        let page = visitor.post(path, "").await;
        assert_eq!((page.status, page.set_cookie), (StatusCode::OK, None), "{path}");
    }
}

#[tokio::test]
async fn flushing_ends_the_session_and_takes_the_cookie_back() {
    let mut visitor = Visitor::new().await;
    visitor.get("/set/").await;
    let cookie = visitor.cookie.clone().unwrap();
    let page = visitor.post("/flush/", "").await;
    page.shows("<h1>Session has ended</h1>");
    assert!(page.set_cookie.unwrap().starts_with("sessionid=\"\"; "));
    assert_eq!(visitor.cookie, None);
    assert!(!visitor.is_stored(&cookie).await);

    visitor.cookie = Some(cookie);
    visitor.get("/get/").await.shows("<h1>No Session Value is set</h1>");
    assert_eq!(visitor.get("/flush/").await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn every_value_is_escaped() {
    let mut visitor = Visitor::new().await;
    let name = "name=%3Cscript%3Ealert('1')%3C%2Fscript%3E%26%22";
    visitor.post("/set/", name).await.shows("<h1>Session is set</h1>");
    for path in ["/", "/get/"] {
        let page = visitor.get(path).await;
        page.shows("&lt;script&gt;alert(&#x27;1&#x27;)&lt;&#x2f;script&gt;&amp;&quot;");
    }

    visitor.put("<b>", "[\"<i>\"]").await;
    visitor.get("/").await.shows("<code>&lt;b&gt;</code></th><td>[&quot;&lt;i&gt;&quot;]</td>");
}

#[tokio::test]
async fn a_value_that_is_no_text_is_shown_as_json() {
    let mut visitor = Visitor::new().await;
    visitor.get("/set/").await;
    for json in ["7", "null", "NaN", "true", "[]"] {
        visitor.put("name", json).await;
        visitor.get("/get/").await.shows(&format!("<h1>Session Value is {json}</h1>"));
    }
}

#[tokio::test]
async fn a_form_without_a_name_is_refused_and_begins_no_session() {
    let mut visitor = Visitor::new().await;
    for form in ["", "surname=x"] {
        let page = visitor.post("/set/", form).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(page.set_cookie, None);
    }
    visitor.get("/").await.shows("You have none yet.");
}

#[tokio::test]
async fn the_stylesheet_is_served_and_nothing_beside_it() {
    let mut visitor = Visitor::new().await;
    let page = visitor.get("/static/style.css").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.html.contains("prefers-color-scheme: dark"));
    for path in ["/static/../settings.toml", "/static/%2e%2e/settings.toml", "/static/", "/sets"] {
        let page = visitor.get(path).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
        assert!(page.html.contains("<h1>Page not found</h1>"), "{path}");
    }
}

#[tokio::test]
async fn without_its_template_a_page_is_a_clear_500() {
    let empty = tempfile::tempdir().unwrap();
    let mut visitor = Visitor::with(|settings| settings.base_dir = empty.path().to_owned()).await;
    let page = visitor.get("/set/").await;
    assert_eq!(page.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(page.html, "This page could not be rendered; the server's log says why.");
    assert_eq!(page.set_cookie, None, "a failed request saves nothing");
}

/// The pages of the login stand in the look of the demo, and lead back to the page that was wanted.
#[tokio::test]
async fn members_log_in_and_out() {
    let mut visitor = Visitor::with(|settings| {
        settings.passwords.hashers = Some(vec![PasswordHasher::Md5]);
    })
    .await;
    let new = NewUser::new("zo\u{eb}").password("long and secret");
    visitor.site.users().unwrap().create(new).await.unwrap().unwrap();
    assert_eq!(visitor.get("/members/").await.status, StatusCode::UNAUTHORIZED);
    visitor.get("/").await.shows("You are not logged in.");
    let page = visitor.get("/accounts/login/?next=/members/").await;
    page.shows("<h1>Log in</h1>");
    page.shows("href=\"/static/style.css\"");
    page.shows("name=\"next\" value=\"&#x2f;members&#x2f;\"");
    let form = "username=zo%C3%AB&next=/members/&password=";
    let page = visitor.post("/accounts/login/", &format!("{form}a+guess")).await;
    page.shows("Please enter a correct username and password.");
    assert_eq!(page.set_cookie, None);
    let page = visitor.post("/accounts/login/", &format!("{form}long+and+secret")).await;
    assert_eq!(page.status, StatusCode::FOUND);
    visitor.get("/members/").await.shows("You are <b>zo\u{eb}</b>");
    let front = visitor.get("/").await;
    front.shows("logged in as");
    visitor.get("/accounts/password_change/").await.shows("<h1>Password change</h1>");

    let cookie = visitor.cookie.clone().unwrap();
    assert_eq!(visitor.get("/accounts/logout/").await.status, StatusCode::METHOD_NOT_ALLOWED);
    visitor.post("/accounts/logout/", "").await.shows("<h1>Logged out</h1>");
    assert_eq!(visitor.cookie, None);
    assert!(!visitor.is_stored(&cookie).await);
}
