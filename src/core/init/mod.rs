//! A plain init's life: one program, the signals for it, and what it leaves behind.
//!
//! It is as pure as [`crate::core::machine`] and much smaller. Actions are handed to a function instead of being collected, so
//! that nothing is allocated while the program runs.

mod told;

#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::core::Moment;
use crate::core::action::Level;
use crate::core::event::How;
use crate::core::leftovers::{Due, Leftovers};
use crate::core::signal::{self, Rewrite, SIGCONT, SIGKILL, SIGSTOP, SIGTERM, SIGTSTP};

pub use told::Told;

/// What the init must know before anything happens.
#[derive(Debug, Clone)]
pub struct Config {
    /// Whom signals are passed on to.
    pub target: Target,
    /// What signals become on their way.
    pub rewrite: Rewrite,
    /// Exit codes of the program that count as 0.
    pub expected: Codes,
    /// What happens to the processes that the program leaves behind.
    pub leftovers: Policy,
    /// Who stops first.
    pub stops: Stops,
}

/// Who stops first where a terminal asks for a stop, as by Ctrl-Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stops {
    /// The program, and lictor follows.
    Program,
    /// lictor, and it stops the program: that has a session of its own, in which it cannot be stopped by a terminal.
    Us,
    /// lictor itself in any case, and the program by what the rewriting makes of the signal, if by anything: as dumb-init.
    UsAlways,
}

/// Whom a signal is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The program's process.
    Child,
    /// Its process group, which it must have: not where it is in lictor's.
    Group,
}

/// What happens to the processes that the program leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// They get SIGTERM, and SIGKILL after this time; the exit waits for their end.
    End(Duration),
    /// The program's process group gets SIGTERM, and the exit waits for nobody.
    Tell,
    /// Nothing.
    Leave,
}

/// A set of exit codes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Codes([u64; 4]);

impl Codes {
    /// Adds a code.
    pub fn insert(&mut self, code: u8) {
        self.0[usize::from(code / 64)] |= 1 << (code % 64);
    }

    /// Whether a code is among them.
    pub fn contains(&self, code: u8) -> bool {
        self.0[usize::from(code / 64)] & (1 << (code % 64)) != 0
    }
}

/// What can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Somebody sent this signal. Not SIGCHLD, which says only that there is something to reap.
    Signal(i32),
    /// The program was stopped.
    Stopped {
        /// By which signal.
        signal: i32,
        /// Who has the terminal.
        holder: Holder,
    },
    /// The program goes on after a stop.
    Continued,
    /// lictor goes on after [`Action::Suspend`].
    Resumed {
        /// Whether it was stopped at all: nobody could continue a PID 1, so the kernel does not stop one.
        stopped: bool,
        /// Who has the terminal now.
        holder: Holder,
    },
    /// The program has ended.
    Ended {
        /// How.
        how: How,
        /// Whether lictor has other children.
        others: bool,
    },
    /// The last of lictor's children has ended.
    Alone,
    /// [`Action::Sweep`] was in vain: what is left cannot be found.
    OutOfReach,
    /// [`Init::deadline`] has passed.
    Tick,
}

/// Whose process group may read lictor's terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// There is no terminal.
    Nobody,
    /// lictor's.
    Us,
    /// The program's.
    Program,
    /// Another one's.
    Others,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Send a signal.
    Send(i32, Target),
    /// Give the terminal to the program's process group.
    GiveTerminal,
    /// Stop lictor, come what may, until a SIGCONT, which comes as an event like any other signal.
    Halt,
    /// Stop lictor, as the terminal would have; [`Event::Resumed`] comes of it.
    Suspend {
        /// And whoever shares its process group: the terminal has told only the program's.
        group: bool,
    },
    /// Send this signal to every process below lictor.
    Sweep(i32),
    /// Tell the log.
    Say(Level, Told),
    /// End with this code. Nothing follows.
    Exit(u8),
}

