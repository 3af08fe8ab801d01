//! What the choice is made from, put together out of links, addresses and routes. Pure.

use nix::libc;

use crate::address::choose::{DefaultRoute, Found, Interface, Inventory, LinkState};
use crate::address::reason::Reason;
use crate::address::rtnetlink::{Address, Link, Route};

/// Interfaces that container engines and network plugins make, by the names they give.
const CONTAINER_NAMES: [(&str, &str); 12] = [
    ("docker", "named docker*"),
    ("br-", "named br-*"),
    ("veth", "named veth*"),
    ("cni", "named cni*"),
    ("cbr", "named cbr*"),
    ("cali", "named cali*"),
    ("cilium", "named cilium*"),
    ("lxc", "named lxc*"),
    ("flannel", "named flannel*"),
    ("kube-", "named kube-*"),
    ("virbr", "named virbr*"),
    ("weave", "named weave*"),
];

/// Ports of a bridge that lead to a container or a virtual machine, or nowhere, by what makes them. Any other one is a device of the
/// host's: hardware, a bond, a VLAN, a macvlan.
const INNER_PORTS: [&str; 7] = ["veth", "netkit", "tun", "dummy", "ifb", "vxlan", "geneve"];

/// Puts it together. An address whose link is not among them went while they were read, and is left out.
pub(super) fn inventory(links: &[Link], addresses: &[Address], routes: &[Route]) -> Inventory {
    let of = |index: u32| links.iter().find(|link| link.index == index);
    let best = best(routes);
    let routed = |link: &Link| best.iter().any(|route| route.links.contains(&link.index));
    let mut found: Vec<Found> = Vec::new();
    for address in addresses {
        let Some(link) = of(address.index) else {
            continue;
        };
        found.push(Found {
            interface: link.name.clone(),
            net: address.net,
            link: link.state(),
            loopback: link.has(libc::IFF_LOOPBACK),
            point_to_point: address.peer.is_some(),
            container: container_sign(link, links).filter(|_| !routed(link)),
            flaw: flaw(address, &found, &link.name),
        });
    }
    let ways = |route: &&Route| {
        let source = route.source;
        let family = route.family;
        let links: Vec<&Link> = route.links.iter().filter_map(|index| of(*index)).collect();
        links.into_iter().map(move |link| DefaultRoute {
            family,
            interface: link.name.clone(),
            source,
        })
    };
    let mut default_routes: Vec<DefaultRoute> = Vec::new();
    for way in best.iter().flat_map(ways) {
        if !default_routes.contains(&way) {
            default_routes.push(way);
        }
    }
    let interface = |link: &Link| Interface {
        name: link.name.clone(),
        link: link.state(),
        port_of: link.master.and_then(of).map(|master| master.name.clone()),
    };
    Inventory {
        found,
        interfaces: links.iter().map(interface).collect(),
        default_routes,
        note: None,
    }
}

impl Link {
    fn has(&self, flag: i32) -> bool {
        self.flags & flag.cast_unsigned() != 0
    }

    /// IFF_RUNNING is the kernel's summary of the link's state: also off where the other end is down, or a port has to log in first.
    fn state(&self) -> LinkState {
        if !self.has(libc::IFF_UP) {
            LinkState::Down
        } else if !self.has(libc::IFF_RUNNING) {
            LinkState::NoCarrier
        } else {
            LinkState::Up
        }
    }
}

/// By which sign an interface is a container network's.
fn container_sign(link: &Link, links: &[Link]) -> Option<&'static str> {
    let mut names = CONTAINER_NAMES.iter();
    if let Some((_, sign)) = names.find(|(start, _)| link.name.starts_with(start)) {
        return Some(sign);
    }
    match link.kind.as_deref()? {
        "bridge" => {
            let mut ports = links.iter().filter(|port| port.master == Some(link.index));
            let inner = |port: &Link| {
                port.kind
                    .as_deref()
                    .is_some_and(|kind| INNER_PORTS.contains(&kind))
            };
            ports
                .all(inner)
                .then_some("a bridge without a device of the host's, nor a default route")
        }
        "vxlan" | "geneve" => Some("an overlay network's end"),
        _ => None,
    }
}

/// What the kernel says against an address.
fn flaw(address: &Address, before: &[Found], interface: &str) -> Option<Reason> {
    let has = |flag: u32| address.flags & flag != 0;
    let v6 = address.net.addr().is_ipv6();
    if has(libc::IFA_F_DADFAILED) {
        return Some(Reason::Duplicate);
    }
    if has(libc::IFA_F_TENTATIVE) {
        return Some(Reason::Tentative);
    }
    if has(libc::IFA_F_DEPRECATED) {
        return Some(Reason::Deprecated);
    }
    // One bit, two meanings: IFA_F_SECONDARY and IFA_F_TEMPORARY.
    if has(libc::IFA_F_SECONDARY) && v6 {
        return Some(Reason::Temporary);
    }
    if has(libc::IFA_F_SECONDARY) {
        let primary = before.iter().find(|other| {
            other.interface == interface
                && other.net.trunc() == address.net.trunc()
                && !matches!(other.flaw, Some(Reason::Secondary(_)))
        });
        return Some(Reason::Secondary(primary.map(|primary| primary.net.addr())));
    }
    match address.scope {
        libc::RT_SCOPE_LINK => Some(Reason::LinkLocal),
        libc::RT_SCOPE_HOST | libc::RT_SCOPE_NOWHERE => Some(Reason::HostScope),
        _ => None,
    }
}

/// Of each family's routes those of the lowest metric.
fn best(routes: &[Route]) -> Vec<&Route> {
    let lowest = |route: &Route| {
        let same = routes.iter().filter(|other| other.family == route.family);
        same.map(|other| other.metric).min()
    };
    routes
        .iter()
        .filter(|route| lowest(route) == Some(route.metric))
        .collect()
}

#[cfg(test)]
mod tests;
