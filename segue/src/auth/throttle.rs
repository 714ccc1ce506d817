//! How many logins may fail, before any password is looked at.
//!
//! Failures are counted by account and address together, by account, and by address
//! ([`ThrottleSettings`](crate::settings::ThrottleSettings)). Whether there is such an account makes
//! no difference, so nobody learns it here.
//!
//! - An attempt counts from its start, and is taken back when it succeeds: of a hundred guesses at
//!   once no more are let through than of a hundred in turn.
//! - A stranger can use up the failures of an account. From an address from which it was logged in to
//!   in the last thirty days, its owner can log in all the same.
//! - Counters are made only for attempts that are let through, three each at most. To push one out of
//!   this process's memory takes 33,000 others, whose passwords are all looked at.

mod counters;
mod names;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::request::Parts;

use crate::cache::AnyCache;
use crate::caches::{self, MemoryCache};
use crate::clock::Clock;
use crate::error::{ConfigError, StoreError, StoreErrorKind};
use crate::meta::client_address;
use crate::settings::{CacheOptions, Settings};

use counters::{Counters, Limit, Refusal, Taken};
use names::{Names, Tally};

/// How many counters this process keeps: 55 MB, when a flood has filled it.
const MOST_ENTRIES: u64 = 100_000;

/// An account from all addresses, and an address for all accounts, may fail so many times as often
/// as both together. By default that is a hundred, which NIST SP 800-63B (3.2.2) allows an account.
const TOGETHER: u32 = 10;

/// How long a login waits for a shared cache.
const PATIENCE: Duration = Duration::from_secs(1);

/// Refuses logins where too many have failed: ask it before you look at a password.
///
/// Without `LOGIN_FAILURE_CACHE` it counts in this process; with it in a cache that all share, and in
/// this process while that does not answer. Clones count together.
///
/// ```
/// use segue::{Settings, auth::throttle::Throttle};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let mut settings = Settings::new("secret");
/// settings.throttle.limit = 2;
/// let throttle = Throttle::new(&settings)?;
/// let address = "192.0.2.1".parse().ok();
///
/// for _guess in 0..2 {
///     let attempt = throttle.attempt("ada", address).await?;
///     drop(attempt); // the password was wrong
/// }
/// let refused = throttle.attempt("ada", address).await.unwrap_err();
/// assert!(refused.retry_after().as_secs() <= 900);
///
/// let attempt = throttle.attempt("grace", address).await?;
/// attempt.succeeded().await;
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct Throttle(Arc<Inner>);

struct Inner {
    limit: u32,
    num_proxies: usize,
    names: Names,
    memory: Counters,
    shared: Option<Counters>,
    /// It was said that addresses are not known.
    complained: AtomicBool,
}

/// A login that may be tried. It counts as failed unless you say otherwise; also when it is dropped
/// half-way, because whoever hangs up before the answer must not guess for nothing.
#[must_use = "it counts as failed, unless you call `succeeded`"]
pub struct Attempt {
    tally: Tally,
    /// Nothing where there is no limit.
    counted: Option<(Counters, Vec<Taken>)>,
}

/// Too many logins have failed: this one is not to be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttled {
    left: Duration,
}

impl Throttle {
    /// Counts by these settings.
    ///
    /// # Errors
    /// [`ConfigError`] when the settings do not hold, or this program was built without what the
    /// cache needs.
    pub fn new(settings: &Settings) -> Result<Self, ConfigError> {
        settings.validate()?;
        let named = settings.throttle.cache.as_ref().and_then(|alias| settings.caches.get(alias));
        let Some(named) = named else {
            let options = CacheOptions::default();
            return Ok(Self::build(settings, None, &options, Clock::system()));
        };
        let cache = caches::open(named)?;
        Ok(Self::build(settings, Some(cache), &named.options, Clock::system()))
    }

    /// As [`new`](Self::new), with a shared cache of your own or none, and the time read from this
    /// clock.
    ///
    /// # Errors
    /// [`ConfigError`] when the settings do not hold.
    pub fn with_cache(
        settings: &Settings,
        cache: Option<AnyCache>,
        clock: Clock,
    ) -> Result<Self, ConfigError> {
        settings.validate()?;
        Ok(Self::build(settings, cache, &CacheOptions::default(), clock))
    }

    fn build(
        settings: &Settings,
        shared: Option<AnyCache>,
        options: &CacheOptions,
        clock: Clock,
    ) -> Self {
        let window = settings.throttle.window;
        let memory = AnyCache::new(MemoryCache::with_clock(MOST_ENTRIES, clock.clone()));
        Self(Arc::new(Inner {
            limit: settings.throttle.limit,
            num_proxies: settings.num_proxies,
            names: Names::new(settings, options),
            memory: Counters::new(memory, clock.clone(), window),
            shared: shared.map(|cache| Counters::new(cache, clock, window)),
            complained: AtomicBool::new(false),
        }))
    }

