//! The order of a stop.
//!
//! It reads from top to bottom: a stop is asked for once ([`Machine::stop_because`]); a leave waits until the agent can
//! take it; it is asked for in one way ([`Machine::ask_leave`]), and in another only where the first was refused; it is
//! watched in the catalog ([`Machine::leave_watched`]) while the agent still answers; and when the agent's process has
//! ended ([`Machine::stopped`]) or the budget has ([`Machine::kill`]), what was seen decides the exit code.
//!
//! A second leave aborts the first one, whoever sends it. So from the first step on no signal that lictor gets is passed
//! on, and nothing is ever asked twice.

use std::time::Duration;

use crate::core::Moment;
use crate::core::action::{Action, Level, Question};
use crate::core::conditions::{Kind, Truth};
use crate::core::event::{CatalogNode, End, How, Refusal};
use crate::core::machine::{Machine, OnStop, last_words, seconds};
use crate::core::phase::Phase;
use crate::core::signal::{SIGINT, SIGKILL, SIGTERM};
use crate::core::timers::Timer;
use crate::exit::{self, Exit};

/// How long an agent that was just started may take until its API answers and it can take a leave.
const PATIENCE: Duration = Duration::from_secs(5);
/// Kept back from the budget, so that the kill at its end and the exit are still within it.
const RESERVE: Duration = Duration::from_millis(200);
/// How long a blocking query on our own entry waits while the agent leaves. Short, because Consul 1.8 does not wake it
/// when the entry goes; newer versions do, at once.
const CHANGE: Duration = Duration::from_millis(150);

/// A stop that was asked for.
#[derive(Debug)]
pub(super) struct Stop {
    mode: OnStop,
    since: Moment,
    /// How the leave was asked for, once it was.
    asked: Option<Way>,
    /// What the catalog showed of our entry.
    entry: Entry,
    killed: bool,
    /// The exit that made lictor stop, where it was not a person.
    because: Option<Exit>,
}

/// Our entry in the catalog during a leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    /// Not seen to go yet.
    There,
    /// It was there, and then was not.
    Gone,
    /// It was gone and has come back. Each time that this is seen it is taken away again, unless that is under way or was
    /// denied: the agent registers its node and its services one after the other, and each of them brings the node back.
    Back { take_away: bool },
}

/// A way to ask an agent for a leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Terminate,
    Interrupt,
    Http,
}

impl Way {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Terminate => "SIGTERM",
            Self::Interrupt => "SIGINT",
            Self::Http => "PUT /v1/agent/leave",
        }
    }
}

impl Stop {
    /// Whether the agent was asked to leave.
    pub(super) fn was_asked(&self) -> bool {
        self.asked.is_some()
    }
}

impl Machine {
    /// What SIGTERM and SIGINT to lictor do: what the user said, else a client leaves and a server stays, as Consul itself
    /// has it (a server that left would take its vote with it at every update).
    pub(super) fn on_stop(&self) -> OnStop {
        let usual = if self.is_server() {
            OnStop::Stay
        } else {
            OnStop::Leave
        };
        self.config.on_stop.unwrap_or(usual)
    }

    /// The agent's own word, else what its command line and files say.
    fn is_server(&self) -> bool {
        self.facts.server.unwrap_or(self.config.server)
    }

    /// A signal asks for a stop.
    pub(super) fn stop_asked(&mut self, by: &str, mode: OnStop) {
        if let Some(stop) = &self.stop {
            let since = seconds(self.now.saturating_sub(stop.since));
            return self.say(
                Level::Info,
                format!("{by}: already stopping since {since}; one stop is enough"),
            );
        }
        self.say(Level::Info, format!("{by}: stopping"));
        self.stop_because(mode, None);
    }

    /// Begins the one stop there is. Restarts are off from here on: no timer survives, and [`Machine::ended`] asks for
    /// a stop before it thinks of a restart.
    pub(super) fn stop_because(&mut self, mode: OnStop, because: Option<Exit>) {
        self.timers.clear_all();
        self.forget();
        self.ending.until = Some(self.now + self.config.stop_timeout);
        self.stop = Some(Stop {
            mode,
            since: self.now,
            asked: None,
            entry: Entry::There,
            killed: false,
            because,
        });
        self.not_ready("Stopping", "lictor was asked to stop");
        self.reload_given_up("lictor was asked to stop");
        if self.child.is_none() {
            return self.stopped_without_agent();
        }
        let budget = self.config.stop_timeout;
        let until = budget.saturating_sub(RESERVE);
        self.timers.set(Timer::Kill, self.now + until);
        match mode {
            OnStop::Stay => {
                let (signal, name) = self.staying_signal();
                self.enter(Phase::Stopping);
                self.say(
                    Level::Info,
                    format!("stopping the agent without a leave: {name}"),
                );
                self.signal_once_noted(signal);
            }
            OnStop::Leave => {
                self.enter(Phase::Leaving);
                if self.start.answered || self.start.was_ready {
                    return self.ask_leave();
                }
                // A SIGTERM in an agent's first moments ends it without a leave, or is swallowed. Its API answers about
                // 0.1 s after its start, and a leave asked there is not lost; without an API there is its notification.
                self.say(
                    Level::Info,
                    "the agent cannot take a leave yet; waiting until it can",
                );
                self.timers
                    .set(Timer::Patience, self.now + PATIENCE.min(budget / 3));
                if self.config.api {
                    self.timers.set(Timer::Ask, self.now);
                }
            }
        }
    }

