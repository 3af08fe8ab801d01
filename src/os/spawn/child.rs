//! What happens between the birth of a child and the start of its program.
//!
//! The child shares lictor's memory until then, and lictor's thread waits for it: nothing has to be copied, and an error
//! comes back by memory. posix_spawn(3) does the same and will not do: it can neither keep some descriptors nor write the
//! child's own number into the environment. Nor will its way of waiting, `CLONE_VFORK`: the child gets its signals before its
//! program runs, so somebody's Ctrl-Z may stop it there, and lictor would hang in the kernel with it.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicI32, Ordering};

use nix::libc;

use crate::os::signals::Inherited;
use crate::os::spawn::Place;
use crate::os::{process, reap};

/// Room for the system calls below, which are all that runs on it. Every page of it costs a fault.
const STACK: usize = 8 << 10;

/// All that the child needs, made before it is born.
pub(super) struct Plan<'a> {
    pub(super) path: &'a CStr,
    /// Ends in a null, as does `script` and the environment.
    pub(super) arguments: &'a [*const c_char],
    /// The arguments of `/bin/sh` for a script that does not say what runs it.
    pub(super) script: &'a [*const c_char],
    pub(super) environment: *const *const c_char,
    pub(super) inherited: Inherited,
    pub(super) place: Place,
    /// What its stdout and stderr will be, where they are not lictor's.
    pub(super) streams: Option<(RawFd, RawFd)>,
    /// The first descriptor that the program does not get.
    pub(super) first_closed: RawFd,
    /// Where the child writes its own number, in digits, with a NUL behind: the end of `LISTEN_PID=` in the environment.
    pub(super) own_number: Option<*mut u8>,
}

/// The digits of the largest number, and a NUL.
pub(super) const NUMBER_LENGTH: usize = 11;

struct Shared<'a> {
    plan: &'a Plan<'a>,
    /// Why the program did not start, if that is not 0.
    error: AtomicI32,
    /// The child's number, until the kernel sees it leave this memory and writes a 0.
    present: AtomicI32,
}

/// How often a child that does not come to its program is looked after.
static LOOK: libc::timespec = libc::timespec {
    tv_sec: 0,
    tv_nsec: 20_000_000,
};

/// Starts it, and returns the child's number once its program runs.
#[expect(unsafe_code, reason = "a child that shares memory")]
pub(super) fn start(plan: &Plan<'_>) -> io::Result<i32> {
    let shared = Shared {
        plan,
        error: AtomicI32::new(0),
        present: AtomicI32::new(0),
    };
    let mut stack = MaybeUninit::<[u8; STACK]>::uninit();
    let told = libc::CLONE_PARENT_SETTID | libc::CLONE_CHILD_CLEARTID;
    let flags = libc::CLONE_VM | told | libc::SIGCHLD;
    // SAFETY: this thread goes on only after the child has started its program or ended, so the stack and what is shared
    // outlive its use of them. The stack grows downwards from an aligned end. All signals are blocked, and no handler of
    // ours exists that could run in the child. Nothing is asked of a thread's local memory but errno: see `execute`.
    let pid = unsafe {
        let end = stack.as_mut_ptr().cast::<u8>().add(STACK);
        let end = end.sub(end.addr() % 16);
        let present = (&raw const shared.present).cast_mut().cast::<libc::pid_t>();
        let nothing = std::ptr::null_mut::<c_void>();
        let shared = (&raw const shared).cast_mut().cast();
        libc::clone(run, end.cast(), flags, shared, present, nothing, present)
    };
    if pid > 0 {
        await_program(&shared.present, pid);
    }
    match (pid, shared.error.load(Ordering::Acquire)) {
        (-1, _) => Err(io::Error::last_os_error()),
        (pid, 0) => Ok(pid),
        (pid, error) => {
            reap::forget(pid);
            Err(io::Error::from_raw_os_error(error))
        }
    }
}

/// Waits until the child has left lictor's memory: to its program, or to its end.
#[expect(unsafe_code, reason = "nix has no futex")]
fn await_program(present: &AtomicI32, pid: i32) {
    while present.load(Ordering::Acquire) != 0 {
        // SAFETY: futex(2) reads an integer and a time that are there. Its result does not matter: the loop looks itself.
        unsafe {
            libc::syscall(
                libc::SYS_futex,
                present.as_ptr(),
                libc::FUTEX_WAIT,
                pid,
                &raw const LOOK,
            );
        }
        if present.load(Ordering::Acquire) == 0 {
            return;
        }
        if reap::was_stopped(pid) {
            // A program that does not run yet cannot know what to do about a stop.
            let _ = process::signal(pid, libc::SIGCONT);
        } else if reap::has_ended(pid) {
            // Older kernels leave the number where it is if a signal has ended the child with a core dump.
            return;
        }
    }
}

