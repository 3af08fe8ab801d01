//! Whether the leave has begun: the agent's own word for it.

use std::time::Duration;

use crate::core::action::{Level, Question};
use crate::core::event::{AgentFacts, Membership, Refusal};
use crate::core::leave::Step;
use crate::core::machine::{Machine, seconds};
use crate::core::timers::Timer;

/// Between two questions whether the leave has begun.
pub(super) const EVIDENCE: Duration = Duration::from_millis(100);
/// An agent that says so long after it was asked to leave that it is a member like others has not begun. (It says otherwise
/// within 3 ms, on 1.8.7 and 1.22.5.) Of a small budget a third.
const NOT_BEGUN: Duration = Duration::from_millis(1500);

impl Machine {
    /// A question is due.
    pub(in crate::core) fn ask_in_a_stop(&mut self) {
        match self.stop.as_ref().map(|stop| stop.step) {
            Some(Step::Look) => self.look_again(),
            Some(Step::Watch) => self.watch_entry(None),
            Some(Step::Drain) | None => {}
        }
    }

    /// `agent/self` was answered.
    pub(in crate::core) fn agent_seen_in_a_stop(
        &mut self,
        result: Result<Box<AgentFacts>, Refusal>,
    ) {
        self.start.asking = false;
        match self.stop.as_ref().map(|stop| stop.step) {
            Some(Step::Look) => self.looked(result),
            Some(Step::Watch) => self.begun_or_not(result),
            Some(Step::Drain) | None => {}
        }
    }

    /// What the agent says of itself after it was asked to leave: the evidence that needs no luck.
    fn begun_or_not(&mut self, result: Result<Box<AgentFacts>, Refusal>) {
        match result {
            Ok(facts) => self.told(*facts),
            // As little is known of a leave that goes well.
            Err(Refusal::Denied(_)) => return self.timers.clear(Timer::Replace),
            Err(_) => return self.timers.set(Timer::Evidence, self.now + EVIDENCE),
        }
        self.note_membership();
        let Some(stop) = &self.stop else { return };
        if stop.course.left.is_some() {
            return;
        }
        let late = NOT_BEGUN.min(self.config.stop_timeout / 3);
        let late = stop
            .course
            .asked
            .is_some_and(|(_, asked)| stop.course.put >= asked + late);
        let member = self.facts.membership == Membership::Alive;
        // Somebody else's leave, which was not asked for again, came to nothing.
        let undone = member && stop.course.asked.is_none();
        if undone {
            let (way, why) = self.way_to_leave();
            self.ask_leave_by(way, why);
        } else if late && member && !stop.course.twice {
            self.say(Level::Warn, "the agent has not begun to leave");
            self.ask_in_the_other_way();
        }
        self.timers.set(Timer::Evidence, self.now + EVIDENCE);
    }

    pub(in crate::core) fn ask_for_evidence(&mut self) {
        let now = self.now;
        let Some(stop) = &mut self.stop else { return };
        if !self.start.asking {
            stop.course.put = now;
            self.start.asking = true;
            self.ask(Question::Agent);
        }
    }

    /// Takes over what the agent has just said of its membership.
    pub(super) fn note_membership(&mut self) {
        let (now, membership) = (self.now, self.facts.membership);
        let Some(stop) = &mut self.stop else { return };
        // An answer that does not tell takes nothing back of what an earlier one told.
        if membership == Membership::Unknown {
            return;
        }
        let before = std::mem::replace(&mut stop.course.membership, membership);
        let took = seconds(now.saturating_sub(stop.since));
        if membership == Membership::Left && stop.course.left.is_none() {
            stop.course.left = Some(now);
            self.leave_was_told(now);
        }
        match (before.is_leaving(), membership.is_leaving()) {
            (false, true) => self.say(Level::Info, format!("the leave has begun, after {took}")),
            // Seen: an agent's first join that ends in a leave makes it a member again.
            (true, false) => self.say(Level::Warn, "the agent is a member again during its leave"),
            _ => {}
        }
    }
}
