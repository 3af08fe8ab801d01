//! Programs that lictor runs beside the agent, to their ends. The one reaper tells of those.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::core::event::How;
use crate::os::process;
use crate::os::signals::Inherited;
use crate::os::spawn::{Descriptors, Place, Program, Setup, spawn};

/// How much of what a program says is heard, in bytes. The rest is dropped.
const HEARD: u64 = 256 << 10;

/// Those that have not ended, by their process ids.
#[derive(Debug, Clone, Default)]
pub(super) struct Children(Rc<RefCell<HashMap<i32, oneshot::Sender<How>>>>);

impl Children {
    /// Runs a program, and returns how it ended and what it said, stdout and stderr in one. One that takes longer than `patience` is
    /// killed, and is an error.
    pub(super) async fn run(
        &self,
        program: &Program,
        inherited: Inherited,
        patience: Duration,
    ) -> io::Result<(How, String)> {
        let (said, says) = io::pipe()?;
        let mut said = Receiver::from_owned_fd(OwnedFd::from(said))?.take(HEARD);
        let setup = Setup {
            inherited,
            place: Place::Group { foreground: false },
            streams: Some((says.as_fd(), says.as_fd())),
            descriptors: Descriptors::OnPurpose,
        };
        let pid = spawn(program, &setup)?;
        drop(says);
        // Nothing was waited for since its birth, so it cannot have been reaped before it is known here.
        let (tell, told) = oneshot::channel();
        self.0.borrow_mut().insert(pid, tell);
        let whole = async {
            let mut text = Vec::new();
            said.read_to_end(&mut text).await?;
            // One that has more to say than is heard is ended by that.
            drop(said);
            let how = told.await.map_err(io::Error::other)?;
            Ok((how, String::from_utf8_lossy(&text).into_owned()))
        };
        timeout(patience, whole).await.unwrap_or_else(|_| {
            if self.0.borrow_mut().remove(&pid).is_some() {
                // It has a group of its own, with what it has started.
                let _ = process::signal(-pid, nix::libc::SIGKILL);
            }
            let seconds = patience.as_secs();
            Err(io::Error::other(format!("it took longer than {seconds} s")))
        })
    }

    /// A child has ended, which may be one of them.
    pub(super) fn ended(&self, pid: i32, how: How) {
        if let Some(tell) = self.0.borrow_mut().remove(&pid) {
            // Nobody may wait for it any more.
            let _ = tell.send(how);
        }
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }
}
