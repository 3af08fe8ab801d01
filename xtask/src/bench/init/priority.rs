//! Quiet for what takes a millisecond, however busy the machine is.

use std::process::{Command, Stdio};

/// Real-time priority for this thread, and for all that it starts, until this is dropped: what else the machine does has to
/// wait. Only for what mostly waits itself: from real-time processes that take all the time there is, the kernel takes the
/// processors for a while.
pub(super) struct RealTime(());

impl RealTime {
    /// It is only said, and no failure, where it cannot be had, as in a container without the right to it.
    pub(super) fn begin() -> Self {
        if !policy("--rr", 1) {
            println!("without real-time priority, which `chrt` (util-linux) could not give");
        }
        Self(())
    }
}

impl Drop for RealTime {
    fn drop(&mut self) {
        policy("--other", 0);
    }
}

/// Gives the main thread a scheduling policy, and whether that worked.
fn policy(policy: &str, priority: u8) -> bool {
    Command::new("chrt")
        .args([policy, "--pid", &priority.to_string()])
        .arg(std::process::id().to_string())
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
