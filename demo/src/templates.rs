//! Pages from the folder `templates`.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use minijinja::{Environment, UndefinedBehavior, Value, path_loader};
use segue::{SessionError, Settings};

/// What a view gives: a page, or why there is none.
pub type PageResult = Result<Html<String>, PageError>;

/// Renders the templates of the project.
///
/// Values are escaped, because the templates' names end in `.html`.
#[derive(Clone, Debug)]
pub struct Templates(Arc<Environment<'static>>);

impl Templates {
    /// The templates beside the settings file.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        let mut environment = Environment::new();
        environment.set_loader(path_loader(settings.base_dir.join("templates")));
        // A developer sees a change at once; in production nothing looks at the files again.
        environment.set_auto_reload(settings.debug);
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        Self(Arc::new(environment))
    }

    /// Renders one of them, as Django's `render` does.
    ///
    /// # Errors
    /// [`PageError::Template`] when it is missing or wrong.
    pub fn render(&self, name: &str, context: Value) -> PageResult {
        Ok(Html(self.0.get_template(name)?.render(context)?))
    }
}

/// A page could not be made.
#[non_exhaustive]
#[derive(Debug)]
pub enum PageError {
    /// The session could not be read or changed.
    Session(SessionError),
    /// A template is missing or wrong.
    Template(minijinja::Error),
}

impl From<SessionError> for PageError {
    fn from(error: SessionError) -> Self {
        Self::Session(error)
    }
}

impl From<minijinja::Error> for PageError {
    fn from(error: minijinja::Error) -> Self {
        Self::Template(error)
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        match self {
            Self::Session(error) => error.into_response(),
            Self::Template(error) => {
                tracing::error!("a page could not be rendered: {}", segue::describe(&error));
                let text = "This page could not be rendered; the server's log says why.";
                (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
            }
        }
    }
}
