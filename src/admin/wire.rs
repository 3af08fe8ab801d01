//! What is said over the control socket, and what `status --json` prints. Pure.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::core::Moment;
use crate::core::action::{Level, ReloadOutcome};
use crate::core::candidate::{Applied, News};
use crate::core::status::Status;

/// All that a running lictor knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// lictor's version.
    pub version: String,
    /// lictor's process id, in its own PID namespace.
    pub pid: u32,
    /// The phase.
    pub phase: String,
    /// Since when, as RFC 3339.
    pub phase_since: String,
    /// The host's address.
    pub address: Option<Address>,
    /// The agent.
    pub agent: Agent,
    /// What the agent reads, unless it reads the user's own directories.
    pub stage: Option<Stage>,
    /// The registration.
    pub registration: Registration,
    /// Reloads.
    pub reload: Reload,
    /// What SIGTERM would do: `leave` or `stay`.
    pub on_stop: String,
    /// How a leave would be asked for.
    pub leave: Leave,
    /// The conditions.
    pub conditions: Vec<Condition>,
}

/// The host's address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Address {
    /// The address.
    pub ip: String,
    /// Its interface.
    pub interface: Option<String>,
    /// Why this one.
    pub reason: String,
}

/// The agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Agent {
    /// Its process id, while it runs.
    pub pid: Option<i32>,
    /// Its command, with the paths as they were typed.
    pub command: Vec<String>,
    /// Its version, once it has told.
    pub version: Option<String>,
    /// Its name in the catalog.
    pub node_name: String,
    /// Its node id, once it has told.
    pub node_id: Option<String>,
    /// Its datacenter, once it has told.
    pub datacenter: Option<String>,
    /// How often it was restarted.
    pub restarts: u32,
    /// How many dead twins of it were taken out of the catalog.
    #[serde(default)]
    pub healed: u32,
    /// Where its API is, if it has one.
    pub http: Option<String>,
}

/// What the agent reads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// The directory by which it reads it, the same all the time.
    pub path: String,
    /// The number of the snapshot that is there now.
    pub generation: u64,
    /// The snapshot that was rejected or taken back last, to be looked at, until a good reload.
    pub rejected: Option<String>,
}

/// The registration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Registration {
    /// The directory handed to the agent.
    pub path: Option<String>,
    /// The ids of the services.
    pub services: Vec<String>,
}

/// Reloads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reload {
    /// Whether one waits until the agent can take it.
    pub pending: bool,
    /// How many there were.
    pub count: u32,
    /// How the last one went.
    pub last: Option<String>,
}

/// How a leave would be asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Leave {
    /// The way.
    pub method: String,
    /// Why this one.
    pub reason: String,
}

/// One condition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// What it is about.
    #[serde(rename = "type")]
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// Why, in a word.
    pub reason: String,
    /// Why, in a sentence.
    pub message: String,
    /// Since when, as RFC 3339.
    pub since: String,
}

impl Report {
    /// Whether a condition holds.
    pub fn condition(&self, kind: &str) -> Option<&Condition> {
        self.conditions
            .iter()
            .find(|condition| condition.kind == kind)
    }
}

/// The outcome of `POST /reload`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReloadReport {
    /// Whether it worked, or would, as far as can be known.
    pub ok: bool,
    /// What happened, in a word: `unchanged`, `reloaded`, `signaled`, `rejected`, `rolled back` or `failed`; of a judgement alone
    /// `unchanged`, `good`, `rejected` or `failed`.
    #[serde(default)]
    pub outcome: String,
    /// What happened, in a sentence.
    pub message: String,
    /// What is odd about the configuration, or could not be judged.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// Why the configuration was rejected: file, key, what is wrong and the fix of each fault.
    #[serde(default)]
    pub faults: Vec<String>,
    /// What is new, another or gone.
    #[serde(default)]
    pub changes: Vec<Changed>,
    /// The keys that only a restart of the agent applies, with their files.
    #[serde(default)]
    pub needs_restart: Vec<String>,
    /// Whether the agent was restarted for them.
    #[serde(default)]
    pub restarted: bool,
}

