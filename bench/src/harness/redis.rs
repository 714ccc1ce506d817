//! A server of Redis' kind, and who has which of its databases.

use std::sync::{Arc, Weak};

use servers::{Redis, RedisOptions};

use crate::Result;

/// It has so many databases by default.
const DATABASES: usize = 16;

/// A server that is started when it is first needed. It keeps its data in memory alone.
#[derive(Debug, Default)]
pub(super) struct RedisServer {
    options: RedisOptions,
    server: Option<Redis>,
    /// Who has each database, of those that were given to somebody.
    owners: Vec<Weak<()>>,
}

/// Nobody else gets a database while this is there.
pub(super) type Owner = Arc<()>;

impl RedisServer {
    pub(super) fn new(options: RedisOptions) -> Self {
        Self { options, ..Self::default() }
    }

    pub(super) fn started(&mut self) -> Result<&Redis> {
        match &mut self.server {
            Some(server) => Ok(server),
            slot => Ok(slot.insert(self.options.clone().start()?)),
        }
    }

    /// What was started already.
    pub(super) fn running(&self) -> Result<&Redis> {
        self.server.as_ref().ok_or_else(|| "Redis was not started".into())
    }

    /// The URL of a database that nobody has, empty. It is emptied where somebody had it before, and only then:
    /// all who keep copies of what is in Redis forget them at that.
    pub(super) fn database(&mut self) -> Result<(String, Owner)> {
        let url = self.started()?.url();
        let owner = Owner::default();
        let number = match self.owners.iter().position(|one| one.strong_count() == 0) {
            Some(number) => {
                self.started()?.cli(&["-n", &number.to_string(), "FLUSHDB", "SYNC"])?;
                number
            }
            None => self.owners.len(),
        };
        if number >= DATABASES {
            return Err(format!("{DATABASES} servers have all databases of Redis'").into());
        }
        match self.owners.get_mut(number) {
            Some(slot) => *slot = Arc::downgrade(&owner),
            None => self.owners.push(Arc::downgrade(&owner)),
        }
        Ok((format!("{url}/{number}"), owner))
    }

    /// A number that the server tells about itself.
    pub(super) fn number(&self, section: &str, name: &str) -> Result<u64> {
        super::stores::line_of(&self.running()?.cli(&["INFO", section])?, name)
    }

    /// Its version, as it calls itself in this line.
    pub(super) fn version(&self, name: &str) -> Option<String> {
        let info = self.server.as_ref()?.cli(&["INFO", "server"]).unwrap_or_default();
        let version = info.lines().find_map(|line| line.strip_prefix(name));
        Some(version.unwrap_or_default().trim().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `cargo xtask test` leaves it out where there is no Redis.
    mod redis {
        use super::*;

        #[test]
        fn a_database_is_one_servers_alone_and_empty() {
            let mut server = RedisServer::default();
            let mut all: Vec<_> = (0..DATABASES).map(|_| server.database().unwrap()).collect();
            let urls: std::collections::BTreeSet<_> = all.iter().map(|(url, _)| url).collect();
            assert_eq!(urls.len(), DATABASES);
            assert!(server.database().unwrap_err().to_string().contains("all databases"));
            let (gone, _) = all.remove(5);
            let (_, number) = gone.rsplit_once('/').unwrap();
            let redis = server.running().unwrap();
            redis.cli(&["-n", number, "SET", "somebody", "else's"]).unwrap();
            let (again, _owner) = server.database().unwrap();
            assert_eq!(again, gone);
            let left = server.running().unwrap().cli(&["-n", number, "DBSIZE"]).unwrap();
            assert_eq!(left.trim(), "0");
        }
    }
}
