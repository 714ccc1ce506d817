//! The tutorial, as somebody follows it: from an empty folder to a browser.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    dead_code,
    reason = "a test fails by panicking, nobody imports it, and a part of the shared code is used"
)]

#[path = "../../../site/tests/common/program.rs"]
mod program;
/// What the harness of the browser takes from its neighbours.
mod common {
    pub use crate::program::Program;
}
#[path = "../../../site/tests/browser/page.rs"]
mod page;
#[path = "../../../site/tests/browser/processes.rs"]
mod processes;

mod document;
mod workshop;

use std::collections::BTreeMap;
use std::path::Path;

use fantoccini::Locator;

use document::{Document, Section};
use page::Page;
use processes::{Browser, Driver, Look};
use workshop::{Workshop, root};

/// Builds a project as large as the demo twice; the other tests of this file need no compiler.
#[tokio::test(flavor = "multi_thread")]
async fn six_steps_lead_from_an_empty_folder_to_the_demo() {
    let tutorial = Document::read("docs/tutorial.md");
    let mut workshop = Workshop::new();
    for section in tutorial.sections_that_begin_with_a_number() {
        workshop.follow(section);
    }
    assert!(workshop.said("No changes detected"), "{}", workshop.transcript());
    assert!(workshop.said("Applying sessions.0001_initial... OK"), "{}", workshop.transcript());
    assert!(workshop.said("pub mod student;"), "how to register is said");
    assert_eq!(workshop.files(), files_of_the_demo());
    visit(&workshop.address(), "tutorial").await;
    workshop.stop();
    workshop.clear();

    let url = servers::fresh_database(servers::shared::postgres()).unwrap();
    workshop.instead_of("postgres://user:password@127.0.0.1:5432/database", &url);
    workshop.follow(tutorial.section("The same on PostgreSQL"));
    assert!(workshop.said("Applying sessions.0001_initial... OK"), "{}", workshop.transcript());
    visit(&workshop.address(), "tutorial-postgres").await;
    let rows = workshop.run("cargo run --quiet -- showmigrations sessions");
    assert!(rows.contains("[X] 0001_initial"), "{rows}");
    workshop.stop();

    // What comes next: a table of the app's own.
    workshop.follow(Document::read("docs/migrations.md").section("The first one"));
    assert!(workshop.said("Applying student.0001_add_marks... OK"), "{}", workshop.transcript());
    let list = &workshop.files()["src/student/migrations.rs"];
    assert!(list.contains("segue::migrations! {\n    \"0001_add_marks\",\n};\n"), "{list}");
}

/// The tutorial's last words: the form, the link, the form.
async fn visit(site: &str, picture: &str) {
    let driver = Driver::start();
    let browser = Browser::open(&driver, Look::Desktop).await;
    let page = browser.page(site);
    browser.run(set_get_and_clear(page, picture.to_owned())).await;
}

async fn set_get_and_clear(page: Page, picture: String) {
    page.open("/", "Session Management Demo").await;
    page.screenshot(&format!("{picture}-index")).await;
    page.click(Locator::LinkText("Get Session Value")).await;
    page.heading("Session Value is not set").await;
    assert!(page.session_cookie().await.is_none(), "who only looks gets no session");
    page.open("/", "Session Management Demo").await;
    page.click(Locator::XPath("//button[.='Set Session']")).await;
    page.heading("Session is set").await;
    assert!(page.session_cookie().await.is_some_and(|cookie| cookie.http_only() == Some(true)));
    page.open("/get/", "Session Value is manish").await;
    page.screenshot(&format!("{picture}-get")).await;
    page.open("/", "Session Management Demo").await;
    page.click(Locator::XPath("//button[.='Clear Session']")).await;
    page.heading("Session is cleared").await;
    page.open("/get/", "Session Value is not set").await;
    // The tutorial's paths, typed into the browser.
    page.open("/set/", "Session is set").await;
    page.open("/get/", "Session Value is manish").await;
    page.open("/del/", "Session is cleared").await;
    page.open("/get/", "Session Value is not set").await;
}

fn files_of_the_demo() -> BTreeMap<String, String> {
    workshop::files_in(&root().join("demo"))
}

/// What is shown is what the demo has, so that neither can change alone.
#[test]
fn every_file_that_the_tutorial_shows_is_the_demos() {
    let shown = Document::read("docs/tutorial.md").files();
    assert_eq!(shown.len(), 7, "the files are found");
    let demo = files_of_the_demo();
    for (path, text) in shown {
        assert_eq!(demo.get(&path), Some(&text), "{path}");
    }
}

/// The README has the same six steps, without the words around them.
#[test]
fn the_steps_in_the_readme_are_those_of_the_tutorial() {
    let steps = |page: &str| {
        let page = Document::read(page);
        page.sections_that_begin_with_a_number().flat_map(Section::steps).collect::<Vec<_>>()
    };
    assert_eq!(steps("README.md"), steps("docs/tutorial.md"));
}

/// The document that Segue was asked to implement has these pages.
#[test]
fn the_pages_are_those_of_the_tutorial() {
    let page = |title: &str, heading: &str, rest: &str| {
        format!(
            "<!DOCTYPE html>\n<html>\n<head>\n    <title>{title}</title>\n</head>\n<body>\n    \
             <h1>{heading} </h1>\n{rest}</body>\n</html>\n"
        )
    };
    let demo = files_of_the_demo();
    for (name, expected) in [
        ("setsession", page("Session Management Demo", "Session is set", "   \n")),
        ("getsession", page("Session Value", "Session Value is {{ name }}", "\n")),
        ("delsession", page("Clear Session", "Session is cleared", "  ")),
    ] {
        let path = format!("templates/student/{name}.html");
        assert_eq!(demo.get(&path), Some(&expected), "{path}");
    }
}

#[test]
fn the_demo_has_no_file_that_git_ignores() {
    let ignored = std::fs::read_to_string(root().join("demo/.gitignore")).unwrap();
    assert_eq!(ignored, "/target\n/db.sqlite3*\n/secret_key.txt\n");
    assert!(Path::new(&root().join("demo/settings.toml")).exists());
}
