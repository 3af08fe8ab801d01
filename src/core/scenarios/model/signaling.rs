//! What was seen of a reload by SIGHUP.

use super::reloading::{Reloading, Step};
use super::seen::Seen;
use super::*;

/// How long the agent is listened to, ...
const QUIET: Duration = Duration::from_secs(1);
/// ... and how long its services may be missing.
const LOADING: Duration = Duration::from_secs(10);

/// A SIGHUP that was sent.
#[derive(Debug)]
pub(super) struct Hangup {
    at: Moment,
    /// It cannot be seen what came of it.
    pub(super) blind: bool,
    /// The agent said that it failed while it was asked for its services.
    failed: bool,
}

impl Hangup {
    /// `had` is what the agent said it had.
    pub(super) fn new(at: Moment, had: Option<&BTreeSet<String>>) -> Self {
        Self {
            at,
            blind: had.is_none_or(BTreeSet::is_empty),
            failed: false,
        }
    }

    /// The agent has said its services, or not: whether that is good, or nothing yet.
    pub(super) fn looked(
        &mut self,
        result: Result<&BTreeSet<String>, &Refusal>,
        there: bool,
        now: Moment,
    ) -> Option<bool> {
        match result {
            _ if self.failed => Some(false),
            Ok(_) if !there && now < self.at + LOADING => None,
            Ok(_) => Some(there),
            Err(Refusal::Lost(_) | Refusal::Unreachable(_)) => Some(false),
            Err(_) => {
                self.blind = true;
                Some(true)
            }
        }
    }

    /// Whether the agent was listened to for long enough.
    pub(super) fn is_quiet(&self, now: Moment) -> bool {
        self.at + QUIET <= now
    }
}

impl Reloading {
    /// Time has passed.
    pub(super) fn listened(&mut self, now: Moment) {
        let quiet = |hangup: &Hangup| hangup.blind && hangup.is_quiet(now);
        if self.step == Step::Signaled && self.hangup.as_ref().is_some_and(quiet) {
            self.judge(true);
        }
    }

    /// The agent said that a reload failed.
    pub(super) fn failure_heard(&mut self) {
        self.unsure |= self.hangup.is_none();
        match (self.step, &mut self.hangup) {
            (Step::Signaled, Some(_)) => self.judge(false),
            (_, Some(hangup)) => hangup.failed = true,
            (Step::None, None) => self.elsewhere = true,
            _ => {}
        }
    }
}

pub(super) const ACTIONS: &[Invariant<Action>] = &[Invariant {
    name: "a quiet second",
    sentence: "after a SIGHUP the agent is asked for its services a second later at the soonest, and only if it has shown some before",
    holds: |seen, action| {
        let asks = *action == Action::Ask(Question::Services);
        let signaled = seen.reload.step == Step::Signaled;
        let hangup = seen.reload.hangup.as_ref();
        !asks
            || !signaled
            || hangup.is_some_and(|hangup| !hangup.blind && hangup.is_quiet(seen.now))
    },
}];

pub(super) const MOMENTS: &[Invariant<Machine>] = &[
    Invariant {
        name: "a SIGHUP has an end",
        sentence: "an agent that was told by SIGHUP is listened to for a second at most before something is done, and one that takes \
                   signals does not wait for one",
        holds: |seen, machine| match seen.reload.step {
            Step::Signaled => machine.deadline().is_some_and(|at| at <= seen.now + QUIET),
            Step::Owed => seen.agent.as_ref().is_some_and(|agent| !agent.was_ready),
            _ => true,
        },
    },
    Invariant {
        name: "what others reload is told",
        sentence: "after a failure that the agent speaks of, and of no reload of lictor's, ConfigGood is False",
        holds: |seen, machine| {
            let status = machine.status();
            let truth = status.conditions.get(Kind::ConfigGood).truth;
            !seen.reload.elsewhere || truth == crate::core::conditions::Truth::False
        },
    },
];

impl Seen {
    pub(super) fn failure_heard(&mut self) {
        if self.agent.is_some() && self.stop.is_none() {
            self.reload.failure_heard();
        }
    }

    /// A signal is sent.
    pub(super) fn signaled(&mut self, number: i32) {
        let kill = self.kill_at();
        if self.stop.is_none() {
            self.ends_for_another(number);
        }
        let Some(stop) = &mut self.stop else {
            self.passed_on += u32::from(!OWN.contains(&number));
            return;
        };
        match number {
            SIGCONT => self.continued += 1,
            _ if stop.mode == OnStop::Stay && !stop.stayed => {
                stop.stayed = true;
                // While the states of checks are noted there is no other signal than the last.
                stop.killed = self.checks.noting;
            }
            SIGKILL if self.now >= kill => stop.killed = true,
            SIGKILL => stop.leave.replaced = true,
            _ => stop.leave.ask(self.now, true),
        }
    }
}
