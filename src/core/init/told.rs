//! What a plain init says.

use std::fmt;

use crate::core::event::How;
use crate::core::signal::Name;

/// One line of the log, as data: it is written out only if somebody wants to read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// A signal was passed on, as itself or as another one.
    Passed(i32, i32),
    /// A signal was dropped, as `--rewrite` says.
    Dropped(i32),
    /// A stop came after SIGTERM.
    TooLateToStop(i32),
    /// A signal came when the program had ended.
    NobodyFor(i32),
    /// The program was stopped.
    Stopped(i32),
    /// The program needs a terminal that it cannot have.
    NoTerminal(i32),
    /// The program has ended.
    Ended(How),
    /// Processes that cannot be killed.
    LeftBehind,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Passed(signal, to) if signal == to => write!(f, "passing on {}", Name(signal)),
            Self::Passed(signal, to) => write!(f, "passing on {} as {}", Name(signal), Name(to)),
            Self::Dropped(signal) => write!(f, "dropped {}, as --rewrite says", Name(signal)),
            Self::TooLateToStop(signal) => {
                write!(f, "dropped {}: the program was asked to end", Name(signal))
            }
            Self::NobodyFor(signal) => {
                write!(f, "dropped {}: the program has ended", Name(signal))
            }
            Self::Stopped(signal) => write!(f, "the program was stopped by {}", Name(signal)),
            Self::NoTerminal(signal) => write!(
                f,
                "the program stays stopped by {}: the terminal is not ours to give; SIGCONT continues it",
                Name(signal)
            ),
            Self::Ended(how) => write!(f, "the program {how}"),
            Self::LeftBehind => f.write_str("processes are left that could not be ended"),
        }
    }
}
