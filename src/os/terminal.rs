//! The terminal that lictor was started at: who may read it, and stopping as it wants.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;

use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, killpg, pthread_sigmask};
use nix::unistd::{Pid, getpgrp, getpid, getsid, tcgetpgrp, tcsetpgrp};

use crate::core::init::Holder;
use crate::os::process::{is_init, kill};
use crate::os::signals::{discard, is_pending};

/// Whether stdin is a terminal that lictor's process group may read, and so may give away.
pub fn is_ours() -> bool {
    tcgetpgrp(io::stdin()).is_ok_and(|foreground| foreground == getpgrp())
}

/// lictor's controlling terminal, whatever its stdin is. Opened when it is needed and not before.
fn open() -> Option<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NOCTTY)
        .open("/dev/tty")
        .ok()
}

/// Whose process group has the terminal; one that has nobody in it any more is lictor's to take. `program` is the leader of the
/// program's.
pub fn holder(program: i32) -> Holder {
    let Some(terminal) = open() else {
        return Holder::Nobody;
    };
    match tcgetpgrp(&terminal) {
        Ok(group) if group == getpgrp() => Holder::Us,
        Ok(group) if group.as_raw() == program => Holder::Program,
        Ok(group) if is_empty(group) => Holder::Us,
        Ok(_) => Holder::Others,
        Err(_) => Holder::Nobody,
    }
}

/// Gives the terminal to the program's process group.
pub fn give(program: i32) -> io::Result<()> {
    let terminal = open().ok_or(Errno::ENOTTY)?;
    // SIGTTOU is blocked, so this does not stop lictor where it is in the background.
    tcsetpgrp(&terminal, Pid::from_raw(program)).map_err(io::Error::from)
}

/// Takes the terminal back from a program that has ended, for whoever shares lictor's process group and is next to use it.
pub fn take_back(program: i32) {
    if holder(program) == Holder::Program {
        // Without it whoever is next has to do so himself, as every shell does.
        let _ = open().map(|terminal| tcsetpgrp(&terminal, getpgrp()));
    }
}

/// The same where the program's process group is gone.
pub fn take_back_from_nobody() {
    let take = |terminal: File| match tcgetpgrp(&terminal) {
        Ok(group) if is_empty(group) => tcsetpgrp(&terminal, getpgrp()),
        _ => Ok(()),
    };
    let _ = open().map(take);
}

fn is_empty(group: Pid) -> bool {
    killpg(group, None) == Err(Errno::ESRCH)
}

/// Gives stdin's terminal up, where lictor leads its session, so that a child can have it for a session of its own.
pub fn give_up() -> io::Result<()> {
    if getsid(None) != Ok(getpid()) || !nix::unistd::isatty(io::stdin()).unwrap_or(false) {
        return Ok(());
    }
    // The kernel tells the foreground of such a session, which is lictor itself, that its terminal is gone: SIGHUP and
    // SIGCONT, which are nobody's business. What somebody else has sent before is.
    let before = [libc::SIGHUP, libc::SIGCONT].map(|signal| (signal, is_pending(signal)));
    detach(io::stdin().as_fd())?;
    for (signal, sent) in before {
        if !sent {
            discard(signal);
        }
    }
    Ok(())
}

#[expect(unsafe_code, reason = "nix does not have this ioctl")]
fn detach(terminal: BorrowedFd<'_>) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    // SAFETY: TIOCNOTTY takes no argument.
    match unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCNOTTY) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Stops lictor by SIGSTOP, as dumb-init does: also where nobody could continue it. Not as PID 1, which the kernel does not stop.
pub fn halt() -> io::Result<()> {
    // A stop takes back a SIGCONT that was sent before it. That would be one too many where nothing stops, or where somebody
    // has continued lictor already.
    if is_init() || is_pending(libc::SIGCONT) {
        return Ok(());
    }
    kill(getpid().as_raw(), libc::SIGSTOP)
}

/// Stops lictor as Ctrl-Z would, and with `group` whoever shares its process group. Returns when somebody continues it, with
/// true; or at once, with false: the kernel stops neither a PID 1 nor what nobody could continue.
pub fn suspend(group: bool) -> io::Result<bool> {
    // A stop takes back a SIGCONT that was sent before it. Where nothing stops, or somebody has continued lictor already, that
    // would be one too many.
    if is_init() {
        return Ok(false);
    }
    if discard(libc::SIGCONT) {
        return Ok(true);
    }
    let whom = if group { 0 } else { getpid().as_raw() };
    kill(whom, libc::SIGTSTP)?;
    let mut stop = SigSet::empty();
    stop.add(Signal::SIGTSTP);
    // lictor is stopped here: no handler takes the signal, so what it does by default happens.
    pthread_sigmask(SigmaskHow::SIG_UNBLOCK, Some(&stop), None)?;
    pthread_sigmask(SigmaskHow::SIG_BLOCK, Some(&stop), None)?;
    Ok(discard(libc::SIGCONT))
}
