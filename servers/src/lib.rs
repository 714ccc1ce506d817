//! Real servers for tests: PostgreSQL, MariaDB, Redis (alone, as a cluster, with sentinels), Valkey,
//! memcached and nginx, each on a free port of loopback, with its data in a temporary folder.
//!
//! A test that harms a server starts its own, and others use a [`shared`] one:
//!
//! ```
//! use servers::Memcached;
//!
//! # fn main() -> servers::Result<()> {
//! # if servers::shared::Kind::Memcached.missing_programs().is_empty() {
//! let server = Memcached::start()?;
//! server.kill()?;
//! server.restart()?; // on the same port, empty
//! assert!(server.is_running());
//! # }
//! # Ok(())
//! # }
//! ```
//!
//! - [`kill`](Postgres::kill) is SIGKILL to the server and all that it started,
//!   [`pause`](Postgres::pause) is SIGSTOP: connections are accepted by the kernel, and nothing
//!   answers.
//! - What was started is stopped when its value is dropped, also by a panic. Where nobody drops it
//!   (a `static`, a test process that was killed), a small shell that waits for the end of this
//!   process stops it and removes its folder.
//! - As root, PostgreSQL and MariaDB run as the users that their packages made, since they refuse
//!   to run as root.
//! - Nothing here is asynchronous: a start takes a second or two, and a test may wait for it.

mod account;
mod certificate;
mod database;
mod error;
mod guard;
mod mariadb;
mod memcached;
mod nginx;
mod port;
mod postgres;
mod process;
mod program;
mod redis;
mod redis_cluster;
mod redis_sentinel;
mod server;
pub mod shared;
mod url;

pub use database::fresh_database;
pub use error::{Error, Result};
pub use mariadb::MariaDb;
pub use memcached::Memcached;
pub use nginx::Nginx;
pub use port::free as free_port;
pub use postgres::Postgres;
pub use redis::{Redis, RedisOptions};
pub use redis_cluster::RedisCluster;
pub use redis_sentinel::RedisSentinel;
