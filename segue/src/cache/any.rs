//! A cache whose type is chosen by a setting.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use jiff::Timestamp;

use super::{Cache, Swapped};
use crate::error::StoreError;
use crate::store::Record;

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Any [`Cache`], its type erased: it is chosen by a setting, not by a type parameter.
///
/// Clones share the cache.
#[derive(Clone)]
pub struct AnyCache(Arc<dyn DynCache>);

impl AnyCache {
    /// Erases the type of a cache.
    pub fn new(cache: impl Cache) -> Self {
        // One whose type is erased already would cost a box more for each request.
        match (&cache as &dyn Any).downcast_ref::<Self>() {
            Some(erased) => erased.clone(),
            None => Self(Arc::new(cache)),
        }
    }
}

impl fmt::Debug for AnyCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Cache for AnyCache {
    async fn get(&self, name: &str) -> Result<Option<Record>, StoreError> {
        self.0.get(name).await
    }

    fn get_now(&self, name: &str) -> Option<Result<Option<Record>, StoreError>> {
        self.0.get_now(name)
    }

    async fn add(
        &self,
        name: &str,
        value: &[u8],
        expires_at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.0.add(name, value, expires_at).await
    }

    async fn swap(
        &self,
        name: &str,
        seen: &Record,
        value: &[u8],
        expires_at: Timestamp,
    ) -> Result<Swapped, StoreError> {
        self.0.swap(name, seen, value, expires_at).await
    }

    async fn delete(&self, name: &str) -> Result<(), StoreError> {
        self.0.delete(name).await
    }
}

/// [`Cache`] with boxed futures, which is what a trait object can have.
trait DynCache: fmt::Debug + Send + Sync {
    fn get<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Option<Record>>;
    fn get_now(&self, name: &str) -> Option<Result<Option<Record>, StoreError>>;
    fn add<'a>(
        &'a self,
        name: &'a str,
        value: &'a [u8],
        expires_at: Timestamp,
    ) -> BoxFuture<'a, bool>;
    fn swap<'a>(
        &'a self,
        name: &'a str,
        seen: &'a Record,
        value: &'a [u8],
        expires_at: Timestamp,
    ) -> BoxFuture<'a, Swapped>;
    fn delete<'a>(&'a self, name: &'a str) -> BoxFuture<'a, ()>;
}

impl<C: Cache> DynCache for C {
    fn get<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Option<Record>> {
        Box::pin(Cache::get(self, name))
    }

    fn get_now(&self, name: &str) -> Option<Result<Option<Record>, StoreError>> {
        Cache::get_now(self, name)
    }

    fn add<'a>(
        &'a self,
        name: &'a str,
        value: &'a [u8],
        expires_at: Timestamp,
    ) -> BoxFuture<'a, bool> {
        Box::pin(Cache::add(self, name, value, expires_at))
    }

    fn swap<'a>(
        &'a self,
        name: &'a str,
        seen: &'a Record,
        value: &'a [u8],
        expires_at: Timestamp,
    ) -> BoxFuture<'a, Swapped> {
        Box::pin(Cache::swap(self, name, seen, value, expires_at))
    }

    fn delete<'a>(&'a self, name: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(Cache::delete(self, name))
    }
}
