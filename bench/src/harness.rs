//! What measures: the servers' processes, the load, the stores, the machine.

pub(crate) mod client;
pub(crate) mod load;
pub(crate) mod machine;
pub(crate) mod process;
pub(crate) mod programs;
mod redis;
pub(crate) mod server;
pub(crate) mod stores;
pub(crate) mod tools;
pub(crate) mod trace;

use std::process::Command;

use crate::Result;
use crate::catalogue::Contender;
use programs::Programs;
use server::Server;
use stores::{Place, Stores};

/// The programs, the stores, and where servers run.
#[derive(Debug, Default)]
pub(crate) struct Harness {
    pub(crate) programs: Programs,
    pub(crate) stores: Stores,
    pub(crate) is_pinned: bool,
}

impl Harness {
    /// Builds and installs what the servers need, before anything is pinned or measured; those that can
    /// be started.
    pub(crate) fn prepare(
        &mut self,
        contenders: impl IntoIterator<Item = Contender>,
        failures: &mut Vec<(String, String)>,
    ) -> Vec<Contender> {
        let (mut able, mut unable) = (Vec::new(), Vec::new());
        for contender in contenders {
            if able.contains(&contender) || unable.contains(&contender) {
                continue;
            }
            let counting = self.programs.counting_command(&contender).map(drop);
            match self.programs.command(&contender).and(counting) {
                Ok(()) => able.push(contender),
                Err(error) => {
                    failures.push((contender.name.to_owned(), error.to_string()));
                    unable.push(contender);
                }
            }
        }
        able
    }

    /// Starts a server on an empty store.
    pub(crate) fn start(&mut self, contender: &Contender) -> Result<Server> {
        let command = self.programs.command(contender)?;
        let place = self.stores.place(contender.store)?;
        self.start_there(contender, &command, place)
    }

    /// How many bytes its sessions take, and whatever else is there: in its own memory or in its store.
    pub(crate) fn bytes(&self, server: &Server) -> Result<u64> {
        let stored = self.stores.bytes(&server.place)?;
        if stored.is_empty() {
            return server.resident();
        }
        Ok(stored.iter().map(|(_, bytes)| bytes).sum())
    }

    /// Starts a server whose allocations are counted; nothing where they cannot be.
    pub(crate) fn start_counting(&mut self, contender: &Contender) -> Result<Option<Server>> {
        let Some(command) = self.programs.counting_command(contender)? else { return Ok(None) };
        let place = self.stores.place(contender.store)?;
        Ok(Some(self.start_there(contender, &command, place)?))
    }

    fn start_there(
        &self,
        contender: &Contender,
        command: &Command,
        place: Place,
    ) -> Result<Server> {
        let command = machine::pinned(command, self.is_pinned);
        Server::start(*contender, command, place)
    }
}
