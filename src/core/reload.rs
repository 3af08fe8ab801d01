//! A reload: kept until the agent can take it, asked one at a time, told to whoever waits for it.
//!
//! A SIGHUP in an agent's first 50 ms ends it, and one in its first half second is ignored. A `PUT /v1/agent/reload` is
//! held by the agent until it can act on it, and has an answer; so it is the way, and the signal is the other way.
//!
//! Before the agent is asked, what it is to read is taken anew from the user's directories and judged ([`taken`]); afterwards it
//! is seen to have loaded that ([`verify`]; [`signal`] where that has no answer), and restarted for what no reload applies, where that is wanted ([`renewal`]).

use crate::core::action::{Action, Level, Question, ReloadOutcome};
use crate::core::conditions::Kind;
use crate::core::event::{Refusal, Waiter};
use crate::core::machine::Machine;
use crate::core::phase::Phase;
use crate::core::timers::Timer;

mod again;
mod renewal;
mod signal;
mod taken;
mod verify;

use verify::{Trial, is_broken};

const SIGHUP: i32 = 1;

/// Why a reload is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// A person or a program wants it, for which certificates may be a reason, too, that the configuration only names.
    Asked(Option<Waiter>),
    /// The same, whatever speaks against it.
    Forced(Waiter),
    /// The user's files have changed.
    Files,
    /// What they hold was not good, and may be now.
    Again,
    /// The registration is another one, since the host's address is. What the user is about to change has nothing to do with that.
    Address,
    /// The agent is to load what its data directory has. What the user is about to change has nothing to do with that.
    DataDir,
}

/// What a reload is to do.
#[derive(Debug, Clone, Copy, Default)]
struct Wanted {
    /// Take the user's files anew.
    anew: bool,
    /// Take the registration as it was written last.
    address: bool,
    /// Ask the agent even where they are what they were.
    anyway: bool,
    /// Say what becomes of it even where that was said.
    loud: bool,
    /// Take them whatever speaks against them.
    force: bool,
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
    /// Who waits for a judgement that was not begun.
    examine: Vec<Waiter>,
    /// Who waits for the one that is under way.
    examining: Vec<Waiter>,
    /// What the user was told that his agent does not get to see, ...
    left_out: Vec<String>,
    /// ... and what is odd about what it does.
    odd: Vec<String>,
    /// What is known of the one that runs.
    trial: Trial,
    /// What the agent has is not known: a reload has failed and was not made good.
    unsure: bool,
    /// How often what was not good was looked at again.
    again: u32,
    /// The agent's end is lictor's doing, and it is started again at once.
    ends_agent: bool,
    /// How the last one went.
    pub(super) last: Option<ReloadOutcome>,
}

impl Reload {
    /// Whether one is under way.
    pub(super) fn is_busy(&self) -> bool {
        self.running || self.staging || self.ends_agent
    }
}

