//! The one place where children are waited for.
//!
//! SIGCHLDs coalesce, so each one means "drain". It runs on the thread that spawns; nothing else in lictor may wait for a
//! child (`clippy.toml` sees to it), or a status would be lost.

use nix::errno::Errno;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::core::event::How;

/// Takes the status of every child that has ended, our own and those that were left to us.
pub fn drain() -> Vec<(i32, How)> {
    let mut ended = Vec::new();
    loop {
        match waitpid(Pid::from_raw(-1), Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, code)) => {
                ended.push((
                    pid.as_raw(),
                    How::Exited(u8::try_from(code).unwrap_or(u8::MAX)),
                ));
            }
            Ok(WaitStatus::Signaled(pid, signal, _)) => {
                ended.push((pid.as_raw(), How::Signaled(signal as i32)));
            }
            // Children live, none has ended; or there are none at all.
            Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return ended,
            // Stopped, continued and traced children are not dead ones. EINTR cannot happen with all signals blocked,
            // and would mean to try again.
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => {
                tracing::error!("waitpid failed: {error}");
                return ended;
            }
        }
    }
}
