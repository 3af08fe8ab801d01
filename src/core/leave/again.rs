//! The word of a leave, told once more.
//!
//! An agent tells only a few others that it leaves (four where there are nine members or less, within a tenth of a second), and
//! then that it is gone. Where those few are down themselves, the news that it is gone comes first: it has failed, for all who
//! hear it so, and its entry stays. The agent that has left still gossips while its API answers. A force-leave of its own name is
//! the word of its leave once more: whoever knows it as failed takes it for left, and to all others it is nothing new.

use std::time::Duration;

use crate::core::Moment;
use crate::core::action::{Level, Question};
use crate::core::event::{Membership, Refusal};
use crate::core::leave::Stop;
use crate::core::leave::watch::Entry;
use crate::core::machine::Machine;
use crate::core::timers::Timer;

/// Servers take an entry away some 0.4 s after they have heard of the leave. So long after the agent has told it, they have not.
const AGAIN: Duration = Duration::from_millis(700);
/// Why it is told once more.
pub(in crate::core) const UNHEARD: &str = "the servers have not taken its node away";

impl Machine {
    /// The agent has told others that it leaves: what they have heard of it is looked at a little later.
    pub(in crate::core) fn leave_was_told(&mut self, at: Moment) {
        self.timers
            .set(Timer::TellAgain, (at + AGAIN).max(self.now));
    }

    /// The agent has told others that it leaves, and they had time to hear it.
    pub(in crate::core) fn tell_again(&mut self) {
        let leaves = |stop: &&mut Stop| stop.course.membership == Membership::Left && !stop.killed;
        let Some(stop) = self.stop.as_mut().filter(leaves) else {
            return;
        };
        let unheard = stop.course.entry == Entry::There || stop.course.removed;
        // Its entry may have been gone before it was started: that tells nothing.
        let finishing = stop.finishing && !stop.course.again;
        if !unheard && !finishing || self.start.telling_again {
            return;
        }
        stop.course.again = true;
        let missed = "others may have missed it";
        self.force_leave(if unheard { UNHEARD } else { missed });
    }

    /// Has the agent tell others once more that it leaves, one time at a time.
    pub(in crate::core) fn force_leave(&mut self, why: &str) {
        self.start.telling_again = true;
        let node = self.facts.node_name.clone();
        self.say(
            Level::Info,
            format!("having the agent tell once more that it leaves (force-leave {node}): {why}"),
        );
        self.ask(Question::ForceLeave { node });
    }

    pub(in crate::core) fn told_again(&mut self, result: Result<(), Refusal>) {
        let denied = matches!(result, Err(Refusal::Denied(_)));
        self.start.telling_again = denied;
        if let Err(refusal) = result {
            // Else it tells no more, since it is about to end, or has nobody to tell.
            let level = if denied { Level::Info } else { Level::Debug };
            self.say(level, format!("not told once more: {refusal}"));
        }
        let killed = self.stop.as_ref().map(|stop| stop.killed);
        let over = killed.unwrap_or(!self.is_farewell());
        if !denied && !over {
            self.timers.set(Timer::TellAgain, self.now + AGAIN);
        }
    }
}
