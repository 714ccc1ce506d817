//! A path that has no page.

use http::Method;

use super::report::{Report, Section};
use super::{Asked, DebugPages};

impl DebugPages {
    /// Whether nothing is there yet where a site begins.
    pub(super) async fn is_new(&self, asked: &Asked) -> bool {
        asked.path == "/"
            && matches!(asked.method, Method::GET | Method::HEAD)
            && !self.routes.have("/").await
    }

    /// `said` is what a handler said about it.
    pub(super) async fn describe_missing(&self, asked: &Asked, said: &str) -> Report {
        let path = &asked.path;
        let is_route = self.routes.have(path).await;
        let mut report = if is_route {
            Report::new("Page not found", format!("The handler of `{path}` answered with 404."))
                .mend("There is a route for this path; its handler says that there is no page.")
        } else {
            Report::new("Page not found", format!("No route has the path `{path}`."))
        };
        if !said.is_empty() {
            let (heading, text) = ("What it answered", said.to_owned());
            report = report.section(Section::Text { heading, text });
        }
        if is_route {
            return report;
        }
        if let Some(other) = self.with_other_end(path).await {
            let how = match asked.method {
                Method::GET | Method::HEAD => "Ask for that, or add a route for this one",
                _ => "Send the form there",
            };
            report = report.mend(format!("`{other}` has a route. {how}."));
        }
        report.mend("The routes are those that `urlpatterns` makes, in `src/urls.rs`.")
    }

    /// The same path with a slash at its end, or without, if that has a route.
    async fn with_other_end(&self, path: &str) -> Option<String> {
        let other = match path.strip_suffix('/') {
            Some("") => return None,
            Some(shorter) => shorter.to_owned(),
            None => format!("{path}/"),
        };
        self.routes.have(&other).await.then_some(other)
    }
}
