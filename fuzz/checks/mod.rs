//! What must hold for every input there is: the fuzz targets call these functions with inputs that
//! a fuzzer makes up, and `segue/tests/seeds.rs` with those that are kept.
//!
//! Each panics when it does not hold. All go through what users of the library have, too.

mod codec;
mod cookie;
mod data;
mod file;
mod form;
mod keyed;
mod signature;
mod unpickle;

pub use codec::codec;
pub use cookie::cookie;
pub use file::file;
pub use form::form;
pub use signature::signature;
pub use unpickle::unpickle;

use segue::{Clock, SecretKeys, Settings, Timestamp};

/// The secret key of the inputs that are signed.
const SECRET: &str = "test-secret-key";

/// When the inputs that are signed were signed: 2023-11-14 22:13:20 UTC.
const NOW: i64 = 1_700_000_000;

fn keys() -> SecretKeys {
    SecretKeys::new(SECRET)
}

/// The clock stands.
fn clock() -> Clock {
    Clock::fixed(at(NOW))
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a date within the calendar")
}

fn settings() -> Settings {
    Settings::new(SECRET)
}

/// Runs what waits for nothing but the store.
fn block_on<T>(work: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime");
    }
    RUNTIME.with(|runtime| runtime.block_on(work))
}
