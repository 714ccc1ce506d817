//! The session of a visitor, as handlers hold it.

mod access;
mod handle;
mod limits;
mod opened;
mod save;
mod sessions;
mod state;
mod turns;

pub use access::Session;
pub use handle::SessionHandle;
pub use sessions::Sessions;

pub(crate) use handle::{CookieChange, RequestEnd};
pub(crate) use opened::{KeySource, Opened};
