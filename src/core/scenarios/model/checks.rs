//! The checks of the world's agents: what is set aside, and what must hold of it.

use super::answers::{any, percent};
use super::seen::Seen;
use super::world::World;
use super::*;
use crate::core::checks::{Carried, CheckNews, CheckWork, Health, Restored, States};

/// The longest that the states of checks may take to be noted.
const NOTING: u64 = 300;

/// What was seen of the checks.
#[derive(Default)]
pub(super) struct Checks {
    /// Whether definitions are set aside.
    aside: bool,
    /// Whether the agent reads a configuration that is lent to it.
    lent: bool,
    /// They are being registered.
    restoring: bool,
    /// The states are being noted.
    pub(super) noting: bool,
}

/// What is under way.
#[derive(Default)]
pub(super) struct Under {
    /// Dropped when questions are.
    works: Vec<CheckWork>,
    /// When the states will be noted.
    pub(super) noted: Option<Moment>,
}

impl Checks {
    pub(super) fn event(&mut self, event: &Event) {
        match event {
            Event::Checks(CheckNews::Aside(carried)) => {
                self.aside = !carried.aside.is_empty();
                self.lent = !carried.lent.is_empty();
            }
            Event::Checks(CheckNews::Restored(restored)) => {
                self.aside = !restored.failed.is_empty();
                self.restoring = false;
            }
            Event::Checks(CheckNews::Noted) => self.noting = false,
            _ => {}
        }
    }

    pub(super) fn action(&mut self, action: &Action) {
        match action {
            Action::Forget => self.restoring = false,
            Action::Checks(CheckWork::Restore(_)) => self.restoring = true,
            Action::Checks(CheckWork::Reclaim) => self.lent = false,
            Action::Checks(CheckWork::PutBack) => {
                self.aside = false;
                self.lent = false;
            }
            Action::Checks(CheckWork::Note) => self.noting = true,
            _ => {}
        }
    }
}

impl World {
    /// The driver's part.
    pub(super) fn check_work(&mut self, work: &CheckWork) {
        match work {
            CheckWork::PutBack | CheckWork::Reclaim => {}
            CheckWork::SetAside { .. } => {
                let aside = sometimes(&mut self.rng);
                let lent = sometimes(&mut self.rng);
                let carried = Carried { aside, lent };
                self.due.push_back(Event::Checks(CheckNews::Aside(carried)));
            }
            CheckWork::Restore(_) | CheckWork::Look => self.under.works.push(work.clone()),
            CheckWork::Note => {
                let after = Duration::from_millis(self.rng.u64(0..NOTING));
                self.under.noted = Some(self.now + after);
            }
        }
    }

    pub(super) fn forget_checks(&mut self) {
        self.under.works.clear();
    }

    /// Something that was under way is done.
    pub(super) fn checks_done(&mut self) -> Option<Event> {
        let lives = self.process.as_ref().is_some_and(|it| it.ends.is_none());
        let news = match self.under.works.pop()? {
            CheckWork::Look if lives => {
                let blind = percent(&mut self.rng, 10);
                let states = states(&mut self.rng);
                CheckNews::Seen(Some(if blind { States::new() } else { states }))
            }
            CheckWork::Look => CheckNews::Seen(None),
            _ => {
                let good = lives && percent(&mut self.rng, 80);
                let failed = usize::from(!good && self.rng.bool());
                CheckNews::Restored(Restored {
                    carried: vec![Health::Passing; 1 - failed],
                    failed: vec!["by chance".to_owned(); failed],
                })
            }
        };
        Some(Event::Checks(news))
    }
}

fn sometimes(rng: &mut fastrand::Rng) -> States {
    match percent(rng, 60) {
        true => states(rng),
        false => States::new(),
    }
}

fn states(rng: &mut fastrand::Rng) -> States {
    let health = any(rng, &Health::ALL);
    [("web".to_owned(), health)].into()
}

pub(super) const INVARIANTS: &[Invariant<Action>] = &[
    Invariant {
        name: "no agent meets a directory that changes",
        sentence: "definitions of checks are moved, and a configuration is lent, only while no agent lives and none is being \
                   spawned; but for those that could not be registered, which are put back and then loaded",
        holds: |seen, action| {
            let free = seen.agent.is_none() && !seen.spawning;
            match (action, &seen.event) {
                (Action::Checks(CheckWork::SetAside { .. }), _) => free,
                (Action::Checks(CheckWork::PutBack), Event::Checks(news)) => {
                    matches!(news, CheckNews::Restored(restored) if !restored.failed.is_empty())
                }
                (Action::Checks(CheckWork::PutBack), _) => free,
                _ => true,
            }
        },
    },
    Invariant {
        name: "no check is lost",
        sentence: "at the exit no definition is set aside and no configuration lent, and neither is without --carry-checks or an API",
        holds: |seen, action| match action {
            Action::Exit(_) => !seen.checks.aside && !seen.checks.lent,
            Action::Checks(CheckWork::SetAside { .. }) => carries(seen),
            _ => true,
        },
    },
    Invariant {
        name: "no reload of what is lent",
        sentence: "while its configuration is lent to an agent, it gets no other one, none is settled, and no reload is asked for",
        holds: |seen, action| match action {
            Action::Stage | Action::Adopt | Action::Settle => !seen.checks.lent,
            Action::Ask(Question::Reload) | Action::Signal(SIGHUP) => !seen.checks.lent,
            _ => true,
        },
    },
    Invariant {
        name: "who can take checks",
        sentence: "checks are registered where some are set aside, once at a time, and only with an agent that answers, outside \
                   a stop",
        holds: |seen, action| match (action, &seen.agent) {
            (Action::Checks(CheckWork::Restore(_)), agent) => {
                let answers = agent
                    .as_ref()
                    .is_some_and(|agent| agent.api && agent.answered);
                let free = seen.checks.aside && !seen.checks.restoring;
                answers && free && seen.stop.is_none()
            }
            _ => true,
        },
    },
    Invariant {
        name: "a note for the next one",
        sentence: "the states of checks are noted once, in a stop without a leave of an agent that has answered; and while that is \
                   under way only the end of the budget is a reason for a signal, and that the agent was stopped",
        holds: |seen, action| match (action, &seen.agent, &seen.stop) {
            (Action::Checks(CheckWork::Note), agent, stop) => {
                let answers = agent.as_ref().is_some_and(|agent| agent.answered);
                let stays = stop.as_ref().is_some_and(|stop| stop.mode == OnStop::Stay);
                answers && stays && carries(seen) && !seen.checks.noting
            }
            // One that is stopped would answer nothing.
            (Action::Signal(SIGCONT), _, Some(_)) if seen.event == Event::Stopped => true,
            (Action::Signal(_), _, Some(_)) if seen.checks.noting => seen.event == Event::Tick,
            _ => true,
        },
    },
];

fn carries(seen: &Seen) -> bool {
    let api = seen.agent.as_ref().is_none_or(|agent| agent.api);
    seen.config.carry_checks && api
}