    /// The address that a request comes from, as far as `NUM_PROXIES` believes its headers; nothing
    /// where the server does not tell its connections' peers
    /// ([`into_make_service_with_connect_info`](axum::Router::into_make_service_with_connect_info)).
    #[must_use]
    pub fn client_address(&self, parts: &Parts) -> Option<IpAddr> {
        client_address(parts, self.0.num_proxies)
    }

    /// Counts an attempt to log in to this account, named as the visitor named it, before its
    /// password is looked at. Without an address the account alone is counted.
    ///
    /// # Errors
    /// [`Throttled`] when too many have failed. Whether there is such an account plays no part in it,
    /// and must play none in your answer.
    pub async fn attempt(
        &self,
        account: &str,
        address: Option<IpAddr>,
    ) -> Result<Attempt, Throttled> {
        let tally = self.0.names.of(account, address);
        if self.0.limit == 0 {
            return Ok(Attempt { tally, counted: None });
        }
        if address.is_none() && !self.0.complained.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "failed logins are counted by account alone, because the server does not tell the \
                 addresses of its clients: serve `into_make_service_with_connect_info`"
            );
        }
        match self.count(&tally).await {
            Ok(counted) => Ok(Attempt { tally, counted: Some(counted) }),
            Err(left) => {
                // The name is left out: some type their password there.
                let from =
                    address.map_or("an unknown address".to_owned(), |address| address.to_string());
                tracing::info!(from, "a login was refused, because too many have failed");
                Err(Throttled { left })
            }
        }
    }

    async fn count(&self, tally: &Tally) -> Result<(Counters, Vec<Taken>), Duration> {
        if let Some(shared) = &self.0.shared {
            match in_time(shared.take(self.limits(tally))).await {
                Ok(taken) => return Ok((shared.clone(), taken)),
                Err(Refusal::Full(left)) => return Err(left),
                Err(Refusal::Failed(error)) => complain(&error),
            }
        }
        match self.0.memory.take(self.limits(tally)).await {
            Ok(taken) => Ok((self.0.memory.clone(), taken)),
            Err(Refusal::Full(left)) => Err(left),
            Err(Refusal::Failed(_)) => Err(Duration::from_secs(1)),
        }
    }

    fn limits(&self, tally: &Tally) -> Vec<Limit> {
        let (alone, together) = (self.0.limit, self.0.limit.saturating_mul(TOGETHER));
        let limit = |name: &String, most| Limit { name: name.clone(), most, spared_by: None };
        let here = tally.here.as_ref();
        let spared_by = here.map(|here| here.known.clone());
        let mut limits = vec![Limit { spared_by, ..limit(&tally.account, together) }];
        if let Some(here) = here {
            limits.extend([limit(&here.address, together), limit(&here.pair, alone)]);
        }
        limits
    }
}

impl Attempt {
    /// The password was right: takes the attempt back, forgets the failures of this account from this
    /// address, and knows them together from now on.
    pub async fn succeeded(self) {
        let Some((counters, taken)) = &self.counted else { return };
        let done = async {
            counters.give_back(taken).await?;
            if let Some(here) = &self.tally.here {
                counters.forget(&here.pair).await?;
                counters.know(&here.known).await?;
            }
            Ok(())
        };
        in_time(done).await.unwrap_or_else(|error| complain(&error));
    }

    /// The password could not be judged, because the database failed for example: takes the attempt
    /// back.
    pub async fn undecided(self) {
        let Some((counters, taken)) = &self.counted else { return };
        let done = in_time(counters.give_back(taken)).await;
        done.unwrap_or_else(|error| complain(&error));
    }
}

impl Throttled {
    /// When to try again: from now, in whole seconds, one at least. For the header `Retry-After`.
    #[must_use]
    pub fn retry_after(&self) -> Duration {
        let rounded_up = self.left.as_millis().div_ceil(1000).max(1);
        Duration::from_secs(u64::try_from(rounded_up).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Throttled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "too many logins have failed; try again in {} s", self.retry_after().as_secs())
    }
}

impl std::error::Error for Throttled {}

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Throttle").field("limit", &self.0.limit).finish_non_exhaustive()
    }
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt").finish_non_exhaustive()
    }
}

/// What a cache answers, if it does so soon.
async fn in_time<T, E: From<StoreError>>(
    answer: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let silent = |_| {
        E::from(StoreError::new(StoreErrorKind::Unavailable, "the cache does not answer in time"))
    };
    tokio::time::timeout(PATIENCE, answer).await.map_err(silent)?
}

fn complain(error: &StoreError) {
    tracing::warn!(
        error = crate::describe(error),
        "the cache of LOGIN_FAILURE_CACHE fails; failed logins are counted by this process alone"
    );
}
