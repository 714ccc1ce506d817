//! The servers that the tests share: started once, stopped when the tests are over.

use std::thread;

use servers::shared::{Kind, Running};

use crate::report::Report;
use crate::setup::Setup;

/// They run until this is dropped, also by a panic; where we are killed, they end with us.
#[derive(Debug, Default)]
pub(crate) struct SharedServers {
    running: Vec<Running>,
}

impl SharedServers {
    /// Starts those that are installed and that the environment does not name, all at once. The
    /// tests of one that does not start are left out, after this failure.
    pub(crate) fn start(setup: &mut Setup, report: &mut Report) -> Self {
        let (named, kinds): (Vec<Kind>, _) =
            setup.servers.iter().partition(|kind| kind.named().is_some());
        for kind in named {
            println!("\n{} names a {kind} for the tests", kind.variable());
        }
        let mut running = Vec::new();
        report.step("servers for the tests to share", || {
            let mut reasons = Vec::new();
            for (kind, result) in start_all(&kinds) {
                match result {
                    Ok(server) => running.push(server),
                    Err(reason) => {
                        reasons.push(reason.clone());
                        setup.miss_server(&kind.to_string(), reason, kind);
                    }
                }
            }
            if reasons.is_empty() { Ok(()) } else { Err(reasons.join("\n")) }
        });
        Self { running }
    }

    /// What tells the tests where the servers are.
    pub(crate) fn environment(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.running.iter().map(|server| (server.kind().variable(), server.value()))
    }
}

fn start_all(kinds: &[Kind]) -> Vec<(Kind, Result<Running, String>)> {
    thread::scope(|scope| {
        let starts: Vec<_> =
            kinds.iter().map(|kind| (*kind, scope.spawn(move || kind.start()))).collect();
        let results = starts.into_iter().map(|(kind, start)| match start.join() {
            Ok(result) => (kind, result.map_err(|error| error.to_string())),
            Err(_) => (kind, Err(format!("the start of {kind} panicked"))),
        });
        results.collect()
    })
}
