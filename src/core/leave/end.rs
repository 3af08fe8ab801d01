//! What is done as the budget of a stop runs out: another agent for one that hangs, the last step, and the kill.

use crate::core::action::{Action, Level};
use crate::core::conditions::{Kind, Truth};
use crate::core::event::Membership;
use crate::core::leave::watch::Entry;
use crate::core::machine::{Machine, OnStop, seconds};
use crate::core::phase::Phase;
use crate::core::signal::SIGKILL;
use crate::core::timers::Timer;

impl Machine {
    /// The agent hangs: there is just enough time left for another one to leave in its place.
    pub(in crate::core) fn replace(&mut self) {
        let Some(stop) = &self.stop else { return };
        if stop.course.membership.is_leaving()
            || stop.course.entry == Entry::Gone
            || !self.may_finish()
        {
            return;
        }
        let took = seconds(self.now.saturating_sub(stop.since));
        self.say(
            Level::Warn,
            format!("the agent has not begun to leave {took} into the stop; SIGKILL, so that another one can leave in its place"),
        );
        self.out.push(Action::Signal(SIGKILL));
    }

    /// The budget is nearly used up: what does least harm.
    pub(in crate::core) fn last_step(&mut self) {
        let Some(stop) = &self.stop else { return };
        // What has gone once and came back is taken away when it is seen.
        let over = self.is_confirmed(stop) || stop.course.entry == Entry::Gone;
        if over || !self.config.api || !self.may_take_away() {
            return;
        }
        let text = match stop.course.membership {
            Membership::Left => {
                "the agent has left, and its node is still in the catalog: taking it away"
            }
            _ => {
                "not seen to leave so far: taking its node out of the catalog, so that no service of an agent that is gone passes"
            }
        };
        self.say(Level::Warn, text);
        self.take_away();
        self.timers.set(Timer::Evidence, self.now);
        self.timers.set(Timer::Ask, self.now);
    }

    /// The budget is used up.
    pub(in crate::core) fn kill(&mut self) {
        let Some(mut stop) = self.stop.take() else {
            return;
        };
        stop.killed = true;
        // Nothing is asked of it any more.
        self.timers.clear_all();
        let took = seconds(self.now.saturating_sub(stop.since));
        let state = if stop.mode == OnStop::Leave && self.is_confirmed(&stop) {
            "it has left, so nothing is lost"
        } else if stop.mode == OnStop::Leave {
            "it has not been seen to leave"
        } else {
            "it did not end"
        };
        self.stop = Some(stop);
        self.set(
            Kind::AgentRunning,
            Truth::True,
            "Killing",
            "the budget of the stop is used up",
        );
        self.enter(Phase::Stopping);
        self.say(
            Level::Warn,
            format!("the agent still runs {took} into the stop; SIGKILL: {state}"),
        );
        self.out.push(Action::Signal(SIGKILL));
    }
}
