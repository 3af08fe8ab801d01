//! A restart of the agent in place of a reload, for what no reload applies.
//!
//! The agent is stopped without a leave and started again at once, so that every service stays in place. The way back stays open
//! until the new agent is ready and has its services: one that ends before, or does not become ready in time, is replaced by one
//! that reads what was read before.

use std::time::Duration;

use crate::core::action::{Action, Level, ReloadOutcome};
use crate::core::candidate::listed;
use crate::core::conditions::{Kind, Truth};
use crate::core::event::End;
use crate::core::machine::{Machine, last_words, seconds};
use crate::core::signal::SIGKILL;
use crate::core::timers::Timer;

/// How long an agent may take to its end. It has no leave to make.
const END: Duration = Duration::from_secs(5);
/// How long the new one may take until it is ready: an agent that finds its servers needs 1 to 3 s.
const READY: Duration = Duration::from_secs(30);

/// How far a restart is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Renewal {
    /// The agent is to end.
    Stopping,
    /// The new one was started.
    Starting,
}

impl Machine {
    /// Whether what the agent is to read takes a restart, and is to have one.
    pub(super) fn wants_renewal(&self) -> bool {
        let applied = &self.reload.trial.applied;
        self.config.restart_for_changes && !applied.restart.is_empty() && !applied.by_hand
    }

    pub(super) fn renew(&mut self) {
        self.reload.trial.renewal = Some(Renewal::Stopping);
        let keys = listed(&self.reload.trial.applied.restart);
        let (signal, name) = self.staying_signal();
        let text = format!("restarting the agent, since no reload applies {keys}: {name}");
        self.say(Level::Info, text);
        self.end_agent(signal);
    }

    fn end_agent(&mut self, signal: i32) {
        self.reload.ends_agent = true;
        self.out.push(Action::Signal(signal));
        self.timers.set(Timer::Renewal, self.now + END);
    }

    /// The agent has ended: whether that was for a restart, so that the next one is started at once.
    pub(in crate::core) fn is_renewed(&mut self, end: &End) -> bool {
        let wanted = std::mem::take(&mut self.reload.ends_agent);
        let renewal = self.reload.trial.renewal;
        // Whoever ends with 0 was asked to, by somebody else.
        let failed = renewal == Some(Renewal::Starting) && end.how.code() != 0;
        if self.stop.is_some() || !wanted && !failed {
            return false;
        }
        self.restarts.total += 1;
        // The next agent may have a token that this one had not.
        self.reload.by_signal = false;
        self.reload.unsure = false;
        match renewal {
            Some(Renewal::Stopping) => {
                self.reload.trial.applied.restarted = true;
                self.reload.trial.renewal = Some(Renewal::Starting);
                self.timers.set(Timer::Renewal, self.now + READY);
            }
            Some(Renewal::Starting) => {
                self.renewal_failed(&format!(
                    "the agent does not start with it: it {}{}",
                    end.how,
                    last_words(end)
                ));
            }
            None => {}
        }
        true
    }

    /// The new agent is ready.
    pub(in crate::core) fn renewal_ready(&mut self) {
        let trial = &self.reload.trial;
        // One that lacks something is looked at again already.
        let seen_to = trial.looking || trial.lacked > 0;
        if trial.renewal != Some(Renewal::Starting) || seen_to {
            return;
        }
        self.timers.clear(Timer::Renewal);
        self.verify();
    }

    pub(in crate::core) fn renewal_late(&mut self) {
        if self.reload.ends_agent {
            return self.out.push(Action::Signal(SIGKILL));
        }
        if self.reload.trial.renewal == Some(Renewal::Starting) {
            let last = &self.conditions.get(Kind::Ready).message;
            let why = format!("the agent was not ready within {}: {last}", seconds(READY));
            self.renewal_broke(&why);
        }
    }

    /// The new agent is not what it was to be, and has to go.
    pub(super) fn renewal_broke(&mut self, why: &str) {
        if self.child.is_some() {
            self.end_agent(SIGKILL);
        }
        self.renewal_failed(why);
    }

    /// The next agent gets to read what was read before.
    fn renewal_failed(&mut self, why: &str) {
        if self.has_way_back() {
            self.out.push(Action::Unstage);
        }
        self.set(Kind::ConfigGood, Truth::False, "RolledBack", why);
        self.reload_ended(ReloadOutcome::RolledBack(why.to_owned()));
    }
}
