//! This process's own standing, and signals to others.

use std::io;

use nix::sys::prctl;
use nix::unistd::Pid;

/// Whether lictor is PID 1.
pub fn is_init() -> bool {
    std::process::id() == 1
}

/// Makes orphans below lictor its children, as they are PID 1's. Nothing to do as PID 1.
pub fn become_subreaper() -> io::Result<()> {
    if is_init() {
        return Ok(());
    }
    prctl::set_child_subreaper(true).map_err(io::Error::from)
}

/// Sends a signal, by its number so that real-time signals pass too.
///
/// The process must be a child that is not reaped yet; otherwise the number may be somebody else's by now.
pub fn signal(pid: i32, signal: i32) -> io::Result<()> {
    assert!(pid > 0, "a signal to {pid} would be one to many processes");
    match nix::sys::signal::Signal::try_from(signal) {
        Ok(signal) => nix::sys::signal::kill(Pid::from_raw(pid), signal).map_err(io::Error::from),
        Err(_) => raw_kill(pid, signal),
    }
}

#[expect(unsafe_code, reason = "nix has no real-time signals")]
fn raw_kill(pid: i32, signal: i32) -> io::Result<()> {
    // SAFETY: kill(2) takes two integers and touches no memory.
    match unsafe { nix::libc::kill(pid, signal) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// This host's name, as the agent will see it.
pub fn host_name() -> String {
    nix::unistd::gethostname()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}
