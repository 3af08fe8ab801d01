//! This process's own standing, and signals to others.

use std::io;

use nix::libc;
use nix::sys::prctl;

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

/// Has the kernel send lictor `signal` when its parent ends.
#[expect(unsafe_code, reason = "nix has no real-time signals")]
pub fn signal_on_parents_death(signal: i32) -> io::Result<()> {
    // SAFETY: this operation takes a number and touches no memory.
    match unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::c_long::from(signal)) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Sends a signal, by its number so that real-time signals pass too.
///
/// The process must be a child that is not reaped yet; otherwise the number may be somebody else's by now.
#[inline(always)]
pub fn signal(pid: i32, signal: i32) -> io::Result<()> {
    assert!(pid > 0, "a signal to {pid} would be one to many processes");
    kill(pid, signal)
}

/// The same for all processes of a group, which is named by its leader: a child of ours that was not reaped yet, or has been
/// just now, and may have left others in it.
#[inline(always)]
pub fn signal_group(leader: i32, signal: i32) -> io::Result<()> {
    assert!(leader > 1, "there is no process group {leader} of a child");
    kill(-leader, signal)
}

#[expect(unsafe_code, reason = "nix has no real-time signals")]
#[inline(always)]
pub(super) fn kill(pid: i32, signal: i32) -> io::Result<()> {
    // SAFETY: kill(2) takes two integers and touches no memory. By its number, as `os::signals` waits: the same code, which is
    // in memory already.
    match unsafe { libc::syscall(libc::SYS_kill, pid, signal) } {
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
