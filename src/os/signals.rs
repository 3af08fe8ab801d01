//! Signals, blocked before anything else and read from a descriptor.
//!
//! A blocked signal is kept by the kernel, even for PID 1 and even one whose default is to be ignored; so nothing that is
//! sent between the first instruction of `main` and the loop's first turn is lost. No handler is ever installed, so there
//! is no disposition to give back to the child, only the mask.

use std::io;

use nix::sys::signal::{SigSet, SigmaskHow, Signal, pthread_sigmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use tokio::io::unix::AsyncFd;

use crate::os::readable::{Readable, readable};

/// The signal mask lictor was started with, which every child gets back.
#[derive(Debug, Clone, Copy)]
pub struct Inherited(SigSet);

impl Inherited {
    /// Makes it the mask of the calling thread: for a child between fork and exec.
    pub fn restore(&self) -> io::Result<()> {
        pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&self.0), None).map_err(io::Error::from)
    }
}

/// The signals that lictor reads: all but those the kernel sends for a fault of our own, which must still kill.
fn read_signals() -> SigSet {
    let mut set = SigSet::all();
    for fault in [
        Signal::SIGSEGV,
        Signal::SIGBUS,
        Signal::SIGFPE,
        Signal::SIGILL,
        Signal::SIGTRAP,
        Signal::SIGSYS,
        Signal::SIGABRT,
    ] {
        set.remove(fault);
    }
    set
}

/// Blocks every signal that lictor reads. Must be the first act of `main`, before a thread exists.
pub fn block() -> io::Result<Inherited> {
    let mut inherited = SigSet::empty();
    pthread_sigmask(
        SigmaskHow::SIG_BLOCK,
        Some(&read_signals()),
        Some(&mut inherited),
    )?;
    Ok(Inherited(inherited))
}

/// The stream of signals sent to lictor.
#[derive(Debug)]
pub struct Signals(AsyncFd<Readable<SignalFd>>);

impl Signals {
    /// Opens the stream; the signals must be blocked. Needs a tokio runtime.
    pub fn open() -> io::Result<Self> {
        let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
        readable(SignalFd::with_flags(&read_signals(), flags)?).map(Self)
    }

    /// The number of the next signal. Safe to drop and call again: a signal is taken or left, never lost.
    pub async fn next(&mut self) -> io::Result<i32> {
        loop {
            let mut ready = self.0.readable_mut().await?;
            match ready.get_inner_mut().0.read_signal()? {
                Some(info) => return Ok(i32::try_from(info.ssi_signo).unwrap_or(0)),
                None => ready.clear_ready(),
            }
        }
    }
}

/// A signal's name, or its number where it has none.
pub fn name(signal: i32) -> String {
    signal_hook::low_level::signal_name(signal).map_or_else(|| signal.to_string(), str::to_owned)
}
