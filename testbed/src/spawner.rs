//! The thread that starts every program.
//!
//! A program asks the kernel to be killed when its parent dies (`PR_SET_PDEATHSIG`), and for the kernel the parent is
//! the *thread* that started it. A test that starts things from a helper thread would lose them when that thread ends.
//! So one thread starts everything, and it ends only with the whole process.

use std::io;
use std::process::{Child, Command};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

type Job = (Command, Sender<io::Result<Child>>);

static SPAWNER: OnceLock<Mutex<Sender<Job>>> = OnceLock::new();

/// Starts `command` on the lasting thread.
pub(crate) fn spawn(command: Command) -> io::Result<Child> {
    let gone = || io::Error::other("the test bed's spawner thread is gone");
    let (answer, child) = channel();
    SPAWNER
        .get_or_init(|| Mutex::new(start()))
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .send((command, answer))
        .map_err(|_| gone())?;
    child.recv().map_err(|_| gone())?
}

fn start() -> Sender<Job> {
    let (sender, jobs) = channel::<Job>();
    thread::spawn(move || {
        for (mut command, answer) in jobs {
            // A caller that has gone away has no use for its child: dropping it here is all there is to do.
            let _ = answer.send(command.spawn());
        }
    });
    sender
}
