//! The one place where children are waited for.
//!
//! SIGCHLDs coalesce, so each one means "drain". It runs on the thread that spawns; nothing else in lictor may wait for a
//! child (`clippy.toml` sees to it), or a status would be lost.

use std::io;

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
