//! The exit codes, which are API: documented in `docs/exit-codes.md`, tested, never renumbered.

use std::io;
use std::path::Path;
use std::process::ExitCode;

/// How lictor ends: a code for the orchestrator and, unless all went as asked, the reason for a person.
///
/// The reason is one or two sentences without a line break at the end. It goes to the log, and for every code other
/// than 0 to the termination log, which is what `kubectl describe pod` shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// The process's exit code.
    pub code: u8,
    /// Why, in one or two sentences; empty where there is nothing to tell.
    pub reason: String,
}

/// Usage, or an option's value.
pub const USAGE: u8 = 2;
/// No usable address in time, or several.
pub const ADDRESS: u8 = 110;
/// The runtime directory, the registration or the stage could not be written or judged good.
pub const STAGE: u8 = 111;
/// The agent never became ready within `--start-timeout`.
pub const NOT_READY: u8 = 112;
/// An identity conflict that was not to be healed.
pub const IDENTITY: u8 = 113;
/// The agent was restarted too often.
pub const RESTARTS: u8 = 114;
/// Stopped, but the leave is not confirmed.
pub const UNCONFIRMED: u8 = 115;
/// COMMAND is there but cannot be executed.
pub const NOT_EXECUTABLE: u8 = 126;
/// COMMAND was not found.
pub const NOT_FOUND: u8 = 127;

impl Exit {
    /// An end with nothing to explain.
    pub fn ok() -> Self {
        Self::new(0, String::new())
    }

    /// An end with `code`, explained by `reason`.
    pub fn new(code: u8, reason: impl Into<String>) -> Self {
        Self {
            code,
            reason: reason.into(),
        }
    }
}

/// The end of a lictor whose program, which was found, could not be started.
pub fn not_started(program: &Path, error: &io::Error) -> Exit {
    // What runs a script may be missing although the script is there.
    let code = match error.kind() {
        io::ErrorKind::NotFound => NOT_FOUND,
        _ => NOT_EXECUTABLE,
    };
    let hint = match error.kind() {
        io::ErrorKind::NotFound if program.exists() => {
            "; it is there, so what runs it is not: the interpreter in its first line, or its loader"
        }
        io::ErrorKind::WouldBlock => "; that is the limit of processes (RLIMIT_NPROC, or pids.max)",
        _ => "",
    };
    Exit::new(
        code,
        format!("{} could not be started: {error}{hint}", program.display()),
    )
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code)
    }
}
