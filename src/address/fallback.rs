//! Links, addresses and default routes without netlink: from `/proc/net`, `/sys/class/net` and two ioctls.
//!
//! Less is told this way: IPv4 addresses have no flags, so a secondary one is known by its place behind another of its network, and
//! no route names its source, its other next hops or, for IPv4, whether it leads to a dead link.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::path::Path;

use ipnet::IpNet;
use nix::libc;

use crate::address::choose::Family;
use crate::address::rtnetlink::{Address, Link, Route};
use crate::os::ifconf;

/// From linux/ipv6_route.h and linux/route.h.
const RTF_UP: u32 = 0x1;
const RTF_REJECT: u32 = 0x200;

/// Reads all of it.
///
/// # Errors
/// The ioctls are refused, too.
pub(super) fn read() -> io::Result<(Vec<Link>, Vec<Address>, Vec<Route>)> {
    let table =
        |name: &str| fs::read_to_string(Path::new("/proc/net").join(name)).unwrap_or_default();
    let mut links = links(&table("dev"));
    let mut addresses: Vec<Address> = Vec::new();
    for found in ifconf::ipv4()? {
        // An alias is a label on an address, not an interface.
        let name = found.label.split(':').next().unwrap_or_default();
        let Ok(net) = IpNet::with_netmask(found.ip.into(), found.mask.into()) else {
            continue;
        };
        let index = number(&mut links, name);
        let secondary = addresses
            .iter()
            .any(|other| other.index == index && other.net.trunc() == net.trunc());
        addresses.push(Address {
            index,
            net,
            peer: (found.peer != found.ip).then_some(found.peer.into()),
            flags: if secondary { libc::IFA_F_SECONDARY } else { 0 },
            scope: if found.ip.is_loopback() {
                libc::RT_SCOPE_HOST
            } else {
                libc::RT_SCOPE_UNIVERSE
            },
        });
    }
    addresses.extend(
        table("if_inet6")
            .lines()
            .filter_map(|line| address_v6(line, &mut links)),
    );
    let mut routes: Vec<Route> = Vec::new();
    let table_v4 = table("route");
    routes.extend(
        table_v4
            .lines()
            .filter_map(|line| route_v4(line, &mut links)),
    );
    let table_v6 = table("ipv6_route");
    routes.extend(
        table_v6
            .lines()
            .filter_map(|line| route_v6(line, &mut links)),
    );
    Ok((links, addresses, routes))
}

/// `/proc/net/dev`: two lines of headings, then a name and a colon each.
fn links(table: &str) -> Vec<Link> {
    let mut links = Vec::new();
    for line in table.lines().skip(2) {
        if let Some((name, _)) = line.trim_start().split_once(':') {
            number(&mut links, name);
        }
    }
    let masters: Vec<Option<u32>> = links
        .clone()
        .iter()
        .map(|link| {
            let target = fs::read_link(sys(&link.name).join("master")).ok()?;
            let name = target.file_name()?.to_string_lossy().into_owned();
            Some(number(&mut links, &name))
        })
        .collect();
    for (link, master) in links.iter_mut().zip(masters) {
        link.master = master;
    }
    links
}

fn sys(name: &str) -> std::path::PathBuf {
    Path::new("/sys/class/net").join(name)
}

/// The number of a link, by which it is known here and nowhere else; a new one is looked at first.
fn number(links: &mut Vec<Link>, name: &str) -> u32 {
    if let Some(link) = links.iter().find(|link| link.name == name) {
        return link.index;
    }
    let index = u32::try_from(links.len()).unwrap_or(u32::MAX);
    links.push(Link {
        index,
        name: name.to_owned(),
        flags: ifconf::flags(name).unwrap_or(0),
        kind: kind(name),
        master: None,
    });
    index
}

/// What makes a link, as far as `/sys` tells: most hardware has a device behind it, most of what is made by software does not.
fn kind(name: &str) -> Option<String> {
    let directory = sys(name);
    let known = [
        ("bridge", "bridge"),
        ("tun_flags", "tun"),
        ("bonding", "bond"),
    ];
    let made = known.iter().find(|(file, _)| directory.join(file).exists());
    let event = || {
        let text = fs::read_to_string(directory.join("uevent")).ok()?;
        let kind = text
            .lines()
            .find_map(|line| line.strip_prefix("DEVTYPE="))?;
        Some(kind.to_owned())
    };
    made.map(|(_, kind)| (*kind).to_owned())
        .or_else(event)
        .or_else(|| {
            let software = directory.exists() && !directory.join("device").exists();
            software.then(|| "veth".to_owned())
        })
}

/// `/proc/net/if_inet6`: address, index, prefix length, scope, flags (all hexadecimal), name.
fn address_v6(line: &str, links: &mut Vec<Link>) -> Option<Address> {
    let columns: Vec<&str> = line.split_whitespace().collect();
    let [address, _, prefix, scope, flags, name] = columns.as_slice() else {
        return None;
    };
    let ip = Ipv6Addr::from_bits(u128::from_str_radix(address, 16).ok()?);
    let prefix = u8::from_str_radix(prefix, 16).ok()?;
    // The scope is IPV6_ADDR_LOOPBACK, _LINKLOCAL or another here.
    let scope = match *scope {
        "10" => libc::RT_SCOPE_HOST,
        "20" => libc::RT_SCOPE_LINK,
        _ => libc::RT_SCOPE_UNIVERSE,
    };
    Some(Address {
        index: number(links, name),
        net: IpNet::new(IpAddr::V6(ip), prefix).ok()?,
        peer: None,
        flags: u32::from_str_radix(flags, 16).ok()?,
        scope,
    })
}

/// `/proc/net/route`: name, destination, gateway, flags, two counters, metric, mask, ….
fn route_v4(line: &str, links: &mut Vec<Link>) -> Option<Route> {
    let columns: Vec<&str> = line.split_whitespace().collect();
    let [name, "00000000", _, flags, _, _, metric, "00000000", ..] = columns.as_slice() else {
        return None;
    };
    leads(flags).then(|| route(Family::V4, metric.parse().ok(), number(links, name)))
}

/// `/proc/net/ipv6_route`: destination and source with their prefix lengths, next hop, metric, two counters, flags, name.
fn route_v6(line: &str, links: &mut Vec<Link>) -> Option<Route> {
    let columns: Vec<&str> = line.split_whitespace().collect();
    let [destination, "00", _, "00", _, metric, _, _, flags, name] = columns.as_slice() else {
        return None;
    };
    let default = destination.bytes().all(|byte| byte == b'0') && leads(flags);
    default.then(|| {
        let metric = u32::from_str_radix(metric, 16).ok();
        route(Family::V6, metric, number(links, name))
    })
}

fn leads(flags: &str) -> bool {
    u32::from_str_radix(flags, 16).is_ok_and(|flags| flags & (RTF_UP | RTF_REJECT) == RTF_UP)
}

fn route(family: Family, metric: Option<u32>, link: u32) -> Route {
    Route {
        family,
        metric: metric.unwrap_or(u32::MAX),
        links: vec![link],
        source: None,
    }
}
