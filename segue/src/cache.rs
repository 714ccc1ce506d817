//! What a cache must be able to do, so that sessions in it are safe.

mod any;
mod names;

use std::fmt;
use std::future::Future;

use jiff::Timestamp;

use crate::error::StoreError;
use crate::store::Record;

pub use any::AnyCache;
pub(crate) use names::{Names, payload_of};

/// The outcome of a compare-and-swap in a cache. Not an error: both refusals happen in a healthy one.
#[must_use = "a refused swap has written nothing"]
#[allow(
    clippy::exhaustive_enums,
    reason = "a swap has these outcomes; a fourth would be another contract"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Swapped {
    /// The new value is there.
    Stored,
    /// Another value was there than the one that was seen.
    Conflict,
    /// There was none.
    Gone,
}

/// A cache: bytes under names, each until a deadline, any of which may be lost at any time.
///
/// The names are whole, Django's prefix and version included, and shorter than 250 bytes.
///
/// # Contract
/// - `add` and `swap` are atomic, whoever else uses the cache: two `add`s of one name store one
///   value, and nothing but `add` makes a name that is not there.
/// - A value whose deadline has passed is not there. A deadline in the past given to `add` stores
///   nothing and is success where the name was free; given to `swap` it removes the value, if it
///   is the one that was seen.
/// - All answers are those of the one place where a name is written: a replica that may be behind
///   is never asked.
/// - A cache that cannot tell (down, slow, full) answers with an error, never with "absent", and
///   in bounded time.
pub trait Cache: fmt::Debug + Send + Sync + 'static {
    /// The value of a name with its deadline, if there is one.
    ///
    /// # Errors
    /// When the cache cannot tell.
    fn get(&self, name: &str) -> impl Future<Output = Result<Option<Record>, StoreError>> + Send;

    /// What [`get`](Self::get) would answer, where that is known without waiting; nothing where `get`
    /// has to be asked, as by default. It only saves time: a cache in this process needs no future.
    ///
    /// # Errors
    /// As for [`get`](Self::get).
    fn get_now(&self, name: &str) -> Option<Result<Option<Record>, StoreError>> {
        let _ = name;
        None
    }

    /// Stores a value under a name that has none, and tells whether it did.
    ///
    /// # Errors
    /// When the cache cannot keep it.
    fn add(
        &self,
        name: &str,
        value: &[u8],
        expires_at: Timestamp,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Stores a value in the place of the one that was `seen`, which is compared by its bytes; its
    /// version, if it has one, is a hint.
    ///
    /// # Errors
    /// When the cache cannot keep it.
    fn swap(
        &self,
        name: &str,
        seen: &Record,
        value: &[u8],
        expires_at: Timestamp,
    ) -> impl Future<Output = Result<Swapped, StoreError>> + Send;

    /// Removes a value. That there was none is success.
    ///
    /// # Errors
    /// When the cache cannot tell.
    fn delete(&self, name: &str) -> impl Future<Output = Result<(), StoreError>> + Send;
}
