//! A template that is missing or wrong.

use std::fs;

use axum::Router;
use axum::response::{Html, Result};
use axum::routing::get;
use segue::Templates;
use segue::templates::context;
use tempfile::TempDir;

use super::{Pages, settings};

/// A site whose page `/` is this template, with a visitor's name in the context.
fn pages(debug: bool, templates: &[(&str, &str)]) -> (Pages, TempDir) {
    async fn page(templates: Templates) -> Result<Html<String>> {
        Ok(templates.render("page.html", context! { visitor => "hunter2" })?)
    }
    let folder = tempfile::tempdir().unwrap();
    for (name, source) in templates {
        let path = folder.path().join("templates").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, source).unwrap();
    }
    let mut settings = settings(debug);
    settings.base_dir = folder.path().to_owned();
    let routes = Router::new().route("/", get(page)).with_state(Templates::new(&settings));
    (Pages::with(&settings, routes, |site| site), folder)
}

#[tokio::test]
async fn without_debug_nothing_of_it_shows() {
    for templates in [&[][..], &[("page.html", "{{ secret_name }}")], &[("page.html", "{% if %}")]]
    {
        let (pages, _folder) = pages(false, templates);
        let page = pages.open("/").await;
        page.is(500, "This page could not be rendered; the server's log says why.");
    }
}

#[tokio::test]
async fn a_missing_template_is_named_with_its_folder() {
    let (pages, folder) = pages(true, &[]);
    let page = pages.open("/").await;
    let templates = folder.path().join("templates");
    page.shows(500, &["A template is missing", "page.html", templates.to_str().unwrap()]);
}

#[tokio::test]
async fn a_slip_is_shown_in_its_line() {
    let source = "<ul>\n{% for a in [1, 2] %}\n  <li>{{ a }}\n{% endfro %}\n</ul>\n<b>end</b>\n";
    let (pages, _folder) = pages(true, &[("page.html", source)]);
    let page = pages.open("/").await;
    page.shows(500, &["A template could not be rendered", "syntax error", "page.html, line 4"]);
    page.has(&["<mark><b>   4</b> {% endfro %}\n</mark>", "<span><b>   1</b> &lt;ul&gt;\n</span>"]);
    page.has(&["<li>The language is Jinja&#x27;s", "<dt>Template</dt><dd>page.html</dd>"]);
}

#[tokio::test]
async fn what_is_not_in_the_context_is_named() {
    let source = "<form>{% csrf_token %}</form>\n<p>{{ visitor }} {{ nobody.name }}</p>\n";
    let (pages, _folder) = pages(true, &[("page.html", source)]);
    let page = pages.open("/").await;
    page.shows(500, &["undefined value", "nobody.name", "page.html, line 2", "context!"]);
    page.has(&["<form>{% csrf_token %}</form>".replace('<', "&lt;").replace('>', "&gt;").as_str()]);
    assert!(!page.text.contains("hunter2"), "values are not shown: {}", page.text);
}

#[tokio::test]
async fn the_way_to_the_error_is_shown() {
    let (pages, _folder) = pages(
        true,
        &[
            (
                "page.html",
                "{% extends \"base.html\" %}\n{% block content %}\n\
              {% include \"parts/list.html\" %}\n{% endblock %}\n",
            ),
            ("base.html", "<html>\n{% block content %}{% endblock %}\n</html>\n"),
            ("parts/list.html", "one\ntwo\n{{ visitor|nonsense }}\n"),
        ],
    );
    let page = pages.open("/").await;
    page.shows(500, &["unknown filter", "nonsense", "segue::templates::environment"]);
    let place = |text: &str| {
        page.text.find(text).unwrap_or_else(|| panic!("{text:?} is not in {}", page.text))
    };
    assert!(place("<h2>parts/list.html, line 3</h2>") < place("<h2>from page.html, line 3</h2>"));
}

/// An environment of one's own reads from elsewhere; a file that happens to have the name is not
/// what was rendered.
#[tokio::test]
async fn no_other_file_is_shown() {
    async fn page(templates: Templates) -> Result<Html<String>> {
        Ok(templates.render("../settings.toml", ())?)
    }
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("templates")).unwrap();
    fs::write(folder.path().join("settings.toml"), "SECRET_KEY = 'hunter2'\n").unwrap();
    let mut environment = segue::templates::Environment::new();
    environment.set_debug(true);
    environment.add_template("../settings.toml", "\n{{ a.b.c }}\n").unwrap();
    let mut settings = settings(true);
    settings.base_dir = folder.path().to_owned();
    let templates = Templates::from_environment(environment);
    let routes = Router::new().route("/", get(page)).with_state(templates);
    let shown = Pages::with(&settings, routes, |site| site).open("/").await;
    shown.shows(500, &["<mark><b>   2</b> {{ a.b.c }}\n</mark>"]);
    assert!(!shown.text.contains("hunter2"), "{}", shown.text);
}
