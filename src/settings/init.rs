//! What `lictor init` was told, and what tini and dumb-init would have been.

use std::ffi::OsString;

use crate::cli::InitArgs;
use crate::core::action::Level;
use crate::core::init::{Codes, Config, Policy, Stops, Target};
use crate::core::signal::Rewrite;
use crate::log::line::{Style, Voice};
use crate::os::spawn::Descriptors;

/// The settings of a plain init.
#[derive(Debug, Clone)]
pub struct Init {
    /// What the core must know.
    pub core: Config,
    /// What to run; never empty.
    pub program: Vec<OsString>,
    /// Where the program belongs.
    pub home: Home,
    /// Which descriptors it gets.
    pub descriptors: Descriptors,
    /// Whether lictor takes in orphans where it is not PID 1.
    pub subreaper: bool,
    /// What lictor is sent when its parent ends.
    pub parent_death: Option<i32>,
    /// Whether each orphan that was reaped is told.
    pub warn: bool,
    /// How it is told.
    pub voice: Voice,
}

/// Where the program belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Home {
    /// In lictor's own process group.
    Ours,
    /// In a process group of its own, which gets the terminal if it is lictor's to give.
    Group,
    /// In a session of its own, likewise.
    Session,
}

impl From<InitArgs> for Init {
    fn from(args: InitArgs) -> Self {
        Self {
            core: Config {
                target: if args.group {
                    Target::Group
                } else {
                    Target::Child
                },
                rewrite: rewrite(&args.signals.rewrite),
                expected: codes(&args.expect_exit),
                leftovers: Policy::End(args.signals.kill_after),
                stops: if args.setsid {
                    Stops::Us
                } else {
                    Stops::Program
                },
            },
            program: args.program,
            home: if args.setsid {
                Home::Session
            } else {
                Home::Group
            },
            descriptors: Descriptors::OnPurpose,
            subreaper: true,
            parent_death: args.signals.parent_death,
            warn: args.warn,
            voice: Voice {
                style: Style::Lictor,
                most: match args.verbose {
                    0 => Level::Warn,
                    1 => Level::Info,
                    _ => Level::Debug,
                },
            },
        }
    }
}

/// The table that these rewrites make; of two for the same signal the later one counts.
pub fn rewrite(pairs: &[(i32, i32)]) -> Rewrite {
    let mut rewrite = Rewrite::default();
    for (from, to) in pairs {
        rewrite.set(*from, *to);
    }
    rewrite
}

fn codes(list: &[u8]) -> Codes {
    let mut codes = Codes::default();
    for code in list {
        codes.insert(*code);
    }
    codes
}
