//! A program as PID 1 of a fresh PID namespace, started as cheaply as can be and with a clock beside it: for benchmarks.
//!
//! [`crate::process`] is for everything else. It forks twice, and the first fork copies the page tables of the test process;
//! here, one `clone` that shares the memory until exec is all there is between the two readings of the clock. Because the
//! parent goes on when exec has happened, that moment is known as well.
//!
//! A thread of its own enters the namespaces, starts the program and reaps it, so the caller stays outside. Needs root.

mod launch;

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, setns};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, pipe2};

use launch::{launch, reap};

/// Longer than anything here takes, on a machine that does other things as well.
const LIMIT: Duration = Duration::from_secs(30);

/// How it started.
#[derive(Debug, Clone, Copy)]
pub struct Start {
    /// Just before clone, moved by what it takes to mount `/proc`, which is no part of the program's start.
    pub begin: Instant,
    /// When its exec had happened.
    pub exec: Instant,
    /// Its PID, as the caller sees it.
    pub pid: Pid,
}

/// How it ended.
#[derive(Debug, Clone)]
pub struct End {
    /// When its parent knew.
    pub at: Instant,
    /// As a shell would say it, 128 + signal included.
    pub code: i32,
    /// What it and its descendants wrote to standard error.
    pub errors: String,
}

/// A running PID 1. It is killed, and the namespace with it, when this is dropped.
#[derive(Debug)]
pub struct Pid1 {
    /// The reading end of its standard output.
    output: File,
    errors: File,
    started: Receiver<Start>,
    ended: Receiver<io::Result<(Instant, i32)>>,
    start: Option<Start>,
    end: Option<(Instant, i32)>,
}

impl Pid1 {
    /// Starts a command line, whose first word is a path, and returns at once: what fails then shows in [`Pid1::started`].
    ///
    /// `at_exec` is done by the thread that starts it, as soon as exec has happened.
    ///
    /// # Errors
    /// There are no descriptors or threads left, or a word contains a zero byte.
    pub fn start<A: AsRef<OsStr>>(
        words: &[A],
        at_exec: impl FnOnce(&Start) + Send + 'static,
    ) -> io::Result<Self> {
        let words: Vec<CString> = words
            .iter()
            .map(|word| CString::new(word.as_ref().as_bytes()))
            .collect::<Result<_, _>>()?;
        let (output, writer) = pipe2(OFlag::O_CLOEXEC)?;
        let errors = File::from(memfd_create(c"standard error", MFdFlags::MFD_CLOEXEC)?);
        let streams = [
            OwnedFd::from(File::open("/dev/null")?),
            writer,
            errors.try_clone()?.into(),
        ];
        let (start_sender, started) = channel();
        let (end_sender, ended) = channel();
        let life = move || {
            let home = File::open("/proc/thread-self/ns/mnt")?;
            let start = launch(&words, streams)?;
            at_exec(&start);
            let _ = start_sender.send(start);
            let code = reap(start.pid)?;
            let at = Instant::now();
            // Now, and not some time after this thread's end: what is left of the namespaces goes while nothing is measured.
            let _ = setns(home, CloneFlags::CLONE_NEWNS);
            Ok((at, code))
        };
        // Nobody joins it: its last act is to say how the program ended.
        thread::Builder::new().spawn(move || end_sender.send(life()))?;
        Ok(Self {
            output: output.into(),
            errors,
            started,
            ended,
            start: None,
            end: None,
        })
    }

    /// How it started.
    ///
    /// # Errors
    /// It could not be started.
    pub fn started(&mut self) -> io::Result<Start> {
        if let Some(start) = self.start {
            return Ok(start);
        }
        match self.started.recv() {
            Ok(start) => Ok(*self.start.insert(start)),
            // The thread has ended without, and says why.
            Err(_) => Err(self
                .wait()
                .err()
                .unwrap_or_else(|| io::ErrorKind::NotFound.into())),
        }
    }

    /// Waits for a byte at its standard output; none if everybody has closed that instead. The time is when it was there.
    ///
    /// # Errors
    /// Nothing comes in time.
    pub fn byte(&mut self) -> io::Result<Option<(u8, Instant)>> {
        let mut waited_for = [PollFd::new(self.output.as_fd(), PollFlags::POLLIN)];
        let limit = PollTimeout::try_from(LIMIT).unwrap_or(PollTimeout::MAX);
        if poll(&mut waited_for, limit)? == 0 {
            return Err(late("a byte at its standard output"));
        }
        let mut byte = [0];
        let read = self.output.read(&mut byte)?;
        let at = Instant::now();
        Ok((read == 1).then_some((byte[0], at)))
    }

    /// Sends it a signal; there is no error if it has ended.
    ///
    /// # Errors
    /// It could not be started.
    pub fn signal(&mut self, signal: Signal) -> io::Result<()> {
        let pid = self.started()?.pid;
        if self.end.is_none() {
            self.end = self.ended.try_recv().ok().transpose()?;
        }
        // It is not known to have been reaped, or only for so short a time that its PID cannot be another process's yet.
        if self.end.is_none() {
            let _ = kill(pid, signal);
        }
        Ok(())
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// It could not be started, or does not end in time.
    pub fn end(mut self) -> io::Result<End> {
        self.started()?;
        let (at, code) = self.wait()?;
        let mut errors = Vec::new();
        self.errors.rewind()?;
        self.errors.read_to_end(&mut errors)?;
        let errors = String::from_utf8_lossy(&errors).into_owned();
        Ok(End { at, code, errors })
    }

    /// Ends it with SIGKILL.
    ///
    /// # Errors
    /// It could not be started.
    pub fn kill(mut self) -> io::Result<End> {
        self.signal(Signal::SIGKILL)?;
        self.end()
    }

    fn wait(&mut self) -> io::Result<(Instant, i32)> {
        if let Some(end) = self.end {
            return Ok(end);
        }
        match self.ended.recv_timeout(LIMIT) {
            Ok(end) => Ok(*self.end.insert(end?)),
            Err(RecvTimeoutError::Timeout) => Err(late("its end")),
            Err(RecvTimeoutError::Disconnected) => {
                Err(io::Error::other("it was waited for already"))
            }
        }
    }
}

impl Drop for Pid1 {
    fn drop(&mut self) {
        if self.end.is_none() && self.signal(Signal::SIGKILL).is_ok() {
            let _ = self.wait();
        }
    }
}

fn late(what: &str) -> io::Error {
    let text = format!("waited {LIMIT:.0?} in vain for {what}");
    io::Error::new(io::ErrorKind::TimedOut, text)
}