/// The child: system calls only, no allocation, no panic.
#[expect(unsafe_code, reason = "runs in a child that shares memory")]
extern "C" fn run(shared: *mut c_void) -> c_int {
    // SAFETY: `start` handed it over, and waits.
    let shared = unsafe { &*shared.cast::<Shared<'_>>() };
    let plan = shared.plan;
    // SAFETY: system calls on numbers, and on strings and arrays that `Plan` says how to end.
    unsafe {
        match plan.place {
            Place::Ours => {}
            Place::Group { foreground } => {
                libc::setpgid(0, 0);
                if foreground {
                    // SIGTTOU is blocked, so this is no reason to stop.
                    libc::tcsetpgrp(libc::STDIN_FILENO, libc::getpid());
                }
            }
            Place::Session => {
                libc::setsid();
                // There may be no terminal, or another session may have it; the program then has none, which is all right.
                libc::ioctl(libc::STDIN_FILENO, libc::TIOCSCTTY, 0);
            }
        }
        if let Some((stdout, stderr)) = plan.streams {
            libc::dup2(stdout, libc::STDOUT_FILENO);
            libc::dup2(stderr, libc::STDERR_FILENO);
        }
        close_on_exec(plan.first_closed);
        if let Some(place) = plan.own_number {
            write_number(place, libc::getpid());
        }
        // It cannot fail: the mask is one that the kernel gave.
        let _ = plan.inherited.restore();
        let mut error = execute(plan.path, plan.arguments, plan.environment);
        if error == libc::ENOEXEC {
            error = execute(c"/bin/sh", plan.script, plan.environment);
        }
        shared.error.store(error, Ordering::Release);
        libc::_exit(127)
    }
}

/// Starts the program, or returns the error.
#[expect(unsafe_code, reason = "runs in a child that shares memory")]
unsafe fn execute(
    path: &CStr,
    arguments: &[*const c_char],
    environment: *const *const c_char,
) -> c_int {
    let attempt = || {
        // SAFETY: `Plan` says how the arrays end.
        unsafe {
            libc::execve(path.as_ptr(), arguments.as_ptr(), environment);
            *libc::__errno_location()
        }
    };
    match attempt() {
        // errno is shared with the thread that waits, whose own time-out may just have been written there. A network's file
        // system has such an error too, so it is not tried for ever.
        libc::ETIMEDOUT => attempt(),
        error => error,
    }
}

/// What is open from `first` on is closed when the program starts.
#[expect(unsafe_code, reason = "runs in a child that shares memory")]
unsafe fn close_on_exec(first: RawFd) {
    if first == RawFd::MAX {
        return;
    }
    let start = first.unsigned_abs();
    // SAFETY: system calls on numbers; what is closed is the child's own table.
    unsafe {
        // By its number, for C libraries that lack it.
        let flags: libc::c_uint = libc::CLOSE_RANGE_CLOEXEC;
        if libc::syscall(libc::SYS_close_range, start, u32::MAX, flags) == 0 {
            return;
        }
        // Before Linux 5.11. A limit of a million descriptors makes this slow, and it still ends.
        let limit = libc::sysconf(libc::_SC_OPEN_MAX);
        for descriptor in first..c_int::try_from(limit).unwrap_or(c_int::MAX) {
            libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC);
        }
    }
}

/// Writes a number's digits and a NUL.
#[expect(unsafe_code, reason = "runs in a child that shares memory")]
unsafe fn write_number(place: *mut u8, number: i32) {
    let mut divisor = 1;
    while number / divisor >= 10 {
        divisor *= 10;
    }
    let mut place = place;
    while divisor > 0 {
        let digit = u8::try_from(number / divisor % 10).unwrap_or(0);
        // SAFETY: there is room for the digits of any number, by the contract of `Plan::own_number`.
        unsafe {
            *place = b'0' + digit;
            place = place.add(1);
        }
        divisor /= 10;
    }
    // SAFETY: as above.
    unsafe { *place = 0 };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(unsafe_code, reason = "writes through a pointer")]
    fn a_number_is_written_in_digits() {
        for number in [1, 9, 10, 4_194_304, i32::MAX] {
            let mut room = [b'x'; NUMBER_LENGTH];
            // SAFETY: there is room.
            unsafe { write_number(room.as_mut_ptr(), number) };
            let text = CStr::from_bytes_until_nul(&room).expect("a NUL");
            assert_eq!(text.to_str(), Ok(number.to_string().as_str()));
        }
    }
}
