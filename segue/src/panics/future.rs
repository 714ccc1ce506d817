//! Panics of a future.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use super::{Panic, catch};

/// As [`catch`], for a future.
pub(crate) async fn catch_async<T>(future: impl Future<Output = T>) -> Result<T, Panic> {
    let mut future = pin!(future);
    poll_fn(|context| match catch(|| future.as_mut().poll(context)) {
        Ok(poll) => poll.map(Ok),
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}
