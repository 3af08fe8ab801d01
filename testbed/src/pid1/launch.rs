//! What happens between the two readings of the clock.
#![expect(
    unsafe_code,
    reason = "clone, and what happens between it and exec, are the operating system's own"
)]

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, clone, unshare};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{SigHandler, Signal, signal};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{Pid, setsid};

use super::Start;

/// All that such a program gets of an environment.
const ENVIRONMENT: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// What is needed between clone and exec is little.
const STACK: usize = 64 * 1024;

/// Starts the program; the calling thread keeps the new mounts, so that their end is not part of the program's.
pub(super) fn launch(words: &[CString], streams: [OwnedFd; 3]) -> io::Result<Start> {
    let nothing = None::<&str>;
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    // The PID namespace is that of this thread's children from now on: the next one is its PID 1.
    unshare(CloneFlags::CLONE_NEWPID | CloneFlags::CLONE_NEWNS)?;
    mount(nothing, "/", nothing, private, nothing)?;

    // Made here, because the child shares our memory and must allocate nothing.
    let variable = CString::new(ENVIRONMENT)?;
    let arguments: Vec<_> = pointers(words.iter());
    let environment: Vec<_> = pointers([&variable].into_iter());
    let mut stack = vec![0_u8; STACK];
    let mut mounting = Duration::ZERO;
    let mut failed = None;
    let child = Box::new(|| {
        let begin = Instant::now();
        if let Err(error) = prepare(&streams) {
            failed = Some(error);
            return 125;
        }
        mounting = begin.elapsed();
        // SAFETY: both arrays end with a null pointer, and their strings live until this process has its own memory.
        unsafe { libc::execve(arguments[0], arguments.as_ptr(), environment.as_ptr()) };
        failed = Some(Errno::last());
        127
    });
    let flags = CloneFlags::CLONE_VM | CloneFlags::CLONE_VFORK;
    let begin = Instant::now();
    // SAFETY: the child has a stack of its own. It shares our memory while this thread is suspended, until exec or its end,
    // and meanwhile only does system calls and writes to the two variables above.
    let pid = unsafe { clone(child, &mut stack, flags, Some(libc::SIGCHLD)) }?;
    let exec = Instant::now();
    if let Some(error) = failed {
        reap(pid)?;
        let program = words[0].to_string_lossy();
        let (kind, error) = (io::Error::from(error).kind(), error.desc());
        return Err(io::Error::new(kind, format!("start {program}: {error}")));
    }
    let begin = begin + mounting;
    Ok(Start { begin, exec, pid })
}

fn pointers<'a>(words: impl Iterator<Item = &'a CString>) -> Vec<*const libc::c_char> {
    words
        .map(|word| word.as_ptr())
        .chain([ptr::null()])
        .collect()
}

/// What is done between clone and exec.
fn prepare(streams: &[OwnedFd; 3]) -> nix::Result<()> {
    // The kernel kills it, and the namespace with it, when the thread that reaps it is gone.
    set_pdeathsig(Signal::SIGKILL)?;
    // Rust's start-up has it ignored, and that would be inherited.
    // SAFETY: the default disposition is no handler of ours; and dispositions, unlike the memory, are not shared.
    unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) }?;
    // As a container's runtime does; and a terminal's Ctrl-C is then for the benchmark alone.
    setsid()?;
    for (target, stream) in (0..).zip(streams) {
        // SAFETY: dup2 on descriptors of this process's own table. The streams are above 2, for 0 to 2 are the caller's.
        Errno::result(unsafe { libc::dup2(stream.as_raw_fd(), target) })?;
    }
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("proc"), "/proc", Some("proc"), flags, None::<&str>)
}

/// Waits for the child's end.
pub(super) fn reap(pid: Pid) -> nix::Result<i32> {
    loop {
        match waitpid(pid, None) {
            Ok(WaitStatus::Exited(_, code)) => return Ok(code),
            Ok(WaitStatus::Signaled(_, signal, _)) => return Ok(128 + signal as i32),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
    }
}
