//! Where a panic happens is known to the program's panic hook alone.

use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};
use std::panic::{self, PanicHookInfo};
use std::sync::{Arc, Once};

/// Where it happened.
pub(super) struct Details {
    pub(super) file: String,
    pub(super) line: u32,
    pub(super) backtrace: Backtrace,
}

thread_local! {
    /// Whether somebody up the stack catches panics. Others are none of ours.
    static WATCHED: Cell<bool> = const { Cell::new(false) };
    /// A panic is caught on the thread on which it happened, right after it.
    static LAST: RefCell<Option<Arc<Details>>> = const { RefCell::new(None) };
}

/// From now on panics that are caught know where they happened. The program's own hook goes on
/// doing what it does.
///
/// A backtrace takes a moment, so this is for development.
pub(crate) fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            remember(info);
            before(info);
        }));
    });
}

fn remember(info: &PanicHookInfo<'_>) {
    if !WATCHED.get() {
        return;
    }
    let Some(place) = info.location() else { return };
    let details = Details {
        file: place.file().to_owned(),
        line: place.line(),
        backtrace: Backtrace::force_capture(),
    };
    LAST.set(Some(Arc::new(details)));
}

/// Runs what catches its own panics, and tells where the one happened that it caught last.
pub(super) fn watch<T>(run: impl FnOnce() -> T) -> (T, Option<Arc<Details>>) {
    LAST.set(None);
    let before = WATCHED.replace(true);
    let done = run();
    WATCHED.set(before);
    (done, LAST.take())
}
