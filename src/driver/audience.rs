//! Those at the control socket who wait for something: for the result of a reload, or for the end of a stop.
//!
//! Who follows a stop hears what the core says, and the exit. None of them can hold it up.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::admin::follower::Follower;
use crate::admin::wire::{self, Progress, ReloadReport};
use crate::core::action::{Level, ReloadOutcome};
use crate::core::event::Waiter;
use crate::exit::Exit;

/// How long the followers may take to their own end, once they know of lictor's.
const FAREWELL: Duration = Duration::from_millis(500);

/// Who waits, and for what.
#[derive(Default)]
pub(super) struct Audience {
    reloads: HashMap<Waiter, oneshot::Sender<ReloadReport>>,
    next_waiter: u64,
    /// All of them see the one stop there is, whoever asked for it.
    followers: Vec<Follower>,
    /// The ends of their processes, where lictor's own could kill them.
    ends: FuturesUnordered<Pin<Box<dyn Future<Output = ()>>>>,
    exit: Option<Progress>,
}

impl Audience {
    /// One more who waits for a reload.
    pub(super) fn wait(&mut self, reply: oneshot::Sender<ReloadReport>) -> Waiter {
        let waiter = Waiter(self.next_waiter);
        self.next_waiter += 1;
        self.reloads.insert(waiter, reply);
        waiter
    }

    /// How his reload went.
    pub(super) fn reply(&mut self, waiter: Waiter, outcome: &ReloadOutcome) {
        let Some(reply) = self.reloads.remove(&waiter) else {
            return;
        };
        // He may have gone.
        let _ = reply.send(wire::reload_report(outcome));
    }

    /// One more who follows the stop, and hears all that is said from now on.
    pub(super) fn join(&mut self, mut follower: Follower) {
        // PID 1 takes all of its namespace with it, `docker exec … lictor leave` too; and where lictor is not PID 1, a container's
        // init ends behind it.
        if let Some(peer) = follower.take_process() {
            self.ends.push(Box::pin(peer.ended()));
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

    /// Waits until those have ended whom lictor's exit could kill.
    pub(super) async fn gone(&mut self) {
        let all = async { while self.ends.next().await.is_some() {} };
        // Who takes longer than that has been stopped, or does not end by it.
        let _ = timeout(FAREWELL, all).await;
    }
}
