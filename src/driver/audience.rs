//! Those who follow a stop at the control socket. They hear what the core says, and the exit; none of them can hold it up.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::timeout;

use crate::admin::follower::Follower;
use crate::admin::wire::Progress;
use crate::core::action::Level;
use crate::exit::Exit;
use crate::os::process;

/// How long the followers may take to their own end, once they know of lictor's.
const FAREWELL: Duration = Duration::from_millis(500);

/// The followers. All of them see the one stop there is, whoever asked for it.
#[derive(Default)]
pub(super) struct Audience {
    followers: Vec<Follower>,
    /// The ends of their processes, where lictor's own would kill them.
    ends: FuturesUnordered<Pin<Box<dyn Future<Output = ()>>>>,
    exit: Option<Progress>,
}

impl Audience {
    /// One more, who hears all that is said from now on.
    pub(super) fn join(&mut self, mut follower: Follower) {
        // PID 1 takes all of its namespace with it: `docker exec … lictor leave`, too.
        if process::is_init()
            && let Some(process) = follower.take_process()
        {
            self.ends.push(Box::pin(process.ended()));
        }
        match &self.exit {
            Some(exit) => follower.end(exit),
            None => self.followers.push(follower),
        }
    }

    /// The core says something.
    pub(super) fn tell(&mut self, level: Level, text: &str) {
        if level > Level::Info || self.followers.is_empty() {
            return;
        }
        let told = Progress::told(level, text);
        self.followers.retain(|follower| follower.tell(&told));
    }

    /// How it ends, for all of them and for whoever comes now.
    pub(super) fn end(&mut self, exit: &Exit) {
        let exit = self.exit.insert(Progress::Exit {
            code: exit.code,
            reason: exit.reason.clone(),
        });
        for follower in self.followers.drain(..) {
            follower.end(exit);
        }
    }

    /// Waits until those have ended whom lictor's exit would kill.
    pub(super) async fn gone(&mut self) {
        let all = async { while self.ends.next().await.is_some() {} };
        // Who takes longer than that has been stopped, or does not end by it.
        let _ = timeout(FAREWELL, all).await;
    }
}
