//! Somebody else's leave: `consul leave` by hand or in a hook, or a signal to the agent itself.
//!
//! lictor does not ask for it, but it has to be watched like its own: the agent that ends by it ends with 0, whether it has left
//! or not, and may leave a ghost behind. So it is a stop like any other, from the moment at which the agent says in its log that
//! it begins to leave. A log may hold anything, and this line is written a little before it is true. So the agent is asked a
//! little later, and what it says then counts.

use std::time::Duration;

use crate::core::action::{Level, Question};
use crate::core::event::{Membership, Refusal};
use crate::core::leave::Step;
use crate::core::machine::{Machine, OnStop};
use crate::core::timers::Timer;

/// How often the agent is asked: it says that it begins before it does.
const TIMES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(50);

impl Machine {
    /// The agent said in its log that it begins to leave.
    pub(in crate::core) fn leave_heard(&mut self) {
        // Without an API it cannot be asked whether that is so, and a leave that was asked for on suspicion would break it.
        if self.child.is_none() || !self.config.api {
            return;
        }
        match &self.stop {
            None => {
                let asks = self.start.heard > 0;
                self.start.heard = TIMES;
                if !asks {
                    self.ask(Question::Membership);
                }
            }
            Some(stop) if stop.mode == OnStop::Stay => {}
            Some(stop) => match stop.step {
                // Nothing is to be waited for any more.
                Step::Drain => {
                    let soon = self.now + PAUSE;
                    let drain = self.timers.get(Timer::Drain).unwrap_or(soon);
                    self.timers.set(Timer::Drain, drain.min(soon));
                }
                Step::Look => self.look_anew(),
                Step::Watch => {}
            },
        }
    }

    /// What the agent has said of itself, or is about to say, may be older than its leave.
    fn look_anew(&mut self) {
        self.forget();
        if let Some(stop) = &mut self.stop {
            stop.course.looked = false;
        }
        self.timers.set(Timer::Ask, self.now + PAUSE);
    }

    pub(in crate::core) fn membership_answered(&mut self, result: &Result<Membership, Refusal>) {
        if self.stop.is_some() || self.start.heard == 0 {
            return;
        }
        if result.as_ref().is_ok_and(|said| said.is_leaving()) {
            let what = "somebody else has asked the agent to leave: stopping";
            self.say(Level::Info, what);
            self.start.leaves_for_others = true;
            return self.stop_because(OnStop::Leave, None);
        }
        self.start.heard -= 1;
        if self.start.heard > 0 {
            self.timers.set(Timer::Heard, self.now + PAUSE);
        }
    }
}
