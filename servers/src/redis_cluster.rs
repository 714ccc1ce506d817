//! Redis Cluster.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::port;
use crate::program::{command, output};
use crate::redis::{self, Redis};

const NODES: usize = 6;

/// How long the nodes may take to agree.
const PATIENCE: Duration = Duration::from_secs(60);

/// A Redis Cluster of three masters, each with a replica.
///
/// A master that is killed or paused is replaced in a few seconds: a node counts as gone after two.
#[derive(Debug)]
pub struct RedisCluster {
    nodes: Vec<Redis>,
}

impl RedisCluster {
    /// Starts one, and waits until its nodes agree and the replicas have their copies.
    ///
    /// # Errors
    /// Where Redis is not installed, or the nodes do not find each other; with the ends of their
    /// logs.
    pub fn start() -> Result<Self> {
        let (nodes, addresses) = start_nodes()?;
        let cluster = Self { nodes };
        let mut create = command("redis-cli", redis::PACKAGES)?;
        create.args(["--cluster", "create"]).args(addresses);
        create.args(["--cluster-replicas", "1", "--cluster-yes"]);
        output(&mut create).map_err(|error| cluster.explain(&error))?;
        cluster.wait_until_healthy()?;
        Ok(cluster)
    }

    /// Its nodes. They are killed, paused and restarted one by one.
    #[must_use]
    pub fn nodes(&self) -> &[Redis] {
        &self.nodes
    }

    /// The URL of each node.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(Redis::url).collect()
    }

    /// The node that is the master for a key at this moment, as far as the nodes that answer know.
    ///
    /// # Errors
    /// Where there is none.
    pub fn master_for(&self, key: &str) -> Result<&Redis> {
        let slot = self.nodes.iter().find_map(|node| node.cli(&["CLUSTER", "KEYSLOT", key]).ok());
        let slot = slot.and_then(|slot| slot.trim().parse().ok());
        let slot: u16 = slot.ok_or_else(|| Error::new("no node of the cluster answers"))?;
        // One that was away may believe what was true before, so the latest news counts.
        let port = self.views().filter_map(|view| master_of(&view, slot)).max();
        port.and_then(|(_, port)| self.nodes.iter().find(|node| node.port() == port))
            .ok_or_else(|| Error::new(format!("the cluster has no master for slot {slot}")))
    }

    /// Waits until every node runs, knows of every other, and has what it should have; after one
    /// was killed and restarted, for example.
    ///
    /// # Errors
    /// Where that takes more than a minute; with the ends of the nodes' logs.
    pub fn wait_until_healthy(&self) -> Result<()> {
        let started = Instant::now();
        while let Err(reason) = self.is_healthy() {
            if started.elapsed() > PATIENCE {
                return Err(self.explain(&reason));
            }
            sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    fn is_healthy(&self) -> Result<()> {
        for node in &self.nodes {
            let state = node.cli(&["CLUSTER", "INFO"])?;
            let nodes = node.cli(&["CLUSTER", "NODES"])?;
            let role = node.cli(&["INFO", "replication"])?;
            let is_settled = state.contains("cluster_state:ok")
                && nodes.lines().filter(|line| line.contains("connected")).count() == NODES
                && !nodes.contains("fail")
                && !nodes.contains("handshake")
                && (role.contains("role:master") || role.contains("master_link_status:up"));
            // A master without a copy would not survive a kill.
            let replicas = nodes.lines().filter(|line| line.contains("slave")).count();
            if !is_settled || replicas != NODES / 2 {
                return Err(Error::new(format!("{state}\n{nodes}\n{role}")));
            }
        }
        Ok(())
    }

    /// What each node that answers knows of all.
    fn views(&self) -> impl Iterator<Item = String> {
        let running = self.nodes.iter().filter(|node| node.is_running());
        running.filter_map(|node| node.cli(&["CLUSTER", "NODES"]).ok())
    }

    fn explain(&self, reason: &Error) -> Error {
        let logs: Vec<String> = self.nodes.iter().map(Redis::end_of_log).collect();
        Error::new(format!("Redis Cluster: {reason}\n{}", logs.join("\n---\n")))
    }
}

/// The nodes, and their addresses with the port on which they speak to each other; 10000 above the
/// other it would be one that the kernel gives to anybody.
fn start_nodes() -> Result<(Vec<Redis>, Vec<String>)> {
    let mut nodes = Vec::new();
    let mut addresses = Vec::new();
    for _ in 0..NODES {
        let bus = port::free()?;
        let node = Redis::options()
            .durable()
            .setting("cluster-enabled", "yes")
            .setting("cluster-port", &bus.to_string())
            .setting("cluster-node-timeout", "2000")
            .start()?;
        addresses.push(format!("127.0.0.1:{}@{bus}", node.port()));
        nodes.push(node);
    }
    Ok((nodes, addresses))
}

/// The master of a slot in the answer to `CLUSTER NODES`: the epoch of that news, and its port.
///
/// `id ip:port@bus flags master ping pong epoch link slot-slot slot …`
fn master_of(view: &str, slot: u16) -> Option<(u64, u16)> {
    view.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, address, flags, _, _, _, epoch, _, slots @ ..] = fields.as_slice() else {
            return None;
        };
        let has_slot = slots.iter().any(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let range = first.parse::<u16>().ok().zip(last.parse().ok());
            range.is_some_and(|(first, last)| (first..=last).contains(&slot))
        });
        if !has_slot || !flags.contains("master") || flags.split(',').any(|flag| flag == "fail") {
            return None;
        }
        let port = address.split('@').next()?.rsplit(':').next()?;
        Some((epoch.parse().ok()?, port.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_master_of_a_slot_is_read() {
        let view = "a 127.0.0.1:7001@17001 master,fail - 1 2 1 connected 0-99\n\
                    b 127.0.0.1:7002@17002,host myself,master - 0 0 7 connected 100 200-300\n\
                    c 127.0.0.1:7003@17003 slave b 0 0 7 connected\n";
        assert_eq!(master_of(view, 250), Some((7, 7002)));
        assert_eq!(master_of(view, 100), Some((7, 7002)));
        assert_eq!(master_of(view, 50), None, "it failed");
        assert_eq!(master_of(view, 400), None);
    }
}
