//! What was found of each name, and the one condition that tells it.

use crate::core::action::Level;
use crate::core::conditions::{Kind, Truth};
use crate::core::machine::Machine;

/// What was found of one name.
#[derive(Debug, Clone)]
pub(super) struct Finding {
    pub(super) truth: Truth,
    pub(super) reason: &'static str,
    pub(super) message: String,
}

impl Machine {
    /// Notes what was found of a name, and says it where that is news.
    pub(super) fn found(
        &mut self,
        name: &str,
        truth: Truth,
        reason: &'static str,
        message: String,
    ) {
        let before = self.twins.found.get(name);
        if before.is_none_or(|before| before.message != message) {
            let level = if truth == Truth::True {
                Level::Info
            } else {
                Level::Warn
            };
            self.say(level, message.clone());
        }
        let finding = Finding {
            truth,
            reason,
            message,
        };
        self.twins.found.insert(name.to_owned(), finding);
        self.conclude();
    }

    /// One condition for all that was found: our own name first, then our id, then what is wrong, then what is only told.
    pub(in crate::core) fn conclude(&mut self) {
        if self.zombie.is_lost() {
            return;
        }
        let found = &self.twins.found;
        let own = found.get(&self.facts.node_name);
        let wrong = || found.values().find(|finding| finding.truth != Truth::True);
        let finding = own
            .cloned()
            .or_else(|| self.shared_id())
            .or_else(|| wrong().cloned())
            .or_else(|| found.values().next().cloned());
        match finding {
            Some(Finding {
                truth,
                reason,
                message,
            }) => self.set(Kind::IdentityHeld, truth, reason, message),
            // That the name is ours is for the catalog to say.
            None if self.start.was_in_catalog => {
                self.set(Kind::IdentityHeld, Truth::True, "Held", "")
            }
            None => self.set(Kind::IdentityHeld, Truth::Unknown, "NotInCatalog", ""),
        };
    }
}
