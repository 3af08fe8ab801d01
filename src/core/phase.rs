//! The phases of an agent's life.

use std::fmt;

/// Where in its life the agent is. There is one at a time; [`crate::core::conditions`] say the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Looking for the host's address.
    Addressing,
    /// Writing what the agent will read.
    Staging,
    /// The process was started and its API does not answer yet.
    Starting,
    /// The API answers; a leader and the registration are not seen yet, or were lost.
    Joining,
    /// In the cluster, with its registration in the catalog.
    Ready,
    /// A reload was asked for and is not answered yet.
    Reloading,
    /// Between a crash and the next start.
    Backoff,
    /// A leave was asked for, or the agent runs only to leave as what it was; it is still there.
    Leaving,
    /// Stopping without a leave, or killed at the end of the budget.
    Stopping,
    /// Nothing is left to do.
    Exited,
}

impl Phase {
    /// The phase's name as `lictor status` prints it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Addressing => "Addressing",
            Self::Staging => "Staging",
            Self::Starting => "Starting",
            Self::Joining => "Joining",
            Self::Ready => "Ready",
            Self::Reloading => "Reloading",
            Self::Backoff => "Backoff",
            Self::Leaving => "Leaving",
            Self::Stopping => "Stopping",
            Self::Exited => "Exited",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
