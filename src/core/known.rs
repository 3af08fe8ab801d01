//! What the node is known as, kept for the next start.

use std::net::IpAddr;

use crate::core::action::Action;
use crate::core::machine::Machine;

/// What others know the node as, by the agent's own word as far as it has said it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Known {
    /// Its name.
    pub name: String,
    /// Its id; empty where the agent does not say it.
    pub id: String,
    /// The address that it advertises, where the agent says so.
    pub address: Option<IpAddr>,
    /// The port at which it gossips, where the agent says so.
    pub gossip_port: Option<u16>,
    /// It has left, as far as all that can be seen.
    pub left: bool,
}

impl Machine {
    /// Has it kept, unless it is kept already.
    pub(super) fn remember(&mut self, left: bool) {
        let known = Known {
            name: self.facts.node_name.clone(),
            id: self.facts.node_id.clone(),
            address: self.facts.advertise,
            gossip_port: self.facts.gossip.map(|place| place.port()),
            left,
        };
        if self.known.as_ref() != Some(&known) {
            self.known = Some(known.clone());
            self.out.push(Action::Remember(known));
        }
    }
}
