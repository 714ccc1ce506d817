//! Sentinels, who know which server is the master.

use std::sync::Arc;

use redis::aio::MultiplexedConnection;
use redis::{Client, RedisResult, Value, cmd};
use tokio::task::JoinSet;

use super::address::Access;
use super::lazy::Live;
use super::near::Near;
use super::node::connect;
use super::words::Trouble;
use crate::error::StoreErrorKind;
use crate::settings::{Host, RedisUrl};

/// Those who know which server is the master at the moment.
pub(super) struct Sentinels {
    clients: Vec<Client>,
    hosts: String,
    name: String,
    /// How their servers are reached.
    access: Access,
}

impl Sentinels {
    pub(super) fn new(url: &RedisUrl, access: Access, name: &str) -> RedisResult<Self> {
        let of_sentinels = access.of_sentinels(url);
        let clients = url.hosts.iter().map(|host| of_sentinels.client(host));
        Ok(Self {
            clients: clients.collect::<RedisResult<_>>()?,
            hosts: url.host_list().replace(',', ", "),
            name: name.to_owned(),
            access,
        })
    }

    /// A connection to the master. All Sentinels are asked at once, because one of them may be
    /// down; the server is asked as well, because a Sentinel may be behind.
    pub(super) async fn connect(
        &self,
        near: Option<&Arc<Near>>,
    ) -> Result<Live<MultiplexedConnection>, Trouble> {
        let mut answers = JoinSet::new();
        for client in &self.clients {
            answers.spawn(ask(client.clone(), self.name.clone()));
        }
        let (mut trouble, mut tried) = (None, Vec::new());
        while let Some(answer) = answers.join_next().await {
            match answer {
                Ok(Ok(Some(host))) if tried.contains(&host) => {}
                Ok(Ok(Some(host))) => match self.connect_to(&host, near).await {
                    Ok(live) => return Ok(live),
                    Err(reason) => {
                        tried.push(host);
                        trouble = Some(reason);
                    }
                },
                Ok(Ok(None)) => {
                    trouble.get_or_insert_with(|| self.said(StoreErrorKind::Refused, "know no"));
                }
                // Others may know more than one who is down.
                Ok(Err(error)) => {
                    trouble.get_or_insert(Trouble::Driver(error));
                }
                Err(_) => {}
            }
        }
        Err(trouble.unwrap_or_else(|| self.said(StoreErrorKind::Unavailable, "did not name the")))
    }

    async fn connect_to(
        &self,
        host: &Host,
        near: Option<&Arc<Near>>,
    ) -> Result<Live<MultiplexedConnection>, Trouble> {
        let mut live = connect(&self.access.client(host)?, near).await?;
        let role: RedisResult<Value> = cmd("ROLE").query_async(&mut live.connection).await;
        match role {
            Ok(Value::Array(role))
                if role.first().is_some_and(|role| !is_text(role, b"master")) =>
            {
                let text =
                    format!("Redis at {host}, which the Sentinels name, is not a master (yet)");
                Err(Trouble::Said(StoreErrorKind::Unavailable, text))
            }
            // Who may not ask for the role finds out by the first command: a replica refuses it.
            Ok(_) => Ok(live),
            Err(error) if error.code() == Some("NOPERM") => Ok(live),
            Err(error) => Err(error.into()),
        }
    }

    fn said(&self, kind: StoreErrorKind, what: &str) -> Trouble {
        let (hosts, name) = (&self.hosts, &self.name);
        Trouble::Said(kind, format!("the Sentinels at {hosts} {what} master {name:?}"))
    }
}

async fn ask(client: Client, name: String) -> RedisResult<Option<Host>> {
    let mut live = connect(&client, None).await?;
    let mut question = cmd("SENTINEL");
    question.arg("GET-MASTER-ADDR-BY-NAME").arg(name);
    let answer: Option<(String, u16)> = question.query_async(&mut live.connection).await?;
    Ok(answer.map(|(name, port)| Host { name, port }))
}

fn is_text(value: &Value, text: &[u8]) -> bool {
    match value {
        Value::BulkString(bytes) => bytes == text,
        Value::SimpleString(found) => found.as_bytes() == text,
        _ => false,
    }
}
