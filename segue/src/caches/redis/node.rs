//! One Redis server at a time: a fixed one, or the one that Sentinels name.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ProtocolVersion, PushInfo, PushKind, RedisResult, Value, cmd,
};
use tokio::time::{Instant, sleep, timeout};

use super::batch::{Aboard, Answer, Request};
use super::lazy::{Broken, Lazy, Live};
use super::near::{Near, PING};
use super::sentinel::Sentinels;
use super::words::{Trouble, is_from_no_master};
use crate::lane::{Bounds, Flight, Lane, NoAnswer};

/// How many commands wait for their turn on the connection, before those who bring more wait.
const QUEUE: usize = 1024;

/// More requests are not in one pipeline: all of them wait for the last one's answer.
const TOGETHER: usize = 64;

/// Nor more bytes, unless one alone has more.
const BYTES: usize = 256 * 1024;

/// One server, and the connection to it.
pub(super) struct Node {
    source: Source,
    lazy: Lazy<MultiplexedConnection>,
    timeout: Duration,
    /// Where requests wait while others are on their way.
    lane: Lane<Box<Request>, Answer>,
    queue: usize,
    /// Copies of what was read on the connection.
    near: Option<Arc<Near>>,
}

enum Source {
    Fixed(Box<Client>),
    Sentinels(Box<Sentinels>),
}

/// How much may be on its way to a server, and wait for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Traffic {
    pub(super) batches: usize,
    pub(super) queue: usize,
    /// Whether there is one request in a batch: what comes behind it would have to wait for what it waits for.
    pub(super) is_single: bool,
}

impl Node {
    pub(super) fn of(
        client: Client,
        timeout: Duration,
        traffic: Traffic,
        near: Option<Arc<Near>>,
    ) -> Self {
        Self::new(Source::Fixed(Box::new(client)), timeout, traffic, near)
    }

    pub(super) fn behind(
        sentinels: Sentinels,
        timeout: Duration,
        traffic: Traffic,
        near: Option<Arc<Near>>,
    ) -> Self {
        Self::new(Source::Sentinels(Box::new(sentinels)), timeout, traffic, near)
    }

    fn new(source: Source, timeout: Duration, traffic: Traffic, near: Option<Arc<Near>>) -> Self {
        let Traffic { batches: flights, queue, is_single } = traffic;
        let together = if is_single { 1 } else { TOGETHER };
        let bounds = Bounds { flights, together, bytes: BYTES, waiting: queue };
        Self { source, lazy: Lazy::new(), timeout, lane: Lane::new(bounds), queue, near }
    }

    pub(super) async fn run(self: &Arc<Self>, request: Box<Request>) -> Answer {
        let size = request.size();
        let start = |flight| drop(tokio::spawn(fly(flight, self.clone())));
        self.lane.ask(request, size, start).await.unwrap_or_else(|reason| {
            Err(match reason {
                NoAnswer::Full => Trouble::Overload(self.queue),
                NoAnswer::Lost => Trouble::Lost,
            })
        })
    }

    async fn carry(&self, mut aboard: Aboard) {
        loop {
            let connecting = pin!(self.lazy.get(|| self.connect()));
            let Some(live) = aboard.wait(connecting, || {}).await else { return };
            let Live { mut connection, broken } = match live {
                Ok(live) => live,
                Err(trouble) => return aboard.refuse(&trouble, |_| true),
            };
            let commands = aboard.pipeline();
            let sent = Instant::now();
            // Perhaps nobody is at the other end any more, which TCP finds out in a quarter of an hour.
            // But whoever has waited for a place had little time left, and that says nothing.
            let on_late = || {
                if sent.elapsed() >= self.timeout / 2 {
                    broken.set();
                }
            };
            let sending = pin!(connection.send_packed_commands(&commands, 0, commands.len()));
            match aboard.wait(sending, on_late).await {
                Some(Ok(answers)) => {
                    // The next one asks where the master is now.
                    if answers.iter().any(is_from_no_master) {
                        broken.set();
                    }
                    if let Some(near) = self.near.as_ref().filter(|_| !broken.is_set()) {
                        near.heard(sent);
                    }
                    return aboard.answer(answers);
                }
                Some(Err(error)) => {
                    broken.set();
                    aboard.take_back(&commands, &Trouble::Driver(error));
                }
                None => return,
            }
        }
    }

    /// Asks each second, until nobody reads the copies or the cache is gone.
    pub(super) fn watch(self: &Arc<Self>) {
        let Some(watching) = self.near.as_ref().and_then(Near::watch) else { return };
        let node = Arc::downgrade(self);
        drop(tokio::spawn(async move {
            loop {
                sleep(PING).await;
                let Some(node) = node.upgrade().filter(|_| watching.is_wanted()) else { return };
                node.ping().await;
            }
        }));
    }

    async fn ping(&self) {
        let Some(near) = &self.near else { return };
        let Some(Live { mut connection, broken }) = self.lazy.at_hand() else { return };
        let sent = Instant::now();
        // A replica refuses it, and so does a master that was demoted: what it tells may be behind.
        let mut question = cmd("WAIT");
        question.arg(0).arg(0);
        match timeout(self.timeout, question.query_async(&mut connection)).await {
            Ok(Ok(Value::Int(_))) if !broken.is_set() => near.heard(sent),
            _ => broken.set(),
        }
    }

    async fn connect(&self) -> Result<Live<MultiplexedConnection>, Trouble> {
        // Less than an operation may take, so that there is a verdict for all who wait, and the next does not
        // begin anew.
        let connected = timeout(self.timeout.mul_f32(0.75), async {
            match &self.source {
                Source::Fixed(client) => Ok(connect(client, self.near.as_ref()).await?),
                Source::Sentinels(sentinels) => sentinels.connect(self.near.as_ref()).await,
            }
        });
        connected.await.unwrap_or(Err(Trouble::Late))
    }
}

/// Carries until nobody waits.
async fn fly(mut flight: Flight<Box<Request>, Answer>, node: Arc<Node>) {
    while let Some(passengers) = flight.board() {
        node.carry(Aboard::new(passengers)).await;
    }
}

/// A connection that says when it breaks, also while it is idle, and what has become of what was read on it.
pub(super) async fn connect(
    client: &Client,
    near: Option<&Arc<Near>>,
) -> RedisResult<Live<MultiplexedConnection>> {
    let broken = Broken::of(near.cloned());
    let mut config = AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None)
        .set_pipeline_buffer_size(QUEUE);
    if client.get_connection_info().redis_settings().protocol() == ProtocolVersion::RESP3 {
        let (broken, near) = (broken.clone(), near.cloned());
        config = config.set_push_sender(move |push: PushInfo| {
            if push.kind == PushKind::Disconnection {
                broken.set();
            } else if let Some(near) = &near {
                near.hear(&push);
            }
            Ok::<(), redis::aio::SendError>(())
        });
    }
    let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
    if near.is_some() {
        cmd("CLIENT").arg("TRACKING").arg("ON").exec_async(&mut connection).await?;
        // What will be asked each second must be permitted. A replica refuses it in other words.
        match cmd("WAIT").arg(0).arg(0).exec_async(&mut connection).await {
            Err(error) if error.code() == Some("NOPERM") => return Err(error),
            _ => {}
        }
    }
    Ok(Live { connection, broken })
}
