//! A restart that nobody notices: the states of checks over it.
//!
//! An agent keeps the checks that were registered through its API in its data directory, and starts each of them as critical,
//! but for those with a TTL, whose states it keeps as well. So before a start that follows an agent's end closely a stand-in
//! with a TTL and the last state is put in the place of each definition whose state is known, and as soon as the new agent
//! answers, each check is registered again over its stand-in, which leaves the state as it is. So no server ever sees
//! another one, however soon the agent tells them what it has. The first run of a check then decides as ever.
//!
//! A check of a file has no definition there. Before the same starts an agent is lent its configuration with the states put in, for as
//! long as it needs to read it; its first answer ends that. An agent keeps them over a reload by itself.
//!
//! Only a fresh state is carried over. What is known to be critical, and what is not known, starts as critical by itself. A
//! definition is never lost: it is set aside before its stand-in takes its place, and what could not be registered is put
//! back, and the agent reloads; what was not tried is put back when lictor ends, or before the agent's next start. A stand-in
//! that nobody replaces turns critical when its TTL is over.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::core::Moment;
use crate::core::action::{Action, Level};
use crate::core::conditions::Kind;
use crate::core::machine::Machine;
use crate::core::reload::Cause;
use crate::core::timers::Timer;

/// How long what an agent was seen to say holds, from then to the registration with the next one.
const FRESH: Duration = Duration::from_secs(90);
/// Between two questions for the states, once an agent has checks. They reach no server.
const LOOK: Duration = Duration::from_secs(10);

/// The state of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// All is well.
    Passing,
    /// It still counts as healthy.
    Warning,
    /// It does not.
    Critical,
}

impl Health {
    /// All of them, the best first.
    pub const ALL: [Self; 3] = [Self::Passing, Self::Warning, Self::Critical];

    /// As Consul writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Passing => "passing",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    /// The reverse of [`Health::name`].
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|health| health.name() == name)
    }
}

/// States of checks by the checks' ids.
pub type States = BTreeMap<String, Health>;

/// What a start carries over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Carried {
    /// The stand-ins for definitions that are set aside, with their states.
    pub aside: States,
    /// The checks of files whose states the agent is lent.
    pub lent: States,
}

/// Something to do about an agent's checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckWork {
    /// Put all definitions back that are set aside, and lend nothing any more.
    PutBack,
    /// No agent runs: put stand-ins in the places of the definitions whose states are known, and lend the next agent those of the
    /// files. Ends in [`CheckNews::Aside`].
    SetAside {
        /// The states that an agent had which has just ended under this lictor, as far as they were seen. Otherwise a note
        /// of the lictor before this one says them, if there is a fresh one.
        seen: Option<States>,
    },
    /// The agent has read what it was lent, which is lent no longer.
    Reclaim,
    /// Register what is set aside over the stand-ins. Ends in [`CheckNews::Restored`] unless forgotten before.
    Restore(States),
    /// Ask the agent for the states, if there is any that could be carried over. Ends in [`CheckNews::Seen`] then, unless
    /// forgotten before.
    Look,
    /// Ask the agent for the states and note them for the lictor that comes next. Ends in [`CheckNews::Noted`] soon in any case.
    Note,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckNews {
    /// This is carried over, with the agent that is about to start.
    Aside(Carried),
    /// What was set aside was registered, or could not be.
    Restored(Restored),
    /// The states, by the agent's own word: none where lictor may not see any, nothing where it did not answer.
    Seen(Option<States>),
    /// What was to be noted was, or could not be.
    Noted,
}

/// How a registration anew went.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Restored {
    /// The states that were carried over.
    pub carried: Vec<Health>,
    /// The checks that could not be registered, each with the reason; they are still set aside.
    pub failed: Vec<String>,
}

/// What is known of the checks.
#[derive(Debug, Default)]
pub(super) struct Checks {
    /// When the last agent that was ready has ended.
    lost: Option<Moment>,
    /// The states as the agent last said them, each with when. While it reloads it tells of some checks only, whoever has asked
    /// for that; so what it does not tell of is not forgotten at once.
    seen: BTreeMap<String, (Moment, Health)>,
    /// What the agent has that starts.
    carried: Carried,
    /// What it was lent, until that is told.
    read: Vec<Health>,
    /// They are being registered, and whether the agent had joined by then: before that it cannot look a token up.
    restoring: Option<bool>,
    /// The signal that stops the agent, held back until the states are noted.
    held_back: Option<i32>,
}

impl Machine {
    fn carries_checks(&self) -> bool {
        self.config.carry_checks && self.config.api
    }

    /// An agent has ended.
    pub(super) fn checks_lost(&mut self) {
        if self.start.was_ready {
            self.checks.lost = Some(self.now);
        }
    }

    /// An agent is about to be started.
    pub(super) fn checks_before_spawn(&mut self) {
        self.checks.restoring = None;
        self.checks.carried = Carried::default();
        self.checks.read.clear();
        let lost = self.checks.lost;
        let in_place = lost.is_some_and(|at| self.now.saturating_sub(at) <= FRESH);
        let first = !self.start.ever_itself;
        let work = if self.carries_checks() && (in_place || first) {
            let seen = in_place.then(|| self.states_seen());
            CheckWork::SetAside { seen }
        } else {
            CheckWork::PutBack
        };
        self.out.push(Action::Checks(work));
    }

