//! The order of a stop.
//!
//! It reads from top to bottom. A stop is asked for once ([`Machine::stop_because`]). A leave may wait for load balancers
//! ([`Machine::drain`]), looks whether the agent can take it and has not begun it already ([`Machine::look`]), is asked for
//! ([`Machine::ask_leave`]), and is seen to begin ([`evidence`]): asked for is not begun. From then on the catalog
//! is watched ([`watch`]) while the agent answers. An agent that ends before its leave is seen done is started once more to
//! leave ([`Machine::finish`]); near the end of the budget come the last step and the kill ([`end`]); and what was seen decides
//! the exit code ([`outcome`]).
//!
//! A second leave aborts the first one, whoever sends it. So no signal that lictor gets during a stop is passed on, and a leave
//! is asked for again only where the agent itself says, late enough, that it has not begun.

use crate::core::Moment;
use crate::core::action::{Action, Level, Question};
use crate::core::conditions::Kind;
use crate::core::event::{AgentFacts, End, Membership, Refusal};
use crate::core::leave::evidence::EVIDENCE;
use crate::core::leave::way::Way;
use crate::core::machine::{Machine, OnStop, seconds};
use crate::core::phase::Phase;
use crate::core::signal::SIGCONT;
use crate::core::timers::Timer;
use crate::exit::Exit;

mod able;
pub(super) mod again;
mod back;
mod budget;
mod course;
mod end;
mod evidence;
mod others;
mod outcome;
pub(super) mod watch;
pub(super) mod way;

pub(super) use course::Course;

/// A stop that was asked for.
#[derive(Debug)]
pub(super) struct Stop {
    mode: OnStop,
    since: Moment,
    /// The exit that made lictor stop, where it was not a person.
    because: Option<Exit>,
    step: Step,
    /// How far the leave of the agent is that runs.
    course: Course,
    /// The catalog may not be read.
    denied: bool,
    /// The agent was started once more to finish the leave.
    finishing: bool,
    killed: bool,
}

/// Where a leave is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// `--drain`.
    Drain,
    /// Can it take a leave, and has it not begun one already?
    Look,
    /// It was asked for, or has begun: it is watched.
    Watch,
}

impl Machine {
    /// Somebody asks for a stop.
    pub(super) fn stop_asked(&mut self, by: &str, mode: OnStop) {
        if let Some(stop) = &self.stop {
            let since = seconds(self.now.saturating_sub(stop.since));
            let what = match stop.mode {
                OnStop::Leave => "leaving",
                OnStop::Stay => "stopping without a leave",
            };
            return self.say(
                Level::Info,
                format!("{by}: already {what} since {since}; one stop is enough"),
            );
        }
        self.say(Level::Info, format!("{by}: stopping"));
        self.stop_because(mode, None);
    }

    /// Begins the one stop there is. Crashes are followed by no restart from here on: no timer survives, and
    /// [`Machine::ended`] asks for a stop before it thinks of a restart.
    pub(super) fn stop_because(&mut self, mode: OnStop, because: Option<Exit>) {
        let (mode, because) = self.stop_without_name(mode, because);
        self.timers.clear_all();
        self.forget();
        self.ending.until = Some(self.now + self.config.stop_timeout);
        let was_ready = self.conditions.holds(Kind::Ready);
        // One that runs to leave as what it was is one that was started to leave.
        let farewell = self.farewell.take();
        let finishing = farewell.is_some();
        let course = farewell.map(|farewell| farewell.course.taken_over());
        let course = course.unwrap_or_default();
        let (asked, left) = (course.asked, course.left);
        self.stop = Some(Stop {
            mode,
            since: self.now,
            because,
            step: Step::Look,
            course,
            denied: false,
            finishing,
            killed: false,
        });
        self.not_ready("Stopping", "lictor was asked to stop");
        self.reload_given_up("lictor was asked to stop");
        if self.child.is_none() {
            return self.stopped_without_agent();
        }
        self.share_budget();
        match mode {
            OnStop::Stay => self.stay(),
            OnStop::Leave => {
                self.enter(Phase::Leaving);
                self.say_shares();
                self.addresses_in_a_leave();
                // A stopped process would take neither signals nor questions.
                self.out.push(Action::Signal(SIGCONT));
                match asked {
                    Some(_) => {
                        self.watch();
                        if let Some(left) = left {
                            self.leave_was_told(left);
                        }
                    }
                    None => self.drain(was_ready),
                }
            }
        }
    }

