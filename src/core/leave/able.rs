//! Whether the agent can take a leave.
//!
//! A SIGTERM in an agent's first moments ends it without a leave, or is swallowed. A leave over HTTP is not lost, but an agent's
//! first join that ends within it makes the agent a member again. So a young agent is asked once it says that it has joined
//! (`READY=1`), or has known a leader for a while, or when its patience is over: the first join takes its time where some of the
//! servers' addresses are dead.

use std::time::Duration;

use crate::core::Moment;
use crate::core::action::{Action, Level, Question};
use crate::core::conditions::{Kind, Truth};
use crate::core::event::AgentFacts;
use crate::core::leave::evidence::EVIDENCE;
use crate::core::machine::Machine;
use crate::core::signal::SIGCONT;
use crate::core::timers::Timer;

/// How long a ready agent may take to say how it is.
const GLANCE: Duration = Duration::from_secs(1);
/// How long one that was just started may take until it can take a leave; of a small budget a third.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// A first join that reaches all addresses is over so long after a leader is known.
const SETTLED: Duration = Duration::from_millis(500);

impl Machine {
    /// Whether the agent can be asked to leave now.
    pub(super) fn is_able(&self) -> bool {
        let settled = self.settled_at().is_some_and(|at| at <= self.now);
        let joined = self.start.was_ready || self.start.notified || settled;
        joined && (self.start.answered || !self.config.api)
    }

    /// When an agent that knows a leader has had the time for a join that does not have to wait for dead addresses.
    /// Another one may go on for many seconds; that it ends just as the leave is told is unlikely, and is made good.
    fn settled_at(&self) -> Option<Moment> {
        let joined = self.conditions.get(Kind::Joined);
        let before = (joined.truth == Truth::True).then_some(joined.since);
        let since = [before, self.start.leader_since];
        since.into_iter().flatten().min().map(|at| at + SETTLED)
    }

    /// Asks the agent to leave if it can take that, or a little later. Whether it can.
    pub(super) fn ask_if_able(&mut self) -> bool {
        if !self.is_able() {
            return false;
        }
        match self.stop.as_ref().is_some_and(|stop| stop.finishing) {
            true => self.ask_once_back(),
            false => self.ask_leave(),
        }
        true
    }

    /// How long is waited until it is, before it is asked all the same.
    pub(super) fn patience(&self) -> Duration {
        let budget = self.config.stop_timeout;
        if self.start.was_ready {
            GLANCE.min(budget / 4)
        } else {
            PATIENCE.min(budget / 3)
        }
    }

    /// It answers, and has not joined yet as far as it says.
    pub(super) fn wait_until_able(&mut self) {
        let finishing = self.stop.as_ref().is_some_and(|stop| stop.finishing);
        if finishing && self.start.leader_since.is_none() {
            self.timers.set(Timer::Ask, self.now + EVIDENCE);
        }
        if let Some(at) = self.settled_at() {
            self.timers.set(Timer::Back, at);
        }
    }

    /// Asks the agent what is to be known before it is asked to leave.
    pub(super) fn look_again(&mut self) {
        if self.start.asking || self.child.is_none() || !self.config.api {
            return;
        }
        self.start.asking = true;
        self.timers.clear(Timer::Ask);
        let looked = self.stop.as_ref().is_some_and(|stop| stop.course.looked);
        self.ask(if looked {
            Question::Leader
        } else {
            Question::Agent
        });
    }

    /// Takes over what the agent tells of itself.
    pub(in crate::core) fn told(&mut self, facts: AgentFacts) {
        self.facts = facts;
        self.start.told = true;
        self.start.answered = true;
        if !self.facts.membership.is_leaving() {
            self.remember(false);
        }
    }

    /// Somebody has stopped the agent, as by SIGSTOP, which would hold the leave up until its budget is used up.
    pub(in crate::core) fn agent_was_stopped(&mut self) {
        if self.stop.is_some() {
            self.say(Level::Warn, "the agent was stopped by a signal; SIGCONT");
            self.out.push(Action::Signal(SIGCONT));
        }
    }
}
