//! What a situation consists of, and the words to write one down.

use std::time::Duration;

/// The first life's end, what is different afterwards, and what must be so in the end.
#[derive(Debug, Clone)]
pub struct Situation {
    /// What happens, in one line.
    pub name: &'static str,
    /// How the first life ends.
    pub(super) end: End,
    /// What is different afterwards.
    pub(super) changes: Vec<Change>,
    /// lictor's options, in both lives.
    pub(super) options: &'static [&'static str],
    /// The bare agent's arguments, in both lives.
    pub(super) arguments: &'static [&'static str],
    /// Whether a bare agent can be put into this situation.
    pub(super) for_bare: bool,
    /// Whether the node must have the id of its first life under lictor.
    pub(super) keeps_id: bool,
    /// Whether the node must have the name of its first life, whatever its host is called.
    pub(super) keeps_name: bool,
    /// What disturbs the second life.
    pub(super) meanwhile: Option<Meanwhile>,
    /// Whether lictor can know both names, so that the catalog may never hold both.
    pub(super) never_both: bool,
}

/// How the first life ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// All of it is killed, as by a lost power supply.
    Kill,
    /// SIGTERM, which is a leave.
    Leave,
    /// Not at all: what changes does so while it lives.
    Never,
    /// Only its agent is killed, once all has changed; lictor lives.
    AgentDies,
}

/// What disturbs the second life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meanwhile {
    /// It is killed while it leaves as what the node was before, and a third one begins.
    KilledAgain,
    /// Nobody reaches the server for so long.
    ServerAway(Duration),
}

/// What is different in the second life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// The file `node-id` holds this.
    NodeId(&'static str),
    /// The file `node-id` is gone.
    NoNodeId,
    /// The data directory is empty.
    DataLost,
    /// The host has another name.
    Renamed,
    /// The host has another address.
    Moved,
    /// The host's address goes, and comes back after a while.
    Away(Duration),
}

impl Situation {
    /// What must end with one node, one id and one name under lictor, its id and its service kept.
    fn new(name: &'static str, end: End, changes: &[Change]) -> Self {
        let renamed = changes.contains(&Change::Renamed);
        let lost = changes.contains(&Change::DataLost);
        Self {
            name,
            end,
            changes: changes.to_vec(),
            options: &[],
            arguments: &[],
            for_bare: true,
            keeps_id: !lost,
            keeps_name: false,
            meanwhile: None,
            // Where the data are lost, nobody knows the former name any more; but after a leave there is none.
            never_both: renamed && (!lost || end == End::Leave),
        }
    }

    /// A first life that is killed.
    pub(super) fn killed(name: &'static str, changes: &[Change]) -> Self {
        Self::new(name, End::Kill, changes)
    }

    /// A first life that leaves.
    pub(super) fn left(name: &'static str, changes: &[Change]) -> Self {
        Self::new(name, End::Leave, changes)
    }

    /// One life, and what happens meanwhile.
    pub(super) fn lives(name: &'static str, changes: &[Change]) -> Self {
        Self::new(name, End::Never, changes)
    }

    /// An agent that dies under a living lictor, which has to start it again.
    pub(super) fn agent_dies(name: &'static str, changes: &[Change]) -> Self {
        Self::new(name, End::AgentDies, changes).lictor_only()
    }

    /// What happens meanwhile.
    pub(super) fn while_it_starts(self, meanwhile: Meanwhile) -> Self {
        Self {
            meanwhile: Some(meanwhile),
            ..self
        }
    }

    /// lictor's options, and the bare agent's arguments.
    pub(super) fn with(
        self,
        options: &'static [&'static str],
        arguments: &'static [&'static str],
    ) -> Self {
        Self {
            options,
            arguments,
            ..self
        }
    }

    /// The id is kept although the data are lost.
    pub(super) fn keeps_id(self) -> Self {
        Self {
            keeps_id: true,
            ..self
        }
    }

    /// The name is kept although the host has another.
    pub(super) fn keeps_name(self) -> Self {
        Self {
            keeps_name: true,
            ..self
        }
    }

    /// Only lictor has this.
    pub(super) fn lictor_only(self) -> Self {
        Self {
            for_bare: false,
            ..self
        }
    }

    /// Whether a bare agent can be put into it.
    #[must_use]
    pub fn for_bare(&self) -> bool {
        self.for_bare
    }

    /// Whether it has no options, and nothing disturbs it.
    pub(super) fn is_plain(&self) -> bool {
        self.options.is_empty() && self.arguments.is_empty() && self.meanwhile.is_none()
    }

    pub(super) fn has(&self, change: Change) -> bool {
        self.changes.contains(&change)
    }
}
