//! Pages from templates, with Django's `{% csrf_token %}`.
//!
//! The language is Jinja's, which is nearly Django's; [`minijinja`] describes it. In templates whose
//! names end in `.html` every value is escaped.
//!
//! ```
//! use axum::{Router, body::Body, http::Request, routing::get};
//! use axum::response::{Html, Result};
//! use segue::{CsrfLayer, Settings, Templates, templates::context};
//! use tower::ServiceExt as _;
//!
//! async fn index(templates: Templates) -> Result<Html<String>> {
//!     Ok(templates.render("index.html", context! { name => "<manish>" })?)
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let mut settings = Settings::new("secret");
//! settings.allowed_hosts.push("example.com".to_owned());
//! # let folder = tempfile::tempdir()?;
//! # settings.base_dir = folder.path().to_owned();
//! # std::fs::create_dir(folder.path().join("templates"))?;
//! std::fs::write(
//!     settings.base_dir.join("templates/index.html"),
//!     "<form method=\"post\">{% csrf_token %} Are you {{ name }}? <button>Yes</button></form>",
//! )?;
//! let app = Router::new()
//!     .route("/", get(index))
//!     .with_state(Templates::new(&settings))
//!     .layer(CsrfLayer::new(&settings)?);
//!
//! let request = Request::get("/").header("host", "example.com").body(Body::empty())?;
//! let response = app.oneshot(request).await?;
//! assert!(response.headers()["set-cookie"].to_str()?.starts_with("csrftoken="));
//! let page = axum::body::to_bytes(response.into_body(), 1000).await?;
//! let page = std::str::from_utf8(&page)?;
//! assert!(page.contains("<input type=\"hidden\" name=\"csrfmiddlewaretoken\" value=\""));
//! assert!(page.contains("Are you &lt;manish&gt;?"));
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```
//!
//! # The token
//!
//! | a template writes | and gets |
//! |---|---|
//! | `{% csrf_token %}` | the hidden field for a form |
//! | `{{ csrf_input }}` | the same, by the name that it has in Django's Jinja templates |
//! | `{{ csrf_token }}` | the token alone: `hx-headers='{"X-CSRFToken": "{{ csrf_token }}"}'` |
//!
//! - The token is asked for when a template writes it: only then is the cookie set, and `Vary`. A
//!   page without it costs nothing. `{% if csrf_token %}` is true and does not ask.
//! - Each time it is written it looks different, and is valid all the same.
//! - It is there in base templates, blocks, included templates and macros, imported ones too, with or
//!   without `with context`.
//! - Both names are taken: what a context has under them is not seen, so that no value that a visitor
//!   chose can stand in the token's place. A template may still `{% set %}` them.
//!
//! # An environment of one's own
//!
//! Filters, functions and globals are added to the [`environment`] that [`Templates::new`] uses:
//!
//! ```
//! use segue::{Settings, Templates, templates};
//!
//! # let mut settings = Settings::new("secret");
//! # let folder = tempfile::tempdir()?;
//! # settings.base_dir = folder.path().to_owned();
//! # std::fs::create_dir(folder.path().join("templates"))?;
//! # std::fs::write(folder.path().join("templates/index.html"), "{{ 2|twice }}")?;
//! let mut environment = templates::environment(&settings);
//! environment.add_filter("twice", |number: u32| number * 2);
//! let templates = Templates::from_environment(environment);
//! assert_eq!(templates.render("index.html", ())?.0, "4");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Any other environment will do too. minijinja knows no tag `{% csrf_token %}`, so the source of a
//! template that has it goes through [`rewrite_tags`] on its way in; one that did not is a syntax
//! error, never a form without a token.
//!
//! ```
//! use segue::{Templates, templates};
//!
//! let mut environment = templates::Environment::new();
//! let source = "<form method=\"post\">{% csrf_token %}</form>";
//! environment.add_template_owned("form.html", templates::rewrite_tags(source))?;
//! assert!(environment.add_template("other.html", source).is_err());
//! let templates = Templates::from_environment(environment);
//! // It belongs to no request, so there is no token.
//! assert!(templates.render("form.html", ()).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod extract;
mod loader;
#[cfg(feature = "auth")]
mod registration;
mod tags;
mod values;

use std::fmt;
use std::sync::Arc;

