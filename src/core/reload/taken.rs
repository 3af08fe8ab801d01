//! What was taken from the user's directories, and whether the agent gets to read it.
//!
//! It was judged where it was taken: what speaks against it keeps the agent from it, and is told by file, key and fix. Whoever only
//! wants to know gets the same answer, and nothing changes.

use crate::core::action::{Action, Level, ReloadOutcome};
use crate::core::candidate::{Applied, Candidate};
use crate::core::conditions::{Kind, Truth};
use crate::core::event::Waiter;
use crate::core::machine::Machine;
use crate::core::timers::Timer;

/// What whoever wants a judgement is told where there is nothing to judge.
const UNSTAGED: &str = "with --no-staging nothing is judged; `lictor check` judges files";

impl Machine {
    /// Somebody wants to know whether a reload would be good.
    pub(in crate::core) fn judgement_asked(&mut self, waiter: Waiter) {
        let why = match &self.stop {
            Some(_) => "lictor is stopping",
            None if !self.config.staging => UNSTAGED,
            None => {
                self.reload.examine.push(waiter);
                return self.reload_if_possible();
            }
        };
        let outcome = ReloadOutcome::Failed(why.to_owned());
        self.out.push(Action::Reply(waiter, outcome));
    }

    /// What the user's directories hold now was taken, or could not be.
    pub(in crate::core) fn restaged(&mut self, result: Result<Candidate, String>) {
        self.reload.staging = false;
        if !self.reload.examining.is_empty() {
            self.examined(result);
        } else if !self.reload.running {
            // The agent for which it was taken has ended, or lictor stops.
            self.out.push(Action::Discard);
        } else {
            match result {
                Ok(candidate) => return self.judged(candidate),
                Err(why) if self.is_stale(&why) => {
                    self.not_good("NotStaged", &why);
                    return self.reload_over();
                }
                Err(why) => {
                    self.not_good("NotStaged", &why);
                    return self.reload_ended(ReloadOutcome::Failed(why));
                }
            }
        }
        self.reload_if_possible();
    }

    fn examined(&mut self, result: Result<Candidate, String>) {
        let outcome = match result {
            Ok(Candidate { verdict, .. }) if !verdict.faults.is_empty() => {
                ReloadOutcome::Rejected(verdict.faults)
            }
            Ok(Candidate { change, verdict }) => {
                ReloadOutcome::Judged(Applied::of(&change, &verdict))
            }
            Err(why) => ReloadOutcome::Failed(why),
        };
        self.out.push(Action::Discard);
        for waiter in std::mem::take(&mut self.reload.examining) {
            self.out.push(Action::Reply(waiter, outcome.clone()));
        }
    }

    fn judged(&mut self, candidate: Candidate) {
        let Candidate {
            mut change,
            mut verdict,
        } = candidate;
        // Read by its ending alone, a file tells less of what it drops.
        if let Some(dropped) = verdict.dropped.take() {
            change.dropped = dropped;
        }
        self.say_left_out(change.left_out.clone());
        let anyway = self.reload.does.anyway || self.reload.unsure;
        let told = verdict.faults.join("; ");
        if change.is_none() && !change.way_back && !anyway {
            return self.reload_spared(&told);
        }
        self.say_odd(verdict.odd.clone());
        if self.reload.does.force {
            for fault in &verdict.faults {
                self.say(Level::Warn, format!("taken all the same: {fault}"));
            }
        } else if self.is_stale(&told) {
            self.out.push(Action::Discard);
            self.not_good("Rejected", &told);
            return self.reload_over();
        } else if !verdict.faults.is_empty() {
            self.out.push(Action::Reject);
            self.not_good("Rejected", &told);
            return self.reload_ended(ReloadOutcome::Rejected(verdict.faults));
        }
        let applied = Applied::of(&change, &verdict);
        self.say(Level::Info, format!("configuration: {applied}"));
        self.try_change(change, applied);
        self.out.push(Action::Adopt);
    }

    /// What the agent is to read is there for it to be read.
    pub(in crate::core) fn adopted(&mut self, result: Result<(), String>) {
        match result {
            Ok(()) => {
                self.reload.trial.adopted = true;
                match self.wants_renewal() {
                    true => self.renew(),
                    false => self.tell_agent(),
                }
            }
            Err(why) => {
                self.not_good("NotStaged", &why);
                self.reload_ended(ReloadOutcome::Failed(why));
            }
        }
    }

    /// The files are what the agent has read, and nobody asked for more than those. What they name may still be what it was not good for.
    fn reload_spared(&mut self, faults: &str) {
        self.out.push(Action::Discard);
        let good = self.conditions.holds(Kind::ConfigGood);
        if !good && !faults.is_empty() {
            self.not_good("Rejected", faults);
        } else if !good {
            self.timers.clear(Timer::Again);
            // What was not good is no longer there.
            self.set(Kind::ConfigGood, Truth::True, "AsBefore", "");
            self.say(
                Level::Info,
                "configuration: put right; the agent has read what is there now already",
            );
            self.out.push(Action::Settle);
            self.say_owed();
        }
        self.reload_over();
    }

    /// Says what the agent does not get to see, each thing once for as long as it is there.
    pub(in crate::core) fn say_left_out(&mut self, left_out: Vec<String>) {
        let known = std::mem::replace(&mut self.reload.left_out, left_out.clone());
        for what in left_out.iter().filter(|what| !known.contains(what)) {
            let text = format!("left out of the configuration: {what}");
            self.say(Level::Warn, text);
        }
    }

    /// Says what is odd about what the agent gets to read, in the same way.
    fn say_odd(&mut self, odd: Vec<String>) {
        let known = std::mem::replace(&mut self.reload.odd, odd.clone());
        for what in odd.into_iter().filter(|what| !known.contains(what)) {
            self.say(Level::Warn, what);
        }
    }
}
