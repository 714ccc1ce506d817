//! What one request knows of its session.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::OnceCell;

use super::state::State;
use crate::key::SessionKey;

/// Where the key of a request's session comes from. It is asked when the session is first looked at.
pub(crate) trait KeySource: Send + Sync {
    /// The key, if the request has one.
    fn key(&self) -> Option<&SessionKey>;
}

/// A key that is known already.
impl KeySource for Option<SessionKey> {
    fn key(&self) -> Option<&SessionKey> {
        self.as_ref()
    }
}

/// What one request knows of its session: all that its handles share. It holds nothing that lives
/// longer than the request, so that the middleware can use one again.
///
/// The source comes last: handles forget its type.
#[derive(Debug)]
pub(crate) struct Opened<K: ?Sized = dyn KeySource> {
    pub(super) loaded: OnceCell<()>,
    state: Mutex<State>,
    /// One save at a time.
    pub(super) saving: tokio::sync::Mutex<()>,
    /// The response has gone: no cookie can be set any more.
    answered: AtomicBool,
    source: K,
}

impl<K> Opened<K> {
    pub(crate) fn new(source: K) -> Self {
        Self {
            loaded: OnceCell::new(),
            state: Mutex::new(State::default()),
            saving: tokio::sync::Mutex::new(()),
            answered: AtomicBool::new(false),
            source,
        }
    }

    pub(crate) fn set_source(&mut self, source: K) {
        self.source = source;
    }
}

impl<K: ?Sized> Opened<K> {
    pub(crate) fn source(&self) -> &K {
        &self.source
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // A step of `update` may panic under the lock; it has changed nothing by then.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The response goes out as it is now.
    pub(super) fn answer(&self) {
        self.answered.store(true, Ordering::Release);
    }

    pub(super) fn is_answered(&self) -> bool {
        self.answered.load(Ordering::Acquire)
    }
}

impl<K: ?Sized> Drop for Opened<K> {
    fn drop(&mut self) {
        if self.state.get_mut().unwrap_or_else(PoisonError::into_inner).has_unsaved_changes() {
            tracing::warn!(
                "changes to a session were never saved: after the response has gone, in a stream \
                 or a WebSocket, call `session.save().await`"
            );
        }
    }
}
