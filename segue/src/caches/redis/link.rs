//! The way to whichever server has a name.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redis::Client;

use super::address::Access;
use super::batch::{Answer, Request};
use super::cluster::Cluster;
use super::near::Near;
use super::node::{Node, Traffic};
use super::sentinel::Sentinels;
use crate::error::ConfigError;
use crate::settings::{RedisShape, RedisUrl};

/// The way to the server that has a name. It shows itself as errors name it, without a password.
pub(super) struct Link {
    to: To,
    place: String,
}

enum To {
    Node(Arc<Node>),
    Cluster(Box<Cluster>),
}

impl Link {
    /// `near` is for copies of what is read on it; not on a cluster.
    pub(super) fn open(
        url: &RedisUrl,
        traffic: Traffic,
        near: Option<&Arc<Near>>,
    ) -> Result<Self, ConfigError> {
        let access = Access::new(url)?;
        let refuse = |error: redis::RedisError| {
            ConfigError::conflict(
                "CACHES",
                format!("{url:?}, which the client refuses"),
                error.to_string(),
            )
        };
        let clients: Result<Vec<Client>, _> =
            url.hosts.iter().map(|host| access.client(host)).collect();
        let hosts = url.host_list().replace(',', ", ");
        let (to, place) = match &url.shape {
            RedisShape::Single => {
                let client = clients.map_err(refuse)?.swap_remove(0);
                let node = Node::of(client, url.timeout, traffic, near.cloned());
                (To::Node(Arc::new(node)), format!("Redis at {hosts}"))
            }
            RedisShape::Cluster => {
                let cluster =
                    Cluster::new(&clients.map_err(refuse)?, &access, url.timeout, traffic.queue);
                let cluster = Box::new(cluster.map_err(refuse)?);
                (To::Cluster(cluster), format!("the Redis Cluster at {hosts}"))
            }
            RedisShape::Sentinel(name) => {
                let sentinels = Sentinels::new(url, access, name).map_err(refuse)?;
                let place = format!("the Redis master {name:?} of the Sentinels at {hosts}");
                let node = Node::behind(sentinels, url.timeout, traffic, near.cloned());
                (To::Node(Arc::new(node)), place)
            }
        };
        Ok(Self { to, place })
    }

    pub(super) fn from_client(client: Client, timeout: Duration, traffic: Traffic) -> Self {
        let place = format!("Redis at {}", client.get_connection_info().addr());
        Self { to: To::Node(Arc::new(Node::of(client, timeout, traffic, None))), place }
    }

    /// Asks the server each second whether it is there, as long as somebody reads copies of what it has.
    pub(super) fn watch(&self) {
        if let To::Node(node) = &self.to {
            node.watch();
        }
    }

    /// Sends commands that are all about this name, and gives an answer to each.
    pub(super) async fn run(&self, name: &str, request: Box<Request>) -> Answer {
        match &self.to {
            To::Node(node) => node.run(request).await,
            // Boxed, so that the other's future is small.
            To::Cluster(cluster) => Box::pin(cluster.run(name, *request)).await,
        }
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)
    }
}
