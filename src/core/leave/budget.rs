//! How a stop shares out its budget, `--stop-timeout`: `--drain`, the leave and its watch, the last step, the kill.

use std::time::Duration;

use crate::core::Moment;
use crate::core::action::Level;
use crate::core::machine::{Machine, seconds};
use crate::core::timers::Timer;

/// Kept back from the budget, so that the kill at its end and the exit are still within it.
const RESERVE: Duration = Duration::from_millis(200);
/// What a leave needs of the budget after `--drain`.
const LEAVE: Duration = Duration::from_secs(5);
/// How long before the kill the last step is taken, at most; of a small budget an eighth.
const LAST_STEP: Duration = Duration::from_millis(400);
/// The least that a start, a join and a leave need: with less of the budget left, none is begun.
const FINISH: Duration = Duration::from_secs(4);
/// So long before the end of the budget an agent that hangs is replaced by one that can leave.
const REPLACE: Duration = Duration::from_secs(6);

impl Machine {
    /// The moments at the end of the budget: the last step, and the kill.
    pub(super) fn share_budget(&mut self) {
        let budget = self.config.stop_timeout;
        let kill = self.stop_until().saturating_sub(RESERVE);
        self.timers.set(Timer::Kill, kill);
        let last = kill.saturating_sub(LAST_STEP.min(budget / 8));
        self.timers.set(Timer::LastStep, last);
    }

    pub(super) fn say_shares(&mut self) {
        let shares = [Timer::LastStep, Timer::Kill]
            .map(|timer| self.timers.get(timer).unwrap_or(self.now))
            .map(|at| seconds(at.saturating_sub(self.now)));
        let [last, kill] = shares;
        let text = format!(
            "a leave within --stop-timeout {}: asked for and watched until {last}, then the last step, and SIGKILL at {kill}",
            seconds(self.config.stop_timeout)
        );
        self.say(Level::Info, text);
    }

    /// The end of the budget.
    pub(super) fn stop_until(&self) -> Moment {
        self.ending.until.unwrap_or(self.now)
    }

    /// Whether there is time to start the agent once more and to let it leave.
    pub(super) fn can_finish(&self) -> bool {
        self.now + FINISH <= self.stop_until()
    }

    /// How long `--drain` can be: the leave needs its time, too.
    pub(super) fn drain_time(&self) -> Duration {
        let budget = self.config.stop_timeout;
        let room = budget.saturating_sub(LEAVE).max(budget / 2);
        self.config.drain.min(room)
    }

    /// Sets the moment at which an agent that hangs is replaced, where there is one.
    pub(super) fn watch_for_a_hang(&mut self) {
        let replace = self.stop_until().saturating_sub(REPLACE);
        if replace >= self.now + FINISH {
            self.timers.set(Timer::Replace, replace);
        }
    }
}
