//! Where templates come from.

use std::time::{Duration, SystemTime};

use axum::Router;
use axum::response::{Html, Result};
use axum::routing::get as route;
use segue::templates::{Environment, context, environment, rewrite_tags};
use segue::{CsrfLayer, Templates};

use crate::common::{Answer, get};
use crate::{Folder, assert_unasked, assert_valid};

fn rendered(templates: &Templates) -> String {
    templates.render("page.html", ()).unwrap().0
}

#[test]
fn with_debug_a_change_is_seen_at_once_and_else_never() {
    for debug in [true, false] {
        let folder = Folder::new(&[("page.html", "one")]);
        let mut settings = folder.settings();
        settings.debug = debug;
        let templates = Templates::new(&settings);
        assert_eq!(rendered(&templates), "one");
        folder.write("page.html", "two");
        // Some file systems count whole seconds.
        let path = settings.base_dir.join("templates/page.html");
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(SystemTime::now() + Duration::from_secs(2)).unwrap();
        assert_eq!(rendered(&templates), if debug { "two" } else { "one" });
        std::fs::remove_file(&path).unwrap();
        assert_eq!(templates.render("page.html", ()).is_err(), debug);
        folder.write("page.html", "three");
        assert_eq!(rendered(&templates), if debug { "three" } else { "one" });
    }
}

async fn page(environment: Environment<'static>) -> Answer {
    let folder = Folder::new(&[]);
    let page = async |templates: Templates| -> Result<Html<String>> {
        Ok(templates.render("page.html", context! { name => "<manish>" })?)
    };
    let app = Router::new()
        .route("/", route(page))
        .with_state(Templates::from_environment(environment))
        .layer(CsrfLayer::new(&folder.settings()).unwrap());
    get(&app, "/", None).await
}

#[tokio::test]
async fn an_environment_of_ones_own_knows_the_token() {
    let form = "{{ name }}: {% csrf_token %}";
    let mut own = Environment::new();
    own.add_template_owned("page.html", rewrite_tags(form)).unwrap();
    let answer = page(own).await;
    assert_valid(&answer);
    assert!(answer.body.starts_with("&lt;manish&gt;: <input type=\"hidden\""), "{}", answer.body);

    let mut own = Environment::new();
    own.set_loader(move |name| Ok((name == "page.html").then(|| rewrite_tags(form).into_owned())));
    assert_valid(&page(own).await);

    // Not rewritten: a syntax error, and never a form without a token.
    let mut own = Environment::new();
    own.set_loader(move |name| Ok((name == "page.html").then_some(form)));
    assert_eq!(page(own).await.status, 500);
}

#[tokio::test]
async fn ours_takes_filters_and_globals() {
    let folder = Folder::new(&[("page.html", "{{ name|shout }} {{ year }}")]);
    let mut environment = environment(&folder.settings());
    environment.add_filter("shout", |text: String| text.to_uppercase());
    environment.add_global("year", 2023);
    assert_unasked(&page(environment).await, "&lt;MANISH&gt; 2023");
}

/// Where nothing is escaped, the field is what it is as well.
#[tokio::test]
async fn a_text_has_the_field_too() {
    let mut own = Environment::empty();
    own.add_template("page.html", "{{ name }} {{ csrf_input }}").unwrap();
    let answer = page(own).await;
    assert_valid(&answer);
    assert!(answer.body.starts_with("<manish> <input type=\"hidden\""), "{}", answer.body);
}

/// The folder goes over the program, and the program over what Segue brings; a name that leads out of
/// the folder is asked of nobody.
#[test]
fn templates_may_be_in_the_program() {
    let folder = Folder::new(&[("both.html", "folder")]);
    let templates = Templates::embedded(&folder.settings(), |name| match name {
        "both.html" | "../out.html" => Some("program"),
        "page.html" => Some("{% extends \"base.html\" %}{% block a %}{{ name }}{% endblock %}"),
        "base.html" => Some("<{% block a %}{% endblock %}>"),
        "registration/login.html" => Some("own login"),
        _ => None,
    });
    let render = |name: &str| templates.render(name, context! { name => "<b>" }).map(|page| page.0);
    assert_eq!(render("both.html").unwrap(), "folder");
    assert_eq!(render("page.html").unwrap(), "<&lt;b&gt;>", "it is escaped as any other");
    assert!(render("../out.html").is_err());
    assert!(render("none.html").is_err());
    #[cfg(feature = "auth")]
    assert_eq!(render("registration/login.html").unwrap(), "own login");
    #[cfg(feature = "auth")]
    assert!(render("registration/logged_out.html").unwrap().contains("<html"));
}
