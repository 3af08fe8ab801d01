//! From nothing to the agent's first start: an address, and what the agent is to read.

use crate::core::action::{Action, Level};
use crate::core::conditions::{Kind, Truth};
use crate::core::event::{Address, Staged};
use crate::core::machine::Machine;
use crate::core::phase::Phase;
use crate::exit::Exit;

impl Machine {
    pub(super) fn addressed(&mut self, found: Result<Address, Exit>) {
        match found {
            Ok(address) => {
                self.set(Kind::AddressKnown, Truth::True, "Found", &address.reason);
                self.say(
                    Level::Info,
                    format!("address {}: {}", address.ip, address.reason),
                );
                if let Some(warning) = &address.warning {
                    self.say(Level::Warn, warning.clone());
                }
                self.address = Some(address);
            }
            Err(exit) => {
                self.set(Kind::AddressKnown, Truth::False, "NoneUsable", &exit.reason);
                if self.config.needs_address {
                    return self.exit(exit);
                }
                self.say(
                    Level::Warn,
                    format!("going on without an address: {}", exit.reason),
                );
            }
        }
        self.enter(Phase::Staging);
        self.out.push(Action::Stage);
    }

    /// The agent's configuration has addresses in so many words that the host has not.
    fn say_elsewhere(&mut self, staged: &Staged) {
        if let Some(why) = &staged.unbindable {
            if self.conditions.holds(Kind::AddressKnown) {
                self.set(Kind::AddressKnown, Truth::True, "NotOfThisHost", why);
            }
            self.say(Level::Warn, why);
        }
        // Behind NAT that is as it should be.
        if let Some(text) = &staged.advertised {
            self.say(Level::Info, text);
        }
    }

    pub(super) fn staged(&mut self, staged: Result<Staged, Exit>) {
        match staged {
            Ok(staged) => {
                self.set(Kind::ConfigGood, Truth::True, "Staged", "");
                if let Some(directory) = &staged.directory {
                    let text = format!(
                        "registration of {} written to {directory}",
                        staged.services.join(", ")
                    );
                    self.say(Level::Info, text);
                }
                self.say_left_out(staged.left_out.clone());
                self.say_elsewhere(&staged);
                self.former.clone_from(&staged.former);
                if let Some(name) = &staged.node_name {
                    self.config.node_name.clone_from(name);
                    self.facts.node_name.clone_from(name);
                }
                self.staged = staged;
                self.spawn();
            }
            Err(exit) => self.exit(exit),
        }
    }
}
