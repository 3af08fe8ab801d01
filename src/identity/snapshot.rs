//! Serf's own snapshot in the data directory, as far as it tells what this host's node was called. Pure, but for the file.
//!
//! A line says that a member was alive, or is not any more, or that the agent itself has left. Who it was itself is not said; but
//! at an address that this host has there was nobody else.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

/// One that is larger is no client's; it is read at the start only.
const LARGEST: u64 = 8 << 20;

/// Who was alive last at one of these addresses, by name and address: `None` where nobody was, several were, or the agent has left.
pub fn own(data_dir: &Path, addresses: &[IpAddr]) -> Option<(String, IpAddr)> {
    let path = data_dir.join("serf").join("local.snapshot");
    let known = fs::metadata(&path).ok()?;
    if known.len() > LARGEST {
        return None;
    }
    parse(&String::from_utf8_lossy(&fs::read(path).ok()?), addresses)
}

fn parse(text: &str, addresses: &[IpAddr]) -> Option<(String, IpAddr)> {
    let mut alive: Vec<(&str, IpAddr)> = Vec::new();
    for line in text.lines() {
        if let Some(member) = line.strip_prefix("alive: ") {
            let Some((name, address)) = member.rsplit_once(' ') else {
                continue;
            };
            alive.retain(|(other, _)| *other != name);
            if let Ok(address) = address.parse::<SocketAddr>() {
                alive.push((name, address.ip()));
            }
        } else if let Some(name) = line.strip_prefix("not-alive: ") {
            alive.retain(|(other, _)| *other != name);
        } else if line == "leave" {
            alive.clear();
        }
    }
    alive.retain(|(_, address)| addresses.contains(address));
    match alive.as_slice() {
        [(name, address)] => Some(((*name).to_owned(), *address)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_member_at_our_address_was_this_host_s() {
        let ours = ["10.0.0.5", "127.0.0.1"].map(|ip| ip.parse().expect("an address"));
        let own = |text: &str| parse(text, &ours).map(|(name, _)| name);
        let text = "alive: s1 10.0.0.1:8301\nclock: 3\nalive: old 10.0.0.5:8301\nevent-clock: 1\n";
        assert_eq!(own(text), Some("old".to_owned()));
        assert_eq!(own(&format!("{text}not-alive: old\n")), None);
        assert_eq!(own(&format!("{text}leave\n")), None);
        let renamed = format!("{text}not-alive: old\nalive: new 10.0.0.5:8301\n");
        assert_eq!(own(&renamed), Some("new".to_owned()));
        // Which of them it was last nobody can tell.
        assert_eq!(own(&format!("{text}alive: new 10.0.0.5:8301\n")), None);
        // It moved; and a line that is cut off says nothing.
        assert_eq!(own(&format!("{text}alive: old 10.0.0.6:8301\n")), None);
        assert_eq!(
            own(&format!("{text}alive: s2 10.0.")),
            Some("old".to_owned())
        );
    }
}
