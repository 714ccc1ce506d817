//! Where the sessions are, opened for looking after them.

use std::error::Error;

use crate::clock::Clock;
use crate::engines::Listable;
use crate::manage::context::{Context, require_database_of_sessions};
use crate::settings::{SessionEngine, Settings};
use crate::site::Stores;

/// Where the sessions are, and what is needed to read them.
pub(super) struct Place<'a> {
    pub(super) settings: &'a Settings,
    /// Whether what is stored can be read.
    pub(super) has_secret_key: bool,
    pub(super) stores: Stores,
    pub(super) clock: Clock,
}

/// What can be done about a session whose data would be needed, and cannot be read.
pub(super) const NEEDS_KEY: &str = "the data of sessions are signed, and cannot be read without the \
                                    site's SECRET_KEY: give it in the environment";

impl<'a> Place<'a> {
    pub(super) async fn open(context: &'a Context<'_>) -> Result<Self, Box<dyn Error>> {
        let settings = &context.settings;
        if settings.session.engine == SessionEngine::Memory {
            let message = "SESSION_ENGINE is \"memory\": sessions are within the process that \
                           serves, and no other one sees them; with another engine they can be \
                           looked after";
            return Err(message.into());
        }
        require_database_of_sessions(settings)?;
        let stores = Stores::open(settings).await?;
        let clock = Clock::system();
        Ok(Self { settings, has_secret_key: context.has_secret_key, stores, clock })
    }

    /// The sessions of an engine that can tell which it has.
    pub(super) fn listable(&self) -> Result<&Listable, Box<dyn Error>> {
        if let Some(listable) = &self.stores.listable {
            return Ok(listable);
        }
        Err(match self.settings.session.engine {
            SessionEngine::SignedCookies | SessionEngine::EncryptedCookies => {
                "sessions are in the visitors' cookies, and nobody has a list of those. To end all \
                 of them, give SECRET_KEY another value, and the old one no place in \
                 SECRET_KEY_FALLBACKS; to end those of one user, give the user another password"
                    .into()
            }
            _ => format!(
                "sessions are in the cache {:?}, and caches do not tell what is in them: `sessions \
                 show` and `sessions delete` take whole keys. With SESSION_ENGINE = \"cached_db\" \
                 the database has a list. To end all of them, empty the cache",
                self.settings.session.cache_alias
            )
            .into(),
        })
    }

    pub(super) async fn close(&self) {
        self.stores.close().await;
    }
}
