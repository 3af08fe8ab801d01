//! A reload: kept until the agent can take it, asked one at a time, told to whoever waits for it.
//!
//! A SIGHUP in an agent's first 50 ms ends it, and one in its first half second is ignored. A `PUT /v1/agent/reload` is
//! held by the agent until it can act on it, and has an answer; so it is the way, and the signal is the other way.
//!
//! Before the agent is asked, what it reads is taken anew from the user's directories; afterwards it is seen to have loaded that
//! ([`verify`]).

use crate::core::action::{Action, Level, Question, ReloadOutcome};
use crate::core::conditions::{Kind, Truth};
use crate::core::event::{Change, Refusal, Waiter};
use crate::core::machine::Machine;
use crate::core::phase::Phase;
use crate::core::timers::Timer;

mod verify;

use verify::{Trial, is_broken};

const SIGHUP: i32 = 1;

/// Why a reload is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// A person or a program wants it, for which certificates may be a reason, too, that the configuration only names.
    Asked(Option<Waiter>),
    /// The user's files have changed.
    Files,
    /// The agent is to load what its data directory has. What the user is about to change has nothing to do with that.
    DataDir,
}

/// What a reload is to do.
#[derive(Debug, Clone, Copy, Default)]
struct Wanted {
    /// Take the user's files anew.
    anew: bool,
    /// Ask the agent even where they are what they were.
    anyway: bool,
}

/// The reloads that were asked for.
#[derive(Debug, Default)]
pub(super) struct Reload {
    /// One was asked for and has not been begun.
    pub(super) pending: bool,
    /// What that one is to do.
    wanted: Wanted,
    running: bool,
    /// What the one that runs is to do.
    does: Wanted,
    /// The user's directories are being read. An agent may end meanwhile, and the next one be there when that is over.
    staging: bool,
    /// The API denied it: it will have to be the signal, once the agent takes signals.
    by_signal: bool,
    /// Who waits for the one that is pending.
    waiting: Vec<Waiter>,
    /// Who waits for the one that runs.
    served: Vec<Waiter>,
    /// How many were answered or signalled.
    pub(super) count: u32,
    /// What the user was told that his agent does not get to see.
    left_out: Vec<String>,
    /// What is known of the one that runs.
    trial: Trial,
    /// How the last one went.
    pub(super) last: Option<ReloadOutcome>,
}

impl Machine {
    pub(super) fn reload_asked(&mut self, cause: Cause) {
        let (waiter, anew, anyway) = match cause {
            Cause::Asked(waiter) => (waiter, true, true),
            Cause::Files => (None, true, false),
            Cause::DataDir => (None, false, true),
        };
        if self.stop.is_some() {
            let why = "lictor is stopping, and a reload would break the leave";
            self.say(Level::Warn, format!("reload ignored: {why}"));
            if let Some(waiter) = waiter {
                let outcome = ReloadOutcome::Failed(why.to_owned());
                self.out.push(Action::Reply(waiter, outcome));
            }
            return;
        }
        self.reload.waiting.extend(waiter);
        self.reload.pending = true;
        self.reload.wanted.anew |= anew;
        self.reload.wanted.anyway |= anyway;
        self.reload_if_possible();
        if self.reload.pending {
            self.say(Level::Info, "reload kept until the agent can take it");
        }
    }

    /// Begins the reload that is pending, if there is one and the agent can take it.
    pub(super) fn reload_if_possible(&mut self) {
        let reload = &mut self.reload;
        let under_way = reload.running || reload.staging;
        if !reload.pending || under_way || self.child.is_none() || self.stop.is_some() {
            return;
        }
        // Signals are taken later than questions.
        let takes_it = match reload.by_signal || !self.config.api {
            true => self.start.was_ready,
            false => self.start.answered,
        };
        if !takes_it {
            return;
        }
        reload.pending = false;
        reload.running = true;
        reload.does = std::mem::take(&mut reload.wanted);
        reload.served = std::mem::take(&mut reload.waiting);
        reload.trial = Trial::default();
        self.enter(Phase::Reloading);
        if !self.config.staging || !self.reload.does.anew {
            return self.tell_agent();
        }
        match self.config.api && !self.reload.by_signal {
            true => self.look_at_services(),
            false => self.restage(),
        }
    }

    fn restage(&mut self) {
        self.reload.staging = true;
        self.files_taken();
        self.out.push(Action::Restage);
    }

    /// What the agent reads is ready to be read.
    pub(super) fn tell_agent(&mut self) {
        if self.reload.by_signal || !self.config.api {
            return self.reload_by_signal();
        }
        self.say(Level::Info, "asking the agent to reload");
        self.ask(Question::Reload);
    }

