//! Signals, blocked before anything else and read from a descriptor.
//!
//! A blocked signal is kept by the kernel, even for PID 1 and even one whose default is to be ignored; so nothing that is
//! sent between the first instruction of `main` and the loop's first turn is lost. No handler is ever installed, so the
//! child gets its dispositions as lictor was started with them; only the mask has to be given back.

use std::io;

use nix::libc;
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, pthread_sigmask, signal};
use nix::sys::signalfd::{SfdFlags, SignalFd, siginfo};
use tokio::io::unix::AsyncFd;

use crate::os::readable::{Readable, readable};

/// How signals were treated when lictor was started, which every child gets back.
#[derive(Debug, Clone, Copy)]
pub struct Inherited {
    mask: SigSet,
    ignores_pipe: bool,
}

impl Inherited {
    /// Makes it so again for the calling thread: for a child between fork and exec, where it must be the last word, since
    /// `std::process` sets SIGPIPE to its default.
    #[expect(unsafe_code, reason = "setting a disposition")]
    pub fn restore(&self) -> io::Result<()> {
        if self.ignores_pipe {
            // SAFETY: ignoring a signal installs no handler.
            unsafe { signal(Signal::SIGPIPE, SigHandler::SigIgn) }?;
        }
        pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&self.mask), None).map_err(io::Error::from)
    }
}

/// Whether SIGPIPE is ignored. The other dispositions nobody changes, so nobody needs to know them.
#[expect(unsafe_code, reason = "nix reads a disposition only by replacing it")]
fn ignores_pipe() -> bool {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: without a new action sigaction(2) only writes the old one, to memory that is large enough and was zeroed.
    unsafe {
        libc::sigaction(libc::SIGPIPE, std::ptr::null(), action.as_mut_ptr()) == 0
            && action.assume_init().sa_sigaction == libc::SIG_IGN
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
    let mut mask = SigSet::empty();
    pthread_sigmask(
        SigmaskHow::SIG_BLOCK,
        Some(&read_signals()),
        Some(&mut mask),
    )?;
    Ok(Inherited {
        mask,
        ignores_pipe: ignores_pipe(),
    })
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
                // What our own write to a closed pipe causes is an error there, and nobody's signal.
                Some(info) if own_pipe(&info) => {}
                Some(info) => return Ok(i32::try_from(info.ssi_signo).unwrap_or(0)),
                None => ready.clear_ready(),
            }
        }
    }
}

fn own_pipe(info: &siginfo) -> bool {
    info.ssi_signo == libc::SIGPIPE.unsigned_abs() && info.ssi_pid == std::process::id()
}

/// A signal's name, or its number where it has none.
pub fn name(signal: i32) -> String {
    signal_hook::low_level::signal_name(signal).map_or_else(|| signal.to_string(), str::to_owned)
}
