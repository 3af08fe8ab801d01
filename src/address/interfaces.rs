//! What the system's interfaces carry, from `getifaddrs(3)` and `/proc/net`.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::path::Path;

use if_addrs::{IfAddr, IfOperStatus};
use ipnet::IpNet;

use crate::address::choose::{Found, Inventory};

/// From linux/if_addr.h: not to be used for new connections.
const DEPRECATED: u32 = 0x20;
const TENTATIVE: u32 = 0x40;
const DAD_FAILED: u32 = 0x08;
const TEMPORARY: u32 = 0x01;

/// Interfaces that container engines and network plugins make, by the names they give.
const CONTAINER_NAMES: [(&str, &str); 12] = [
    ("docker*", "named docker*"),
    ("br-*", "named br-*"),
    ("veth*", "named veth*"),
    ("cni*", "named cni*"),
    ("cbr*", "named cbr*"),
    ("cali*", "named cali*"),
    ("cilium*", "named cilium*"),
    ("lxc*", "named lxc*"),
    ("flannel*", "named flannel*"),
    ("kube-*", "named kube-*"),
    ("virbr*", "named virbr*"),
    ("weave*", "named weave*"),
];

/// Reads all of it.
pub fn inventory() -> io::Result<Inventory> {
    let flags = fs::read_to_string("/proc/net/if_inet6").unwrap_or_default();
    let mut found = Vec::new();
    for interface in if_addrs::get_if_addrs()? {
        let (ip, prefix) = match &interface.addr {
            IfAddr::V4(v4) => (IpAddr::V4(v4.ip), v4.prefixlen),
            IfAddr::V6(v6) => (IpAddr::V6(v6.ip), v6.prefixlen),
        };
        let Ok(net) = IpNet::new(ip, prefix) else {
            continue;
        };
        // An alias is a label on an address, not an interface.
        let name = interface
            .name
            .split(':')
            .next()
            .unwrap_or_default()
            .to_owned();
        found.push(Found {
            up: interface.oper_status == IfOperStatus::Up,
            container: container_sign(&name),
            unusable: match ip {
                IpAddr::V6(ip) => unusable_v6(&flags, ip),
                IpAddr::V4(_) => None,
            },
            interface: name,
            net,
        });
    }
    Ok(Inventory {
        found,
        default_v4: default_routes_v4(&fs::read_to_string("/proc/net/route").unwrap_or_default()),
        default_v6: default_routes_v6(
            &fs::read_to_string("/proc/net/ipv6_route").unwrap_or_default(),
        ),
    })
}

fn container_sign(name: &str) -> Option<&'static str> {
    let by_name = CONTAINER_NAMES
        .iter()
        .find(|(glob, _)| glob::Pattern::new(glob).is_ok_and(|pattern| pattern.matches(name)));
    by_name.map(|(_, sign)| *sign).or_else(|| {
        // A host's own bridge (br0 over eth0) has a port that is a device; that is left to a later look at the kernel.
        Path::new("/sys/class/net")
            .join(name)
            .join("bridge")
            .exists()
            .then_some("a bridge")
    })
}

/// `/proc/net/if_inet6`: address, index, prefix length, scope, flags (all hexadecimal), name.
fn unusable_v6(table: &str, ip: Ipv6Addr) -> Option<&'static str> {
    let hex: String = ip
        .octets()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let line = table.lines().find(|line| line.starts_with(&hex))?;
    let flags = u32::from_str_radix(line.split_whitespace().nth(4)?, 16).ok()?;
    if flags & DAD_FAILED != 0 {
        Some("another host has the same address (duplicate address detection failed)")
    } else if flags & TENTATIVE != 0 {
        Some("tentative: the kernel still checks that no other host has it")
    } else if flags & DEPRECATED != 0 {
        Some("deprecated")
    } else if flags & TEMPORARY != 0 {
        Some("temporary: a privacy address changes by itself")
    } else {
        None
    }
}

/// `/proc/net/route`: name, destination, gateway, flags, …, mask; of several defaults those of the lowest metric.
fn default_routes_v4(table: &str) -> Vec<String> {
    let routes = table.lines().skip(1).filter_map(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let [name, destination, _, _, _, _, metric, mask, ..] = columns.as_slice() else {
            return None;
        };
        let default = *destination == "00000000" && *mask == "00000000";
        default.then(|| ((*name).to_owned(), metric.parse().unwrap_or(u32::MAX)))
    });
    lowest(routes.collect())
}

/// `/proc/net/ipv6_route`: destination, its prefix length, source, its prefix length, next hop, metric, …, name.
fn default_routes_v6(table: &str) -> Vec<String> {
    let routes = table.lines().filter_map(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let [destination, prefix, _, _, _, metric, _, _, _, name] = columns.as_slice() else {
            return None;
        };
        let default =
            *prefix == "00" && destination.bytes().all(|byte| byte == b'0') && *name != "lo";
        default.then(|| {
            let metric = u32::from_str_radix(metric, 16).unwrap_or(u32::MAX);
            ((*name).to_owned(), metric)
        })
    });
    lowest(routes.collect())
}

fn lowest(routes: Vec<(String, u32)>) -> Vec<String> {
    let best = routes.iter().map(|(_, metric)| *metric).min();
    routes
        .into_iter()
        .filter(|(_, metric)| Some(*metric) == best)
        .map(|(name, _)| name)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_routes_are_read_and_the_lowest_metric_wins() {
        let table = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n\
            eth0\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\t0\t0\t0\n\
            eth1\t00000000\t0101000A\t0003\t0\t0\t200\t00000000\t0\t0\t0\n\
            eth0\t0000000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
        assert_eq!(default_routes_v4(table), ["eth0"]);
        let table = "00000000000000000000000000000000 00 00000000000000000000000000000000 00 \
            fe800000000000000000000000000001 00000400 00000001 00000000 00000003 eth1\n\
            00000000000000000000000000000000 00 00000000000000000000000000000000 00 \
            00000000000000000000000000000000 ffffffff 00000001 00000000 00200200 lo\n";
        assert_eq!(default_routes_v6(table), ["eth1"]);
    }

    #[test]
    fn the_flags_of_an_ipv6_address_are_read() {
        let table = "20010db8000000000000000000000005 02 40 00 20 eth0\n";
        let deprecated = "2001:db8::5".parse().expect("an address");
        assert_eq!(unusable_v6(table, deprecated), Some("deprecated"));
        assert_eq!(unusable_v6(table, Ipv6Addr::LOCALHOST), None);
    }

    #[test]
    fn this_machine_has_a_loopback_address() {
        let inventory = inventory().expect("an inventory");
        assert!(
            inventory
                .found
                .iter()
                .any(|found| found.net.addr().is_loopback())
        );
    }
}