    /// What the agent reads is what the user's directories hold now, or still what it was.
    pub(super) fn restaged(&mut self, result: Result<Change, String>) {
        self.reload.staging = false;
        if !self.reload.running {
            // The agent for which it was done has ended, or lictor stops. Another one may have read the old files, or will read
            // the new ones, which nobody has tried: they wait for a reload of their own.
            if result.is_err() {
                self.files_changed();
            }
            if result.is_ok_and(|change| change.way_back) {
                self.out.push(Action::Unstage);
                self.files_not_taken();
                self.reload.pending |= self.stop.is_none();
                self.reload.wanted = Wanted {
                    anew: true,
                    anyway: true,
                };
            }
            return self.reload_if_possible();
        }
        match result {
            Ok(change) => {
                self.say_left_out(change.left_out.clone());
                // One that is not good is not known to be what the agent has.
                let spared = !self.reload.does.anyway && self.conditions.holds(Kind::ConfigGood);
                if change.is_none() && !change.way_back && spared {
                    return self.reload_spared();
                }
                self.say(Level::Info, format!("configuration: {change}"));
                self.try_change(change);
                self.tell_agent();
            }
            Err(why) => {
                self.set(Kind::ConfigGood, Truth::False, "NotStaged", &why);
                self.reload_ended(ReloadOutcome::Failed(why));
            }
        }
    }

    /// The files are what they were after all, and nobody asked for more than those.
    fn reload_spared(&mut self) {
        self.say(Level::Debug, "the configuration is what it was");
        self.reload.running = false;
        self.reload.trial = Trial::default();
        self.resume();
        self.reload_if_possible();
    }

    /// Says what the agent does not get to see, each thing once for as long as it is there.
    pub(super) fn say_left_out(&mut self, left_out: Vec<String>) {
        let known = std::mem::replace(&mut self.reload.left_out, left_out.clone());
        for what in left_out {
            if !known.contains(&what) {
                self.say(
                    Level::Warn,
                    format!("left out of the configuration: {what}"),
                );
            }
        }
    }

    pub(super) fn reload_answered(&mut self, result: Result<(), Refusal>) {
        if !self.reload.running {
            return;
        }
        match result {
            Ok(()) => self.verify(),
            Err(Refusal::Denied(what)) if !self.goes_back() => {
                self.say(
                    Level::Warn,
                    format!("the API denies the reload ({what}); using SIGHUP"),
                );
                let reload = &mut self.reload;
                reload.by_signal = true;
                if self.start.was_ready {
                    return self.reload_by_signal();
                }
                reload.running = false;
                reload.pending = true;
                reload.wanted.anew |= reload.does.anew;
                reload.wanted.anyway = true;
                reload.waiting.append(&mut reload.served);
                self.resume();
            }
            Err(refusal) => {
                self.reload.trial.broken = is_broken(&refusal);
                self.reload_broke(&refusal.to_string());
            }
        }
    }

    fn reload_by_signal(&mut self) {
        self.out.push(Action::Signal(SIGHUP));
        self.reload_ended(ReloadOutcome::Signaled);
    }

    fn reload_ended(&mut self, outcome: ReloadOutcome) {
        let level = match outcome {
            ReloadOutcome::Failed(_) | ReloadOutcome::RolledBack(_) => Level::Error,
            ReloadOutcome::Reloaded | ReloadOutcome::Signaled => Level::Info,
        };
        self.say(level, format!("reload: {outcome}"));
        self.reload.running = false;
        self.reload.trial = Trial::default();
        self.reload.count += 1;
        for waiter in std::mem::take(&mut self.reload.served) {
            self.out.push(Action::Reply(waiter, outcome.clone()));
        }
        self.reload.last = Some(outcome);
        self.resume();
        // Consul unloads every service before it loads them anew: look at once whether ours is still there.
        if self.start.was_ready && self.config.api {
            self.timers.set(Timer::Ask, self.now);
        }
        self.reload_if_possible();
    }

    /// Back to where the reload found the agent.
    fn resume(&mut self) {
        if self.phase == Phase::Reloading {
            let ready = self.conditions.holds(Kind::Ready);
            self.enter(if ready { Phase::Ready } else { Phase::Joining });
        }
    }

    /// lictor stops or exits: whoever waits for a reload that has not begun is told so at once.
    pub(super) fn reload_given_up(&mut self, why: &str) {
        let reload = &mut self.reload;
        reload.pending = false;
        reload.wanted = Wanted::default();
        let mut waiters = std::mem::take(&mut reload.waiting);
        if reload.staging || reload.trial.looking {
            reload.running = false;
            waiters.append(&mut reload.served);
        }
        for waiter in waiters {
            let outcome = ReloadOutcome::Failed(why.to_owned());
            self.out.push(Action::Reply(waiter, outcome));
        }
    }

    /// The agent is gone: whoever waits is told that the next start reads the configuration anyway.
    pub(super) fn reload_lost(&mut self) {
        let reload = &mut self.reload;
        let mut waiters = std::mem::take(&mut reload.served);
        waiters.append(&mut reload.waiting);
        reload.pending = false;
        reload.wanted = Wanted::default();
        reload.running = false;
        // The next agent may have a token that this one had not.
        reload.by_signal = false;
        let back = self.give_change_up();
        let why = match back {
            true => verify::ENDED,
            false => "the agent ended; it reads its configuration when it starts again",
        };
        for waiter in waiters {
            let outcome = ReloadOutcome::Failed(why.to_owned());
            self.out.push(Action::Reply(waiter, outcome));
        }
    }
}
