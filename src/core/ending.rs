//! The end of lictor: once the agent is gone for good, what it has left behind goes first.
//!
//! An agent's checks may have started processes that outlive it. They get SIGTERM, and SIGKILL in the end, as
//! [`crate::core::leftovers`] has it; the exit comes as soon as nobody is left.

use crate::core::Moment;
use crate::core::action::{Action, Level, ReloadOutcome};
use crate::core::event::Event;
use crate::core::leftovers::{Due, Leftovers};
use crate::core::machine::Machine;
use crate::core::phase::Phase;
use crate::core::signal::{SIGKILL, SIGTERM};
use crate::core::timers::Timer;
use crate::exit::Exit;

/// What somebody is told who waits for a reload.
const ENDING: &str = "lictor is ending";

/// How far the end is.
#[derive(Debug, Default)]
pub(super) struct Ending {
    /// The end of the budget of a stop, where there is one.
    pub(super) until: Option<Moment>,
    /// The exit that is decided on, and those it waits for.
    over: Option<(Exit, Leftovers)>,
}

impl Machine {
    /// Decides on the exit.
    pub(super) fn exit(&mut self, exit: Exit) {
        self.timers.clear_all();
        self.checks_put_back();
        self.reload_given_up(ENDING);
        // Before the agent's first start there is nobody.
        if !self.start.ever_spawned {
            return self.exit_now(exit);
        }
        self.enter(Phase::Stopping);
        let budget = self
            .ending
            .until
            .map(|until| until.saturating_sub(self.now));
        let patience = self.config.kill_after.min(budget.unwrap_or(Moment::MAX));
        let left = Leftovers::asked(self.now, patience);
        self.timers.set(Timer::Leftovers, left.deadline());
        self.ending.over = Some((exit, left));
        self.out.push(Action::Sweep(SIGTERM));
    }

    /// What happens when the exit is decided on and waits for those who are left.
    pub(super) fn while_ending(&mut self, event: &Event) {
        match event {
            Event::Alone => self.nobody_left(),
            Event::OutOfReach => self.out_of_reach(),
            Event::Tick if self.timers.take_due(self.now).is_some() => self.still_left(),
            Event::ReloadAsked(waiter)
            | Event::ForceAsked(waiter)
            | Event::JudgementAsked(waiter) => {
                let outcome = ReloadOutcome::Failed(ENDING.to_owned());
                self.out.push(Action::Reply(*waiter, outcome));
            }
            _ => {}
        }
    }

    /// Whether the exit is decided on.
    pub fn is_ending(&self) -> bool {
        self.ending.over.is_some()
    }

    fn still_left(&mut self) {
        let Some((_, left)) = &mut self.ending.over else {
            return;
        };
        let due = left.take_due(self.now);
        self.timers.set(Timer::Leftovers, left.deadline());
        match due {
            Some(Due::Kill) => self.out.push(Action::Sweep(SIGKILL)),
            Some(Due::GiveUp) => {
                self.say(Level::Warn, "processes are left that SIGKILL does not end");
                self.nobody_left();
            }
            None => {}
        }
    }

    /// Those who could not be asked have their time all the same; to be killed they would have to be found.
    fn out_of_reach(&mut self) {
        if let Some((_, left)) = &self.ending.over
            && left.was_overdue()
        {
            self.say(Level::Warn, "processes may be left that could not be ended");
            self.nobody_left();
        }
    }

    fn nobody_left(&mut self) {
        if let Some((exit, _)) = self.ending.over.take() {
            self.exit_now(exit);
        }
    }

    fn exit_now(&mut self, exit: Exit) {
        self.timers.clear_all();
        self.enter(Phase::Exited);
        self.out.push(Action::Exit(exit));
    }
}
