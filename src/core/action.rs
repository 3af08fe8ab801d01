//! What can be done: everything the core ever asks of the driver.

use std::fmt;
use std::net::IpAddr;

use crate::core::Moment;
use crate::core::candidate::Applied;
use crate::core::checks::CheckWork;
use crate::core::event::{Address, Waiter};
use crate::core::former::Former;
use crate::core::known::Known;
use crate::exit::Exit;

/// One thing to do in the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Look for the host's address; ends in [`crate::core::event::Event::Addressed`].
    FindAddress,
    /// Look at the host's addresses, of which this one is in use; ends in [`crate::core::event::Event::Looked`].
    LookAtAddresses(Option<IpAddr>),
    /// Use another address from now on, and write the registration for it; ends in [`crate::core::event::Event::Readdressed`].
    Readdress {
        /// The address.
        to: Address,
        /// Whether the next agent is to read it without further ado, since none runs.
        adopt: bool,
    },
    /// Take what the agent reads with the registration as it was written last, and nothing else that may have changed; ends in
    /// [`crate::core::event::Event::Restaged`].
    Reregister,
    /// Write the registration, and take what else the agent is to read from the user's directories; ends in
    /// [`crate::core::event::Event::Staged`].
    Stage,
    /// Take what the agent is to read from the user's directories anew, and judge it; ends in [`crate::core::event::Event::Restaged`].
    Restage,
    /// Have the agent read what was taken; ends in [`crate::core::event::Event::Adopted`].
    Adopt,
    /// Keep what was taken for somebody to look at; the agent does not get to read it.
    Reject,
    /// Forget what was taken.
    Discard,
    /// Have the agent read again what it read before the last [`Action::Adopt`]; ends in
    /// [`crate::core::event::Event::Unstaged`].
    Unstage,
    /// What the agent reads is good: there is no way back from it any more.
    Settle,
    /// Start the agent; ends in [`crate::core::event::Event::Spawned`].
    Spawn,
    /// Start it as what its node was, to leave; ends in [`crate::core::event::Event::Spawned`].
    SpawnAs(Former),
    /// Send the agent a signal by its number.
    Signal(i32),
    /// Stop lictor and the agent, as Ctrl-Z does, and let the agent go on when lictor does: at once where nobody could
    /// continue lictor.
    Suspend,
    /// Send this signal to every process below lictor; [`crate::core::event::Event::Alone`] comes of it in the end.
    Sweep(i32),
    /// Look whether the agent listens on its own gossip port; ends in [`crate::core::event::Event::Gossip`].
    LookAtGossip,
    /// Ask the agent's API; ends in [`crate::core::event::Event::Answered`] unless forgotten before.
    Ask(Question),
    /// Drop every question that is not answered yet: their answers would speak of a past life.
    Forget,
    /// Do something about the checks that the agent is to have; ends in [`crate::core::event::Event::Checks`].
    Checks(CheckWork),
    /// Keep what the node is known as, for the next start.
    Remember(Known),
    /// Tell somebody at the control socket how his reload went.
    Reply(Waiter, ReloadOutcome),
    /// Give back the memory that only the start needed.
    Trim,
    /// Tell the log.
    Say(Level, String),
    /// End lictor. Nothing follows.
    Exit(Exit),
}

/// A question for the agent's API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// `GET /v1/agent/self`.
    Agent,
    /// `GET /v1/agent/self`, for the membership alone.
    Membership,
    /// `GET /v1/status/leader`.
    Leader,
    /// `GET /v1/catalog/node/<node>`; with a `change`, answered as soon as the answer is another one.
    Catalog {
        /// The node's name.
        node: String,
        /// Wait for something newer than this index, at most for this long.
        change: Option<(u64, Moment)>,
    },
    /// All that the agent's API tells of one name: `GET /v1/catalog/node/<node>`, `/v1/health/node/<node>`, `/v1/agent/members`.
    Node {
        /// The name.
        node: String,
        /// Whether the members are of interest.
        members: bool,
    },
    /// `GET /v1/catalog/nodes`, of those that carry this address.
    Neighbours {
        /// The address.
        address: String,
    },
    /// `GET /v1/agent/services`.
    Services,
    /// `PUT /v1/agent/reload`.
    Reload,
    /// `PUT /v1/agent/leave`.
    Leave,
    /// `PUT /v1/agent/force-leave/<node>`.
    ForceLeave {
        /// The node's name.
        node: String,
    },
    /// `PUT /v1/catalog/deregister` of a whole node.
    Deregister {
        /// The node's name.
        node: String,
    },
    /// `PUT /v1/txn`: write the check of the servers' own (`serfHealth`) for a node that lives and has none.
    Vouch {
        /// The node's name.
        node: String,
    },
    /// `PUT /v1/txn`: take a whole node away, unless it has changed since that index.
    Remove {
        /// The node's name.
        node: String,
        /// The index at which it was changed last.
        modified: u64,
    },
}

