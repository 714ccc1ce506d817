//! Proofs by `cargo tree`: what a build without a feature does not bring along.

use std::collections::BTreeSet;

use crate::report::Report;
use crate::steps::{cargo_command, output};

struct Proof {
    features: &'static str,
    absent: &'static [&'static [&'static str]],
    /// What must be there, so that a proof with a mistyped name or an empty tree fails.
    present: &'static [&'static str],
}

/// What only some stores need.
const STORES: &[&str] =
    &["sqlx-postgres", "sqlx-mysql", "redis", "async-memcached", "chacha20poly1305"];

/// What only the commands need.
const COMMANDS: &[&str] = &["clap", "indicatif", "tracing-subscriber"];

/// What only pages need.
const PAGES: &[&str] = &["minijinja"];

/// What only logins need.
const PASSWORDS: &[&str] = &["argon2", "bcrypt", "pbkdf2", "scrypt"];

const PROOFS: &[Proof] = &[
    Proof {
        features: "--no-default-features",
        absent: &[STORES, COMMANDS, PAGES, PASSWORDS, &["axum", "sqlx", "hyper", "rustls"]],
        present: &["tower-layer", "http"],
    },
    Proof {
        features: "--no-default-features --features axum",
        absent: &[STORES, COMMANDS, PAGES, PASSWORDS, &["sqlx", "rustls"]],
        present: &["axum"],
    },
    Proof {
        features: "",
        absent: &[STORES, COMMANDS, PAGES, PASSWORDS, &["rustls"]],
        present: &["axum", "sqlx-sqlite"],
    },
    Proof {
        features: "--no-default-features --features postgres",
        absent: &[COMMANDS, PASSWORDS, &["redis", "sqlx-mysql", "sqlx-sqlite", "axum"]],
        present: &["sqlx-postgres", "rustls"],
    },
    Proof {
        features: "--no-default-features --features redis",
        absent: &[COMMANDS, &["sqlx", "async-memcached", "axum"]],
        present: &["redis", "rustls", "hashlink"],
    },
    Proof {
        features: "--no-default-features --features auth",
        absent: &[COMMANDS, PAGES, &["sqlx-postgres", "sqlx-mysql", "redis", "rustls"]],
        present: PASSWORDS,
    },
    // What a new project has.
    Proof {
        features: "--features manage,templates",
        absent: &[STORES, PASSWORDS, &["rustls"]],
        present: &["clap", "minijinja", "sqlx-sqlite"],
    },
    Proof {
        features: "--all-features",
        absent: &[],
        present: &[
            "axum",
            "clap",
            "indicatif",
            "tracing-subscriber",
            "sqlx-sqlite",
            "sqlx-postgres",
            "sqlx-mysql",
            "redis",
            "async-memcached",
            "hashlink",
            "chacha20poly1305",
            "minijinja",
            "argon2",
            "bcrypt",
            "pbkdf2",
            "scrypt",
        ],
    },
];

pub(crate) fn run(report: &mut Report) {
    for proof in PROOFS {
        let features = if proof.features.is_empty() { "by default" } else { proof.features };
        report.step(&format!("cargo tree, segue {features}"), || {
            let arguments = "tree -p segue -e normal --prefix none --format {p}";
            let mut command = cargo_command(arguments);
            let tree = output(command.args(proof.features.split_whitespace()))?;
            proof.check(&tree)
        });
    }
}

impl Proof {
    fn check(&self, tree: &str) -> Result<(), String> {
        let crates: BTreeSet<&str> =
            tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
        let intruders: Vec<&str> = crates
            .iter()
            .copied()
            .filter(|name| self.absent.iter().copied().flatten().any(|family| is_of(name, family)))
            .collect();
        if !intruders.is_empty() {
            return Err(format!("brings {}", intruders.join(", ")));
        }
        match self.present.iter().find(|name| !crates.contains(**name)) {
            Some(name) => Err(format!("does not bring {name}: the proof looks at the wrong tree")),
            None => Ok(()),
        }
    }
}

/// `sqlx-core` is of the family `sqlx`.
fn is_of(name: &str, family: &str) -> bool {
    name.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_intruder_is_found_and_so_is_an_empty_tree() {
        let proof = Proof { features: "", absent: &[&["sqlx"]], present: &["http"] };
        assert!(proof.check("segue v0.1.0\nhttp v1.0.0\nsqlxtra v1.0.0\n").is_ok());
        assert!(proof.check("http v1.0.0\nsqlx-core v0.9.0\n").unwrap_err().contains("sqlx-core"));
        assert!(proof.check("").is_err());
    }
}
