//! One address takes the place of another.
//!
//! An agent that neither listens on the old one nor advertises it is only told of it: it reloads with the registration of the
//! new one. Every other agent is ended, since addresses are read at a start, and started anew. Others know it by the old address,
//! and would take the new agent for another one under its name, until long after the old one has failed for them: so it leaves
//! under the old address first ([`crate::core::former`]).

use std::net::IpAddr;

use crate::core::action::{Action, Level};
use crate::core::conditions::{Kind, Truth};
use crate::core::event::{Address, Staged};
use crate::core::former::Former;
use crate::core::machine::Machine;
use crate::core::phase::Phase;
use crate::core::reload::Cause;
use crate::core::signal::SIGKILL;
use crate::core::timers::Timer;

use super::again::NOT_WRITTEN;

/// What takes the place of the address in use.
#[derive(Debug)]
pub(super) struct Moving {
    to: Address,
    from: Option<IpAddr>,
    /// The agent that knows the old one is ended, and another one is started.
    restarts: bool,
}

impl Moving {
    /// The address stays, and only its registration is to be written and read.
    pub(super) fn of_registration(to: Address) -> Self {
        Self {
            to,
            from: None,
            restarts: false,
        }
    }
}

impl Machine {
    /// Why no other address can take the place of the one in use, whatever there is.
    pub(super) fn why_it_stays(&self) -> Option<String> {
        let server = self.is_server() && self.is_of_agent(self.address.as_ref()?.ip);
        server.then(|| {
            "a server is known to its peers by its address, and is for you to move: restart lictor when the others can do without it"
                .to_owned()
        })
    }

    /// Whether something else is under way with the agent that must come to its end first.
    pub(super) fn is_busy(&self) -> bool {
        self.reload.is_busy() || self.is_farewell()
    }

    /// Whether the agent listens on this address or advertises it. One that has not told may.
    fn is_of_agent(&self, ip: IpAddr) -> bool {
        let told = !self.facts.version.is_empty();
        let facts = &self.facts;
        self.config.hands_address
            || !told
            || facts.advertise == Some(ip)
            || facts.listens.contains(&ip)
    }

    /// Uses another address from now on.
    pub(super) fn move_to(&mut self, to: Address) {
        self.timers.clear(Timer::Grace);
        self.registration_outdated();
        let old = self.address.as_ref().map(|address| address.ip);
        let restarts = old.is_some_and(|old| self.is_of_agent(old));
        let text = match old {
            Some(old) => format!("address {} instead of {old}: {}", to.ip, to.reason),
            None => format!("address {}: {}", to.ip, to.reason),
        };
        self.say(Level::Info, text);
        self.addresses.moving = Some(Moving {
            to,
            from: old,
            restarts,
        });
        if !restarts {
            return self.readdress();
        }
        self.not_ready("Moving", "the agent is moved to another address");
        self.timers.clear(Timer::Restart);
        if self.child.is_none() {
            return self.readdress();
        }
        // By SIGKILL: a leave of its own would be said from an address that the host has not.
        self.say(
            Level::Info,
            "ending the agent, which has the old address: SIGKILL",
        );
        self.restarts.total += 1;
        self.out.push(Action::Signal(SIGKILL));
    }

    /// The agent has ended: whether another one is to be started with the new address.
    pub(in crate::core) fn is_ended_to_move(&self) -> bool {
        let moving = self.addresses.moving.as_ref();
        self.stop.is_none() && moving.is_some_and(|moving| moving.restarts)
    }

    /// What the node has to leave as, if others know it by its old address. One that has lost its name is known to nobody.
    fn as_former(&self, from: IpAddr) -> Option<Former> {
        let advertised = self.facts.advertise.is_none_or(|ip| ip == from);
        let known = self.start.ever_joined && !self.zombie.is_lost();
        (advertised && known).then(|| Former {
            name: None,
            address: Some(from),
            id: None,
            why: format!("the agent is known by {from}, which is this host's no longer"),
        })
    }

    /// The agent is to be started once more to leave. From an address that is gone it could not, and by another one alone nobody would
    /// take it for what it was.
    pub(in crate::core) fn leave_by_another_address(&mut self) {
        let Some((to, from)) = self.addresses.next.take().zip(self.address.as_ref()) else {
            return;
        };
        let from = from.ip;
        if self.former.is_none() && self.is_of_agent(from) {
            self.former = self.as_former(from);
        }
        if self.former.is_some() {
            self.addresses.gone = None;
            self.out.push(Action::Readdress { to, adopt: true });
        }
    }

    /// Has the new address used wherever the old one was.
    pub(in crate::core) fn readdress(&mut self) {
        let Some(Moving { to, restarts, .. }) = &self.addresses.moving else {
            return;
        };
        let (to, adopt) = (to.clone(), *restarts);
        self.addresses.gone = None;
        self.addresses.next = None;
        self.addresses.lost = false;
        let reason = to.reason.clone();
        self.set(Kind::AddressKnown, Truth::True, "Found", reason);
        if let Some(warning) = &to.warning {
            self.say(Level::Warn, warning.clone());
        }
        if adopt {
            self.enter(Phase::Staging);
        }
        self.address = Some(to.clone());
        self.out.push(Action::Readdress { to, adopt });
    }

    /// The registration is written for the new address.
    pub(in crate::core) fn readdressed(&mut self, result: Result<Staged, String>) {
        let moving = self.addresses.moving.take();
        // In a stop it was for an agent that finishes the leave.
        let Some(moving) = moving.filter(|_| self.stop.is_none()) else {
            return;
        };
        let registers = match result {
            Ok(staged) => {
                self.registration_written();
                self.staged = staged;
                let registers = self.staged.directory.is_some();
                // An agent that starts has what is there by then.
                if moving.restarts || !registers {
                    self.registration_held();
                    self.registration_is_well();
                }
                registers
            }
            Err(why) => {
                let text = format!("failed to {why}; the registration has the old address");
                self.set(Kind::ConfigGood, Truth::False, NOT_WRITTEN, &text);
                self.say(Level::Error, text);
                self.registration_unwritten();
                false
            }
        };
        if moving.restarts {
            // What it is to leave as already, others know it by still.
            let former = self.former.take();
            self.former = former.or_else(|| self.as_former(moving.from?));
            return self.spawn();
        }
        if registers {
            self.reload_asked(Cause::Address);
        }
        self.compare_addresses();
        self.ask_for_readiness();
    }
}
