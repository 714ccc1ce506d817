//! Redis Cluster.

use std::time::Duration;

use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{Route, SingleNodeRoutingInfo, SlotAddr};
use redis::{
    Client, ErrorKind, Pipeline, RedisError, RedisResult, ServerErrorKind, TlsCertificates, Value,
    cmd,
};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout, timeout_at};

use super::address::Access;
use super::batch::{Answer, Request};
use super::lazy::{Broken, Lazy, Live};
use super::words::Trouble;

/// How often a command that nobody has carried out is sent to another node, until that is an error:
/// names move from node to node, and while they do there is more than one opinion about where.
const DETOURS: u32 = 8;

/// The servers of a cluster, and the connections to them.
pub(super) struct Cluster {
    client: ClusterClient,
    lazy: Lazy<ClusterConnection>,
    patience: Duration,
    /// So many requests are under way at once. They do not leave together, because names are in thousands of
    /// slots, of which each may move to another server at any time; the client packs what comes at once.
    places: Semaphore,
    queue: usize,
}

impl Cluster {
    pub(super) fn new(
        clients: &[Client],
        access: &Access,
        timeout: Duration,
        queue: usize,
    ) -> RedisResult<Self> {
        let nodes = clients.iter().map(|client| client.get_connection_info().clone());
        let mut builder = ClusterClient::builder(nodes)
            // The client would send again what may have been done already. What is safe to be sent
            // again is decided here.
            .retries(0)
            .connection_timeout(timeout.mul_f32(0.5))
            .response_timeout(timeout)
            .overall_response_timeout(None)
            .tcp_settings(redis::io::tcp::TcpSettings::default().set_nodelay(true));
        if let Some(root) = access.root_certificate.clone().filter(|_| access.tls) {
            builder = builder.certs(TlsCertificates { client_tls: None, root_cert: Some(root) });
        }
        let client = builder.build()?;
        let places = Semaphore::new(queue);
        Ok(Self { client, lazy: Lazy::new(), patience: timeout.mul_f32(0.75), places, queue })
    }

    pub(super) async fn run(&self, name: &str, request: Request) -> Answer {
        let _place = self.places.try_acquire().map_err(|_| Trouble::Overload(self.queue))?;
        let Request { first, second, again, until } = request;
        let mut commands = Pipeline::with_capacity(2);
        commands.add_command(first);
        if let Some(second) = second {
            commands.add_command(second);
        }
        let ran = timeout_at(until, self.try_to_run(name, &commands, again)).await;
        let mut answers = ran.unwrap_or(Err(Trouble::Late))?.into_iter();
        let mut answer = || answers.next().unwrap_or(Value::Nil);
        Ok((answer(), answer()))
    }

    async fn try_to_run(
        &self,
        name: &str,
        commands: &Pipeline,
        mut again: bool,
    ) -> Result<Vec<Value>, Trouble> {
        let mut connection = self.lazy.get(|| self.connect()).await?.connection;
        let mut detours = 0;
        let mut asked = None;
        loop {
            let sent = match asked.take() {
                None => {
                    let route = Route::with_key(name, SlotAddr::Master);
                    let route = SingleNodeRoutingInfo::SpecificNode(route);
                    connection.route_pipeline(commands.clone(), 0, commands.len(), route).await
                }
                Some(node) => ask(&mut connection, commands, node).await,
            };
            let error = match sent {
                Ok(answers) => return Ok(answers),
                Err(error) => error,
            };
            match next(&error) {
                Next::AskOther(node) => asked = Some(node),
                Next::LookAgain => {}
                Next::Unknown if again => again = false,
                Next::Unknown | Next::GiveUp => return Err(Trouble::Driver(error)),
            }
            if detours == DETOURS {
                return Err(Trouble::Driver(error));
            }
            // The client learns where names are now, meanwhile.
            sleep(Duration::from_millis(5) * detours * detours).await;
            detours += 1;
        }
    }

    async fn connect(&self) -> Result<Live<ClusterConnection>, Trouble> {
        let connected = timeout(self.patience, self.client.get_async_connection()).await;
        let connection = connected.map_err(|_| Trouble::Late)??;
        // It sees to its connections itself.
        Ok(Live { connection, broken: Broken::default() })
    }
}

/// What is to be done about an error.
enum Next {
    /// A name is on its way to another node, which has it already.
    AskOther(SingleNodeRoutingInfo),
    /// Nobody has carried out the command: the name is elsewhere.
    LookAgain,
    /// The connection broke, and nobody knows.
    Unknown,
    GiveUp,
}

fn next(error: &RedisError) -> Next {
    match error.kind() {
        ErrorKind::Server(ServerErrorKind::Ask) => {
            let node = error.redirect_node().and_then(|(node, _)| node.rsplit_once(':'));
            let node = node.and_then(|(host, port)| Some((host.to_owned(), port.parse().ok()?)));
            node.map_or(Next::LookAgain, |(host, port)| {
                Next::AskOther(SingleNodeRoutingInfo::ByAddress { host, port })
            })
        }
        ErrorKind::Server(
            ServerErrorKind::Moved | ServerErrorKind::TryAgain | ServerErrorKind::ReadOnly,
        )
        | ErrorKind::ClusterConnectionNotFound => Next::LookAgain,
        _ if error.is_connection_refusal() => Next::LookAgain,
        ErrorKind::Io => Next::Unknown,
        _ => Next::GiveUp,
    }
}

/// Asks a node for a name that is only on its way to it: each command must say that it knows.
async fn ask(
    connection: &mut ClusterConnection,
    commands: &Pipeline,
    node: SingleNodeRoutingInfo,
) -> RedisResult<Vec<Value>> {
    let mut asking = Pipeline::with_capacity(2 * commands.len());
    for command in commands.cmd_iter() {
        asking.add_command(cmd("ASKING")).add_command(command.clone());
    }
    let answers = connection.route_pipeline(asking, 0, 2 * commands.len(), node).await?;
    Ok(answers.into_iter().skip(1).step_by(2).collect())
}
