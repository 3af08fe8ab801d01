//! A reload by SIGHUP, which has no answer: what becomes of it is heard and seen.
//!
//! An agent says in its log, at every log level, that such a reload has failed and why, mostly some 10 ms after the signal; of one that
//! was good it says nothing, and nothing else tells its end. So the agent is listened to for a second, and then its services are
//! read as far as they can be. Those that it had and has not may still be loaded: they are looked for again for a while.

use std::time::Duration;

use crate::core::action::{Action, Level};
use crate::core::conditions::{Kind, Truth};
use crate::core::machine::Machine;
use crate::core::timers::Timer;

use super::SIGHUP;

/// How long no failure must have been heard. 500 services with a check each take 0.4 s on two cores that others use, too.
pub(super) const QUIET: Duration = Duration::from_secs(1);
/// How long services may be missing after the signal before they count as lost.
const LOADING: Duration = Duration::from_secs(10);
/// Between two looks in vain.
const PAUSE: Duration = Duration::from_millis(250);

impl Machine {
    /// Whether the agent can only be told by a signal.
    pub(super) fn tells_by_signal(&self) -> bool {
        self.reload.by_signal || !self.config.api
    }

    /// The API denied the reload. An agent that takes no signals yet gets one as soon as it does.
    pub(super) fn reload_denied(&mut self, what: &str) {
        let text = format!("the API denies the reload ({what}); using SIGHUP");
        self.say(Level::Warn, text);
        self.reload.by_signal = true;
        match self.start.was_ready {
            true => self.hang_up(),
            false => self.reload.trial.waits = true,
        }
    }

    /// Tells the agent to reload, by the signal.
    pub(super) fn hang_up(&mut self) {
        self.reload.trial.waits = false;
        let unseen = self.why_unseen();
        let trial = &mut self.reload.trial;
        trial.unseen = unseen;
        trial.signaled = Some(self.now);
        self.out.push(Action::Signal(SIGHUP));
        self.timers.set(Timer::Hangup, self.now + QUIET);
    }

    /// Why there is nothing to compare the agent's services with, if there is not. Who may not see any gets an empty list.
    fn why_unseen(&self) -> Option<String> {
        let trial = &self.reload.trial;
        let why = match (&trial.before, &trial.refused) {
            (Some(before), _) if !before.is_empty() => return None,
            (Some(_), _) => "it shows none, as it does to whoever may not see them",
            (None, Some(refused)) => refused,
            (None, None) if !self.config.api => "its API is off",
            (None, None) => "nothing was taken anew",
        };
        Some(format!("its services were not looked at: {why}"))
    }

    /// The agent was listened to for long enough, or had time to load what was missing.
    pub(in crate::core) fn listened(&mut self) {
        match self.reload.trial.unseen {
            Some(_) => self.reload_held(),
            None => self.look_at_services(),
        }
    }

    /// Whether the agent may still be loading what it lacks; it is looked at again then.
    pub(super) fn may_be_loading(&mut self) -> bool {
        let signaled = self.reload.trial.signaled;
        let loading = signaled.is_some_and(|at| self.now < at + LOADING);
        if loading {
            self.timers.set(Timer::Hangup, self.now + PAUSE);
        }
        loading
    }

    /// The agent said in its log that a reload failed, which it says of one by SIGHUP.
    pub(in crate::core) fn failure_heard(&mut self, why: String) {
        if self.stop.is_some() || self.child.is_none() {
            return;
        }
        let trial = &mut self.reload.trial;
        if trial.signaled.is_none() {
            let text = format!(
                "the agent says that a reload failed which lictor has not under way: {why}"
            );
            self.say(Level::Error, text);
            self.reload.unsure = true;
            if !self.reload.running {
                self.set(Kind::ConfigGood, Truth::False, "ReloadFailed", why);
            }
        } else if trial.looking {
            // One question at a time: its answer is of no interest any more.
            trial.failed = Some(why);
        } else {
            self.timers.clear(Timer::Hangup);
            self.reload_broke(&why);
        }
    }
}
