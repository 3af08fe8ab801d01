//! Who has our name, and who our address: what the catalog, the servers' checks and the members say together. Pure, and strict: a
//! twin is dead only where all of them agree, or where there is no room for it to live.

use std::net::IpAddr;

use crate::core::checks::Health;
use crate::core::event::{CatalogNode, Member, MemberState, NodeView};

/// Who we are, by our own agent's word.
#[derive(Debug, Clone, Copy)]
pub(super) struct Us<'a> {
    /// The name.
    pub(super) name: &'a str,
    /// The node id.
    pub(super) id: &'a str,
    /// The address it advertises.
    pub(super) address: Option<IpAddr>,
    /// The port of its gossip.
    pub(super) port: Option<u16>,
    /// It has joined, gossips, and has met nobody else of its name.
    pub(super) unopposed: bool,
}

/// What a node is to us that has our name or our address, and is not us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Twin {
    /// It is not in the catalog any more, or has neither our name nor our address.
    Gone,
    /// It is our own entry.
    Ours,
    /// It has our address and no agent: whoever has registered it has to take it away.
    External,
    /// It has our address, and is dead.
    Dead,
    /// It has our address and another port: another agent, alive or not.
    Beside,
    /// It has our address, and whether it is alive cannot be told yet.
    Unclear,
    /// It has our name at another address, and is alive.
    Namesake,
    /// It has our name at another address, and is dead.
    DeadElsewhere,
}

impl Us<'_> {
    fn is_here(&self, address: &str) -> bool {
        let address: Option<IpAddr> = address.parse().ok();
        address.is_some() && address == self.address
    }

    fn is_us(&self, member: &Member) -> bool {
        member.id == self.id && self.is_here(&member.address)
    }

    /// Whether this member is our agent, alive, and nobody has objected.
    pub(super) fn is_alive(&self, member: &Member) -> bool {
        self.unopposed && self.is_us(member) && member.state == MemberState::Alive
    }

    /// Whether a member of another name has failed for good: nobody can live at our address and port but us, since we listen there.
    pub(super) fn is_succeeded(&self, member: &Member) -> bool {
        let here = self.is_here(&member.address) && Some(member.port) == self.port;
        self.unopposed && here && member.state == MemberState::Failed
    }

    /// What the node of this name is to us.
    pub(super) fn judge(&self, name: &str, view: &NodeView) -> Twin {
        let entry = &view.entry;
        if !entry.present {
            return Twin::Gone;
        }
        if entry.id == self.id {
            return Twin::Ours;
        }
        match (self.is_here(&entry.address), name == self.name) {
            (false, false) => Twin::Gone,
            (false, true) if view.serf == Some(Health::Critical) => Twin::DeadElsewhere,
            (false, true) => Twin::Namesake,
            (true, _) if entry.external => Twin::External,
            (true, true) => self.of_our_name(view),
            (true, false) => self.of_another_name(view),
        }
    }

    /// There can be one member of a name, and one process at an address and port: it is us, if we gossip and nobody has objected.
    fn of_our_name(&self, view: &NodeView) -> Twin {
        let alone = view.member.as_ref().is_some_and(|it| self.is_us(it));
        match view.serf {
            None => Twin::External,
            Some(_) if alone && self.unopposed => Twin::Dead,
            Some(_) => Twin::Unclear,
        }
    }

    fn of_another_name(&self, view: &NodeView) -> Twin {
        let Some(member) = &view.member else {
            return match view.serf {
                // An agent's, and no member even knows of it any more.
                Some(Health::Critical) => Twin::Dead,
                // One of another segment, say.
                Some(_) => Twin::Unclear,
                None => Twin::External,
            };
        };
        match member.state {
            // Alive or not, it never was at our place.
            _ if Some(member.port) != self.port => Twin::Beside,
            // At our port it is what we were, or another host of our address; it will be told by serf.
            MemberState::Alive => Twin::Unclear,
            // Another host's member that once had this name.
            _ if member.address != view.entry.address => Twin::Unclear,
            MemberState::Left | MemberState::Failed => Twin::Dead,
        }
    }

    /// Who has the name that our agent has lost.
    pub(super) fn holder(&self, view: &NodeView) -> Holder {
        let entry = &view.entry;
        let alive = matches!(view.serf, Some(Health::Passing | Health::Warning));
        match (entry.present, entry.id == self.id, view.serf) {
            (false, ..) => Holder::Nobody,
            // Our own agent's last words, since it still registers itself.
            (true, true, None) => Holder::Nobody,
            (true, false, None) => Holder::Nobody,
            (true, true, Some(_)) if alive => Holder::OurId,
            (true, ..) if alive => Holder::Another,
            (true, ..) => Holder::Dead,
        }
    }
}

/// Who has a name that our agent has lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    /// Nobody who is a member.
    Nobody,
    /// A living member of another id.
    Another,
    /// A member that has failed.
    Dead,
    /// A member of our own id: our agent of before, until it counts as failed, or a copy.
    OurId,
}

