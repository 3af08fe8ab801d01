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
use crate::core::event::{AgentFacts, Refusal};
use crate::core::leave::evidence::EVIDENCE;
use crate::core::leave::{Step, Stop};
use crate::core::machine::{Machine, OnStop};
use crate::core::signal::SIGCONT;
use crate::core::timers::Timer;

/// How long a ready agent may take to say how it is.
const GLANCE: Duration = Duration::from_secs(1);
/// How long one that was just started may take until it can take a leave; of a small budget a third.
const PATIENCE: Duration = Duration::from_secs(5);
/// A first join that reaches all addresses is over so long after a leader is known.
const SETTLED: Duration = Duration::from_millis(500);
/// So long before the end of the budget an agent that was started once more is asked to leave, leader or not: killed as a member it
/// would be one that has failed.
const WITHOUT_LEADER: Duration = Duration::from_millis(2500);
/// Others need a moment to hear that an agent that was started once more is back, before they can hear that it leaves: on 1.8.7
/// one that left 0.1 to 0.3 s after its start stayed `leaving`, or `failed`, for some of them.
const BACK: Duration = Duration::from_secs(1);

impl Machine {
    /// Whether the agent can be asked to leave now.
    pub(super) fn is_able(&self) -> bool {
        let settled = self.settled_at().is_some_and(|at| at <= self.now);
        let joined = self.start.was_ready || self.start.notified || settled;
        joined && (self.start.answered || !self.config.api)
    }

    /// When an agent that knew a leader before the stop has had the time for a join that does not have to wait for dead addresses.
    /// Another one may go on for many seconds; that it ends just as the leave is told is unlikely, and is made good.
    fn settled_at(&self) -> Option<Moment> {
        let joined = self.conditions.get(Kind::Joined);
        (joined.truth == Truth::True).then(|| joined.since + SETTLED)
    }

    /// Asks the agent to leave if it can take that, or a little later. Whether it can.
    pub(super) fn ask_if_able(&mut self) -> bool {
        if !self.is_able() {
            return false;
        }
        let finishing = self.stop.as_ref().is_some_and(|stop| stop.finishing);
        let back = self.child.map_or(self.now, |child| child.since + BACK);
        if finishing && back > self.now {
            self.timers.set(Timer::Back, back);
        } else {
            self.ask_leave();
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

    /// The agent was started once more to leave.
    pub(in crate::core) fn wait_to_finish(&mut self) {
        let patience = match self.config.api {
            // It begins when a leader is known. Where there is none the leave is told at least to the members.
            true => self.stop_until().saturating_sub(WITHOUT_LEADER),
            false => self.now + PATIENCE.min(self.stop_until().saturating_sub(self.now) / 3),
        };
        self.timers.set(Timer::Patience, patience.max(self.now));
    }

    /// It answers, and has not joined yet as far as it says.
    pub(super) fn wait_until_able(&mut self) {
        let finishing = self.stop.as_ref().is_some_and(|stop| stop.finishing);
        if finishing && !self.start.leader_known {
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
        let looked = self.stop.as_ref().is_some_and(|stop| stop.looked);
        self.ask(if looked {
            Question::Leader
        } else {
            Question::Agent
        });
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
        self.start.leader_known = true;
        self.start.ever_joined = true;
        let left = self.stop_until().saturating_sub(self.now);
        // It may say nothing any more while others are let hear that it is back. Asking it to leave ends the patience.
        self.timers
            .set(Timer::Patience, self.now + PATIENCE.min(left / 3));
        self.ask_if_able();
    }

    /// `READY=1` came during the stop, or others have had time to hear that the agent is back.
    pub(in crate::core) fn joined_in_a_stop(&mut self) {
        let looked = |stop: &Stop| stop.looked || !self.config.api;
        let waits = self.stop.as_ref().is_some_and(|stop| {
            stop.mode == OnStop::Leave && stop.step == Step::Look && looked(stop)
        });
        if waits {
            self.ask_if_able();
        }
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
