//! What is found: each with its file, its key, what is wrong and what to do.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// What a finding would lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// A reload takes services out of agent and catalog, those registered through the API included.
    Loses,
    /// A reload fails halfway: services stay, and what comes after is not applied.
    Incomplete,
    /// Consul refuses all of it: a reload changes nothing, and the next start fails.
    Refused,
    /// A reload takes it, and the next start fails.
    StopsStart,
    /// A service takes the id of one that was registered through the API, which is lost for good once the file goes.
    Replaces,
    /// A change that a reload does not apply; a restart does.
    NeedsRestart,
    /// It works, and is hardly what was meant.
    Odd,
    /// lictor cannot judge it.
    Unjudged,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The configuration must not be applied.
    Error,
    /// It can be.
    Warning,
}

impl Effect {
    /// How bad that is.
    pub fn severity(self) -> Severity {
        match self {
            Self::Loses | Self::Incomplete | Self::Refused | Self::StopsStart | Self::Replaces => {
                Severity::Error
            }
            Self::NeedsRestart | Self::Odd | Self::Unjudged => Severity::Warning,
        }
    }
}

/// One thing that is wrong, or odd, with a configuration. It never holds the value of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it would lead to.
    pub effect: Effect,
    /// The configuration's file, as the user knows it.
    pub file: PathBuf,
    /// The path of the key in it, as in `services[2].check.http`; empty for the whole file.
    pub key: String,
    /// What is wrong, a fragment that reads after the key.
    pub what: String,
    /// What to do.
    pub fix: String,
}

impl Finding {
    /// How bad it is.
    pub fn severity(&self) -> Severity {
        self.effect.severity()
    }
}

/// `FILE: KEY: what; fix`.
impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: ", self.file.display())?;
        if !self.key.is_empty() {
            write!(formatter, "{}: ", self.key)?;
        }
        write!(formatter, "{}; {}", self.what, self.fix)
    }
}

/// Findings as they are collected.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) found: Vec<Finding>,
    /// Whether a file could not be read, so that what is in no other may be in that one.
    pub(super) partial: bool,
}

impl Findings {
    /// Adds what is wrong only because something is nowhere in the files.
    pub(super) fn add_missing(
        &mut self,
        effect: Effect,
        place: (&Path, &str),
        what: impl Into<String>,
        fix: impl Into<String>,
    ) {
        let effect = if self.partial {
            Effect::Unjudged
        } else {
            effect
        };
        self.add(effect, place, what, fix);
    }

    pub(super) fn add(
        &mut self,
        effect: Effect,
        (file, key): (&Path, &str),
        what: impl Into<String>,
        fix: impl Into<String>,
    ) {
        let finding = Finding {
            effect,
            file: file.to_owned(),
            key: key.to_owned(),
            what: what.into(),
            fix: fix.into(),
        };
        let is_known = |other: &Finding| {
            // One file may be named by several listeners; and what is wrong need not be said to need a restart, too.
            *other == finding
                || effect == Effect::NeedsRestart
                    && (&other.file, &other.key) == (&finding.file, &finding.key)
        };
        if !self.found.iter().any(is_known) {
            self.found.push(finding);
        }
    }
}
