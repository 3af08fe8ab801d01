//! Conditions in Kubernetes' style: what `status`, the probes and the logs speak of, and nothing else.

use crate::core::Moment;

/// What a condition is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The host's address was found.
    AddressKnown,
    /// The configuration the agent runs with is what it was last given.
    ConfigGood,
    /// The agent's process lives.
    AgentRunning,
    /// The agent knows a leader.
    Joined,
    /// The catalog's entry under our name is our own.
    IdentityHeld,
    /// The catalog shows the registration.
    Registered,
    /// All of the above that applications rely on.
    Ready,
}

impl Kind {
    /// All of them, in the order in which they come true.
    pub const ALL: [Self; 7] = [
        Self::AddressKnown,
        Self::ConfigGood,
        Self::AgentRunning,
        Self::Joined,
        Self::IdentityHeld,
        Self::Registered,
        Self::Ready,
    ];

    /// The name, as `status` prints it.
    pub fn name(self) -> &'static str {
        match self {
            Self::AddressKnown => "AddressKnown",
            Self::ConfigGood => "ConfigGood",
            Self::AgentRunning => "AgentRunning",
            Self::Joined => "Joined",
            Self::IdentityHeld => "IdentityHeld",
            Self::Registered => "Registered",
            Self::Ready => "Ready",
        }
    }
}

/// Whether a condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not.
    False,
    /// Nobody could tell.
    Unknown,
}

impl Truth {
    /// The name, as `status` prints it.
    pub fn name(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// One condition as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// What it is about.
    pub kind: Kind,
    /// Whether it holds.
    pub truth: Truth,
    /// Why, as one word in CamelCase.
    pub reason: &'static str,
    /// Why, as a sentence.
    pub message: String,
    /// Since when it has been so (the truth, not the message).
    pub since: Moment,
}

/// All conditions.
#[derive(Debug, Clone)]
pub struct Conditions([Condition; Kind::ALL.len()]);

impl Default for Conditions {
    fn default() -> Self {
        Self(Kind::ALL.map(|kind| Condition {
            kind,
            truth: Truth::Unknown,
            reason: "NotYet",
            message: String::new(),
            since: Moment::ZERO,
        }))
    }
}

impl Conditions {
    /// Sets a condition; `since` moves only where the truth changes. Says whether it did.
    pub fn set(
        &mut self,
        now: Moment,
        kind: Kind,
        truth: Truth,
        reason: &'static str,
        message: impl Into<String>,
    ) -> bool {
        let condition = &mut self.0[kind as usize];
        let changed = condition.truth != truth;
        if changed {
            condition.since = now;
        }
        condition.truth = truth;
        condition.reason = reason;
        condition.message = message.into();
        changed
    }

    /// Whether a condition is known to hold.
    pub fn holds(&self, kind: Kind) -> bool {
        self.0[kind as usize].truth == Truth::True
    }

    /// One of them.
    pub fn get(&self, kind: Kind) -> &Condition {
        &self.0[kind as usize]
    }

    /// All of them, in the order of [`Kind::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = &Condition> {
        self.0.iter()
    }
}
