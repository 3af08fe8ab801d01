//! Reads what the system's interfaces carry: from the kernel's own tables, or, where a filter of system calls keeps lictor from
//! them, from what is left.

use std::io;
use std::sync::Once;

use crate::address::choose::Inventory;
use crate::address::inventory::inventory as put_together;
use crate::address::{fallback, rtnetlink};
use crate::os::netlink::{Netlink, Table};

/// Reads all of it. A lictor that runs warns once where that has to be done without netlink.
///
/// # Errors
/// The kernel refuses both ways.
pub fn inventory() -> io::Result<Inventory> {
    let refused = match by_netlink() {
        Ok(inventory) => return Ok(inventory),
        Err(error) => error,
    };
    let (links, addresses, routes) = fallback::read().map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("netlink: {refused}; without it: {error}"),
        )
    })?;
    let mut inventory = put_together(&links, &addresses, &routes);
    let note = format!(
        "the kernel's tables cannot be read by netlink ({refused}); read from /proc/net, /sys/class/net and by ioctl instead, which \
         tell less: allow AF_NETLINK sockets in the container's seccomp profile or the unit's RestrictAddressFamilies; no Consul \
         agent starts without"
    );
    static WARNED: Once = Once::new();
    WARNED.call_once(|| tracing::warn!("{note}"));
    inventory.note = Some(note);
    Ok(inventory)
}

fn by_netlink() -> io::Result<Inventory> {
    let mut netlink = Netlink::open()?;
    // What changes between these is seen next time: the kernel tells of it.
    let links = netlink.read(Table::Links, rtnetlink::link)?;
    let addresses = netlink.read(Table::Addresses, rtnetlink::address)?;
    let routes = netlink.read(Table::Routes, rtnetlink::default_route)?;
    Ok(put_together(&links, &addresses, &routes))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::IpAddr;

    use super::*;

    #[test]
    fn all_three_ways_see_the_same_addresses() {
        loop {
            let before = set(&by_netlink().expect("netlink"));
            let (links, addresses, routes) = fallback::read().expect("the fallback");
            let fallback = set(&put_together(&links, &addresses, &routes));
            let libc: BTreeSet<_> = if_addrs::get_if_addrs()
                .expect("getifaddrs")
                .into_iter()
                .map(|found| (alias_free(&found.name), found.ip()))
                .collect();
            // This machine's addresses are not the test's to hold still.
            if set(&by_netlink().expect("netlink")) == before {
                assert!(before.contains(&("lo".to_owned(), [127, 0, 0, 1].into())));
                assert_eq!(before, libc);
                assert_eq!(before, fallback);
                return;
            }
        }
    }

    /// But for link-local ones, which if-addrs leaves out.
    fn set(inventory: &Inventory) -> BTreeSet<(String, IpAddr)> {
        let found = inventory.found.iter();
        found
            .map(|found| (found.interface.clone(), found.net.addr()))
            .filter(|(_, ip)| !matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local()))
            .collect()
    }

    fn alias_free(name: &str) -> String {
        name.split(':').next().unwrap_or_default().to_owned()
    }
}
