//! When an agent that was started once more to leave is back: for others, who can hear that it leaves only after that.
//!
//! It has joined, one to three seconds have passed since its start, and its entry is in the catalog, to be seen going from there.
//! Where that was gone before, the agent registers it anew within 3 s of its join; one that has left before that would leave a
//! ghost, and nothing by which its leave could be told from the first one. Whoever may not look, or finds somebody else's entry,
//! has those seconds alone.

use std::time::Duration;

use crate::core::action::Question;
use crate::core::event::{CatalogNode, Refusal};
use crate::core::leave::able::PATIENCE;
use crate::core::leave::evidence::EVIDENCE;
use crate::core::leave::watch::{CHANGE, Entry};
use crate::core::leave::{Step, Stop};
use crate::core::machine::{Machine, OnStop};
use crate::core::timers::Timer;

/// So long before the end of the budget an agent that was started once more is asked to leave, leader or not: killed as a member it
/// would be one that has failed.
const WITHOUT_LEADER: Duration = Duration::from_millis(2500);
/// Servers hear within half a second of its start that an agent is back. On 1.8.7 one that left 0.1 to 0.3 s after its start
/// stayed `leaving`, or `failed`, for some.
const BACK: Duration = Duration::from_secs(1);
/// Where the budget has room for it: what broke this leave may have broken others' at the same time, and an agent whose neighbours
/// are down tells them in vain.
const BACK_AT_LEISURE: Duration = Duration::from_secs(3);

impl Machine {
    /// The agent was started once more to leave.
    pub(in crate::core) fn wait_to_finish(&mut self) {
        let patience = match self.config.api {
            // It begins when a leader is known. Where there is none the leave is told at least to the members.
            true => self.stop_until().saturating_sub(WITHOUT_LEADER),
            false => self.now + PATIENCE.min(self.stop_until().saturating_sub(self.now) / 3),
        };
        self.timers.set(Timer::Patience, patience.max(self.now));
    }

    /// Whether servers can be reached, which an agent that was started once more to leave has to know: a leave that nobody hears
    /// of is none. It is asked for until the last step.
    pub(in crate::core) fn leader_seen_in_a_stop(
        &mut self,
        result: &Result<Option<String>, Refusal>,
    ) {
        self.start.asking = false;
        if !matches!(result, Ok(Some(_))) {
            return self.timers.set(Timer::Ask, self.now + EVIDENCE);
        }
        self.start.leader_since.get_or_insert(self.now);
        self.start.ever_joined = true;
        // It may say nothing any more while others are let hear that it is back. Asking it to leave ends the patience.
        self.limit_patience();
        if !self.ask_if_able() {
            self.wait_until_able();
        }
    }

    /// From now on it is waited for a few seconds at most.
    fn limit_patience(&mut self) {
        let left = self.stop_until().saturating_sub(self.now);
        let until = self.now + PATIENCE.min(left / 3);
        let sooner = self
            .timers
            .get(Timer::Patience)
            .map_or(until, |at| at.min(until));
        self.timers.set(Timer::Patience, sooner);
    }

    /// `READY=1` came during the stop, or others have had time to hear that the agent is back.
    pub(in crate::core) fn joined_in_a_stop(&mut self) {
        let looked = |stop: &Stop| stop.course.looked || !self.config.api;
        let waits = self.stop.as_ref().is_some_and(|stop| {
            stop.mode == OnStop::Leave && stop.step == Step::Look && looked(stop)
        });
        if waits {
            self.ask_if_able();
        }
    }

    /// Asks an agent that can take its leave for it once others know that it is back, as far as that can be seen.
    pub(super) fn ask_once_back(&mut self) {
        let back = self.child.map_or(self.now, |child| {
            let left = self.stop_until().saturating_sub(child.since);
            child.since + (left / 6).clamp(BACK, BACK_AT_LEISURE)
        });
        if back > self.now {
            return self.timers.set(Timer::Back, back);
        }
        // One that hides the entry of an agent that was ready does not show it now.
        let looks = self.config.api && self.sees_entry();
        match &mut self.stop {
            Some(stop) if looks && !stop.course.sought && !stop.denied => self.seek_entry(),
            _ => self.ask_leave(),
        }
    }

    fn seek_entry(&mut self) {
        if self.start.seeking {
            return;
        }
        self.start.seeking = true;
        // It has joined and may know no leader, without whom the catalog tells nothing.
        self.limit_patience();
        self.ask(Question::Catalog {
            node: self.facts.node_name.clone(),
            change: None,
        });
    }

    /// What the catalog holds under our name before the agent is asked to leave.
    pub(super) fn entry_sought(&mut self, result: Result<CatalogNode, Refusal>) {
        self.start.seeking = false;
        let Some(stop) = &mut self.stop else { return };
        let again = match result {
            Ok(node) if node.present => {
                let ours = self.facts.node_id.is_empty() || node.id == self.facts.node_id;
                self.start.was_in_catalog = ours;
                stop.course.sought = true;
                if ours {
                    (stop.course.entry, stop.course.created) = (Entry::There, node.created);
                }
                Duration::ZERO
            }
            Err(Refusal::Denied(_)) => {
                stop.denied = true;
                Duration::ZERO
            }
            // Until the patience is over.
            Ok(_) | Err(_) => CHANGE,
        };
        self.timers.set(Timer::Back, self.now + again);
    }
}
