//! The one place where children are waited for.
//!
//! SIGCHLDs coalesce, so each one means "drain". It runs on the thread that spawns; nothing else in lictor may wait for a
//! child (`clippy.toml` sees to it), or a status would be lost.

use std::io;

use nix::libc;

use crate::core::event::How;

/// Takes the status of every child that has ended, our own and those that were left to us.
pub fn drain() -> Vec<(i32, How)> {
    let mut ended = Vec::new();
    loop {
        match next() {
            Ok(Some(child)) => ended.push(child),
            Ok(None) => return ended,
            // Cannot happen with all signals blocked, and means to try again.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                if error.raw_os_error() != Some(libc::ECHILD) {
                    tracing::error!("waitpid failed: {error}");
                }
                return ended;
            }
        }
    }
}

/// One child that has ended, if there is one. Stopped and continued children are not asked for.
///
/// nix's `waitpid` is not used: it knows no real-time signals, and where one of them ended a child it loses the status that
/// the kernel has just given away.
#[expect(unsafe_code, reason = "nix loses a status")]
fn next() -> io::Result<Option<(i32, How)>> {
    let mut status = 0;
    // SAFETY: waitpid(2) writes one integer, which is there.
    let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) };
    match pid {
        0 => Ok(None),
        1.. => {
            let how = if libc::WIFSIGNALED(status) {
                How::Signaled(libc::WTERMSIG(status))
            } else {
                How::Exited(u8::try_from(libc::WEXITSTATUS(status)).unwrap_or(u8::MAX))
            };
            Ok(Some((pid, how)))
        }
        _ => Err(io::Error::last_os_error()),
    }
}