impl Machine {
    pub(super) fn reload_asked(&mut self, cause: Cause) {
        let (waiter, anew, anyway) = match cause {
            Cause::Asked(waiter) => (waiter, true, true),
            Cause::Forced(waiter) => (Some(waiter), true, true),
            Cause::Files | Cause::Again => (None, true, false),
            Cause::DataDir => (None, false, true),
            Cause::Address => (None, false, false),
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
        self.reload.wanted.address |= cause == Cause::Address;
        self.reload.wanted.anyway |= anyway;
        self.reload.wanted.loud |= cause != Cause::Again;
        self.reload.wanted.force |= matches!(cause, Cause::Forced(_));
        if anew && anyway {
            self.come_back_now();
        }
        self.reload_if_possible();
        if self.reload.pending {
            self.say(Level::Info, "reload kept until the agent can take it");
        }
    }

    /// Begins the reload that is pending, if there is one and the agent can take it.
    pub(super) fn reload_if_possible(&mut self) {
        let reload = &mut self.reload;
        if reload.trial.waits && self.start.was_ready {
            return self.hang_up();
        }
        let moves = self.farewell.is_some() || self.addresses.are_moving();
        if reload.running || reload.staging || self.stop.is_some() || moves {
            return;
        }
        // Before the first start not all of it may be there.
        if !reload.examine.is_empty() && self.start.ever_spawned {
            reload.examining = std::mem::take(&mut reload.examine);
            return self.take_files();
        }
        if !reload.pending || self.child.is_none() || reload.ends_agent {
            return;
        }
        // Signals are taken later than questions.
        let takes_it = match self.tells_by_signal() {
            true => self.start.was_ready,
            false => self.start.answered,
        };
        if !takes_it {
            return;
        }
        let reload = &mut self.reload;
        reload.running = true;
        if std::mem::take(&mut reload.wanted.address) {
            // By itself and first: what may be wrong with the user's files does not hold it up.
            reload.pending = reload.wanted.anew;
            if !reload.pending {
                reload.wanted = Wanted::default();
            }
            reload.does = Wanted {
                address: true,
                anyway: true,
                loud: true,
                ..Wanted::default()
            };
        } else {
            reload.pending = false;
            reload.does = std::mem::take(&mut reload.wanted);
            reload.served = std::mem::take(&mut reload.waiting);
        }
        reload.trial = Trial::default();
        self.enter(Phase::Reloading);
        let takes = self.reload.does.anew || self.reload.does.address;
        if !self.config.staging || !takes {
            return self.tell_agent();
        }
        match self.config.api {
            true => self.look_at_services(),
            false => self.restage(),
        }
    }

    /// Takes the user's files anew, for a reload.
    pub(super) fn restage(&mut self) {
        if self.reload.does.address {
            self.reload.staging = true;
            return self.out.push(Action::Reregister);
        }
        self.files_taken();
        self.take_files();
    }

    fn take_files(&mut self) {
        self.reload.staging = true;
        self.out.push(Action::Restage);
    }

    /// What the agent reads is ready to be read.
    pub(super) fn tell_agent(&mut self) {
        if self.tells_by_signal() {
            return self.hang_up();
        }
        self.say(Level::Info, "asking the agent to reload");
        self.ask(Question::Reload);
    }

    pub(super) fn reload_answered(&mut self, result: Result<(), Refusal>) {
        if !self.reload.running {
            return;
        }
        match result {
            Ok(()) => self.verify(),
            Err(Refusal::Denied(what)) => self.reload_denied(&what),
            Err(refusal) => {
                self.reload.trial.broken = is_broken(&refusal);
                self.reload_broke(&refusal.to_string());
            }
        }
    }

    fn reload_ended(&mut self, mut outcome: ReloadOutcome) {
        if let Some(gone) = self.address_gone() {
            outcome.note_address(&gone);
        }
        let level = if outcome.is_good() {
            Level::Info
        } else {
            Level::Error
        };
        self.say(level, format!("reload: {outcome}"));
        self.reload.count += 1;
        self.registration_tried(outcome.is_good());
        self.say_owed();
        for waiter in std::mem::take(&mut self.reload.served) {
            self.out.push(Action::Reply(waiter, outcome.clone()));
        }
        self.reload.last = Some(outcome);
        self.reload_over();
    }

    /// The reload that runs has come to its end, which was to have the agent read the registration, or all that there is.
    fn registration_tried(&mut self, good: bool) {
        let does = self.reload.does;
        let reads = does.address || does.anew || !self.config.staging;
        match good {
            true if reads => self.registration_held(),
            false if does.address => self.registration_owed(),
            _ => {}
        }
    }

    /// Nothing is under way any more.
    fn reload_over(&mut self) {
        self.reload.running = false;
        self.reload.trial = Trial::default();
        self.timers.clear(Timer::Hangup);
        self.resume();
        // Consul unloads every service before it loads them anew: look at once whether ours is still there.
        if self.child.is_some() && self.start.was_ready && self.config.api {
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
        waiters.append(&mut reload.examine);
        waiters.append(&mut reload.examining);
        let trial = &reload.trial;
        let by_signal = trial.waits || trial.signaled.is_some();
        if reload.staging || trial.looking || trial.renewal.is_some() || by_signal {
            reload.running = false;
            waiters.append(&mut reload.served);
        }
        for waiter in waiters {
            let outcome = ReloadOutcome::Failed(why.to_owned());
            self.out.push(Action::Reply(waiter, outcome));
        }
    }

    /// The agent is gone. What it had not begun to read is for the next one, which starts with what was staged before; where it
    /// reads the user's files itself, whoever waits is told so.
    pub(super) fn reload_lost(&mut self) {
        let reload = &mut self.reload;
        // The next agent may have a token that this one had not.
        reload.by_signal = false;
        reload.unsure = false;
        let anew = |wanted: Wanted| self.config.staging && (wanted.anew || wanted.address);
        let running = std::mem::take(&mut reload.running);
        let mut waiters = Vec::new();
        if running && anew(reload.does) && !reload.trial.adopted {
            reload.pending = true;
            reload.wanted.anew |= reload.does.anew;
            reload.wanted.address |= reload.does.address;
            reload.wanted.anyway |= reload.does.anyway;
            reload.wanted.loud |= reload.does.loud;
            reload.wanted.force |= reload.does.force;
            reload.waiting.append(&mut reload.served);
        } else {
            waiters.append(&mut reload.served);
        }
        if !anew(reload.wanted) {
            waiters.append(&mut reload.waiting);
            reload.pending = false;
            reload.wanted = Wanted::default();
        }
        let back = self.give_change_up();
        if running && back {
            self.registration_tried(false);
        }
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
