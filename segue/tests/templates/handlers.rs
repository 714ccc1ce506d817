//! Templates as an argument of handlers, and what becomes of errors.

use std::error::Error as _;

use axum::Router;
use axum::extract::State;
use axum::response::{Html, Result};
use axum::routing::get as route;
use http::StatusCode;
use segue::templates::{Serde, Value, context};
use segue::{CsrfLayer, Session, SessionError, TemplateError, Templates, describe};

use crate::common::{Log, TestStore, clock, get, layer};
use crate::{Folder, tokens, unmask};

const PAGE: &str = "This page could not be rendered; the server's log says why.";

async fn page(templates: Templates) -> Result<Html<String>> {
    Ok(templates.render("page.html", ())?)
}

#[tokio::test]
async fn without_a_layer_only_a_page_with_a_token_fails_and_the_log_says_what_to_do() {
    let (log, folder) = (Log::start(), Folder::new(&[("page.html", "hello")]));
    let app = || Router::new().route("/", route(page)).with_state(folder.templates());
    assert_eq!(get(&app(), "/", None).await.body, "hello");
    assert_eq!(log.take(), "");

    for tag in ["{% csrf_token %}", "{{ csrf_token }}", "{{ csrf_token|upper }}"] {
        folder.write("page.html", &format!("hello\n{tag}"));
        let answer = get(&app(), "/", None).await;
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (500, PAGE));
        let text = log.take();
        assert_eq!(text.matches("a page could not be rendered").count(), 1, "logged once: {text}");
        for part in ["ERROR", "page.html:2", "no `CsrfLayer` stands around its route", "`Site`"] {
            assert!(text.contains(part), "{part:?} is not in {text}");
        }
    }
}

#[tokio::test]
async fn templates_that_belong_to_no_request_say_how_to_take_them() {
    async fn page(State(templates): State<Templates>) -> Result<Html<String>> {
        Ok(templates.render("page.html", ())?)
    }
    let folder = Folder::new(&[("page.html", "{% csrf_token %}"), ("plain.html", "hello")]);
    let log = Log::start();
    let answer = folder.serve(route(page), None).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (500, PAGE));
    let advice = "let the handler take `templates: Templates` in the place of `State<Templates>`";
    let text = log.take();
    assert!(text.contains(advice), "{text}");

    let templates = folder.templates();
    assert_eq!(templates.render("plain.html", ()).unwrap().0, "hello");
    let error = templates.render("page.html", ()).unwrap_err();
    assert!(describe(&error).contains(advice), "{error:?}");
}

/// They may be a part of the state, as anything else.
#[tokio::test]
async fn a_larger_state_holds_them_as_well() {
    #[derive(Clone)]
    struct AppState {
        templates: Templates,
    }
    impl axum::extract::FromRef<AppState> for Templates {
        fn from_ref(state: &AppState) -> Self {
            state.templates.clone()
        }
    }
    let folder = Folder::new(&[("page.html", "{{ csrf_token }}")]);
    let app = Router::new()
        .route("/", route(page))
        .with_state(AppState { templates: folder.templates() })
        .layer(CsrfLayer::new(&folder.settings()).unwrap());
    assert_eq!(tokens(&get(&app, "/", None).await.body).len(), 1);
}

/// `?` joins both kinds of errors; that of the session still comes to the session layer.
#[tokio::test]
async fn a_handler_gives_back_errors_of_both_kinds() {
    async fn wrong(templates: Templates, session: Session) -> Result<Html<String>> {
        session.insert("name", "manish")?;
        let number: Option<u32> = session.get("name")?;
        Ok(templates.render("page.html", context! { number })?)
    }
    async fn missing(templates: Templates, session: Session) -> Result<Html<String>> {
        session.insert("name", "manish")?;
        Ok(templates.render("missing.html", ())?)
    }
    let on_error = |error: &SessionError| {
        let mut response = http::Response::new(format!("custom: {:?}", error.kind()));
        *response.status_mut() = StatusCode::IM_A_TEAPOT;
        response
    };
    let (store, folder) = (TestStore::new(clock()), Folder::new(&[]));
    let app = |handler| {
        Router::new()
            .route("/", handler)
            .with_state(folder.templates())
            .layer(layer(&store, &folder.settings()).on_error(on_error))
    };
    let answer = get(&app(route(wrong)), "/", None).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (418, "custom: Value"));
    let answer = get(&app(route(missing)), "/", None).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (500, PAGE));
    assert_eq!(store.calls().total(), 0, "a failed request saves nothing");
}