    fn stay(&mut self) {
        let (signal, name) = self.staying_signal();
        self.timers.clear(Timer::LastStep);
        self.enter(Phase::Stopping);
        self.say(
            Level::Info,
            format!("stopping the agent without a leave: {name}"),
        );
        // One that is there to leave has states that tell nothing.
        match self.stop.as_ref().is_some_and(|stop| stop.finishing) {
            true => self.out.push(Action::Signal(signal)),
            false => self.signal_once_noted(signal),
        }
    }

    /// Lets load balancers see that the agent is no longer ready, before anything else changes.
    fn drain(&mut self, was_ready: bool) {
        let drain = self.drain_time();
        if !was_ready || drain.is_zero() || self.start.leaves_for_others {
            return self.look();
        }
        let cut = if drain < self.config.drain {
            ", which is what --stop-timeout has room for,"
        } else {
            ""
        };
        self.say(
            Level::Info,
            format!("not ready any more; the leave follows in {} (--drain){cut} and has to be over {} from now", seconds(drain), seconds(self.config.stop_timeout)),
        );
        self.step(Step::Drain);
        self.timers.set(Timer::Drain, self.now + drain);
    }

    /// Looks at the agent before it is asked: somebody else's leave is not asked for again, and one that is too young would
    /// lose it.
    pub(super) fn look(&mut self) {
        self.step(Step::Look);
        let patience = self.patience();
        self.timers.set(Timer::Patience, self.now + patience);
        if !self.is_able() {
            self.say(
                Level::Info,
                format!(
                    "the agent cannot take a leave yet; waiting until it has joined, {} at most",
                    seconds(patience)
                ),
            );
        }
        if self.config.api {
            return self.look_again();
        }
        if self.is_able() {
            self.ask_leave();
        }
    }

    /// What the agent says of itself before it is asked to leave.
    fn looked(&mut self, result: Result<Box<AgentFacts>, Refusal>) {
        match result {
            Ok(facts) => self.told(*facts),
            // It answers, it just does not tell.
            Err(Refusal::Denied(_)) => {
                self.facts.membership = Membership::Unknown;
                self.start.answered = true;
            }
            // A young agent is not up yet; an older one may be closing down after somebody else's leave, and end.
            Err(_) => return self.timers.set(Timer::Ask, self.now + EVIDENCE),
        }
        if let Some(stop) = &mut self.stop {
            stop.course.looked = true;
        }
        self.note_membership();
        if self.facts.membership.is_leaving() {
            self.say(
                Level::Info,
                "the agent is leaving already, as somebody else has asked it to",
            );
            return self.watch();
        }
        if self.ask_if_able() {
            return;
        }
        self.wait_until_able();
    }

    /// Asks the agent for the leave.
    pub(super) fn ask_leave(&mut self) {
        if !self
            .stop
            .as_ref()
            .is_some_and(|stop| stop.step == Step::Look && !stop.killed)
        {
            return;
        }
        // What was asked before would be answered beside what is asked from here on.
        self.forget();
        let (way, why) = self.way_to_leave();
        self.ask_leave_by(way, why);
        self.watch();
    }

    fn ask_leave_by(&mut self, way: Way, why: &str) {
        let now = self.now;
        if let Some(stop) = &mut self.stop {
            if stop.killed {
                return;
            }
            stop.course.twice = stop.course.asked.is_some();
            stop.course.asked = Some((way, now));
        }
        let left = seconds(self.stop_until().saturating_sub(now));
        let name = way.name();
        self.say(
            Level::Info,
            format!("asking the agent to leave: {name}, {why}; it has {left}"),
        );
        match way.signal() {
            Some(signal) => self.out.push(Action::Signal(signal)),
            None => self.ask(Question::Leave),
        }
    }

