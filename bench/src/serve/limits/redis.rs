//! Redis by one connection on which all requests are pipelined.

use redis::AsyncCommands as _;
use redis::aio::MultiplexedConnection;

use super::Raw;
use crate::Result;

/// Two weeks, as a session has.
const SECONDS: u64 = 1_209_600;

pub(super) struct Redis(MultiplexedConnection);

impl Redis {
    pub(super) async fn open(url: &str) -> Result<Self> {
        let client = redis::Client::open(url)?;
        Ok(Self(client.get_multiplexed_async_connection().await?))
    }
}

impl Raw for Redis {
    async fn create(&self, key: &str, contents: &str) -> Result {
        self.save(key, contents).await
    }

    async fn load(&self, key: &str) -> Result<String> {
        Ok(self.0.clone().get(key).await?)
    }

    async fn save(&self, key: &str, contents: &str) -> Result {
        Ok(self.0.clone().set_ex(key, contents, SECONDS).await?)
    }
}