#[tokio::test]
async fn with_the_secret_in_the_session_taking_templates_loads_it() {
    let folder = Folder::new(&[("page.html", "{{ csrf_token }}"), ("plain.html", "hello")]);
    let plain = async |templates: Templates| templates.render("plain.html", ());
    let mut settings = folder.settings();
    settings.csrf.use_sessions = true;
    let store = TestStore::new(clock());
    let app = |handler| {
        Router::new()
            .route("/", handler)
            .with_state(folder.templates())
            .layer(CsrfLayer::new(&settings).unwrap())
            .layer(layer(&store, &settings))
    };
    let answer = get(&app(route(page)), "/", None).await;
    let calls = store.calls();
    assert_eq!((answer.status.as_u16(), calls.create, calls.total()), (200, 1, 1));
    let cookie = answer.cookie();
    assert!(cookie.starts_with("sessionid="));
    let secret = unmask(tokens(&answer.body)[0]);

    let again = get(&app(route(page)), "/", Some(&cookie)).await;
    assert_eq!(unmask(tokens(&again.body)[0]), secret);
    let calls = store.calls();
    assert_eq!((calls.load, calls.total()), (1, 1), "one call, and no save");
    assert_eq!(get(&app(route(plain)), "/", Some(&cookie)).await.body, "hello");
    assert_eq!(store.calls().load, 1, "it cannot wait until the page writes a token");

    store.set_down(true);
    let answer = get(&app(route(plain)), "/", Some(&cookie)).await;
    assert_eq!(answer.status, 503);
    assert!(answer.body.contains("cannot reach its session store"), "{}", answer.body);
}

fn error(folder: &Folder, context: impl Into<Value>) -> TemplateError {
    folder.templates().render("page.html", context).unwrap_err()
}

#[test]
fn an_error_knows_the_template_and_the_line() {
    for (page, line, cause) in [
        ("{%\n csrf_token\n%}\n{% nonsense %}", 4, "unknown statement nonsense"),
        ("{% raw %}\n{% endraw %}\n{{ missing }}", 3, "undefined value"),
        ("\n{% csrf_token x %}", 2, "unknown statement csrf_token"),
        ("\n\n{% include 'missing.html' %}", 3, "missing.html"),
    ] {
        let folder = Folder::new(&[("page.html", page)]);
        let error = error(&folder, ());
        assert_eq!(error.to_string(), "the template \"page.html\" could not be rendered");
        let text = describe(&error);
        assert!(text.contains(cause), "{cause:?} is not in {text}");
        assert!(text.contains(&format!("(in page.html:{line})")), "line {line}: {text}");
        assert!(error.source().unwrap().to_string().contains(cause));
    }
}

#[test]
fn a_template_that_is_missing_or_unreadable_is_named_with_its_path() {
    let folder = Folder::new(&[("folder/x.html", "")]);
    for (name, cause) in [
        ("page.html", "templates/page.html does not exist"),
        ("folder", "templates/folder cannot be read: "),
        ("../settings.toml", "\"../settings.toml\" is no path in the folder"),
    ] {
        let text = describe(&folder.templates().render(name, ()).unwrap_err());
        assert!(text.contains(cause), "{cause:?} is not in {text}");
    }
    folder.write("page.html", "{% include 'missing.html' ignore missing %}hello");
    assert_eq!(folder.templates().render("page.html", ()).unwrap().0, "hello");
}

#[test]
fn a_value_that_cannot_be_one_is_an_error() {
    struct Unserialisable;
    impl serde::Serialize for Unserialisable {
        fn serialize<S: serde::Serializer>(&self, _: S) -> std::result::Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("no value"))
        }
    }
    let folder = Folder::new(&[("page.html", "{{ it }}")]);
    for context in [Value::from(Serde(Unserialisable)), context! { it => Serde(Unserialisable) }] {
        assert!(describe(&error(&folder, context)).contains("no value"));
    }
}

/// minijinja's `Debug` shows the values that a template used.
#[test]
fn no_value_shows_in_an_error() {
    let folder = Folder::new(&[("page.html", "{{ name }}{{ name.missing.missing }}")]);
    let error = error(&folder, context! { name => "a value nobody else may see" });
    let text =
        format!("{error} {error:?} {error:#?} {} {:?}", describe(&error), folder.templates());
    assert!(text.contains("undefined value"), "{text}");
    assert!(!text.contains("nobody else"), "{text}");
}
