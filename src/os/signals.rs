//! Signals, blocked before anything else and read one by one.
//!
//! A blocked signal is kept by the kernel, even for PID 1 and even one whose default is to be ignored; so nothing that is
//! sent between the first instruction of `main` and the loop's first turn is lost. All 64 are blocked, those of a fault
//! too: one that lictor itself causes is delivered by the kernel in spite of that, and kills with a core; one that somebody
//! sends is read like any other. No handler is ever installed, and only one disposition ever changed: an ignored SIGCHLD, with
//! which the kernel would reap children by itself and keep their statuses from us. So a child gets the dispositions lictor was
//! started with; only the mask and that one have to be given back.

use std::io;
use std::mem::MaybeUninit;
use std::time::Duration;

use nix::libc;
use nix::sys::signal::SigSet;
use nix::sys::signalfd::{SfdFlags, SignalFd};
use tokio::io::unix::AsyncFd;

use crate::os::readable::{Readable, readable};

/// The kernel's set of signals, 1 to 64. The C library's own would leave out the two that its threads use.
type Set = u64;

const ALL: Set = u64::MAX;

/// How signals were treated when lictor was started, which every child gets back.
#[derive(Debug, Clone, Copy)]
pub struct Inherited {
    mask: Set,
    /// Whether SIGCHLD was ignored.
    ignored: bool,
}

impl Inherited {
    /// Has the calling thread treat signals so again. System calls and nothing else, so it may follow a `clone`.
    pub fn restore(&self) -> io::Result<()> {
        if self.ignored {
            set_child_disposition(libc::SIG_IGN);
        }
        set_mask(self.mask).map(drop)
    }
}

/// Blocks every signal. Must be the first act of `main`, before a thread exists.
pub fn block() -> io::Result<Inherited> {
    let mask = set_mask(ALL)?;
    let ignored = is_child_ignored();
    if ignored {
        set_child_disposition(libc::SIG_DFL);
    }
    Ok(Inherited { mask, ignored })
}

/// Blocks every signal in the calling thread, and changes nothing else. A SIGCHLD that is pending would be taken back by a
/// disposition that is set to its default, even where it is that already.
pub(super) fn block_in_thread() -> io::Result<()> {
    set_mask(ALL).map(drop)
}

#[expect(unsafe_code, reason = "nix returns a disposition only for another one")]
fn is_child_ignored() -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: sigaction(2) writes what is there to be written to, and zeroes are a valid one. It fails for no signal that exists.
    unsafe {
        libc::sigaction(libc::SIGCHLD, std::ptr::null(), action.as_mut_ptr());
        action.assume_init().sa_sigaction == libc::SIG_IGN
    }
}

/// Sets what happens at a SIGCHLD.
#[expect(unsafe_code, reason = "changes a disposition")]
fn set_child_disposition(new: libc::sighandler_t) {
    // SAFETY: the default and to ignore it are no functions that could be called. It fails for no signal that exists.
    unsafe { libc::signal(libc::SIGCHLD, new) };
}

