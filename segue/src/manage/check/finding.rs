//! What `check` finds, and how it is told.

use clap::ValueEnum;
use serde::Serialize;

use crate::manage::output::{Results, ascii_json, bad, doubtful, good};
use crate::printable::printable;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// It works, and should not stay like this
    #[value(name = "WARNING")]
    Warning,
    /// It does not work
    #[value(name = "ERROR")]
    Error,
}

/// Something that an operator should look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) level: Level,
    /// Django's number for it where Django has one, and otherwise ours: docs/commands.md has all.
    pub(super) id: &'static str,
    /// The setting to look at.
    pub(super) setting: String,
    /// What it is, in a sentence that names the setting.
    pub(super) message: String,
    /// What can come of it.
    pub(super) risk: String,
    /// What to do.
    pub(super) mend: String,
}

impl Finding {
    pub(super) fn warning(
        id: &'static str,
        setting: impl Into<String>,
        message: impl Into<String>,
        risk: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self {
            level: Level::Warning,
            id,
            setting: setting.into(),
            message: message.into(),
            risk: risk.into(),
            mend: mend.into(),
        }
    }
}

/// A store that was asked.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Asked {
    pub(super) name: String,
    pub(super) answers: bool,
}

/// Everything that was found: these names stay.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) stores: Vec<Asked>,
    /// Where sessions are.
    pub(super) sessions: String,
    pub(super) findings: Vec<Finding>,
    /// How many findings `SILENCED_SYSTEM_CHECKS` keeps quiet.
    pub(super) silenced: usize,
}

impl Report {
    pub(super) fn write_json(&self) -> Result<(), Box<dyn std::error::Error>> {
        let mut out = Results::new();
        out.line(ascii_json(&serde_json::to_string(self)?))?;
        out.flush().map(drop)
    }

    pub(super) fn write(&self) -> Result<(), Box<dyn std::error::Error>> {
        let mut out = Results::new();
        for Asked { name, answers } in &self.stores {
            let name = printable(name);
            if *answers {
                out.line(format_args!("{name} {}", good("answers.")))?;
            } else {
                out.line(format_args!("{name} {}", bad("FAILS.")))?;
            }
        }
        out.line(format_args!("Sessions are {}.", printable(&self.sessions)))?;
        for finding in &self.findings {
            let Finding { id, message, risk, mend, .. } = finding;
            let (message, risk, mend) = (printable(message), printable(risk), printable(mend));
            match finding.level {
                Level::Warning => {
                    out.line(format_args!("{} {message} ({id})", doubtful("warning:")))?
                }
                Level::Error => out.line(format_args!("{} {message} ({id})", bad("error:")))?,
            };
            out.line(format_args!("  risk: {risk}"))?;
            out.line(format_args!("  mend: {mend}"))?;
        }
        let silenced = match self.silenced {
            0 => String::new(),
            silenced => format!(" ({silenced} silenced)"),
        };
        match self.findings.len() {
            0 => out.line(format_args!("{}{silenced}", good("No issues found.")))?,
            1 => out.line(format_args!("1 issue found.{silenced}"))?,
            n => out.line(format_args!("{n} issues found.{silenced}"))?,
        };
        out.flush().map(drop)
    }
}
