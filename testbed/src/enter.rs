//! Entering namespaces between fork and exec: with `pid1/launch.rs`, the only unsafe code of the test bed.
//!
//! For a PID namespace this forks again, because only children of the process that asks for one are in it. What
//! `unshare --fork` would do is done here, for two reasons: util-linux 2.38 loses the status of a program that SIGKILL
//! ended, and when our own spawn returns, the program itself runs, or its failure to start is our error.
//!
//! A process with threads may not enter a user namespace, so nothing here changes the test process itself. Programs
//! enter after the fork, and sockets are made by a forked child inside and handed back: a socket stays in the network
//! namespace it was made in, whoever uses it.
#![expect(
    unsafe_code,
    reason = "pre_exec is the one way to enter namespaces before a program starts, and a received descriptor has to be owned"
)]

use std::ffi::CStr;
use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::Arc;

use nix::cmsg_space;
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::prctl::{set_name, set_pdeathsig};
use nix::sys::signal::Signal;
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg,
    sendmsg, socket,
};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, getegid, geteuid, getppid, sethostname};

use crate::process::Role;

/// The namespaces of a keeper process.
#[derive(Debug)]
pub(crate) struct Namespaces {
    /// Only where an ordinary user runs the tests; entered first, for the rights to enter the others.
    user: Option<File>,
    net: File,
    uts: File,
    mnt: File,
}

impl Namespaces {
    pub(crate) fn of(keeper: Pid, with_user: bool) -> io::Result<Self> {
        let open = |kind: &str| File::open(format!("/proc/{keeper}/ns/{kind}"));
        Ok(Self {
            user: if with_user { Some(open("user")?) } else { None },
            net: open("net")?,
            uts: open("uts")?,
            mnt: open("mnt")?,
        })
    }

    fn enter_user(&self) -> nix::Result<()> {
        self.user
            .as_ref()
            .map_or(Ok(()), |user| setns(user, CloneFlags::CLONE_NEWUSER))
    }

    fn enter_net(&self) -> nix::Result<()> {
        self.enter_user()?;
        setns(&self.net, CloneFlags::CLONE_NEWNET)
    }

    fn enter_all(&self) -> nix::Result<()> {
        self.enter_net()?;
        setns(&self.uts, CloneFlags::CLONE_NEWUTS)?;
        // This also moves the root and the working directory to the root of that mount namespace.
        setns(&self.mnt, CloneFlags::CLONE_NEWNS)
    }
}

/// What happens to a program between fork and exec, besides being tied to the life of the test process.
pub(crate) enum Step {
    /// Nothing: it stays where the test process is.
    Stay,
    /// It gets a user namespace in which it is root. For ordinary users, who may do nothing else without one.
    BecomeRoot,
    /// It enters these namespaces.
    Enter(Arc<Namespaces>),
    /// It enters the user namespace only and gets a network, a hostname and mounts of its own.
    BecomeHost {
        /// Whose user namespace.
        switch: Arc<Namespaces>,
        hostname: String,
    },
}

/// Makes `command` do `step` before its program starts, then take its `role`, and die with the thread that starts it.
pub(crate) fn before_exec(command: &mut Command, step: Step, role: Role) {
    let parent = Pid::this();
    // Made here, because nothing should be allocated after the fork.
    let maps = [
        ("/proc/self/setgroups", "deny".to_owned()),
        ("/proc/self/uid_map", format!("0 {} 1", geteuid())),
        ("/proc/self/gid_map", format!("0 {} 1", getegid())),
    ];
    let hook = move || -> io::Result<()> {
        match &step {
            Step::Stay => {}
            Step::BecomeRoot => {
                unshare(CloneFlags::CLONE_NEWUSER)?;
                for (file, map) in &maps {
                    File::options()
                        .write(true)
                        .open(file)?
                        .write_all(map.as_bytes())?;
                }
            }
            Step::Enter(namespaces) => namespaces.enter_all()?,
            Step::BecomeHost { switch, hostname } => {
                switch.enter_user()?;
                unshare(
                    CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWUTS | CloneFlags::CLONE_NEWNS,
                )?;
                sethostname(hostname)?;
            }
        }
        // Last, because gaining rights by entering a user namespace clears it.
        set_pdeathsig(Signal::SIGKILL)?;
        // The parent may have died before that, and would then never be noticed.
        if getppid() != parent {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if role != Role::Plain {
            become_pid1()?;
        }
        if role == Role::Child {
            go_on_in_child(c"testbed-init")?;
        }
        Ok(())
    };
    // SAFETY: the hook runs in the child between fork and exec and does only system calls; what it uses was allocated
    // before the fork.
    unsafe { command.pre_exec(hook) };
}

/// Goes on as PID 1 of a new PID namespace with a `/proc` of its own. Its parent lives on outside until it ends.
fn become_pid1() -> io::Result<()> {
    unshare(CloneFlags::CLONE_NEWPID | CloneFlags::CLONE_NEWNS)?;
    let nothing = None::<&str>;
    mount(
        nothing,
        "/",
        nothing,
        MsFlags::MS_REC | MsFlags::MS_PRIVATE,
        nothing,
    )?;
    go_on_in_child(c"testbed-outer")?;
    // The outer process is killed when the test dies, this one with it, and then everything in the namespace.
    set_pdeathsig(Signal::SIGKILL)?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("proc"), "/proc", Some("proc"), flags, nothing)?;
    Ok(())
}

