//! Files that other users of the machine can read.

use std::path::Path;

use super::Finding;
use crate::settings::Settings;

pub(super) fn findings(settings: &Settings, settings_file: Option<&Path>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if settings.has_key_made_for_debug() && !settings.debug {
        findings.push(Finding::warning(
            "segue.W021",
            "SECRET_KEY",
            "SECRET_KEY is the one in secret_key.txt, which was made for DEBUG.",
            "it lies about in a developer's folder, and so in backups and images",
            "give SECRET_KEY another value, in the environment for example, and remove the file",
        ));
    }
    #[cfg(unix)]
    findings.extend(unix::findings(settings, settings_file));
    #[cfg(not(unix))]
    let _ = settings_file;
    findings
}

#[cfg(unix)]
mod unix {
    use std::path::Path;

    use super::Finding;
    use crate::engines::{FileStore, others_may_read};
    use crate::settings::{DatabaseUrl, SessionEngine, Settings};

    pub(super) fn findings(settings: &Settings, settings_file: Option<&Path>) -> Vec<Finding> {
        let mut findings = Vec::new();
        if settings.session.engine == SessionEngine::File
            && let Some(folder) = FileStore::folder_that_others_list(settings)
        {
            findings.push(Finding::warning(
                "segue.W004",
                "SESSION_FILE_PATH",
                format!(
                    "SESSION_FILE_PATH: other users of this machine can list {}.",
                    folder.display()
                ),
                "the names of its files are session ids: who knows one is that visitor",
                "a folder of your own (`mkdir -m 700`)",
            ));
        }
        if let Some(file) = settings_file.filter(|file| others_may_read(file)) {
            let secrets = Settings::secrets_in(file);
            if !secrets.is_empty() {
                findings.push(Finding::warning(
                    "segue.W019",
                    secrets.first().copied().unwrap_or_default(),
                    format!(
                        "Other users of this machine can read {}, which holds {}.",
                        file.display(),
                        secrets.join(", ")
                    ),
                    "who has the key can make sessions, and be anybody",
                    format!("`chmod 600 {}`, or keep secrets in the environment", file.display()),
                ));
            }
        }
        if let DatabaseUrl::Sqlite(path) = &settings.database_url
            && others_may_read(path)
        {
            findings.push(Finding::warning(
                "segue.W020",
                "DATABASE_URL",
                format!("Other users of this machine can read {}.", path.display()),
                "the sessions of all visitors and the hashes of all passwords are in it",
                format!("`chmod 600 {0} {0}-wal {0}-shm`, or a folder of mode 700", path.display()),
            ));
        }
        findings
    }
}