    /// From here on nothing is asked of the agent but how its leave goes.
    fn watch(&mut self) {
        self.step(Step::Watch);
        self.timers.clear(Timer::Patience);
        self.timers.clear(Timer::Back);
        self.timers.clear(Timer::Ask);
        // Without an API a leave that goes well looks like none.
        if self.config.api {
            self.watch_for_a_hang();
            self.watch_entry(None);
            self.timers.set(Timer::Evidence, self.now);
        }
    }

    /// The answer to a `PUT /v1/agent/leave`. That it was given proves nothing, and that it was lost does not either.
    pub(super) fn leave_answered(&mut self, result: Result<(), Refusal>) {
        match result {
            Ok(()) => self.say(Level::Debug, "the agent says that it has left"),
            // It was not put, or not taken: another way is no second leave.
            Err(refusal @ (Refusal::Denied(_) | Refusal::Unreachable(_))) => {
                self.say(Level::Warn, format!("the leave did not begin: {refusal}"));
                if self.other_way(Way::Http) != Way::Http {
                    self.ask_in_the_other_way();
                }
            }
            Err(refusal) => self.say(
                Level::Warn,
                format!(
                    "the leave was asked for, and whether it was taken will be seen: {refusal}"
                ),
            ),
        }
    }

    fn ask_in_the_other_way(&mut self) {
        let free = |stop: &&Stop| !stop.course.twice && !stop.course.membership.is_leaving();
        let asked = self.stop.as_ref().filter(free);
        if let Some((way, _)) = asked.and_then(|stop| stop.course.asked) {
            self.ask_leave_by(self.other_way(way), "the other way");
        }
    }

    /// The agent's process has ended: the end of the stop, or of one agent's part in it.
    pub(super) fn stopped(&mut self, end: &End) {
        if self.must_finish(end) {
            return self.finish(&format!("the agent {}", end.how));
        }
        if let Some(stop) = self.stop.take() {
            let exit = self.outcome(&stop, end);
            self.exit(exit);
        }
    }

    /// Whether the leave is not done, can be finished and has not been tried to be.
    fn must_finish(&self, end: &End) -> bool {
        let broken = |stop| self.is_broken(stop, end);
        self.stop.as_ref().is_some_and(broken) && self.may_finish()
    }

    /// Whether another agent could leave in this one's place.
    fn may_finish(&self) -> bool {
        let Some(stop) = &self.stop else { return false };
        let due = stop.mode == OnStop::Leave && stop.because.is_none() && !stop.finishing;
        let known = self.start.ever_joined || self.start.was_in_catalog;
        due && known && self.can_finish() && self.why_none_could_bind().is_none()
    }

    /// Starts the agent once more, to leave: a broken leave has left its node behind, and nobody else would take it away.
    fn finish(&mut self, what: &str) {
        let left = seconds(self.stop_until().saturating_sub(self.now));
        self.say(
            Level::Warn,
            format!("{what} before its leave was seen done; starting it once more to leave properly, within {left}"),
        );
        if let Some(stop) = &mut self.stop {
            stop.finishing = true;
            stop.step = Step::Look;
            stop.course = Course::default();
        }
        self.enter(Phase::Leaving);
        self.share_budget();
        self.leave_by_another_address();
        let former = self.former.take();
        self.out.push(former.map_or(Action::Spawn, Action::SpawnAs));
    }

    /// No agent runs: there is none yet, it has crashed, or it could not be started once more.
    pub(super) fn stopped_without_agent(&mut self) {
        let Some(stop) = &self.stop else { return };
        let leave = stop.mode == OnStop::Leave && stop.because.is_none();
        // Whoever was ready had joined, so the servers know its node, whether lictor could read the catalog or not.
        let was_known = self.start.ever_ready && !self.start.has_left;
        let crashed = was_known || self.start.ever_joined;
        let bind = self.why_none_could_bind();
        if leave && crashed && !stop.finishing && self.can_finish() && bind.is_none() {
            return self.finish("the agent has ended");
        }
        if let Some(stop) = self.stop.take() {
            let exit = Self::outcome_without_agent(&stop, crashed, bind);
            self.exit(exit);
        }
    }

    fn step(&mut self, step: Step) {
        if let Some(stop) = &mut self.stop {
            stop.step = step;
        }
    }
}
