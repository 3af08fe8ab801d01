//! The choice of the host's address among all that its interfaces carry. Pure.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

/// An address as the system has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The interface's name, without an alias (`eth0`, never `eth0:1`).
    pub interface: String,
    /// The address with its prefix length.
    pub net: IpNet,
    /// Whether the interface is up and has a carrier.
    pub up: bool,
    /// Whether the interface is made by a container engine or a network plugin, and by which sign.
    pub container: Option<&'static str>,
    /// Whether the kernel says that the address is not to be used for new connections yet, or any more.
    pub unusable: Option<&'static str>,
}

/// All the system has.
#[derive(Debug, Clone, Default)]
pub struct Inventory {
    /// The addresses, in the kernel's order.
    pub found: Vec<Found>,
    /// The interfaces of IPv4 default routes.
    pub default_v4: Vec<String>,
    /// The interfaces of IPv6 default routes.
    pub default_v6: Vec<String>,
}

/// What is wanted.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The address itself, where the user gave one.
    pub address: Option<IpAddr>,
    /// Interfaces by pattern; the first pattern that yields an address wins.
    pub interfaces: Vec<glob::Pattern>,
    /// Only addresses within.
    pub cidr: Option<IpNet>,
    /// The address family.
    pub family: Family,
}

/// An address family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    fn has(self, ip: IpAddr) -> bool {
        match self {
            Self::V4 => ip.is_ipv4(),
            Self::V6 => ip.is_ipv6(),
        }
    }
}

/// Why an address was not chosen, or that it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// This is the one.
    Chosen,
    /// It could have been, and another rule decided.
    Lost(String),
    /// It is of no use.
    Skipped(String),
}

/// The decision, candidate by candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Each address with what became of it, in the kernel's order.
    pub candidates: Vec<(Found, Verdict)>,
    /// The outcome.
    pub outcome: Result<Chosen, Failure>,
}

/// The address that was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// The address.
    pub ip: IpAddr,
    /// Its interface, if one has it.
    pub interface: Option<String>,
    /// Why this one.
    pub reason: String,
    /// What is odd about it.
    pub warning: Option<String>,
}

/// Why there is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Nothing usable.
    #[error("{0}")]
    None(String),
    /// Several, and nothing decides between them.
    #[error("{0}")]
    Ambiguous(String),
}

/// Chooses.
pub fn choose(wanted: &Wanted, inventory: &Inventory) -> Choice {
    if let Some(ip) = wanted.address {
        return given(ip, inventory);
    }
    let mut verdicts: Vec<Option<Verdict>> = inventory
        .found
        .iter()
        .enumerate()
        .map(|(n, found)| skip(wanted, &inventory.found[..n], found).map(Verdict::Skipped))
        .collect();
    let outcome = wanted
        .interfaces
        .iter()
        .find_map(|glob| {
            let matching: Vec<usize> = (0..inventory.found.len())
                .filter(|n| verdicts[*n].is_none() && glob.matches(&inventory.found[*n].interface))
                .collect();
            (!matching.is_empty())
                .then(|| decide(wanted, inventory, glob, &matching, &mut verdicts))
        })
        .unwrap_or_else(|| Err(none(wanted, inventory, &verdicts)));
    let candidates = inventory
        .found
        .iter()
        .cloned()
        .zip(verdicts)
        .map(|(found, verdict)| {
            let verdict = verdict.unwrap_or_else(|| {
                Verdict::Lost("an earlier --interface pattern decided".to_owned())
            });
            (found, verdict)
        })
        .collect();
    Choice {
        candidates,
        outcome,
    }
}

/// `--address`: taken as it is, looked up only to tell what is odd about it.
fn given(ip: IpAddr, inventory: &Inventory) -> Choice {
    let carrier = inventory.found.iter().find(|found| found.net.addr() == ip);
    // All of 127.0.0.0/8 is on the loopback interface, whatever it lists.
    let warning = (carrier.is_none() && !ip.is_loopback()).then(|| {
        format!(
            "--address {ip} is on no interface of this host; the agent cannot bind to it, and others may not reach it"
        )
    });
    let candidates = inventory
        .found
        .iter()
        .map(|found| {
            let verdict = if found.net.addr() == ip {
                Verdict::Chosen
            } else {
                Verdict::Lost("--address decided".to_owned())
            };
            (found.clone(), verdict)
        })
        .collect();
    Choice {
        candidates,
        outcome: Ok(Chosen {
            ip,
            interface: carrier.map(|found| found.interface.clone()),
            reason: match carrier {
                Some(found) => format!("given by --address, on {}", found.interface),
                None => "given by --address".to_owned(),
            },
            warning,
        }),
    }
}

