//! The choice of the host's address among all that its interfaces carry. Pure.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::address::reason::Reason;

/// An address as the system has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The interface's name, without an alias (`eth0`, never `eth0:1`).
    pub interface: String,
    /// The address with its prefix length.
    pub net: IpNet,
    /// Whether packets can pass its interface.
    pub link: LinkState,
    /// Whether the interface leads back to this host.
    pub loopback: bool,
    /// Whether the link has two ends, and the kernel names the other one's address.
    pub point_to_point: bool,
    /// By which sign the interface is made by a container engine or a network plugin, if it is.
    pub container: Option<&'static str>,
    /// What the kernel says against using the address, if anything.
    pub flaw: Option<Reason>,
}

/// An interface by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Whether packets can pass it.
    pub link: LinkState,
    /// The bridge or bond that it is a port of, and that has the addresses then.
    pub port_of: Option<String>,
}

/// The state of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// Up, with a carrier.
    Up,
    /// Turned off.
    Down,
    /// Up, and nothing at the other end of its cable.
    NoCarrier,
}

/// A default route's way out of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultRoute {
    /// Whose.
    pub family: Family,
    /// The interface that it leads through.
    pub interface: String,
    /// The source address that it names.
    pub source: Option<IpAddr>,
}

/// All the system has.
#[derive(Debug, Clone, Default)]
pub struct Inventory {
    /// The addresses, in the kernel's order.
    pub found: Vec<Found>,
    /// All interfaces, also those without an address.
    pub interfaces: Vec<Interface>,
    /// The ways out by the default routes of the lowest metric, of both families.
    pub default_routes: Vec<DefaultRoute>,
    /// What kept all of this from being read as it should be: a sentence for a person.
    pub note: Option<String>,
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
    /// Whether an address is of this family.
    pub fn has(self, ip: IpAddr) -> bool {
        match self {
            Self::V4 => ip.is_ipv4(),
            Self::V6 => ip.is_ipv6(),
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

/// Why an address was not chosen, or that it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// This is the one.
    Chosen,
    /// It could have been, and another rule decided.
    Lost(Reason),
    /// It is of no use.
    Skipped(Reason),
}

/// The decision, candidate by candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Each address with what became of it, in the kernel's order.
    pub candidates: Vec<(Found, Verdict)>,
    /// The interfaces that a pattern matches, and that have no address of the wanted family.
    pub without: Vec<Interface>,
    /// The default routes of the wanted family.
    pub default_routes: Vec<DefaultRoute>,
    /// [`Inventory::note`].
    pub note: Option<String>,
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
    let look = Look { wanted, inventory };
    let (verdicts, outcome) = match wanted.address {
        Some(ip) => look.given(ip),
        None => look.search(),
    };
    Choice {
        candidates: inventory.found.iter().cloned().zip(verdicts).collect(),
        without: look.without(),
        default_routes: look.default_routes().cloned().collect(),
        note: inventory.note.clone(),
        outcome,
    }
}

type Outcome = Result<Chosen, Failure>;

/// What is wanted, and what there is.
struct Look<'a> {
    wanted: &'a Wanted,
    inventory: &'a Inventory,
}

