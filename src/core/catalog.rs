//! What the catalog says of a running agent: whether the entry under its name is its own, and holds the registration.

use crate::core::action::Level;
use crate::core::conditions::{Kind, Truth};
use crate::core::event::{CatalogNode, Refusal};
use crate::core::machine::Machine;
use crate::core::start::reason_of;

impl Machine {
    pub(super) fn catalog_answered(&mut self, result: Result<CatalogNode, Refusal>) {
        self.start.asking = false;
        if self.zombie.is_lost() {
            return;
        }
        self.start.leader_next = result.is_err();
        match result {
            Ok(node) => {
                self.start.catalog_denied = false;
                self.catalog_seen(&node);
            }
            Err(Refusal::Denied(what)) => {
                self.start.catalog_denied = true;
                let message = format!("the catalog cannot be read: {what}");
                self.set(Kind::Registered, Truth::Unknown, "Denied", &message);
                self.say(Level::Warn, message);
                self.settled();
            }
            Err(refusal) => {
                // The cluster may be out of reach, or just this question: the next one, for the leader, tells.
                self.start.index = 0;
                let message = format!("the catalog cannot be read: {refusal}");
                self.set(
                    Kind::Registered,
                    Truth::Unknown,
                    reason_of(&refusal),
                    message,
                );
                self.ask_again();
            }
        }
    }

    fn catalog_seen(&mut self, node: &CatalogNode) {
        // An index that runs backwards means another server's state; a blocking query must start anew.
        self.start.index = if node.index < self.start.index {
            0
        } else {
            node.index
        };
        if node.present {
            self.identity_seen(node);
        } else {
            self.identity_unseen();
        }
        let missing: Vec<&str> = self
            .staged
            .services
            .iter()
            .filter(|id| !node.services.contains(id))
            .map(String::as_str)
            .collect();
        if node.present && missing.is_empty() {
            self.twins.denied = false;
            self.set(Kind::Registered, Truth::True, "InCatalog", "");
            return self.settled();
        }
        let mut message = if node.present {
            format!(
                "the catalog's node {} lacks {}",
                self.facts.node_name,
                missing.join(", ")
            )
        } else {
            format!("the catalog has no node {}", self.facts.node_name)
        };
        let mut reason = "NotInCatalog";
        if self.twins.denied {
            reason = "RegistrationDenied";
            message = format!("{message}: {}", self.denied_registration());
        }
        self.not_registered(reason, message);
        self.ask_again();
    }

    fn not_registered(&mut self, reason: &'static str, message: String) {
        let news = self.set(Kind::Registered, Truth::False, reason, &message);
        if !self.conditions.holds(Kind::Ready) {
            self.not_ready("NotRegistered", &message);
        } else if news {
            self.say(Level::Warn, message);
        }
    }

    /// The agent says why the catalog lacks what it lacked at the last read; the next one waits for a change, which may not come.
    pub(super) fn registration_denied(&mut self) {
        let registered = self.conditions.get(Kind::Registered);
        if registered.reason != "NotInCatalog" {
            return;
        }
        let message = format!("{}: {}", registered.message, self.denied_registration());
        self.not_registered("RegistrationDenied", message);
        if !self.start.was_in_catalog {
            self.identity_unseen();
        }
    }
}