/// The state of everything.
#[derive(Debug)]
pub struct Init {
    config: Config,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The program has not ended.
    Running {
        /// What it is stopped by, if that is not 0.
        stopped: i32,
        /// Whether SIGTERM was passed on: from then on nothing may hold up its end.
        terminated: bool,
        /// Whether a stop that is seen from now on may have been under way before that.
        owed: bool,
    },
    /// The program has ended, and others have not.
    Ending {
        code: u8,
        left: Leftovers,
    },
    Over,
}

impl Init {
    /// The program has just been started.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            state: State::Running {
                stopped: 0,
                terminated: false,
                owed: false,
            },
        }
    }

    /// When [`Event::Tick`] is due next.
    pub fn deadline(&self) -> Option<Moment> {
        match &self.state {
            State::Ending { left, .. } => Some(left.deadline()),
            State::Running { .. } | State::Over => None,
        }
    }

    /// Takes in what happened at `now`, and hands what to do about it to `act`, in order.
    ///
    /// Moments must not run backwards. After [`Action::Exit`] every event is ignored.
    #[inline(always)]
    pub fn handle(&mut self, now: Moment, event: Event, act: &mut dyn FnMut(Action)) {
        match (&mut self.state, event) {
            (State::Running { .. }, Event::Signal(signal)) => self.signalled(signal, act),
            (State::Running { .. }, Event::Stopped { signal, holder }) => {
                self.stopped(signal, holder, act);
            }
            (State::Running { .. }, Event::Resumed { stopped, holder }) => {
                self.resumed(stopped, holder, act);
            }
            (State::Running { stopped, .. }, Event::Continued) => *stopped = 0,
            (State::Running { .. }, Event::Ended { how, others }) => {
                self.ended(now, how, others, act);
            }
            (State::Ending { code, .. }, Event::Alone) => {
                let code = *code;
                self.exit(code, act);
            }
            (State::Ending { code, left }, Event::OutOfReach) => {
                // Those who were not asked have their time all the same; to be killed they would have to be found.
                if left.was_overdue() {
                    let code = *code;
                    act(Action::Say(Level::Warn, Told::LeftBehind));
                    self.exit(code, act);
                }
            }
            (State::Ending { .. }, Event::Tick) => self.overdue(now, act),
            (State::Ending { .. }, Event::Signal(signal)) => {
                act(Action::Say(Level::Debug, Told::NobodyFor(signal)));
            }
            // A tick without a deadline, the end of others while the program runs, and what has lost its meaning.
            (State::Running { .. }, Event::Alone | Event::OutOfReach | Event::Tick)
            | (
                State::Ending { .. },
                Event::Stopped { .. }
                | Event::Resumed { .. }
                | Event::Continued
                | Event::Ended { .. },
            )
            | (State::Over, _) => {}
        }
    }

    #[inline(always)]
    fn signalled(&mut self, received: i32, act: &mut dyn FnMut(Action)) {
        if self.config.stops == Stops::UsAlways && signal::is_terminal_stop(received) {
            return self.halted(received, act);
        }
        let Some(signal) = self.config.rewrite.apply(received) else {
            return act(Action::Say(Level::Debug, Told::Dropped(received)));
        };
        let State::Running {
            stopped,
            terminated,
            owed,
        } = &mut self.state
        else {
            return;
        };
        if self.config.stops == Stops::Us && signal::is_terminal_stop(signal) {
            if *terminated {
                return act(Action::Say(Level::Debug, Told::TooLateToStop(received)));
            }
            // Nobody in the program's session could continue it, so the kernel would not let a terminal's signal stop it.
            act(Action::Send(SIGSTOP, self.config.target));
            return act(Action::Suspend { group: false });
        }
        act(Action::Say(Level::Debug, Told::Passed(received, signal)));
        act(Action::Send(signal, self.config.target));
        // Whatever SIGTERM is rewritten to, it is meant as one.
        if received == SIGTERM || signal == SIGTERM {
            *terminated = true;
            *owed = true;
            // A stopped process would take it only once it is continued. In a group others than the program may be stopped,
            // and an init that ends all of them continues them too.
            let all = self.config.target == Target::Group
                && matches!(self.config.leftovers, Policy::End(_));
            if *stopped != 0 || all {
                act(Action::Send(SIGCONT, self.config.target));
            }
        }
    }

    fn halted(&mut self, received: i32, act: &mut dyn FnMut(Action)) {
        match self.config.rewrite.apply(received) {
            Some(signal) => {
                act(Action::Say(Level::Debug, Told::Passed(received, signal)));
                act(Action::Send(signal, self.config.target));
            }
            None => act(Action::Say(Level::Debug, Told::Dropped(received))),
        }
        act(Action::Halt);
    }

    fn stopped(&mut self, by: i32, holder: Holder, act: &mut dyn FnMut(Action)) {
        let State::Running { stopped, owed, .. } = &mut self.state else {
            return;
        };
        *stopped = by;
        act(Action::Say(Level::Debug, Told::Stopped(by)));
        // It was stopped on its way to its end, before it could see that it was asked to. Once, or a program that reads a
        // terminal it may not read would be continued for ever.
        if std::mem::take(owed) {
            return act(Action::Send(SIGCONT, self.config.target));
        }
        // Where lictor is the first to stop, it has done so already.
        if self.config.stops != Stops::Program {
            return;
        }
        match (by, holder) {
            (_, Holder::Nobody) => {}
            // Nobody else at the terminal could do anything any more: a shell in it, by `suspend`.
            (SIGSTOP, Holder::Program) => act(Action::Suspend { group: true }),
            _ if !signal::is_terminal_stop(by) => {}
            (SIGTSTP, _) | (_, Holder::Program | Holder::Others) => {
                act(Action::Suspend { group: true });
            }
            (_, Holder::Us) => {
                act(Action::GiveTerminal);
                act(Action::Send(SIGCONT, Target::Group));
            }
        }
    }

    fn resumed(&mut self, was_stopped: bool, holder: Holder, act: &mut dyn FnMut(Action)) {
        let State::Running { stopped, .. } = self.state else {
            return;
        };
        if self.config.stops != Stops::Program || stopped == 0 {
            // Whoever continued lictor gets his SIGCONT passed on like any other signal.
            if was_stopped {
                act(Action::Send(SIGCONT, self.config.target));
            }
            return;
        }
        if !was_stopped && stopped == SIGSTOP {
            // Whoever did that to a program that nobody can continue by `fg` has his reasons.
            return;
        }
        if !was_stopped && stopped != SIGTSTP && holder == Holder::Others {
            // It would only read the terminal again, and be stopped again.
            return act(Action::Say(Level::Warn, Told::NoTerminal(stopped)));
        }
        if holder == Holder::Us {
            act(Action::GiveTerminal);
        }
        act(Action::Send(SIGCONT, Target::Group));
    }

    fn ended(&mut self, now: Moment, how: How, others: bool, act: &mut dyn FnMut(Action)) {
        act(Action::Say(Level::Info, Told::Ended(how)));
        let code = match how.code() {
            code if self.config.expected.contains(code) => 0,
            code => code,
        };
        match self.config.leftovers {
            Policy::End(patience) if others => {
                act(Action::Sweep(SIGTERM));
                let left = Leftovers::asked(now, patience);
                self.state = State::Ending { code, left };
            }
            Policy::Tell => {
                if let Some(signal) = self.config.rewrite.apply(SIGTERM) {
                    act(Action::Send(signal, self.config.target));
                }
                self.exit(code, act);
            }
            Policy::End(_) | Policy::Leave => self.exit(code, act),
        }
    }

    fn overdue(&mut self, now: Moment, act: &mut dyn FnMut(Action)) {
        let State::Ending { code, left } = &mut self.state else {
            return;
        };
        let code = *code;
        match left.take_due(now) {
            Some(Due::Kill) => act(Action::Sweep(SIGKILL)),
            Some(Due::GiveUp) => {
                act(Action::Say(Level::Warn, Told::LeftBehind));
                self.exit(code, act);
            }
            None => {}
        }
    }

    fn exit(&mut self, code: u8, act: &mut dyn FnMut(Action)) {
        self.state = State::Over;
        act(Action::Exit(code));
    }
}