    /// An agent is about to be started that is none to carry anything over: it has what it would have without lictor.
    pub(super) fn checks_left_alone(&mut self) {
        self.checks.restoring = None;
        self.checks.carried = Carried::default();
        self.checks.read.clear();
        self.out.push(Action::Checks(CheckWork::PutBack));
    }

    /// The agent answers, or has joined: from now on checks can be registered.
    pub(super) fn checks_restore(&mut self) {
        self.checks_read();
        let under_way = self.checks.restoring.is_some();
        if self.stop.is_some() || under_way {
            return;
        }
        let aside = self.checks.carried.aside.clone();
        if aside.is_empty() {
            return self.say_carried(Vec::new());
        }
        self.checks.restoring = Some(self.conditions.holds(Kind::Joined));
        self.out.push(Action::Checks(CheckWork::Restore(aside)));
    }

    /// The agent has read its configuration, and with it what it was lent.
    pub(super) fn checks_read(&mut self) {
        let lent = std::mem::take(&mut self.checks.carried.lent);
        if !lent.is_empty() {
            self.checks.read = lent.into_values().collect();
            self.out.push(Action::Checks(CheckWork::Reclaim));
        }
    }

    /// Says once what was carried over: these, and what the agent has read.
    fn say_carried(&mut self, mut carried: Vec<Health>) {
        carried.append(&mut self.checks.read);
        if !carried.is_empty() {
            self.say(Level::Info, told(&carried));
        }
    }

    /// The states as the agent last said them, where that is not too long ago.
    fn states_seen(&self) -> States {
        let seen = self.checks.seen.iter();
        seen.filter(|(_, (at, _))| self.now.saturating_sub(*at) <= FRESH)
            .map(|(id, (_, health))| (id.clone(), *health))
            .collect()
    }

    /// The agent is ready, or still is.
    pub(super) fn checks_heartbeat(&mut self) {
        if self.checks.carried.aside.is_empty() {
            self.checks_look();
        } else {
            self.checks_restore();
        }
    }

    pub(super) fn checks_look(&mut self) {
        self.timers.clear(Timer::Look);
        if self.carries_checks() {
            self.out.push(Action::Checks(CheckWork::Look));
        }
    }

    /// Stops the agent by that signal, once the states of its checks are noted for the lictor that comes next.
    pub(super) fn signal_once_noted(&mut self, signal: i32) {
        if !self.carries_checks() || !self.start.answered {
            return self.out.push(Action::Signal(signal));
        }
        self.checks.held_back = Some(signal);
        self.out.push(Action::Checks(CheckWork::Note));
    }

    /// Nothing more will be registered.
    pub(super) fn checks_put_back(&mut self) {
        let Carried { aside, lent } = std::mem::take(&mut self.checks.carried);
        if !aside.is_empty() || !lent.is_empty() {
            self.out.push(Action::Checks(CheckWork::PutBack));
        }
    }

    pub(super) fn checks_told(&mut self, news: CheckNews) {
        match news {
            CheckNews::Aside(carried) => self.checks.carried = carried,
            CheckNews::Restored(restored) => self.restored(restored),
            CheckNews::Seen(None) => {}
            CheckNews::Seen(Some(states)) => {
                let now = self.now;
                let states = states.into_iter().map(|(id, health)| (id, (now, health)));
                let seen = &mut self.checks.seen;
                seen.extend(states);
                seen.retain(|_, (at, _)| now.saturating_sub(*at) <= FRESH);
                if !seen.is_empty() && self.stop.is_none() && self.child.is_some() {
                    self.timers.set(Timer::Look, now + LOOK);
                }
            }
            CheckNews::Noted => {
                let signal = self.checks.held_back.take();
                // The kill at the end of the budget is not to be followed by another signal.
                if let Some(signal) = signal
                    && self.timers.is_set(Timer::Kill)
                {
                    self.out.push(Action::Signal(signal));
                }
            }
        }
    }

    fn restored(&mut self, restored: Restored) {
        let had_joined = self.checks.restoring.take() == Some(true);
        self.say_carried(restored.carried);
        let Some(first) = restored.failed.first() else {
            return self.checks.carried.aside.clear();
        };
        if !had_joined {
            if self.conditions.holds(Kind::Joined) {
                self.checks_restore();
            }
            return;
        }
        let text = format!(
            "{} could not be registered anew, so the agent loads what it had: {first}",
            checks(restored.failed.len())
        );
        self.say(Level::Warn, text);
        self.checks_put_back();
        self.reload_asked(Cause::DataDir);
    }
}

/// What was carried over, for a person.
fn told(carried: &[Health]) -> String {
    let states = if carried.len() == 1 {
        "state"
    } else {
        "states"
    };
    let counts: Vec<String> = Health::ALL
        .into_iter()
        .map(|health| (health, carried.iter().filter(|one| **one == health).count()))
        .filter(|(_, count)| *count > 0)
        .map(|(health, count)| format!("{count} {}", health.name()))
        .collect();
    let (all, counts) = (checks(carried.len()), counts.join(", "));
    format!("carried the {states} of {all} over: {counts}")
}

fn checks(count: usize) -> String {
    match count {
        1 => "1 check".to_owned(),
        count => format!("{count} checks"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_carried_over_is_told() {
        assert_eq!(
            told(&[
                Health::Passing,
                Health::Critical,
                Health::Passing,
                Health::Passing
            ]),
            "carried the states of 4 checks over: 3 passing, 1 critical"
        );
        assert_eq!(
            told(&[Health::Warning]),
            "carried the state of 1 check over: 1 warning"
        );
    }
}