    /// Asks the agent for the leave.
    pub(super) fn ask_leave(&mut self) {
        self.timers.clear(Timer::Patience);
        let due = |stop: &Stop| stop.mode == OnStop::Leave && stop.asked.is_none();
        if !self.stop.as_ref().is_some_and(due) {
            return;
        }
        // From here on this timer asks the catalog: left as it is, it would start a second watch beside the first.
        self.timers.clear(Timer::Ask);
        let (way, why) = self.way_to_leave();
        self.ask_leave_by(way, why);
        // Its first answer has the index from which the change is waited for.
        if self.config.api {
            self.watch_leave(None);
        }
    }

    fn ask_leave_by(&mut self, way: Way, why: &str) {
        if let Some(stop) = &mut self.stop {
            stop.asked = Some(way);
        }
        let name = way.name();
        self.say(
            Level::Info,
            format!("asking the agent to leave: {name}, {why}"),
        );
        match way {
            Way::Terminate => self.out.push(Action::Signal(SIGTERM)),
            Way::Interrupt => self.out.push(Action::Signal(SIGINT)),
            Way::Http => self.ask(Question::Leave),
        }
    }

    /// How this agent would be asked for a leave now, and why so. `status` tells it before it is needed.
    pub(super) fn way_to_leave(&self) -> (Way, &'static str) {
        let usual = !self.is_server();
        let on_terminate = self.facts.leaves_on_terminate.unwrap_or(usual);
        let on_interrupt = self.facts.leaves_on_interrupt.unwrap_or(usual);
        let takes_signals = self.start.was_ready || !self.config.api;
        match (takes_signals, on_terminate, on_interrupt) {
            (true, true, _) => (Way::Terminate, "which is a leave by its configuration"),
            (true, false, true) => (
                Way::Interrupt,
                "since leave_on_terminate is off and skip_leave_on_interrupt is too",
            ),
            // Nobody would take the PUT, and its answer would be waited for until the kill.
            (true, false, false) if !self.config.api => (
                Way::Terminate,
                "which ends it, since no signal is a leave by its configuration and it has no API",
            ),
            (true, false, false) => (Way::Http, "since no signal is a leave by its configuration"),
            (false, ..) => (
                Way::Http,
                "since an agent that is not ready yet may swallow a signal",
            ),
        }
    }

    /// The signal that ends this agent at once and without a leave.
    fn staying_signal(&self) -> (i32, &'static str) {
        // Only what the agent said itself is believed: where it is wrong, the agent would leave after all.
        let told = self.start.was_ready && self.start.told;
        if told && self.facts.leaves_on_terminate == Some(false) {
            (SIGTERM, "SIGTERM, which is no leave by its configuration")
        } else if told && self.facts.leaves_on_interrupt == Some(false) {
            (SIGINT, "SIGINT, which is no leave by its configuration")
        } else {
            (SIGKILL, "SIGKILL, since it would leave on SIGTERM")
        }
    }

    pub(super) fn leave_answered(&mut self, result: Result<(), Refusal>) {
        match result {
            Ok(()) => self.say(Level::Debug, "the agent says that it has left"),
            Err(refusal @ (Refusal::Denied(_) | Refusal::Failed(_) | Refusal::Unreachable(_))) => {
                // It was refused or never put, so it did not begin: another way is no second leave.
                let interrupt_only = self.facts.leaves_on_terminate == Some(false)
                    && self.facts.leaves_on_interrupt != Some(false);
                let way = if interrupt_only {
                    Way::Interrupt
                } else {
                    Way::Terminate
                };
                self.say(Level::Warn, format!("the leave did not begin: {refusal}"));
                self.ask_leave_by(way, "the other way");
            }
            Err(refusal @ (Refusal::Lost(_) | Refusal::TimedOut(_))) => self.say(
                Level::Warn,
                format!("the leave was asked for, its answer was lost: {refusal}"),
            ),
        }
    }

    pub(super) fn watch_leave(&mut self, index: Option<u64>) {
        self.ask(Question::Catalog {
            node: self.facts.node_name.clone(),
            change: index.map(|index| (index, CHANGE)),
        });
    }