use axum::response::Html;
use minijinja::UndefinedBehavior;
#[doc(no_inline)]
pub use minijinja::{Environment, Value, context, value::Serde};

use crate::csrf::CsrfToken;
use crate::settings::Settings;

pub use error::TemplateError;
pub use tags::rewrite_tags;

/// Renders the templates of a site, as Django's `render` does; see the [module](self).
///
/// It is the state of the router, `.with_state(Templates::new(&settings))`, and an argument of
/// handlers, `templates: Templates`, which know the visitor's token. Cheap to clone.
#[derive(Clone)]
#[doc(alias = "render")]
pub struct Templates {
    environment: Arc<Environment<'static>>,
    request: Request,
}

/// What is known of the request that is answered.
#[derive(Clone)]
enum Request {
    /// There is none.
    Nothing,
    /// No CSRF layer stands around its route.
    NoLayer,
    Token(CsrfToken),
}

impl Templates {
    /// The templates in the folder `templates` beside the settings file.
    ///
    /// They are read when they are first used; with `DEBUG` again when they have changed.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self::from_environment(environment(settings))
    }

    /// As [`new`](Self::new), and what the folder lacks is asked of the program: so the program alone
    /// is enough to deploy. `source` gives the text of a template by its name.
    ///
    /// ```
    /// # use segue::{Settings, Templates};
    /// // With the crate `include_dir`: |name| TEMPLATES.get_file(name)?.contents_utf8()
    /// let source = |name: &str| (name == "index.html").then_some("Hello {{ 1 + 1 }}");
    /// let templates = Templates::embedded(&Settings::new("secret"), source);
    /// assert_eq!(templates.render("index.html", ())?.0, "Hello 2");
    /// # Ok::<(), segue::TemplateError>(())
    /// ```
    #[must_use]
    pub fn embedded(
        settings: &Settings,
        source: impl Fn(&str) -> Option<&'static str> + Send + Sync + 'static,
    ) -> Self {
        Self::from_environment(embedded_environment(settings, source))
    }

    /// The templates of an environment of one's own; see the [module](self).
    ///
    /// It gets a formatter, which leaves the hidden field unescaped and is minijinja's otherwise; one
    /// that it had before is gone.
    #[must_use]
    pub fn from_environment(mut environment: Environment<'static>) -> Self {
        environment.set_formatter(values::format);
        Self { environment: Arc::new(environment), request: Request::Nothing }
    }

    /// Renders the template of this name. Django's `render(request, name, context)`.
    ///
    /// The context is a [`context!`](context), or `()` for none; what serde can serialise goes into
    /// it as `Serde(&value)`.
    ///
    /// # Errors
    /// When the template is missing or wrong, uses what the context has not, or writes a token that
    /// is not to be had: these are no [`Templates`] of a request, or no
    /// [`CsrfLayer`](crate::CsrfLayer) stands around its route.
    pub fn render(
        &self,
        name: &str,
        context: impl Into<Value>,
    ) -> Result<Html<String>, TemplateError> {
        let context = values::with_token(context.into(), &self.request);
        self.environment
            .get_template(name)
            .and_then(|template| template.render(context))
            .map(Html)
            .map_err(|error| TemplateError::new(name, error))
    }
}

impl fmt::Debug for Templates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Templates").finish_non_exhaustive()
    }
}

/// What [`Templates::new`] reads its templates with, for [`Templates::from_environment`]: an
/// undefined variable is an error, and `{% csrf_token %}` a tag.
#[must_use]
pub fn environment(settings: &Settings) -> Environment<'static> {
    embedded_environment(settings, |_| None)
}

/// As [`environment`], with what [`Templates::embedded`] takes.
#[must_use]
pub fn embedded_environment(
    settings: &Settings,
    source: impl Fn(&str) -> Option<&'static str> + Send + Sync + 'static,
) -> Environment<'static> {
    let mut environment = Environment::new();
    #[cfg(feature = "auth")]
    let source = move |name: &str| source(name).or_else(|| registration::source(name));
    environment.set_loader(loader::folder(settings.base_dir.join("templates"), source));
    // A developer sees a change at once; in production nothing looks at the files again.
    environment.set_auto_reload(settings.debug);
    // Errors know the source, for the page that a developer sees.
    environment.set_debug(settings.debug);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment
}
