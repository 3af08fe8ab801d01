//! How a stop shares out its budget, `--stop-timeout`, once more.

use super::records::Agent;
use super::seen::Seen;
use super::*;

/// Kept back from the budget of a stop for the kill at its end.
pub(super) const RESERVE: Duration = Duration::from_millis(200);
/// The shortest time in which an agent can be started, join and leave.
pub(super) const FINISH: Duration = Duration::from_secs(4);
/// With so much of the budget left an agent that hangs is replaced.
pub(super) const REPLACE: Duration = Duration::from_secs(6);

impl Seen {
    /// The end of the budget of the stop there is.
    pub(super) fn until(&self) -> Moment {
        let since = self.stop.as_ref().map_or(self.now, |stop| stop.since);
        since + self.config.stop_timeout
    }

    /// When the kill at its end is due.
    pub(super) fn kill_at(&self) -> Moment {
        self.until().saturating_sub(RESERVE)
    }

    /// When the last step before it is.
    pub(super) fn last_step_at(&self) -> Moment {
        let before = Duration::from_millis(400).min(self.config.stop_timeout / 8);
        self.kill_at().saturating_sub(before)
    }

    /// Somebody else knows the node: it has joined, or is in the catalog.
    pub(super) fn is_known(&self) -> bool {
        self.was_member() || self.own_entry
    }

    /// It has joined, and not left as what it was since.
    pub(super) fn was_member(&self) -> bool {
        self.ever_joined || self.ever_ready && !self.has_left
    }

    /// A broken leave can be finished by another agent.
    pub(super) fn may_finish(&self) -> bool {
        self.stop.as_ref().is_some_and(|stop| {
            let first = !stop.leave.finishing && !stop.start_timeout && stop.mode == OnStop::Leave;
            let time = self.now + FINISH <= self.until();
            first && self.is_known() && time && self.addresses.binds(&self.facts)
        })
    }

    /// How long after the asking an agent that says it is a member like others has not begun to leave.
    pub(super) fn late(&self) -> Duration {
        Duration::from_millis(1500).min(self.config.stop_timeout / 3)
    }

    /// How long leftovers have between SIGTERM and SIGKILL: never past the budget of a stop.
    pub(super) fn kill_after(&self) -> Duration {
        let budget = self
            .stop
            .as_ref()
            .map(|stop| (stop.since + self.config.stop_timeout).saturating_sub(self.now));
        let most = self.config.kill_after;
        budget.map_or(most, |budget| budget.min(most))
    }

    /// How long an agent may take until it can be asked to leave: one that was ready has only to answer.
    pub(super) fn patience(&self) -> Duration {
        let budget = self.config.stop_timeout;
        match &self.agent {
            Some(agent) if agent.was_ready => Duration::from_secs(1).min(budget / 4),
            _ => Duration::from_secs(5).min(budget / 3),
        }
    }

    /// The same for one that was started to finish a leave.
    pub(super) fn patience_to_finish(&self) -> Moment {
        let left = self.until().saturating_sub(self.now);
        self.now + Duration::from_secs(5).min(left / 3)
    }

    /// Until when an agent that was started to finish a leave is let be, once it can leave.
    pub(super) fn back_at(&self, agent: &Agent) -> Moment {
        let left = self.until().saturating_sub(agent.since);
        agent.since + (left / 6).clamp(Duration::from_secs(1), Duration::from_secs(3))
    }

    /// When an agent that was started to finish a leave is asked to, whether it knows a leader or not.
    pub(super) fn without_leader(&self) -> Moment {
        let last = self.until().saturating_sub(Duration::from_millis(2500));
        last.max(self.now)
    }

    /// How long `--drain` is: the leave has 5 s or half of the budget for itself.
    pub(super) fn drain(&self) -> Duration {
        let budget = self.config.stop_timeout;
        let room = budget.saturating_sub(Duration::from_secs(5));
        self.config.drain.min(room.max(budget / 2))
    }
}
