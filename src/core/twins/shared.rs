//! Two agents of one id, under two names: the catalog has one of them at a time, and each takes the other's entry and services out of it.
//!
//! Neither servers nor members tell who was first, so nothing is done about it but to say so.

use std::time::Duration;

use crate::core::action::Level;
use crate::core::conditions::Truth;
use crate::core::machine::Machine;
use crate::core::timers::Timer;
use crate::core::twins::findings::Finding;

/// The agent says so each time that it hears of the other one: the longest silence that was seen is 52 s.
const HEARD: Duration = Duration::from_secs(90);

const MESSAGE: &str = "another member has our node id, as the agent's log says (conflicting node ID): this node as it was before, until \
                       that counts as failed, or a copy of its data directory. The catalog has one of the two at a time, under the one id: \
                       where it is a copy, stop its agent, remove node-id and node-id.lictor there, and start it anew";

impl Machine {
    /// The agent has met another member of its own id.
    pub(in crate::core) fn id_is_shared(&mut self) {
        if self.is_farewell() {
            return;
        }
        let known = self.shared_id().is_some();
        self.twins.shared = Some(self.now);
        self.timers.set(Timer::Shared, self.now + HEARD);
        if !known {
            self.say(Level::Warn, MESSAGE.to_owned());
        }
        self.conclude();
    }

    /// What there is to be told of that, as long as it is heard.
    pub(super) fn shared_id(&self) -> Option<Finding> {
        let at = self.twins.shared?;
        (self.now.saturating_sub(at) < HEARD).then(|| Finding {
            truth: Truth::False,
            reason: "IdShared",
            message: MESSAGE.to_owned(),
        })
    }
}
