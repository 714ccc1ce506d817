//! What an engine promises, and how it wants sessions encoded.

/// What an engine promises, and how it wants sessions encoded: `check` and the documents tell it to
/// operators, the middleware asks it which cookies to expect, and
/// `testing::check_store` holds the engine to it, to what it does not promise as well.
///
/// ```
/// use segue::{Guarantees, Payload, SessionStore as _, engines::MemoryStore};
///
/// let memory = MemoryStore::new().guarantees();
/// assert_eq!(memory, Guarantees::full().with_payload(Payload::Json));
/// let weaker = Guarantees::full().without_compare();
/// assert!(weaker.revocable && !weaker.lossless);
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guarantees {
    /// What the payloads are that the engine is given.
    pub payload: Payload,
    /// The session is its cookie: the key is a [sealed](crate::SessionKey::sealed) one, a new one
    /// after each save.
    pub in_cookie: bool,
    /// What was deleted is dead for everybody who still has the key.
    pub revocable: bool,
    /// `replace` and `touch` compare: of requests that meet, none loses a change.
    pub lossless: bool,
    /// Expired sessions go by themselves, so `clear_expired` has nothing to do.
    pub cleans_itself: bool,
}

/// How a session becomes the bytes that an engine stores.
#[allow(clippy::exhaustive_enums, reason = "these are the formats that Django has")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    /// Signed JSON, compressed where that is shorter: Django's tables and files.
    SignedJson,
    /// Plain JSON, for engines that seal it themselves or keep it where nobody else writes.
    Json,
    /// Python's pickle of a dict, plain data only: Django's caches.
    Pickle,
}

impl Guarantees {
    /// Everything but cleaning itself: what an engine on a server should give.
    #[must_use]
    pub const fn full() -> Self {
        Self {
            payload: Payload::SignedJson,
            in_cookie: false,
            revocable: true,
            lossless: true,
            cleans_itself: false,
        }
    }

    /// Those of an engine that keeps the session in the cookie, which nobody can take back and
    /// which the last response sets.
    #[must_use]
    pub const fn cookie() -> Self {
        Self {
            payload: Payload::Json,
            in_cookie: true,
            revocable: false,
            lossless: false,
            cleans_itself: true,
        }
    }

    /// With payloads of this kind.
    #[must_use]
    pub const fn with_payload(mut self, payload: Payload) -> Self {
        self.payload = payload;
        self
    }

    /// Expired sessions go by themselves.
    #[must_use]
    pub const fn cleaning_itself(mut self) -> Self {
        self.cleans_itself = true;
        self
    }

    /// The last of two requests that meet wins.
    #[must_use]
    pub const fn without_compare(mut self) -> Self {
        self.lossless = false;
        self
    }

    /// A deleted session may be found again.
    #[must_use]
    pub const fn without_revocation(mut self) -> Self {
        self.revocable = false;
        self
    }
}
