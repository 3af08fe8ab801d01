//! Signals by number.

use std::io;

use nix::unistd::Pid;

/// Sends the signal of that number, which may be a real-time signal: nix knows none of those.
///
/// # Errors
/// There is no such process, or no such signal.
#[expect(unsafe_code, reason = "nix has no real-time signals")]
pub fn send(pid: Pid, number: i32) -> io::Result<()> {
    // SAFETY: kill(2) takes two integers and touches no memory.
    match unsafe { nix::libc::kill(pid.as_raw(), number) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
