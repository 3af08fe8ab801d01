//! Signals: their names, and what they are rewritten to.

use std::fmt;

use crate::core::action::Action;
use crate::core::event::Signal;
use crate::core::machine::{Machine, OnStop};
use crate::core::reload::Cause;

pub use signal_hook::consts::{
    SIGCHLD, SIGCONT, SIGINT, SIGKILL, SIGSTOP, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU,
};

/// The largest number of a signal.
pub const LAST: i32 = 64;

/// The first real-time signal that programs use: the first two of the kernel's are glibc's own.
pub const RTMIN: i32 = 34;

/// A signal as people call it: `SIGTERM`; a real-time signal, which has no name, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name(pub i32);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match signal_hook::low_level::signal_name(self.0) {
            Some(name) => f.write_str(name),
            None => write!(f, "signal {}", self.0),
        }
    }
}

/// Whether the terminal stops a process by this signal: Ctrl-Z, or reading or writing while it belongs to others.
pub fn is_terminal_stop(signal: i32) -> bool {
    [SIGTSTP, SIGTTIN, SIGTTOU].contains(&signal)
}

/// `--rewrite`: which signal becomes which other one on its way through lictor.
#[derive(Debug, Clone, Copy)]
pub struct Rewrite {
    to: [u8; LAST as usize + 1],
}

impl Default for Rewrite {
    /// Each signal stays what it is.
    fn default() -> Self {
        let mut to = [0; LAST as usize + 1];
        for (to, number) in to.iter_mut().zip(0..) {
            *to = number;
        }
        Self { to }
    }
}

impl Rewrite {
    /// Makes `from` become `to`, or nothing at all for 0. Numbers that no signal has are ignored.
    pub fn set(&mut self, from: i32, to: i32) {
        let entry = usize::try_from(from).ok().and_then(|n| self.to.get_mut(n));
        if let (Some(entry), Ok(to)) = (entry, u8::try_from(to)) {
            *entry = to;
        }
    }

    /// What `signal` becomes, or `None` where it is dropped.
    #[inline]
    pub fn apply(&self, signal: i32) -> Option<i32> {
        let to = usize::try_from(signal)
            .ok()
            .and_then(|n| self.to.get(n))
            .map_or(signal, |to| i32::from(*to));
        Some(to).filter(|to| *to != 0)
    }
}

impl Machine {
    /// A signal to lictor.
    pub(super) fn signalled(&mut self, signal: Signal) {
        match signal {
            Signal::Terminate => self.stop_asked("SIGTERM", self.on_stop()),
            Signal::Interrupt => self.stop_asked("SIGINT", self.on_stop()),
            Signal::Quit => self.stop_asked("SIGQUIT", OnStop::Stay),
            Signal::Hangup => self.reload_asked(Cause::Asked(None)),
            // During a stop nothing is passed on, and nothing is suspended: either would break the leave, or hold it up until
            // its budget is used up.
            Signal::Other(number) if is_terminal_stop(number) => {
                if self.stop.is_none() {
                    self.out.push(Action::Suspend);
                }
            }
            Signal::Other(number) if self.child.is_some() && self.stop.is_none() => {
                self.out.push(Action::Signal(number));
            }
            Signal::Other(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_becomes_another_one_nothing_or_stays_itself() {
        let mut rewrite = Rewrite::default();
        rewrite.set(SIGTERM, SIGINT);
        rewrite.set(SIGTSTP, 0);
        rewrite.set(LAST, SIGKILL);
        rewrite.set(1000, SIGKILL);
        assert_eq!(rewrite.apply(SIGTERM), Some(SIGINT));
        assert_eq!(rewrite.apply(SIGTSTP), None);
        assert_eq!(rewrite.apply(LAST), Some(SIGKILL));
        assert_eq!(rewrite.apply(SIGINT), Some(SIGINT));
    }

    #[test]
    fn signals_have_names() {
        assert_eq!(Name(SIGTERM).to_string(), "SIGTERM");
        assert_eq!(Name(34).to_string(), "signal 34");
    }
}
