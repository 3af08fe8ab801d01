//! Which addresses are of no use.

use std::net::IpAddr;

use super::{Found, LinkState, Look};
use crate::address::reason::Reason;

impl Look<'_> {
    /// Why an address is of no use, if it is.
    pub(super) fn skip(&self, found: &Found) -> Option<Reason> {
        let ip = found.net.addr();
        let family = self.wanted.family;
        if !family.has(ip) {
            return Some(Reason::Family(family));
        }
        let patterns = &self.wanted.interfaces;
        let Some(pattern) = patterns.iter().find(|glob| glob.matches(&found.interface)) else {
            return Some(Reason::Pattern);
        };
        // What is called by its whole name is meant.
        let named = pattern.as_str() == found.interface;
        if ip.is_loopback() || (found.loopback && !named) {
            return Some(Reason::Loopback);
        }
        if is_link_local(ip) {
            return Some(Reason::LinkLocal);
        }
        if let (Some(sign), false) = (found.container, named) {
            return Some(Reason::Container(sign));
        }
        if let Some(why) = state(found).filter(|why| !self.is_meant(why, ip)) {
            return Some(why);
        }
        match self.wanted.cidr {
            Some(cidr) if !cidr.contains(&ip) => Some(Reason::Cidr(cidr)),
            _ if self.is_virtual(found) => Some(Reason::Virtual(found.net)),
            _ => None,
        }
    }

    /// A secondary address is taken where `--cidr` is that address and nothing else.
    fn is_meant(&self, why: &Reason, ip: IpAddr) -> bool {
        matches!(why, Reason::Secondary(_)) && self.is_exact(ip)
    }

    /// Whether `--cidr` is this address and nothing else.
    fn is_exact(&self, ip: IpAddr) -> bool {
        self.wanted
            .cidr
            .is_some_and(|cidr| cidr.addr() == ip && cidr.prefix_len() == cidr.max_prefix_len())
    }

    /// Whether an address without a network is more likely to move between hosts than to be this host's own.
    ///
    /// It is the host's own where `--cidr` admits it or the default route starts from it, as on clouds that hand out a /32 and with
    /// DHCPv6, unless it stands beside an address with a network, as a virtual one does.
    fn is_virtual(&self, found: &Found) -> bool {
        let ip = found.net.addr();
        if found.net.prefix_len() < found.net.max_prefix_len()
            || found.point_to_point
            || self.is_exact(ip)
        {
            return false;
        }
        let beside = |other: &&Found| {
            let other_ip = other.net.addr();
            other.interface == found.interface
                && other_ip != ip
                && other_ip.is_ipv4() == ip.is_ipv4()
                && !is_link_local(other_ip)
                && self.wanted.cidr.is_none_or(|cidr| cidr.contains(&other_ip))
        };
        let others: Vec<&Found> = self.inventory.found.iter().filter(beside).collect();
        let has_network = |other: &&Found| other.net.prefix_len() < other.net.max_prefix_len();
        if others.iter().any(has_network) {
            return true;
        }
        let starts_here = self.default_routes().any(|route| {
            let source = route
                .source
                .map_or(others.is_empty(), |source| source == ip);
            route.interface == found.interface && source
        });
        // What is outside of it was sorted out before.
        self.wanted.cidr.is_none() && !starts_here
    }
}

/// What speaks against an address by itself, whatever is wanted.
pub(super) fn state(found: &Found) -> Option<Reason> {
    match found.link {
        LinkState::Down => Some(Reason::Down),
        LinkState::NoCarrier => Some(Reason::NoCarrier),
        LinkState::Up => found.flaw.clone(),
    }
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}
