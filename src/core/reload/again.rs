//! What was not good is looked at again for as long as it is not: what it names may come later, as a Secret does after the ConfigMap
//! that names it. Nothing is said where nothing has changed.

use std::time::Duration;

use crate::core::conditions::{Kind, Truth};
use crate::core::machine::Machine;
use crate::core::reload::Cause;
use crate::core::timers::Timer;

/// The first pause; each further one is twice as long.
const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(60);

impl Machine {
    /// The agent does not get to read it, and why.
    pub(super) fn not_good(&mut self, reason: &'static str, why: &str) {
        let known = self.is_held_off() && self.conditions.get(Kind::ConfigGood).message == why;
        self.set(Kind::ConfigGood, Truth::False, reason, why);
        if !known {
            self.reload.again = 0;
        }
        self.judge_later();
    }

    /// Whether the agent does not get to read what the user's directories hold.
    pub(in crate::core) fn is_held_off(&self) -> bool {
        let good = self.conditions.get(Kind::ConfigGood);
        good.truth == Truth::False && ["Rejected", "NotStaged"].contains(&good.reason)
    }

    /// Whether that was said, and nobody has asked for it.
    pub(super) fn is_stale(&self, why: &str) -> bool {
        let said = self.conditions.get(Kind::ConfigGood).message == why;
        !self.reload.does.loud && self.is_held_off() && said
    }

    fn judge_later(&mut self) {
        if !self.config.watch {
            return;
        }
        let pause = FIRST
            .saturating_mul(1 << self.reload.again.min(8))
            .min(LONGEST);
        self.reload.again += 1;
        self.timers.set(Timer::Again, self.now + pause);
    }

    /// An agent is ready, which may be another one.
    pub(in crate::core) fn keep_judging(&mut self) {
        if self.is_held_off() && !self.timers.is_set(Timer::Again) {
            self.judge_later();
        }
    }

    /// It is time to look.
    pub(in crate::core) fn judge_again(&mut self) {
        let reload = &self.reload;
        let busy = reload.is_busy() || reload.pending || self.addresses.are_moving();
        if !self.is_held_off() || self.stop.is_some() {
            return;
        }
        if busy || self.child.is_none() || !self.start.was_ready {
            return self.judge_later();
        }
        self.reload_asked(Cause::Again);
    }
}
