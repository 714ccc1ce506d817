//! What works and is not safe in production.

mod cookies;
mod files;
mod keys;
mod network;
mod passwords;
mod proxies;
mod sessions;
#[cfg(test)]
mod tests;

use std::path::Path;

use super::finding::Finding;
use crate::settings::Settings;

/// What Django's `check --deploy` says of the settings that we have, and what we say of ours.
///
/// Source: `base.py`, `csrf.py` and `sessions.py` in `django/core/checks/security`.
pub(super) fn findings(settings: &Settings, settings_file: Option<&Path>) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(keys::findings(settings));
    findings.extend(cookies::findings(settings));
    findings.extend(sessions::findings(settings));
    findings.extend(proxies::findings(settings));
    findings.extend(passwords::findings(settings));
    findings.extend(network::findings(settings));
    findings.extend(files::findings(settings, settings_file));
    findings
}
