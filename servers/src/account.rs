//! Whom a server runs as.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use crate::error::{Error, Result};

/// The user of a server that refuses to be root; nobody else than we are, where we are not root.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Account {
    ids: Option<(u32, u32)>,
}

impl Account {
    /// That user, if we are root and have to become somebody.
    pub(crate) fn other_than_root(name: &str) -> Result<Self> {
        let ourselves = fs::metadata("/proc/self").map_err(Error::of("read /proc/self"))?;
        if ourselves.uid() != 0 {
            return Ok(Self::default());
        }
        let users = fs::read_to_string("/etc/passwd").map_err(Error::of("read /etc/passwd"))?;
        let ids = find(&users, name);
        let ids = ids.ok_or_else(|| Error::new(format!("there is no user {name}")))?;
        Ok(Self { ids: Some(ids) })
    }

    /// Lets the command run as this user.
    pub(crate) fn apply(self, command: &mut Command) {
        if let Some((user, group)) = self.ids {
            command.uid(user).gid(group);
        }
    }

    /// Gives a file or a folder to this user.
    pub(crate) fn give(self, path: &Path) -> Result<()> {
        let Some((user, group)) = self.ids else { return Ok(()) };
        chown(path, Some(user), Some(group)).map_err(Error::of(format!("give {}", path.display())))
    }
}

/// `name:x:uid:gid:…`
fn find(users: &str, name: &str) -> Option<(u32, u32)> {
    let mut fields = users.lines().map(|line| line.split(':')).find_map(|mut fields| {
        let found = fields.next() == Some(name);
        found.then_some(fields)
    })?;
    Some((fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_the_whole_name() {
        let users = "root:x:0:0:root:/root:/bin/sh\nmysqld:x:1:2::/:\nmysql:x:102:105:,,:/:/x\n";
        assert_eq!(find(users, "mysql"), Some((102, 105)));
        assert_eq!(find(users, "sql"), None);
    }
}