/// Forks, and returns in the child only. The parent stays as `name`, reaps whatever it is given, and ends as the child
/// does, with 128 + signal where a signal ended it.
fn go_on_in_child(name: &'static CStr) -> io::Result<()> {
    // SAFETY: this process has one thread, being a forked child itself, and does only system calls from here on.
    let ForkResult::Parent { child } = (unsafe { fork() })? else {
        return Ok(());
    };
    // It must hold nothing open: the test waits for the end of the pipe on which a failing exec is reported.
    // SAFETY: nothing of this process uses a descriptor after this.
    unsafe { nix::libc::close_range(0, u32::MAX, 0) };
    let _ = set_name(name);
    let code = loop {
        match waitpid(None, None) {
            Ok(WaitStatus::Exited(pid, code)) if pid == child => break code,
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == child => break 128 + signal as i32,
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => break 125,
        }
    };
    // SAFETY: it ends at once, without running what the test process has registered for its own exit.
    unsafe { nix::libc::_exit(code) }
}

/// Gives the host of `namespaces` another name.
pub(crate) fn set_hostname(namespaces: &Arc<Namespaces>, name: &str) -> io::Result<()> {
    let (inside, name) = (Arc::clone(namespaces), name.to_owned());
    let hook = move || -> io::Result<()> {
        inside.enter_user()?;
        setns(&inside.uts, CloneFlags::CLONE_NEWUTS)?;
        Ok(sethostname(&name)?)
    };
    let mut command = Command::new("true");
    command.stdin(Stdio::null()).stdout(Stdio::null());
    // SAFETY: the hook does only system calls, in the child between fork and exec; what it uses was allocated before the fork.
    unsafe { command.pre_exec(hook) };
    command.status().map(drop)
}

/// A TCP socket, not yet bound or connected, that belongs to the network of `namespaces`.
pub(crate) fn tcp_socket(
    namespaces: &Arc<Namespaces>,
    family: AddressFamily,
) -> io::Result<OwnedFd> {
    let (ours, theirs) = UnixDatagram::pair()?;
    let inside = Arc::clone(namespaces);
    let hook = move || -> io::Result<()> {
        inside.enter_net()?;
        let made = socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
        let descriptors = [made.as_raw_fd()];
        let rights = [ControlMessage::ScmRights(&descriptors)];
        sendmsg::<()>(
            theirs.as_raw_fd(),
            &[IoSlice::new(b"s")],
            &rights,
            MsgFlags::empty(),
            None,
        )?;
        Ok(())
    };
    let mut command = Command::new("true");
    command.stdin(Stdio::null()).stdout(Stdio::null());
    // SAFETY: as above, and the little that sendmsg allocates is allowed after a fork with glibc and with musl, whose
    // fork leaves the allocator usable in the child.
    unsafe { command.pre_exec(hook) };
    command.status()?;
    // The hook, and with it the other end of the pair, ends here: nothing received is then an error, not a wait.
    drop(command);

    let mut byte = [0_u8];
    let mut parts = [IoSliceMut::new(&mut byte)];
    let mut space = cmsg_space!([std::os::fd::RawFd; 1]);
    let message = recvmsg::<()>(
        ours.as_raw_fd(),
        &mut parts,
        Some(&mut space),
        MsgFlags::MSG_CMSG_CLOEXEC,
    )?;
    for part in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(descriptors) = part
            && let Some(&descriptor) = descriptors.first()
        {
            // SAFETY: the kernel has just made this descriptor for us, and nothing else knows of it.
            return Ok(unsafe { OwnedFd::from_raw_fd(descriptor) });
        }
    }
    Err(io::Error::other("no socket came back from the namespace"))
}
