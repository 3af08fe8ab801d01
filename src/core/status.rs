//! A picture of the machine, for whoever asks.

use crate::core::Moment;
use crate::core::conditions::Conditions;
use crate::core::event::{Address, AgentFacts, Staged};
use crate::core::machine::{Machine, OnStop};
use crate::core::phase::Phase;

/// All that `lictor status` tells, with moments that are not yet times of day.
#[derive(Debug, Clone)]
pub struct Status<'a> {
    /// The phase.
    pub phase: Phase,
    /// Since when.
    pub phase_since: Moment,
    /// The conditions.
    pub conditions: &'a Conditions,
    /// The host's address, once found.
    pub address: Option<&'a Address>,
    /// The registration.
    pub staged: &'a Staged,
    /// The agent's process, while there is one.
    pub pid: Option<i32>,
    /// What the agent told of itself, or what its command line did.
    pub facts: &'a AgentFacts,
    /// Restarts since lictor's start.
    pub restarts: u32,
    /// How many dead twins were taken out of the catalog.
    pub healed: u32,
    /// Whether a reload waits for the agent.
    pub reload_pending: bool,
    /// How many reloads there were.
    pub reloads: u32,
    /// How the last one went.
    pub last_reload: Option<String>,
    /// What SIGTERM would do.
    pub on_stop: OnStop,
    /// How a leave would be asked for now.
    pub leave_by: &'static str,
    /// Why so.
    pub leave_why: &'static str,
}

impl Machine {
    /// How things stand.
    pub fn status(&self) -> Status<'_> {
        let (way, leave_why) = self.way_to_leave();
        Status {
            phase: self.phase,
            phase_since: self.phase_since,
            conditions: &self.conditions,
            address: self.address.as_ref(),
            staged: &self.staged,
            pid: self.child.map(|child| child.pid),
            facts: &self.facts,
            restarts: self.restarts.total,
            healed: self.twins.total,
            reload_pending: self.reload.pending || self.watch.owes(),
            reloads: self.reload.count,
            last_reload: self.reload.last.as_ref().map(ToString::to_string),
            on_stop: self.on_stop(),
            leave_by: way.name(),
            leave_why,
        }
    }
}