/// An entry for a person.
pub(super) fn shown(entry: &CatalogNode) -> String {
    format!("{} at {}", entry.id, entry.address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn us() -> Us<'static> {
        Us {
            name: "n1",
            id: "id-1",
            address: "10.0.0.5".parse().ok(),
            port: Some(8301),
            unopposed: true,
        }
    }

    fn entry(id: &str, address: &str) -> CatalogNode {
        CatalogNode {
            present: true,
            id: id.to_owned(),
            address: address.to_owned(),
            ..CatalogNode::default()
        }
    }

    fn member(id: &str, address: &str, port: u16, state: MemberState) -> Member {
        Member {
            address: address.to_owned(),
            port,
            id: id.to_owned(),
            state,
        }
    }

    fn view(entry: CatalogNode, serf: Option<Health>, member: Option<Member>) -> NodeView {
        NodeView {
            entry,
            serf,
            member,
        }
    }

    const HERE: &str = "10.0.0.5";
    const THERE: &str = "10.0.0.6";
    const PASSING: Option<Health> = Some(Health::Passing);
    const CRITICAL: Option<Health> = Some(Health::Critical);

    #[test]
    fn a_twin_of_our_name_is_dead_only_if_nobody_else_can_have_the_name() {
        let own = member("id-1", HERE, 8301, MemberState::Alive);
        let other = member("id-2", HERE, 8301, MemberState::Alive);
        for (serf, member, wanted) in [
            (PASSING, Some(own.clone()), Twin::Dead),
            (CRITICAL, Some(own.clone()), Twin::Dead),
            (None, Some(own.clone()), Twin::External),
            (PASSING, Some(other), Twin::Unclear),
            (PASSING, None, Twin::Unclear),
        ] {
            let view = view(entry("id-2", HERE), serf, member);
            assert_eq!(us().judge("n1", &view), wanted, "{view:?}");
            let opposed = Us {
                unopposed: false,
                ..us()
            };
            assert_ne!(opposed.judge("n1", &view), Twin::Dead);
        }
    }

    #[test]
    fn another_address_is_never_dead_here() {
        for serf in [PASSING, CRITICAL, None] {
            for state in [MemberState::Failed, MemberState::Left] {
                for name in ["n1", "n2"] {
                    let gone = member("id-2", THERE, 8301, state);
                    let view = view(entry("id-2", THERE), serf, Some(gone));
                    assert_ne!(us().judge(name, &view), Twin::Dead);
                }
            }
        }
        let elsewhere = |serf| us().judge("n1", &view(entry("id-2", THERE), serf, None));
        assert_eq!(elsewhere(CRITICAL), Twin::DeadElsewhere);
        assert_eq!(elsewhere(PASSING), Twin::Namesake);
    }

    #[test]
    fn a_node_of_our_address_is_dead_only_if_serf_says_so() {
        use MemberState::{Alive, Failed, Left};
        for (serf, state, port, wanted) in [
            (PASSING, Some(Alive), 8311, Twin::Beside),
            (CRITICAL, Some(Failed), 8311, Twin::Beside),
            (None, Some(Left), 8311, Twin::Beside),
            (PASSING, Some(Alive), 8301, Twin::Unclear),
            (CRITICAL, Some(Failed), 8301, Twin::Dead),
            (None, Some(Left), 8301, Twin::Dead),
            (CRITICAL, None, 0, Twin::Dead),
            (PASSING, None, 0, Twin::Unclear),
            (None, None, 0, Twin::External),
        ] {
            let member = state.map(|state| member("id-2", HERE, port, state));
            let view = view(entry("id-2", HERE), serf, member);
            assert_eq!(us().judge("n2", &view), wanted, "{view:?}");
        }
        let moved = member("id-2", THERE, 8301, Failed);
        let view = view(entry("id-2", HERE), CRITICAL, Some(moved));
        assert_eq!(us().judge("n2", &view), Twin::Unclear);
    }

    #[test]
    fn what_somebody_has_registered_by_hand_is_left_to_him() {
        for name in ["n1", "n2"] {
            let by_hand = CatalogNode {
                external: true,
                ..entry("id-2", HERE)
            };
            let failed = member("id-2", HERE, 8301, MemberState::Failed);
            let view = view(by_hand, CRITICAL, Some(failed));
            assert_eq!(us().judge(name, &view), Twin::External);
        }
    }

    #[test]
    fn our_own_entry_is_no_twin_and_without_an_address_nobody_is() {
        let own = view(entry("id-1", THERE), PASSING, None);
        assert_eq!(us().judge("n1", &own), Twin::Ours);
        let blind = Us {
            address: None,
            ..us()
        };
        let twin = view(entry("id-2", HERE), CRITICAL, None);
        assert_eq!(blind.judge("n2", &twin), Twin::Gone);
        assert_eq!(blind.judge("n1", &twin), Twin::DeadElsewhere);
    }

    #[test]
    fn a_lost_name_is_free_when_no_member_has_it() {
        for (entry, serf, wanted) in [
            (CatalogNode::default(), None, Holder::Nobody),
            (entry("id-1", HERE), None, Holder::Nobody),
            (entry("id-2", THERE), None, Holder::Nobody),
            (entry("id-2", THERE), PASSING, Holder::Another),
            (entry("id-2", THERE), CRITICAL, Holder::Dead),
            (entry("id-1", HERE), PASSING, Holder::OurId),
            (entry("id-1", HERE), CRITICAL, Holder::Dead),
        ] {
            assert_eq!(us().holder(&view(entry, serf, None)), wanted);
        }
    }
}
