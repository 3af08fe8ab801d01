//! Options whose values are words of a list.

use clap::ValueEnum;

/// `--family`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Family {
    /// IPv4
    #[value(name = "4")]
    V4,
    /// IPv6
    #[value(name = "6")]
    V6,
}

/// `--restart`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Restart {
    /// Start it again, with back-off
    OnFailure,
    /// End with its exit code
    Never,
}

/// `--on-stop`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnStop {
    /// Leave the cluster
    Leave,
    /// Stop without a leave: a quick restart keeps every service in place
    Stay,
}

/// `--on-unreloadable`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnUnreloadable {
    /// Say so
    Warn,
    /// Restart the agent without a leave, with every service in place
    Restart,
}

/// `--on-rename`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnRename {
    /// The node keeps its old name, unless its own configuration says another
    Keep,
    /// The node gets the new one, and leaves under the old one first
    Adopt,
    /// End with 113
    Refuse,
}

/// `--node-id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeId {
    /// What it was.
    Keep,
    /// It follows from the host's machine-id.
    Machine,
    /// This one.
    Id(String),
}

/// `--on-conflict`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnConflict {
    /// Take it out of the catalog
    Heal,
    /// Say so
    Report,
}

/// `--check-status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CheckStatus {
    /// Passing
    Passing,
    /// Warning
    Warning,
    /// Critical, as Consul has it where nothing is said
    Critical,
}

/// `--log-level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// What was wanted and did not happen
    Error,
    /// And what is odd
    Warn,
    /// And the normal course
    Info,
    /// And lictor's inner life
    Debug,
}

/// `--log-format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people
    Text,
    /// For machines, an object a line
    Json,
}
