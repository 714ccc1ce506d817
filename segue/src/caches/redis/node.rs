//! One Redis server at a time: a fixed one, or the one that Sentinels name.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, Pipeline, ProtocolVersion, PushInfo, PushKind, RedisResult,
    Value,
};
use tokio::time::{Instant, timeout, timeout_at};

use super::lazy::{Broken, Lazy, Live};
use super::sentinel::Sentinels;
use super::words::{Trouble, is_from_no_master};

/// How many commands wait for their turn on the connection, before those who bring more wait.
const QUEUE: usize = 1024;

/// One server, and the connection to it.
pub(super) struct Node {
    source: Source,
    lazy: Lazy<MultiplexedConnection>,
    /// How long connecting may take: less than an operation, so that there is a verdict for all
    /// who wait, and the next does not begin anew.
    patience: Duration,
}

enum Source {
    Fixed(Box<Client>),
    Sentinels(Box<Sentinels>),
}

impl Node {
    pub(super) fn of(client: Client, timeout: Duration) -> Self {
        Self::new(Source::Fixed(Box::new(client)), timeout)
    }

    pub(super) fn behind(sentinels: Sentinels, timeout: Duration) -> Self {
        Self::new(Source::Sentinels(Box::new(sentinels)), timeout)
    }

    fn new(source: Source, timeout: Duration) -> Self {
        Self { source, lazy: Lazy::new(), patience: timeout.mul_f32(0.75) }
    }

    pub(super) async fn run(
        &self,
        commands: &Pipeline,
        mut again: bool,
        until: Instant,
    ) -> Result<Vec<Value>, Trouble> {
        loop {
            let live = self.lazy.get(|| self.connect());
            let live = timeout_at(until, live).await.map_err(|_| Trouble::Late)??;
            let mut connection = live.connection;
            let sent = connection.send_packed_commands(commands, 0, commands.len());
            match timeout_at(until, sent).await {
                Ok(Ok(answers)) => {
                    // The next one asks where the master is now.
                    if answers.iter().any(is_from_no_master) {
                        live.broken.set();
                    }
                    return Ok(answers);
                }
                Ok(Err(error)) => {
                    live.broken.set();
                    if !std::mem::take(&mut again) {
                        return Err(Trouble::Driver(error));
                    }
                }
                // Perhaps nobody is at the other end any more, which TCP finds out in a quarter
                // of an hour.
                Err(_) => {
                    live.broken.set();
                    return Err(Trouble::Late);
                }
            }
        }
    }

    async fn connect(&self) -> Result<Live<MultiplexedConnection>, Trouble> {
        let connected = timeout(self.patience, async {
            match &self.source {
                Source::Fixed(client) => Ok(connect(client).await?),
                Source::Sentinels(sentinels) => sentinels.connect().await,
            }
        });
        connected.await.unwrap_or(Err(Trouble::Late))
    }
}

/// A connection that says when it breaks, also while it is idle.
pub(super) async fn connect(client: &Client) -> RedisResult<Live<MultiplexedConnection>> {
    let broken = Broken::default();
    let mut config = AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None)
        .set_pipeline_buffer_size(QUEUE);
    if client.get_connection_info().redis_settings().protocol() == ProtocolVersion::RESP3 {
        let broken = broken.clone();
        config = config.set_push_sender(move |push: PushInfo| {
            if push.kind == PushKind::Disconnection {
                broken.set();
            }
            Ok::<(), redis::aio::SendError>(())
        });
    }
    let connection = client.get_multiplexed_async_connection_with_config(&config).await?;
    Ok(Live { connection, broken })
}
