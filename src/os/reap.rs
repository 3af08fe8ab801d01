//! The one place where children are waited for.
//!
//! SIGCHLDs coalesce, so each one means "drain". It runs on the thread that spawns; nothing else in lictor may wait for a
//! child (`clippy.toml` sees to it), or a status would be lost.

use std::io;
use std::mem::MaybeUninit;

use nix::libc;

use crate::core::event::How;

/// What happened to a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It has ended, and its number is nobody's from here on.
    Ended(How),
    /// This signal stopped it.
    Stopped(i32),
    /// It goes on after a stop.
    Continued,
}

/// Tells `told` what has happened to every child since the last time, our own and those that were left to us, and returns
/// whether any child is left. Allocates nothing.
pub fn drain(mut told: impl FnMut(i32, Change)) -> bool {
    loop {
        match next() {
            Ok(Some((pid, change))) => told(pid, change),
            Ok(None) => return true,
            Err(error) => match error.raw_os_error() {
                Some(libc::ECHILD) => return false,
                // Cannot happen with all signals blocked, and means to try again; waitpid(2) has no other error here.
                _ => continue,
            },
        }
    }
}

/// Takes the status of a child that has not come to its program, and is nobody's business.
#[expect(unsafe_code, reason = "nix loses a status")]
pub(super) fn forget(pid: i32) {
    // SAFETY: waitpid(2) writes no status where there is no place for one.
    unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
}

/// Waits for the end of one child, where there is no loop that drains. `None` where the kernel has kept its status to itself.
#[expect(unsafe_code, reason = "nix loses a status")]
pub(super) fn end_of(pid: i32) -> Option<How> {
    let mut status = 0;
    loop {
        // SAFETY: waitpid(2) writes one integer, which is there.
        let found = unsafe { libc::waitpid(pid, &raw mut status, 0) };
        match change(status) {
            Change::Ended(how) if found == pid => return Some(how),
            // It was interrupted.
            _ if found < 0 && io::Error::last_os_error().raw_os_error() == Some(libc::EINTR) => {}
            _ => return None,
        }
    }
}

/// Whether that child was stopped since the last time.
pub(super) fn was_stopped(pid: i32) -> bool {
    has_news(pid, libc::WSTOPPED)
}

/// Whether that child has ended. Its status is left to [`drain`].
pub(super) fn has_ended(pid: i32) -> bool {
    has_news(pid, libc::WEXITED | libc::WNOWAIT)
}

#[expect(unsafe_code, reason = "nix loses a status")]
fn has_news(pid: i32, wanted: i32) -> bool {
    let wanted = wanted | libc::WNOHANG;
    let mut about = MaybeUninit::<libc::siginfo_t>::zeroed();
    // SAFETY: waitid(2) writes what is there to be written to, and zeroes are a valid siginfo_t that is about nobody.
    unsafe {
        libc::waitid(libc::P_PID, pid.unsigned_abs(), about.as_mut_ptr(), wanted) == 0
            && about.assume_init().si_pid() == pid
    }
}

/// One change of one child, if there is one.
///
/// nix's `waitpid` is not used: it knows no real-time signals, and where one of them ended a child it loses the status that
/// the kernel has just given away.
#[expect(unsafe_code, reason = "nix loses a status")]
fn next() -> io::Result<Option<(i32, Change)>> {
    let mut status = 0;
    let wanted = libc::WNOHANG | libc::WUNTRACED | libc::WCONTINUED;
    // SAFETY: waitpid(2) writes one integer, which is there.
    let pid = unsafe { libc::waitpid(-1, &raw mut status, wanted) };
    match pid {
        0 => Ok(None),
        1.. => Ok(Some((pid, change(status)))),
        _ => Err(io::Error::last_os_error()),
    }
}

fn change(status: i32) -> Change {
    if libc::WIFSTOPPED(status) {
        Change::Stopped(libc::WSTOPSIG(status))
    } else if libc::WIFCONTINUED(status) {
        Change::Continued
    } else if libc::WIFSIGNALED(status) {
        Change::Ended(How::Signaled(libc::WTERMSIG(status)))
    } else {
        Change::Ended(How::Exited(
            u8::try_from(libc::WEXITSTATUS(status)).unwrap_or(u8::MAX),
        ))
    }
}
