//! The way to whichever server has a name.

use std::fmt;
use std::time::Duration;

use redis::{Client, Pipeline, Value};
use tokio::time::Instant;

use super::address::Access;
use super::cluster::Cluster;
use super::node::Node;
use super::sentinel::Sentinels;
use super::words::Trouble;
use crate::error::ConfigError;
use crate::settings::{RedisShape, RedisUrl};

/// The way to the server that has a name. It shows itself as errors name it, without a password.
pub(super) struct Link {
    to: To,
    place: String,
}

enum To {
    Node(Box<Node>),
    Cluster(Box<Cluster>),
}

impl Link {
    pub(super) fn open(url: &RedisUrl) -> Result<Self, ConfigError> {
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
                (To::Node(Box::new(Node::of(client, url.timeout))), format!("Redis at {hosts}"))
            }
            RedisShape::Cluster => {
                let cluster = Cluster::new(&clients.map_err(refuse)?, &access, url.timeout);
                let cluster = Box::new(cluster.map_err(refuse)?);
                (To::Cluster(cluster), format!("the Redis Cluster at {hosts}"))
            }
            RedisShape::Sentinel(name) => {
                let sentinels = Sentinels::new(url, access, name).map_err(refuse)?;
                let place = format!("the Redis master {name:?} of the Sentinels at {hosts}");
                (To::Node(Box::new(Node::behind(sentinels, url.timeout))), place)
            }
        };
        Ok(Self { to, place })
    }

    pub(super) fn from_client(client: Client, timeout: Duration) -> Self {
        let place = format!("Redis at {}", client.get_connection_info().addr());
        Self { to: To::Node(Box::new(Node::of(client, timeout))), place }
    }

    /// Sends commands that are all about one name, and gives an answer for each. `again` says that
    /// they may be sent a second time where it is not known whether the first had an effect.
    pub(super) async fn run(
        &self,
        name: &str,
        commands: &Pipeline,
        again: bool,
        until: Instant,
    ) -> Result<Vec<Value>, Trouble> {
        match &self.to {
            To::Node(node) => node.run(commands, again, until).await,
            To::Cluster(cluster) => cluster.run(name, commands, again, until).await,
        }
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)
    }
}
