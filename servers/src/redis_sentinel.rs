//! Redis with sentinels.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::redis::Redis;

/// How long the sentinels may take to find each other.
const PATIENCE: Duration = Duration::from_secs(60);

/// A Redis server with two replicas, watched by three sentinels.
///
/// A master that is killed or paused is replaced in a few seconds: it counts as gone after one, if
/// two sentinels say so.
#[derive(Debug)]
pub struct RedisSentinel {
    /// Stopped first, so that they do not see the others go.
    sentinels: Vec<Redis>,
    nodes: Vec<Redis>,
}

impl RedisSentinel {
    /// The name by which the sentinels are asked for the master.
    pub const MASTER_NAME: &str = "mymaster";

    /// Starts them, and waits until each sentinel knows of all the others.
    ///
    /// # Errors
    /// Where Redis is not installed, or they do not find each other; with the ends of their logs.
    pub fn start() -> Result<Self> {
        let master = Redis::options().durable().start()?;
        let replicas: Vec<Redis> = (0..2)
            .map(|_| Redis::options().durable().replica_of(&master).start())
            .collect::<Result<_>>()?;
        // A sentinel asks a master for its replicas when it starts, and then not for ten seconds.
        let started = Instant::now();
        while !master.cli(&["INFO", "replication"])?.contains("connected_slaves:2") {
            if started.elapsed() > PATIENCE {
                return Err(Error::new(format!("no replicas\n{}", master.end_of_log())));
            }
            sleep(Duration::from_millis(50));
        }
        let name = Self::MASTER_NAME;
        let sentinel = || {
            Redis::options()
                .sentinel()
                .setting("sentinel monitor", &format!("{name} 127.0.0.1 {} 2", master.port()))
                .setting("sentinel down-after-milliseconds", &format!("{name} 1000"))
                .setting("sentinel failover-timeout", &format!("{name} 5000"))
                .start()
        };
        let sentinels = (0..3).map(|_| sentinel()).collect::<Result<Vec<_>>>()?;
        for sentinel in &sentinels {
            // They look around every ten seconds, and a test would wait for two such looks. Before
            // Redis 7 there was no such command, and all is well without it, but slower.
            _ = sentinel.cli(&["SENTINEL", "DEBUG", "INFO-PERIOD", "1000"]);
            _ = sentinel.cli(&["SENTINEL", "DEBUG", "PUBLISH-PERIOD", "500"]);
        }
        let nodes = std::iter::once(master).chain(replicas).collect();
        let all = Self { sentinels, nodes };
        all.wait_until_healthy()?;
        Ok(all)
    }

    /// The master and its replicas. They are killed, paused and restarted one by one.
    #[must_use]
    pub fn nodes(&self) -> &[Redis] {
        &self.nodes
    }

    /// The sentinels, likewise.
    #[must_use]
    pub fn sentinels(&self) -> &[Redis] {
        &self.sentinels
    }

    /// The URL of each sentinel.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.sentinels.iter().map(Redis::url).collect()
    }

    /// The master at this moment, as the sentinel says that was told of the last change: the others hear
    /// of it by and by.
    ///
    /// # Errors
    /// Where none answers, or names one that is not ours.
    pub fn master(&self) -> Result<&Redis> {
        let running = self.sentinels.iter().filter(|sentinel| sentinel.is_running());
        let answers = running.filter_map(|sentinel| {
            let ask = |what| sentinel.cli(&["SENTINEL", what, Self::MASTER_NAME]);
            let epoch: u64 = value(&ask("MASTER").ok()?, "config-epoch")?.parse().ok()?;
            Some((epoch, ask("GET-MASTER-ADDR-BY-NAME").ok()?))
        });
        let newest = answers.max_by_key(|(epoch, _)| *epoch);
        let (_, answer) = newest.ok_or_else(|| Error::new("no sentinel answers"))?;
        let port = answer.split_whitespace().nth(1).and_then(|port| port.parse::<u16>().ok());
        let node = self.nodes.iter().find(|node| Some(node.port()) == port);
        node.ok_or_else(|| Error::new(format!("a sentinel named no node of ours: {answer}")))
    }

    /// Waits until every server runs, and each sentinel sees two replicas and two other sentinels;
    /// after one was killed and restarted, for example.
    ///
    /// # Errors
    /// Where that takes more than a minute; with the ends of their logs.
    pub fn wait_until_healthy(&self) -> Result<()> {
        let started = Instant::now();
        while let Err(reason) = self.is_healthy() {
            if started.elapsed() > PATIENCE {
                let logs = self.sentinels.iter().chain(&self.nodes).map(Redis::end_of_log);
                let logs: Vec<String> = logs.collect();
                return Err(Error::new(format!("sentinels: {reason}\n{}", logs.join("\n---\n"))));
            }
            sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    fn is_healthy(&self) -> Result<()> {
        let name = Self::MASTER_NAME;
        for sentinel in &self.sentinels {
            // "+sdown" may stand in any of the three answers, as a flag of what is gone.
            let master = sentinel.cli(&["SENTINEL", "MASTER", name])?;
            let replicas = sentinel.cli(&["SENTINEL", "REPLICAS", name])?;
            let others = sentinel.cli(&["SENTINEL", "SENTINELS", name])?;
            let has = |field: &str| value(&master, field) == Some("2");
            let count = |text: &str| text.lines().filter(|line| *line == "name").count();
            let all = format!("{master}{replicas}{others}");
            let is_settled = has("num-slaves")
                && has("num-other-sentinels")
                && replicas.lines().filter(|line| *line == "ok").count() == count(&replicas)
                && !all.lines().any(|line| line.contains("_down") || line == "disconnected");
            if !is_settled {
                return Err(Error::new(all));
            }
        }
        Ok(())
    }
}

/// A field of an answer that is a line with its name and one with its value.
fn value<'a>(answer: &'a str, field: &str) -> Option<&'a str> {
    answer.lines().skip_while(|line| *line != field).nth(1)
}