#[expect(
    unsafe_code,
    reason = "the C library's function would not block all signals"
)]
fn set_mask(new: Set) -> io::Result<Set> {
    let mut old: Set = 0;
    // SAFETY: rt_sigprocmask(2) reads and writes one set each, of the size it is told.
    let result = unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            libc::SIG_SETMASK,
            &raw const new,
            &raw mut old,
            size_of::<Set>(),
        )
    };
    match result {
        0 => Ok(old),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Waits for the next signal and takes it; `None` when there was none within `limit`. Needs no runtime and no descriptor,
/// and allocates nothing.
#[inline(always)]
pub fn wait(limit: Option<Duration>) -> io::Result<Option<i32>> {
    loop {
        match take(ALL, limit) {
            Ok((signal, sender)) if is_own_write(signal, sender) => {}
            Ok((signal, _)) => return Ok(Some(signal)),
            Err(error) => match error.raw_os_error() {
                Some(libc::EAGAIN) => return Ok(None),
                // lictor itself was stopped, and goes on.
                Some(libc::EINTR) => {}
                _ => return Err(error),
            },
        }
    }
}

/// Takes `signal` if it is pending, and says whether it was.
pub(super) fn discard(signal: i32) -> bool {
    take(only(signal), Some(Duration::ZERO)).is_ok()
}

/// Whether `signal` is pending.
#[expect(unsafe_code, reason = "nix knows no set of all signals")]
pub(super) fn is_pending(signal: i32) -> bool {
    let mut set: Set = 0;
    // SAFETY: rt_sigpending(2) writes one set, of the size it is told.
    let result = unsafe { libc::syscall(libc::SYS_rt_sigpending, &raw mut set, size_of::<Set>()) };
    result == 0 && set & only(signal) != 0
}

fn only(signal: i32) -> Set {
    1 << (signal - 1)
}

/// Takes a signal of `set`, with the process that sent it.
#[expect(unsafe_code, reason = "nix has no rt_sigtimedwait")]
#[inline(always)]
fn take(set: Set, limit: Option<Duration>) -> io::Result<(i32, i32)> {
    let limit = limit.map(|limit| libc::timespec {
        tv_sec: libc::time_t::try_from(limit.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: limit.subsec_nanos().into(),
    });
    let limit = limit.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    let mut info = MaybeUninit::<libc::siginfo_t>::uninit();
    // SAFETY: rt_sigtimedwait(2) reads the set, of the size it is told, and the limit, which is there or null. Where it returns
    // a signal it has written all of the information, in which every signal has a sender, if only 0.
    unsafe {
        let signal = libc::syscall(
            libc::SYS_rt_sigtimedwait,
            &raw const set,
            info.as_mut_ptr(),
            limit,
            size_of::<Set>(),
        );
        match i32::try_from(signal) {
            Ok(signal @ 1..) => Ok((signal, info.assume_init().si_pid())),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

/// What our own write causes, to a pipe that nobody reads or beyond a limit of size, is an error there and nobody's signal.
#[inline(always)]
fn is_own_write(signal: i32, sender: i32) -> bool {
    let by_write = signal == libc::SIGPIPE || signal == libc::SIGXFSZ;
    by_write && sender.unsigned_abs() == std::process::id()
}

/// The stream of signals sent to lictor, for a tokio runtime: [`wait`] without waiting.
#[derive(Debug)]
pub struct Signals(AsyncFd<Readable<SignalFd>>);

impl Signals {
    /// Opens the stream; the signals must be blocked. Needs a tokio runtime.
    #[expect(unsafe_code, reason = "nix knows no set of all signals")]
    pub fn open() -> io::Result<Self> {
        let mut all = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: a set is an array of integers, of which every value is a valid one, and the kernel takes any of them.
        let all = unsafe {
            all.as_mut_ptr().write_bytes(u8::MAX, 1);
            SigSet::from_sigset_t_unchecked(all.assume_init())
        };
        let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
        readable(SignalFd::with_flags(&all, flags)?).map(Self)
    }

    /// The number of the next signal. Safe to drop and call again: a signal is taken or left, never lost.
    pub async fn next(&mut self) -> io::Result<i32> {
        loop {
            let mut ready = self.0.readable_mut().await?;
            match ready.get_inner_mut().0.read_signal()? {
                Some(info) => {
                    let signal = info.ssi_signo.cast_signed();
                    if !is_own_write(signal, info.ssi_pid.cast_signed()) {
                        return Ok(signal);
                    }
                }
                None => ready.clear_ready(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The end of a child that comes while another thread begins must not be forgotten.
    #[test]
    fn a_thread_that_blocks_signals_takes_no_pending_one_back() {
        let thread = std::thread::spawn(|| {
            set_mask(only(libc::SIGCHLD))?;
            nix::sys::signal::raise(nix::sys::signal::Signal::SIGCHLD)?;
            let other = std::thread::spawn(block_in_thread);
            other.join().expect("no panic")?;
            Ok::<_, io::Error>(discard(libc::SIGCHLD))
        });
        assert!(thread.join().expect("no panic").expect("a mask"));
    }
}