impl Look<'_> {
    /// `--address`: taken as it is, looked up only to tell what is odd about it.
    fn given(&self, ip: IpAddr) -> (Vec<Verdict>, Outcome) {
        let found = &self.inventory.found;
        let carrier = found.iter().find(|found| found.net.addr() == ip);
        let warning = match carrier {
            Some(carrier) => state(carrier).filter(Reason::is_trouble).map(|why| {
                format!(
                    "--address {ip} on {}: {why}; the agent may fail to bind to it",
                    carrier.interface
                )
            }),
            // All of 127.0.0.0/8 is on the loopback interface, whatever it lists.
            None if ip.is_loopback() => None,
            None => Some(format!(
                "--address {ip} is on no interface of this host; the agent cannot bind to it, and others may not reach it"
            )),
        };
        let verdict = |found: &Found| match found.net.addr() == ip {
            true => Verdict::Chosen,
            false => Verdict::Lost(Reason::Given),
        };
        let chosen = Chosen {
            ip,
            interface: carrier.map(|found| found.interface.clone()),
            reason: match carrier {
                Some(found) => format!("given by --address, on {}", found.interface),
                None => "given by --address".to_owned(),
            },
            warning,
        };
        (found.iter().map(verdict).collect(), Ok(chosen))
    }

    /// The first pattern that yields an address decides.
    fn search(&self) -> (Vec<Verdict>, Outcome) {
        let found = &self.inventory.found;
        let usable = |found| match self.skip(found) {
            Some(why) => Verdict::Skipped(why),
            None => Verdict::Lost(Reason::LaterPattern),
        };
        let mut verdicts: Vec<Verdict> = found.iter().map(usable).collect();
        for glob in &self.wanted.interfaces {
            let matching: Vec<usize> = (0..found.len())
                .filter(|n| matches!(verdicts[*n], Verdict::Lost(_)))
                .filter(|n| glob.matches(&found[*n].interface))
                .collect();
            if !matching.is_empty() {
                let outcome = self.decide(glob, &matching, &mut verdicts);
                return (verdicts, outcome);
            }
        }
        let outcome = Err(self.none(&verdicts));
        (verdicts, outcome)
    }

    /// Decides among the usable addresses of one pattern's interfaces.
    fn decide(
        &self,
        glob: &glob::Pattern,
        matching: &[usize],
        verdicts: &mut [Verdict],
    ) -> Outcome {
        let found = &self.inventory.found;
        let filtered = |from: &[usize], holds: &dyn Fn(&Found, &DefaultRoute) -> bool| {
            let routed = |n: &usize| self.default_routes().any(|route| holds(&found[*n], route));
            from.iter().copied().filter(routed).collect::<Vec<_>>()
        };
        let routed = filtered(matching, &|found, route| route.interface == found.interface);
        let sourced = filtered(&routed, &|found, route| {
            route.source == Some(found.net.addr())
        });
        let name = |n: usize| &found[n].interface;
        let (several, usable) = (
            matching.len(),
            format!("usable addresses (--interface {glob})"),
        );
        let (winner, why, reason) = match (matching, routed.as_slice(), sourced.as_slice()) {
            ([only], ..) => (
                *only,
                Reason::Several,
                format!(
                    "the only usable address of {} (--interface {glob})",
                    name(*only)
                ),
            ),
            (_, [only], _) => (
                *only,
                Reason::Route,
                format!(
                    "of {several} {usable} the one on the default route's interface, {}",
                    name(*only)
                ),
            ),
            (.., [only]) => (
                *only,
                Reason::Source,
                format!(
                    "of {several} {usable} the default route's source, on {}",
                    name(*only)
                ),
            ),
            _ => {
                for n in matching {
                    verdicts[*n] = Verdict::Lost(Reason::Several);
                }
                return Err(self.ambiguous(matching));
            }
        };
        for n in matching {
            verdicts[*n] = match *n == winner {
                true => Verdict::Chosen,
                false if routed.contains(n) => Verdict::Lost(why.clone()),
                false => Verdict::Lost(Reason::Route),
            };
        }
        Ok(Chosen {
            ip: found[winner].net.addr(),
            interface: Some(name(winner).clone()),
            reason,
            warning: None,
        })
    }

    /// The default routes of the wanted family.
    fn default_routes(&self) -> impl Iterator<Item = &DefaultRoute> {
        let routes = self.inventory.default_routes.iter();
        routes.filter(|route| route.family == self.wanted.family)
    }

    /// The interfaces that a pattern matches, and that have no address of the wanted family.
    fn without(&self) -> Vec<Interface> {
        let has_one = |name: &str| {
            self.inventory
                .found
                .iter()
                .any(|found| found.interface == name && self.wanted.family.has(found.net.addr()))
        };
        let matches = |name: &str| self.wanted.interfaces.iter().any(|glob| glob.matches(name));
        let mut interfaces = self.inventory.interfaces.clone();
        interfaces.retain(|it| matches(&it.name) && !has_one(&it.name));
        interfaces
    }
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

mod failure;
mod skip;

use skip::state;

#[cfg(test)]
mod tests;
