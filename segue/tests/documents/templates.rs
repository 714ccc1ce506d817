//! The templates that are shown can be rendered, and what they ask for is there.

use axum::Router;
use axum::response::{Html, Result};
use axum::routing::get as route;
use segue::engines::MemoryStore;
use segue::templates::context;
use segue::{Site, Templates};

use crate::blocks::in_language;
use crate::common::{get, settings};

async fn page(templates: Templates) -> Result<Html<String>> {
    let context = context! { side => "Rust", name => "zoe", basket => ["<tea>"] };
    Ok(templates.render("page.html", context)?)
}

#[tokio::test]
async fn each_is_rendered() {
    let mut seen = 0;
    for block in in_language("html") {
        let folder = tempfile::tempdir().unwrap();
        let templates = folder.path().join("templates");
        std::fs::create_dir(&templates).unwrap();
        std::fs::write(templates.join("page.html"), &block.text).unwrap();
        // What one of them extends.
        let base = "{% block content %}{% endblock %}";
        std::fs::write(templates.join("base.html"), base).unwrap();
        let mut settings = settings();
        settings.base_dir = folder.path().to_owned();
        let routes = Router::new().route("/", route(page)).with_state(Templates::new(&settings));
        let site = Site::with_store(&settings, MemoryStore::new(), routes).unwrap();
        let answer = get(&site.into_router(), "/", None).await;
        assert_eq!(answer.status, 200, "{}: {}", block.place(), answer.body);
        let asked = block.text.matches("{% csrf_token %}").count();
        let fields = answer.body.matches("name=\"csrfmiddlewaretoken\"").count();
        assert_eq!(fields, asked, "{}: {}", block.place(), answer.body);
        assert!(!answer.body.contains("{%") && !answer.body.contains("<tea>"), "{}", answer.body);
        seen += 1;
    }
    assert!(seen >= 5, "the blocks are found: {seen}");
}
