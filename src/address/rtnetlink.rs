//! What the kernel's messages say of a link, an address and a route. Pure.
//!
//! Only what the choice needs is read, attribute by attribute: what a newer kernel adds, or changes in length, harms nothing.

use std::net::IpAddr;

use ipnet::IpNet;
use netlink_packet_core::{NlasIterator, parse_ip, parse_u16, parse_u32};
use nix::libc;

use crate::address::choose::Family;

/// What libc lacks, from linux/if_addr.h and linux/rtnetlink.h.
const IFA_FLAGS: u16 = 8;
const RTNH_F_DEAD: u32 = 0x1;
const RTNH_F_LINKDOWN: u32 = 0x10;

/// A link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its number.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// `IFF_*`.
    pub flags: u32,
    /// What makes it, where that is no hardware's driver: `bridge`, `veth`, `bond`, `vlan`, `tun`, …
    pub kind: Option<String>,
    /// The bridge or bond that it is a port of.
    pub master: Option<u32>,
}

/// An address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Its link's number.
    pub index: u32,
    /// The address with its prefix length.
    pub net: IpNet,
    /// The other end's, where the link is between two.
    pub peer: Option<IpAddr>,
    /// `IFA_F_*`.
    pub flags: u32,
    /// `RT_SCOPE_*`.
    pub scope: u8,
}

/// A default route of the main table that leads somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Whose.
    pub family: Family,
    /// The lower, the better.
    pub metric: u32,
    /// The links it leads through: several where it has several next hops.
    pub links: Vec<u32>,
    /// The source address it names.
    pub source: Option<IpAddr>,
}

/// Reads `struct ifinfomsg` and what follows.
pub fn link(message: &[u8]) -> Option<Link> {
    let (head, attributes) = message.split_at_checked(16)?;
    let mut link = Link {
        index: parse_u32(&head[4..8]).ok()?,
        name: String::new(),
        flags: parse_u32(&head[8..12]).ok()?,
        kind: None,
        master: None,
    };
    for attribute in NlasIterator::new(attributes).flatten() {
        let value = attribute.value();
        match attribute.kind() {
            libc::IFLA_IFNAME => link.name = text(value),
            libc::IFLA_MASTER => link.master = parse_u32(value).ok(),
            libc::IFLA_LINKINFO => link.kind = kind(value),
            _ => {}
        }
    }
    (!link.name.is_empty()).then_some(link)
}

fn kind(attributes: &[u8]) -> Option<String> {
    let mut all = NlasIterator::new(attributes).flatten();
    let kind = all.find(|attribute| attribute.kind() == libc::IFLA_INFO_KIND)?;
    Some(text(kind.value()))
}

/// A name, which the kernel ends with a zero.
fn text(bytes: &[u8]) -> String {
    let name = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(name).into_owned()
}

/// Reads `struct ifaddrmsg` and what follows.
pub fn address(message: &[u8]) -> Option<Address> {
    let (head, attributes) = message.split_at_checked(8)?;
    let family = family(head[0])?;
    let mut flags = u32::from(head[2]);
    let (mut local, mut address) = (None, None);
    for attribute in NlasIterator::new(attributes).flatten() {
        let value = attribute.value();
        match attribute.kind() {
            libc::IFA_LOCAL => local = parse_ip(value).ok(),
            libc::IFA_ADDRESS => address = parse_ip(value).ok(),
            // The eight bits in the head have no room for all there are by now.
            IFA_FLAGS => flags = parse_u32(value).unwrap_or(flags),
            _ => {}
        }
    }
    // IFA_ADDRESS is the other end's where there is one, and ours otherwise; IPv6 leaves IFA_LOCAL out then.
    let ip = local.or(address).filter(|ip| family.has(*ip))?;
    Some(Address {
        index: parse_u32(&head[4..8]).ok()?,
        net: IpNet::new(ip, head[1]).ok()?,
        peer: address.filter(|address| *address != ip),
        flags,
        scope: head[3],
    })
}

/// Reads `struct rtmsg` and what follows. `None` for whatever is no default route, or leads nowhere.
pub fn default_route(message: &[u8]) -> Option<Route> {
    let (head, attributes) = message.split_at_checked(12)?;
    let family = family(head[0])?;
    let [_, destination, source, tos, short_table, ..] = *head else {
        return None;
    };
    let unicast = head[7] == libc::RTN_UNICAST;
    if destination != 0
        || source != 0
        || tos != 0
        || !unicast
        || is_dead(parse_u32(&head[8..]).ok()?)
    {
        return None;
    }
    let mut table = u32::from(short_table);
    let mut route = Route {
        family,
        metric: 0,
        links: Vec::new(),
        source: None,
    };
    for attribute in NlasIterator::new(attributes).flatten() {
        let value = attribute.value();
        match attribute.kind() {
            libc::RTA_TABLE => table = parse_u32(value).unwrap_or(table),
            libc::RTA_PRIORITY => route.metric = parse_u32(value).ok()?,
            libc::RTA_OIF => route.links.push(parse_u32(value).ok()?),
            libc::RTA_MULTIPATH => route.links.extend(next_hops(value)),
            libc::RTA_PREFSRC => route.source = parse_ip(value).ok(),
            _ => {}
        }
    }
    let leads = table == u32::from(libc::RT_TABLE_MAIN) && !route.links.is_empty();
    leads.then_some(route)
}

/// `struct rtnexthop` with attributes of its own, one after the other; those that lead nowhere left out.
fn next_hops(mut bytes: &[u8]) -> Vec<u32> {
    let mut links = Vec::new();
    while let Some(head) = bytes.get(..8) {
        let (Ok(length), Ok(link)) = (parse_u16(&head[..2]), parse_u32(&head[4..8])) else {
            break;
        };
        if !is_dead(u32::from(head[2])) && !links.contains(&link) {
            links.push(link);
        }
        // Never less than the head itself, so that this ends.
        let length = usize::from(length).next_multiple_of(4).max(8);
        bytes = bytes.get(length..).unwrap_or_default();
    }
    links
}

/// Whether a route's or next hop's flags say that its link is down or has no carrier.
fn is_dead(flags: u32) -> bool {
    flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN) != 0
}

fn family(family: u8) -> Option<Family> {
    match i32::from(family) {
        libc::AF_INET => Some(Family::V4),
        libc::AF_INET6 => Some(Family::V6),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