/// How a reload went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReloadOutcome {
    /// The agent took its configuration anew.
    Reloaded(Applied),
    /// The agent was told by a signal, which has no answer. It has not said that it failed; and what of it was not seen.
    Signaled(Applied, String),
    /// It was not to be done, only judged, and nothing speaks against it.
    Judged(Applied),
    /// The agent did not get to read it, and why: each a sentence.
    Rejected(Vec<String>),
    /// It did not work, and why; the agent has again what it had before.
    RolledBack(String),
    /// It did not work, and why.
    Failed(String),
}

impl ReloadOutcome {
    /// Whether the agent has what it was to have, as far as can be known.
    pub fn is_good(&self) -> bool {
        matches!(
            self,
            Self::Reloaded(_) | Self::Signaled(..) | Self::Judged(_)
        )
    }

    /// It went so while the address in use is gone, as this sentence says: that may be why it failed, and keep others from hearing of it.
    pub(super) fn note_address(&mut self, gone: &str) {
        match self {
            Self::Reloaded(applied) | Self::Signaled(applied, _) => applied.odd.push(format!(
                "{gone}: the servers may hear of what the agent has loaded only when it is back, or another one has taken its place"
            )),
            Self::RolledBack(why) | Self::Failed(why) => why.push_str(&format!("; {gone}")),
            Self::Judged(_) | Self::Rejected(_) => {}
        }
    }

    /// What happened, in a word.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Reloaded(applied) | Self::Judged(applied) if applied.is_none() => "unchanged",
            Self::Reloaded(_) => "reloaded",
            Self::Judged(_) => "good",
            Self::Signaled(..) => "signaled",
            Self::Rejected(_) => "rejected",
            Self::RolledBack(_) => "rolled back",
            Self::Failed(_) => "failed",
        }
    }
}

impl fmt::Display for ReloadOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reloaded(applied) if applied.files.is_empty() => f.write_str("reloaded"),
            Self::Reloaded(applied) if applied.is_none() => {
                write!(f, "unchanged; the agent has read the same again")?;
                applied
                    .needs_restart()
                    .map_or(Ok(()), |needs| write!(f, "; {needs}"))
            }
            Self::Reloaded(applied) => write!(f, "reloaded: {applied}"),
            Self::Judged(applied) if applied.is_none() => {
                f.write_str("unchanged")?;
                applied
                    .needs_restart()
                    .map_or(Ok(()), |needs| write!(f, "; {needs}"))
            }
            Self::Judged(applied) => write!(f, "good: {applied}"),
            Self::Rejected(faults) => write!(f, "rejected: {}", faults.join("; ")),
            Self::Signaled(applied, unseen) => {
                f.write_str("told the agent by SIGHUP, and heard of no failure")?;
                if !applied.files.is_empty() {
                    write!(f, ": {applied}")?;
                }
                write!(f, "; {unseen}")
            }
            Self::RolledBack(why) => write!(f, "rolled back: {why}"),
            Self::Failed(why) => write!(f, "failed: {why}"),
        }
    }
}

/// How much a line of the log matters, the most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Something that was wanted did not happen.
    Error,
    /// Odd, and life goes on.
    Warn,
    /// The normal course.
    Info,
    /// For somebody who looks into lictor itself.
    Debug,
}
