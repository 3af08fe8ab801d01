//! Whether an agent leaves or stays, and in which way.

use crate::core::machine::{Machine, OnStop};
use crate::core::signal::{SIGINT, SIGKILL, SIGTERM};

/// A way to ask an agent for a leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::core) enum Way {
    Terminate,
    Interrupt,
    Http,
}

impl Way {
    pub(in crate::core) fn name(self) -> &'static str {
        match self {
            Self::Terminate => "SIGTERM",
            Self::Interrupt => "SIGINT",
            Self::Http => "PUT /v1/agent/leave",
        }
    }

    /// The signal, where it is one.
    pub(in crate::core) fn signal(self) -> Option<i32> {
        match self {
            Self::Terminate => Some(SIGTERM),
            Self::Interrupt => Some(SIGINT),
            Self::Http => None,
        }
    }
}

impl Machine {
    /// What SIGTERM and SIGINT to lictor do: what the user said, else a client leaves and a server stays, as Consul itself
    /// has it (a server that left would take its vote with it at every update).
    pub(in crate::core) fn on_stop(&self) -> OnStop {
        let usual = if self.is_server() {
            OnStop::Stay
        } else {
            OnStop::Leave
        };
        self.config.on_stop.unwrap_or(usual)
    }

    /// The agent's own word, else what its command line and files say.
    pub(in crate::core) fn is_server(&self) -> bool {
        self.facts.server.unwrap_or(self.config.server)
    }

    /// The signal that is a leave by the agent's configuration, if any is.
    pub(in crate::core) fn leaving_signal(&self) -> Option<Way> {
        let usual = !self.is_server();
        let on_terminate = self.facts.leaves_on_terminate.unwrap_or(usual);
        let on_interrupt = self.facts.leaves_on_interrupt.unwrap_or(usual);
        match (on_terminate, on_interrupt) {
            (true, _) => Some(Way::Terminate),
            (false, true) => Some(Way::Interrupt),
            (false, false) => None,
        }
    }

    /// How this agent would be asked for a leave now, and why so. `status` tells it before it is needed.
    pub(in crate::core) fn way_to_leave(&self) -> (Way, &'static str) {
        let takes_signals = self.start.was_ready || !self.config.api;
        match (takes_signals, self.leaving_signal()) {
            (true, Some(way @ Way::Terminate)) => (way, "which is a leave by its configuration"),
            (true, Some(way)) => (
                way,
                "since leave_on_terminate is off and skip_leave_on_interrupt is too",
            ),
            // Nobody would take the PUT, and its answer would be waited for until the kill.
            (true, None) if !self.config.api => (
                Way::Terminate,
                "which ends it, since no signal is a leave by its configuration and it has no API",
            ),
            (true, None) => (Way::Http, "since no signal is a leave by its configuration"),
            (false, _) => (
                Way::Http,
                "since an agent that is not ready yet may swallow a signal",
            ),
        }
    }

    /// What to try where the first way did not begin a leave.
    pub(in crate::core) fn other_way(&self, first: Way) -> Way {
        match first {
            Way::Http => self.leaving_signal().unwrap_or(Way::Http),
            Way::Terminate | Way::Interrupt if self.config.api => Way::Http,
            way => way,
        }
    }

    /// The signal that ends this agent at once and without a leave.
    pub(in crate::core) fn staying_signal(&self) -> (i32, &'static str) {
        // Only what the agent said itself is believed: where it is wrong, the agent would leave after all.
        let told = self.start.was_ready && self.start.told;
        if self.zombie.is_lost() {
            (
                SIGTERM,
                "SIGTERM, which is no leave of an agent that is no member",
            )
        } else if told && self.facts.leaves_on_terminate == Some(false) {
            (SIGTERM, "SIGTERM, which is no leave by its configuration")
        } else if told && self.facts.leaves_on_interrupt == Some(false) {
            (SIGINT, "SIGINT, which is no leave by its configuration")
        } else {
            (SIGKILL, "SIGKILL, since it would leave on SIGTERM")
        }
    }
}
