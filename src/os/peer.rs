//! The process at the other end of a connection, and its end.

use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use nix::libc;

use crate::os::readable::readable;

/// A process that need not be a child. It is held by a descriptor, so that its number becoming another's does no harm.
#[derive(Debug)]
pub struct Peer(OwnedFd);

impl Peer {
    /// The process of that number, which a connection's credentials give. `None` where it has ended, where it is outside lictor's
    /// PID namespace (its number is 0 then), and before Linux 5.3.
    #[expect(unsafe_code, reason = "nix has no pidfd_open")]
    pub fn open(pid: i32) -> Option<Self> {
        if pid <= 0 {
            return None;
        }
        // SAFETY: pidfd_open(2) takes two integers and touches no memory.
        let opened = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
        let descriptor = RawFd::try_from(opened).ok().filter(|fd| *fd >= 0)?;
        // SAFETY: the kernel has just made this descriptor for us, and nobody else knows of it.
        Some(Self(unsafe { OwnedFd::from_raw_fd(descriptor) }))
    }

    /// Waits for its end, of which nobody is robbed: its parent still gets its status. Ends at once where it cannot be waited for.
    pub async fn ended(self) {
        if let Ok(end) = readable(self.0) {
            let _ = end.readable().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_outside_of_the_namespace_is_not_waited_for() {
        assert!(Peer::open(0).is_none());
        assert!(Peer::open(-1).is_none());
        assert!(Peer::open(std::process::id().cast_signed()).is_some());
    }
}
