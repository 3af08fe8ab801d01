//! Starting a program: the agent, or what a plain init runs.
//!
//! The program gets the signal mask and the dispositions that lictor was started with, and of lictor's descriptors only stdin,
//! stdout, stderr and those that were passed on purpose by systemd's protocol (`LISTEN_FDS`).

mod child;
mod environment;
mod find;

use std::ffi::{CString, OsString};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::os::signals::Inherited;
use environment::{Environment, FIRST_PASSED, passed};

pub use find::find;

/// What to start.
#[derive(Debug, Clone)]
pub struct Program {
    /// The executable, found.
    pub path: PathBuf,
    /// Its name as it was given, which is its `argv[0]`.
    pub name: OsString,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Variables added to lictor's own environment.
    pub env: Vec<(OsString, OsString)>,
}

/// Which session and process group the program is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// lictor's own.
    Ours,
    /// A process group of its own, so that a Ctrl-C at lictor's terminal is lictor's alone.
    Group {
        /// It gets the terminal that is lictor's stdin.
        foreground: bool,
    },
    /// A session of its own, with the terminal that is lictor's stdin if nobody else has it.
    Session,
}

/// Which of lictor's descriptors the program gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Descriptors {
    /// stdin, stdout, stderr and what came by systemd's protocol.
    OnPurpose,
    /// All that lictor was started with.
    All,
}

/// How to start it.
#[derive(Debug, Clone, Copy)]
pub struct Setup<'a> {
    /// How signals were treated before lictor, and are in the program.
    pub inherited: Inherited,
    /// Where it belongs.
    pub place: Place,
    /// What its stdout and stderr will be, where they are not lictor's.
    pub streams: Option<(BorrowedFd<'a>, BorrowedFd<'a>)>,
    /// What else it gets.
    pub descriptors: Descriptors,
}

/// Starts the program, and returns its process id once it runs. Nobody but [`crate::os::reap`] may wait for it.
pub fn spawn(program: &Program, setup: &Setup<'_>) -> io::Result<i32> {
    let text = |bytes: Vec<u8>| CString::new(bytes).map_err(io::Error::from);
    let path = text(program.path.as_os_str().as_bytes().to_vec())?;
    let name = text(program.name.as_bytes().to_vec())?;
    let arguments = program
        .args
        .iter()
        .map(|argument| text(argument.as_bytes().to_vec()))
        .collect::<io::Result<Vec<CString>>>()?;
    let arguments = || arguments.iter().map(|argument| argument.as_ptr());
    let null = || std::iter::once(std::ptr::null());

    let passed = match setup.descriptors {
        Descriptors::OnPurpose => Some(passed(&|name| std::env::var(name).ok())),
        Descriptors::All => None,
    };
    let mut environment = Environment::new(program, passed.unwrap_or(0))?;
    let (entries, own_number) = environment.pointers();
    child::start(&child::Plan {
        path: &path,
        arguments: &std::iter::once(name.as_ptr())
            .chain(arguments())
            .chain(null())
            .collect::<Vec<_>>(),
        script: &[c"/bin/sh".as_ptr(), path.as_ptr()]
            .into_iter()
            .chain(arguments())
            .chain(null())
            .collect::<Vec<_>>(),
        environment: entries.as_ptr(),
        inherited: setup.inherited,
        place: setup.place,
        streams: setup
            .streams
            .map(|(stdout, stderr)| (stdout.as_raw_fd(), stderr.as_raw_fd())),
        first_closed: passed.map_or(RawFd::MAX, |passed| FIRST_PASSED + passed),
        own_number,
    })
}
