//! A store whose type is chosen by a setting.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use jiff::Timestamp;

use super::{Cleared, Guarantees, Record, Replaced, SessionStore};
use crate::error::StoreError;
use crate::key::SessionKey;

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Any [`SessionStore`], its type erased: the engine is chosen by a setting, not by a type parameter.
///
/// Clones share the store.
///
/// ```
/// use segue::{AnyStore, SessionKey, SessionStore as _, engines::MemoryStore};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let store = AnyStore::new(MemoryStore::new());
/// assert!(store.load(&SessionKey::generate()?).await?.is_none());
/// # Ok::<(), segue::StoreError>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct AnyStore(Arc<dyn DynStore>);

impl AnyStore {
    /// Erases the type of a store.
    pub fn new(store: impl SessionStore) -> Self {
        // One whose type is erased already would cost a box more for each request.
        match (&store as &dyn Any).downcast_ref::<Self>() {
            Some(erased) => erased.clone(),
            None => Self(Arc::new(store)),
        }
    }
}

impl fmt::Debug for AnyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl SessionStore for AnyStore {
    fn guarantees(&self) -> Guarantees {
        self.0.guarantees()
    }

    async fn load(&self, key: &SessionKey) -> Result<Option<Record>, StoreError> {
        self.0.load(key).await
    }

    fn load_now(&self, key: &SessionKey) -> Option<Result<Option<Record>, StoreError>> {
        self.0.load_now(key)
    }

    async fn create(
        &self,
        payload: &[u8],
        expires_at: Timestamp,
    ) -> Result<SessionKey, StoreError> {
        self.0.create(payload, expires_at).await
    }

    async fn replace(
        &self,
        key: &SessionKey,
        seen: &Record,
        payload: &[u8],
        expires_at: Timestamp,
    ) -> Result<Replaced, StoreError> {
        self.0.replace(key, seen, payload, expires_at).await
    }

    async fn touch(
        &self,
        key: &SessionKey,
        seen: &Record,
        expires_at: Timestamp,
    ) -> Result<Replaced, StoreError> {
        self.0.touch(key, seen, expires_at).await
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), StoreError> {
        self.0.delete(key).await
    }

    async fn clear_expired(
        &self,
        on_batch: &(dyn Fn(Cleared) + Send + Sync),
    ) -> Result<u64, StoreError> {
        self.0.clear_expired(on_batch).await
    }
}

/// [`SessionStore`] with boxed futures, which is what a trait object can have.
trait DynStore: fmt::Debug + Send + Sync {
    fn guarantees(&self) -> Guarantees;
    fn load<'a>(&'a self, key: &'a SessionKey) -> BoxFuture<'a, Option<Record>>;
    fn load_now(&self, key: &SessionKey) -> Option<Result<Option<Record>, StoreError>>;
    fn create<'a>(&'a self, payload: &'a [u8], expires_at: Timestamp) -> BoxFuture<'a, SessionKey>;
    fn replace<'a>(
        &'a self,
        key: &'a SessionKey,
        seen: &'a Record,
        payload: &'a [u8],
        expires_at: Timestamp,
    ) -> BoxFuture<'a, Replaced>;
    fn touch<'a>(
        &'a self,
        key: &'a SessionKey,
        seen: &'a Record,
        expires_at: Timestamp,
    ) -> BoxFuture<'a, Replaced>;
    fn delete<'a>(&'a self, key: &'a SessionKey) -> BoxFuture<'a, ()>;
    fn clear_expired<'a>(
        &'a self,
        on_batch: &'a (dyn Fn(Cleared) + Send + Sync),
    ) -> BoxFuture<'a, u64>;
}

impl<S: SessionStore> DynStore for S {
    fn guarantees(&self) -> Guarantees {
        SessionStore::guarantees(self)
    }

    fn load<'a>(&'a self, key: &'a SessionKey) -> BoxFuture<'a, Option<Record>> {
        Box::pin(SessionStore::load(self, key))
    }

    fn load_now(&self, key: &SessionKey) -> Option<Result<Option<Record>, StoreError>> {
        SessionStore::load_now(self, key)
    }

    fn create<'a>(&'a self, payload: &'a [u8], expires_at: Timestamp) -> BoxFuture<'a, SessionKey> {
        Box::pin(SessionStore::create(self, payload, expires_at))
    }

    fn replace<'a>(
        &'a self,
        key: &'a SessionKey,
        seen: &'a Record,
        payload: &'a [u8],
        expires_at: Timestamp,
    ) -> BoxFuture<'a, Replaced> {
        Box::pin(SessionStore::replace(self, key, seen, payload, expires_at))
    }

    fn touch<'a>(
        &'a self,
        key: &'a SessionKey,
        seen: &'a Record,
        expires_at: Timestamp,
    ) -> BoxFuture<'a, Replaced> {
        Box::pin(SessionStore::touch(self, key, seen, expires_at))
    }

    fn delete<'a>(&'a self, key: &'a SessionKey) -> BoxFuture<'a, ()> {
        Box::pin(SessionStore::delete(self, key))
    }

    fn clear_expired<'a>(
        &'a self,
        on_batch: &'a (dyn Fn(Cleared) + Send + Sync),
    ) -> BoxFuture<'a, u64> {
        Box::pin(SessionStore::clear_expired(self, on_batch))
    }
}
