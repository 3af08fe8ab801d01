//! Serf's own snapshot in the data directory, as far as it tells what this host's node was called, and whom it knew. Pure, but for
//! the file.
//!
//! A line says that a member was alive, or is not any more, or that the agent itself has left. Who it was itself is not said; but
//! at an address that this host has there was nobody else.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use crate::os::files;

/// In bytes. One that is larger is no client's; it is read at the start only.
const LARGEST: u64 = 8 << 20;
/// So many members are enough to find the others.
const ENOUGH: usize = 8;

/// Who was alive last, by name and where it gossips; nobody where the agent has left, or there is no snapshot.
pub fn alive(data_dir: &Path) -> Vec<(String, SocketAddr)> {
    let path = data_dir.join("serf").join("local.snapshot");
    let bytes = files::read_regular(&path, LARGEST).unwrap_or_default();
    parse(&String::from_utf8_lossy(&bytes))
}

fn parse(text: &str) -> Vec<(String, SocketAddr)> {
    let mut alive: Vec<(String, SocketAddr)> = Vec::new();
    for line in text.lines() {
        if let Some(member) = line.strip_prefix("alive: ") {
            let Some((name, address)) = member.rsplit_once(' ') else {
                continue;
            };
            alive.retain(|(other, _)| other != name);
            if let Ok(address) = address.parse() {
                alive.push((name.to_owned(), address));
            }
        } else if let Some(name) = line.strip_prefix("not-alive: ") {
            alive.retain(|(other, _)| other != name);
        } else if line == "leave" {
            alive.clear();
        }
    }
    alive
}

/// The one of them that is at one of these addresses: `None` where nobody is, or several are.
pub fn own(alive: &[(String, SocketAddr)], addresses: &[IpAddr]) -> Option<(String, IpAddr)> {
    let mut ours = alive
        .iter()
        .filter(|(_, address)| addresses.contains(&address.ip()));
    match (ours.next(), ours.next()) {
        (Some((name, address)), None) => Some((name.clone(), address.ip())),
        _ => None,
    }
}

/// Some of them that are at none of these addresses, the latest first.
pub fn others(alive: &[(String, SocketAddr)], addresses: &[IpAddr]) -> Vec<SocketAddr> {
    let addresses_of = alive.iter().rev().map(|(_, address)| *address);
    addresses_of
        .filter(|address| !addresses.contains(&address.ip()))
        .take(ENOUGH)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "alive: s1 10.0.0.1:8301\nclock: 3\nalive: old 10.0.0.5:8301\nevent-clock: 1\n";

    fn ours() -> [IpAddr; 2] {
        ["10.0.0.5", "127.0.0.1"].map(|ip| ip.parse().expect("an address"))
    }

    #[test]
    fn the_member_at_our_address_was_this_host_s() {
        let own = |text: &str| own(&parse(text), &ours()).map(|(name, _)| name);
        assert_eq!(own(TEXT), Some("old".to_owned()));
        assert_eq!(own(&format!("{TEXT}not-alive: old\n")), None);
        assert_eq!(own(&format!("{TEXT}leave\n")), None);
        let renamed = format!("{TEXT}not-alive: old\nalive: new 10.0.0.5:8301\n");
        assert_eq!(own(&renamed), Some("new".to_owned()));
        // Which of them it was last nobody can tell.
        assert_eq!(own(&format!("{TEXT}alive: new 10.0.0.5:8301\n")), None);
        // It moved; and a line that is cut off says nothing.
        assert_eq!(own(&format!("{TEXT}alive: old 10.0.0.6:8301\n")), None);
        let cut = format!("{TEXT}alive: s2 10.0.");
        assert_eq!(own(&cut), Some("old".to_owned()));
    }

    #[test]
    fn the_others_are_those_that_are_not_here() {
        let others = |text: &str| others(&parse(text), &ours());
        let server: SocketAddr = "10.0.0.1:8301".parse().expect("an address");
        assert_eq!(others(TEXT), [server]);
        assert_eq!(others(&format!("{TEXT}leave\n")), []);
        let many: String = (0..20)
            .map(|n| format!("alive: c{n} 10.0.1.{n}:8301\n"))
            .collect();
        assert_eq!(others(&many).len(), ENOUGH);
    }
}
