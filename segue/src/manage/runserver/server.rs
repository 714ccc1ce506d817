//! The server: it listens until it is stopped.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::ServiceExt;
use axum::extract::Request;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::served::Served;
use crate::manage::shutdown::Shutdown;

/// A server that listens, on a task of its own.
pub(super) struct Server {
    task: JoinHandle<io::Result<()>>,
    stop: Arc<Notify>,
}

/// How it came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    /// Every request was answered.
    Whole,
    /// Somebody did not want to wait.
    AtOnce,
    /// Some requests took too long.
    Late,
}

impl Server {
    pub(super) fn start(listener: TcpListener, served: Served) -> Self {
        let stop = Arc::new(Notify::new());
        let stopping = Arc::clone(&stop);
        let task = tokio::spawn(async move {
            let served =
                ServiceExt::<Request>::into_make_service_with_connect_info::<SocketAddr>(served);
            axum::serve(listener, served)
                .with_graceful_shutdown(async move { stopping.notified().await })
                .await
        });
        Self { task, stop }
    }

    /// Returns when it has ended by itself.
    pub(super) async fn ended(&mut self) -> io::Result<()> {
        (&mut self.task).await?
    }

    /// Takes no more requests, and gives those that are under way so much time to end; who asks for
    /// the stop again does not wait.
    pub(super) async fn stop(
        &mut self,
        patience: Duration,
        shutdown: &mut Shutdown,
    ) -> io::Result<Stopped> {
        self.stop.notify_one();
        tokio::select! {
            ended = self.ended() => ended.map(|()| Stopped::Whole),
            again = shutdown.requested() => again.map(|()| Stopped::AtOnce),
            () = tokio::time::sleep(patience) => Ok(Stopped::Late),
        }
    }
}