/// Why an address is of no use, judged by itself and by those the kernel lists before it.
fn skip(wanted: &Wanted, before: &[Found], found: &Found) -> Option<String> {
    let ip = found.net.addr();
    let pattern = wanted
        .interfaces
        .iter()
        .find(|glob| glob.matches(&found.interface));
    // What is called by its whole name is meant.
    let named = pattern.is_some_and(|glob| glob.as_str() == found.interface);
    let in_cidr = wanted.cidr.is_some_and(|cidr| cidr.contains(&ip));
    if !wanted.family.has(ip) {
        return Some(match wanted.family {
            Family::V4 => "IPv6; --family 6 would look at it".to_owned(),
            Family::V6 => "IPv4, and --family is 6".to_owned(),
        });
    }
    if pattern.is_none() {
        return Some("no --interface pattern matches its interface".to_owned());
    }
    if ip.is_loopback() {
        return Some("loopback".to_owned());
    }
    if is_link_local(ip) {
        return Some("link-local".to_owned());
    }
    if !found.up {
        return Some("its interface is down or has no carrier".to_owned());
    }
    if let Some(why) = found.unusable {
        return Some(why.to_owned());
    }
    if let (Some(sign), false) = (found.container, named) {
        return Some(format!("a container network's interface ({sign})"));
    }
    if let (Some(cidr), false) = (wanted.cidr, in_cidr) {
        return Some(format!("outside --cidr {cidr}"));
    }
    if found.net.prefix_len() == found.net.max_prefix_len() && !in_cidr {
        return Some(format!(
            "a /{} is most often a virtual address that moves between hosts; if it is this host's own, say so with --cidr {}",
            found.net.prefix_len(),
            found.net
        ));
    }
    // The kernel lists a secondary address behind the primary one of its network.
    let primary = before.iter().find(|other| {
        other.interface == found.interface && ip.is_ipv4() && other.net.trunc() == found.net.trunc()
    });
    primary.map(|primary| format!("secondary to {} on the same interface", primary.net.addr()))
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

/// Decides among the usable addresses of one pattern's interfaces.
fn decide(
    wanted: &Wanted,
    inventory: &Inventory,
    glob: &glob::Pattern,
    matching: &[usize],
    verdicts: &mut [Option<Verdict>],
) -> Result<Chosen, Failure> {
    let found = &inventory.found;
    let routes = match wanted.family {
        Family::V4 => &inventory.default_v4,
        Family::V6 => &inventory.default_v6,
    };
    let routed: Vec<usize> = matching
        .iter()
        .copied()
        .filter(|n| routes.contains(&found[*n].interface))
        .collect();
    let (winner, reason) = match (matching, routed.as_slice()) {
        ([only], _) => (
            *only,
            format!(
                "the only usable address of {} (--interface {glob})",
                found[*only].interface
            ),
        ),
        (_, [only]) => (
            *only,
            format!(
                "of {} usable addresses (--interface {glob}) the one on the default route's interface, {}",
                matching.len(),
                found[*only].interface
            ),
        ),
        (several, _) => {
            let list: Vec<String> = several
                .iter()
                .map(|n| format!("{} on {}", found[*n].net, found[*n].interface))
                .collect();
            for n in several {
                verdicts[*n] = Some(Verdict::Lost("usable, but not the only one".to_owned()));
            }
            return Err(Failure::Ambiguous(format!(
                "find one address: there are several ({}) and the default route does not decide; say which with --interface, \
                 --cidr or --address",
                list.join(", ")
            )));
        }
    };
    for n in matching {
        verdicts[*n] = Some(if *n == winner {
            Verdict::Chosen
        } else {
            Verdict::Lost("not on the default route's interface".to_owned())
        });
    }
    Ok(Chosen {
        ip: found[winner].net.addr(),
        interface: Some(found[winner].interface.clone()),
        reason,
        warning: None,
    })
}

fn none(wanted: &Wanted, inventory: &Inventory, verdicts: &[Option<Verdict>]) -> Failure {
    let patterns: Vec<&str> = wanted
        .interfaces
        .iter()
        .map(glob::Pattern::as_str)
        .collect();
    let seen: Vec<String> = inventory
        .found
        .iter()
        .zip(verdicts)
        .filter_map(|(found, verdict)| match verdict {
            Some(Verdict::Skipped(why)) if !found.net.addr().is_loopback() => {
                Some(format!("{} on {}: {why}", found.net, found.interface))
            }
            _ => None,
        })
        .collect();
    Failure::None(format!(
        "find a usable address on --interface {}; seen: {}",
        patterns.join(","),
        if seen.is_empty() {
            "no address but loopback".to_owned()
        } else {
            seen.join("; ")
        }
    ))
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chosen => f.write_str("chosen"),
            Self::Lost(why) => write!(f, "lost: {why}"),
            Self::Skipped(why) => write!(f, "skipped: {why}"),
        }
    }
}

#[cfg(test)]
mod tests;