/// Something that a reload has added, changed or removed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Changed {
    /// `service`, `check` or `key`.
    pub kind: String,
    /// Its id, or the key's path.
    pub name: String,
    /// `added`, `changed` or `removed`.
    pub change: String,
}

/// Makes a report of an outcome.
pub fn reload_report(outcome: &ReloadOutcome) -> ReloadReport {
    let nothing = Applied::default();
    let (applied, faults) = match outcome {
        ReloadOutcome::Reloaded(applied)
        | ReloadOutcome::Judged(applied)
        | ReloadOutcome::Signaled(applied, _) => (applied, &[][..]),
        ReloadOutcome::Rejected(faults) => (&nothing, faults.as_slice()),
        _ => (&nothing, &[][..]),
    };
    let changed = |news: &News| Changed {
        kind: news.kind.to_owned(),
        name: news.name.clone(),
        change: news.how.to_owned(),
    };
    ReloadReport {
        ok: outcome.is_good(),
        outcome: outcome.name().to_owned(),
        message: outcome.to_string(),
        warnings: applied.odd.clone(),
        faults: faults.to_vec(),
        changes: applied.news.iter().map(changed).collect(),
        needs_restart: applied.restart.clone(),
        restarted: applied.restarted,
    }
}

/// One line of the answer to `POST /leave` and `POST /stop`, which comes when it happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Progress {
    /// lictor says something.
    Told {
        /// `info`, `warn` or `error`.
        level: String,
        /// What it says.
        text: String,
    },
    /// lictor ends: the last line.
    Exit {
        /// Its exit code.
        code: u8,
        /// Why; empty where there is nothing to tell.
        reason: String,
    },
}

impl Progress {
    /// What lictor says, with the name of its level.
    pub fn told(level: Level, text: &str) -> Self {
        let level = match level {
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Info => "info",
            Level::Debug => "debug",
        };
        Self::Told {
            level: level.to_owned(),
            text: text.to_owned(),
        }
    }

    /// As a line of JSON.
    pub fn line(&self) -> String {
        // It holds nothing that JSON cannot.
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }
}

/// What the core does not know of the agent.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// lictor's start, from which moments count.
    pub started: SystemTime,
    /// The agent's command.
    pub command: Vec<String>,
    /// Where its API is.
    pub http: Option<String>,
    /// What it reads, if that is a snapshot.
    pub stage: Option<Stage>,
}

/// Makes a report of a status.
pub fn report(status: &Status<'_>, around: &Surroundings) -> Report {
    let time =
        |moment: Moment| humantime::format_rfc3339_millis(around.started + moment).to_string();
    let told = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Report {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        phase: status.phase.to_string(),
        phase_since: time(status.phase_since),
        address: status.address.map(|address| Address {
            ip: address.ip.to_string(),
            interface: address.interface.clone(),
            reason: address.reason.clone(),
        }),
        agent: Agent {
            pid: status.pid,
            command: around.command.clone(),
            version: told(&status.facts.version),
            node_name: status.facts.node_name.clone(),
            node_id: told(&status.facts.node_id),
            datacenter: told(&status.facts.datacenter),
            restarts: status.restarts,
            healed: status.healed,
            http: around.http.clone(),
        },
        stage: around.stage.clone(),
        registration: Registration {
            path: status.staged.directory.clone(),
            services: status.staged.services.clone(),
        },
        reload: Reload {
            pending: status.reload_pending,
            count: status.reloads,
            last: status.last_reload.clone(),
        },
        on_stop: status.on_stop.name().to_owned(),
        leave: Leave {
            method: status.leave_by.to_owned(),
            reason: status.leave_why.to_owned(),
        },
        conditions: status
            .conditions
            .iter()
            .map(|condition| Condition {
                kind: condition.kind.name().to_owned(),
                status: condition.truth.name().to_owned(),
                reason: condition.reason.to_owned(),
                message: condition.message.clone(),
                since: time(condition.since),
            })
            .collect(),
    }
}