    /// What the catalog holds under our name while the agent leaves.
    pub(super) fn leave_watched(&mut self, result: Result<CatalogNode, Refusal>) {
        // The question may be one from before the stop; what it answers is as good.
        let node = match result {
            Ok(node) => node,
            // The agent's API is closing down, or was never ours to ask: what was seen last is what is known.
            Err(Refusal::Denied(_)) => return,
            Err(Refusal::Unreachable(_)) if self.start.answered => return,
            // Among them an API that was not up yet when the patience was over.
            Err(_) => return self.timers.set(Timer::Ask, self.now + CHANGE),
        };
        // Somebody else's entry under our name is none of ours: it neither keeps us nor confirms anything.
        let ours = node.present && (self.facts.node_id.is_empty() || node.id == self.facts.node_id);
        let was_there = self.start.was_in_catalog;
        let Some(stop) = &mut self.stop else { return };
        if stop.asked.is_none() {
            return;
        }
        let took = seconds(self.now.saturating_sub(stop.since));
        match (ours, stop.entry) {
            (true, Entry::There) => self.start.was_in_catalog = true,
            (true, Entry::Gone) => {
                let told = "the node is back in the catalog during its leave";
                self.say(Level::Warn, told);
                self.take_away();
            }
            (true, Entry::Back { take_away: true }) => self.take_away(),
            (true, Entry::Back { take_away: false }) | (false, Entry::Gone) => {}
            (false, Entry::There) if !was_there => {}
            (false, Entry::There | Entry::Back { .. }) => {
                stop.entry = Entry::Gone;
                self.say(Level::Info, format!("gone from the catalog after {took}"));
            }
        }
        // Without an index there is nothing to wait for, and asking in a circle would be a load on the servers.
        if node.index > 0 {
            self.watch_leave(Some(node.index));
        }
    }

    /// An agent that leaves may register its node once more: its last synchronisation comes after its leave. Nobody would
    /// take that entry away for up to a minute, so it is taken away here, as long as it is our own.
    fn take_away(&mut self) {
        self.entry_is_back(false);
        // Whose entry it is can be told only by the id.
        if !self.facts.node_id.is_empty() {
            self.ask(Question::Deregister {
                node: self.facts.node_name.clone(),
            });
        }
    }

    fn entry_is_back(&mut self, take_away: bool) {
        if let Some(stop) = &mut self.stop {
            stop.entry = Entry::Back { take_away };
        }
    }

    pub(super) fn ghost_answered(&mut self, result: Result<(), Refusal>) {
        let denied = matches!(result, Err(Refusal::Denied(_)));
        // The answer may come after the sight of what it has done.
        if self
            .stop
            .as_ref()
            .is_some_and(|stop| stop.entry != Entry::Gone)
        {
            self.entry_is_back(!denied);
        }
        match result {
            Ok(()) => self.say(Level::Info, "deregistered the node that came back"),
            Err(refusal) => {
                let text = format!("the node that came back could not be deregistered: {refusal}");
                self.say(Level::Warn, text);
            }
        }
    }

    /// The agent's process has ended: the end of the stop.
    pub(super) fn stopped(&mut self, end: &End) {
        let Some(stop) = self.stop.take() else { return };
        let took = seconds(self.now.saturating_sub(stop.since));
        let exit = match (stop.because, stop.mode) {
            (Some(exit), _) => exit,
            (None, OnStop::Stay) => {
                self.say(Level::Info, format!("stopped without a leave in {took}"));
                Exit::ok()
            }
            (None, OnStop::Leave) if stop.entry == Entry::Gone => {
                self.say(Level::Info, format!("left, and seen gone, in {took}"));
                Exit::ok()
            }
            (None, OnStop::Leave) => {
                let by = stop.asked.map_or(
                    "before it was asked to leave",
                    |_| "after it was asked to leave",
                );
                let killed = if stop.killed {
                    " at the end of --stop-timeout"
                } else {
                    ""
                };
                Exit::new(
                    exit::UNCONFIRMED,
                    format!(
                        "the leave is not confirmed: the agent {}{killed} {by}, {took} into the stop, and its node was not seen \
                         to go from the catalog{}",
                        end.how,
                        match end.how {
                            How::Exited(0) => String::new(),
                            _ => last_words(end),
                        }
                    ),
                )
            }
        };
        self.exit(exit);
    }

    /// A stop while no agent runs: before its first start, or between a crash and a restart.
    fn stopped_without_agent(&mut self) {
        // Whoever was ready had joined, so the servers know its node, whether lictor could read the catalog or not.
        let crashed = self.start.ever_ready;
        let stop = self.stop.take();
        let exit = match stop.map(|stop| (stop.mode, stop.because)) {
            Some((OnStop::Leave, None)) if crashed => Exit::new(
                exit::UNCONFIRMED,
                "the leave is not confirmed: the agent had crashed and was not running when lictor was asked to stop, so \
                 its node stays in the catalog until the servers see it fail",
            ),
            Some((_, Some(exit))) => exit,
            _ => Exit::ok(),
        };
        self.exit(exit);
    }

    /// The budget is used up.
    pub(super) fn kill(&mut self) {
        let Some(stop) = &mut self.stop else { return };
        stop.killed = true;
        let took = seconds(self.now.saturating_sub(stop.since));
        let state = if stop.entry == Entry::Gone {
            "it has left, so nothing is lost"
        } else {
            "it has not been seen to leave"
        };
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
