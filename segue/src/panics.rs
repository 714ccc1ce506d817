//! A panic becomes an error: a 500 for the visitor, where it would otherwise be a connection that
//! ends without a word.

mod frames;
#[cfg(feature = "manage")]
mod future;
mod hook;
mod layer;

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

pub(crate) use frames::Frame;
#[cfg(feature = "manage")]
pub(crate) use future::catch_async;
pub(crate) use hook::install as remember_where;
pub(crate) use layer::CatchPanic;

use hook::Details;

/// What a panic said, and where, if [`remember_where`] was called before it.
#[derive(Clone)]
pub(crate) struct Panic {
    message: Arc<str>,
    details: Option<Arc<Details>>,
}

impl Panic {
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The file as the compiler knows it, and the line.
    pub(crate) fn place(&self) -> Option<(&str, u32)> {
        self.details.as_ref().map(|details| (details.file.as_str(), details.line))
    }

    /// The calls that led to it, those of the project alone, the last one first.
    pub(crate) fn frames(&self) -> Vec<Frame> {
        let details = self.details.as_ref();
        details.map(|details| frames::of_the_project(&details.backtrace)).unwrap_or_default()
    }
}

impl fmt::Debug for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Panic").field("message", &self.message).finish_non_exhaustive()
    }
}

/// Runs this, and gives the panic in which it ends.
///
/// What it leaves half done is the caller's to drop.
pub(crate) fn catch<T>(run: impl FnOnce() -> T) -> Result<T, Panic> {
    let (done, details) = hook::watch(|| catch_unwind(AssertUnwindSafe(run)));
    done.map_err(|payload| Panic { message: message(&*payload), details })
}

fn message(payload: &(dyn Any + Send)) -> Arc<str> {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic that gives no message").into()
}
