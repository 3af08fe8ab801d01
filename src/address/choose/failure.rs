//! What is said where no address was chosen.

use super::{Failure, Found, Interface, LinkState, Look, Verdict};

impl Look<'_> {
    /// Nothing usable: what was seen, and why it was of no use.
    pub(super) fn none(&self, verdicts: &[Verdict]) -> Failure {
        let patterns: Vec<&str> = self
            .wanted
            .interfaces
            .iter()
            .map(glob::Pattern::as_str)
            .collect();
        let found = self.inventory.found.iter().zip(verdicts);
        let mut seen: Vec<String> = found
            .filter_map(|(found, verdict)| match verdict {
                Verdict::Skipped(why) if !found.net.addr().is_loopback() => {
                    Some(format!("{} on {}: {why}", found.net, found.interface))
                }
                _ => None,
            })
            .collect();
        let family = self.wanted.family;
        let bare =
            |it: Interface| format!("{} has no {family} address and {}", it.name, it.state());
        seen.extend(self.without().into_iter().map(bare));
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

    /// Several usable ones: which, why the default route does not decide, and the option that does.
    pub(super) fn ambiguous(&self, several: &[usize]) -> Failure {
        let several: Vec<&Found> = several.iter().map(|n| &self.inventory.found[*n]).collect();
        let list: Vec<String> = several
            .iter()
            .map(|found| format!("{} on {}", found.net, found.interface))
            .collect();
        let mut through: Vec<&str> = self
            .default_routes()
            .map(|r| r.interface.as_str())
            .collect();
        through.dedup();
        let route = match through.as_slice() {
            [] => "there is no default route to decide".to_owned(),
            names => format!(
                "the default route, through {}, does not decide",
                names.join(" and ")
            ),
        };
        Failure::Ambiguous(format!(
            "find one address: there are several ({}), and {route}; say which with {}, or with --address",
            list.join(", "),
            deciding(&several)
        ))
    }
}

/// The option that tells the first of them from the others, as an example.
fn deciding(several: &[&Found]) -> String {
    let Some((first, others)) = several.split_first() else {
        return "--interface".to_owned();
    };
    if others
        .iter()
        .all(|other| other.interface != first.interface)
    {
        return format!(
            "--interface (as in --interface {}) or --cidr",
            first.interface
        );
    }
    let apart = others
        .iter()
        .all(|other| !first.net.contains(&other.net.addr()));
    let cidr = if apart {
        first.net.trunc()
    } else {
        first.net.addr().into()
    };
    format!("--cidr (as in --cidr {cidr})")
}

impl Interface {
    /// Its state, as a sentence about it goes on.
    pub(crate) fn state(&self) -> String {
        let link = match self.link {
            LinkState::Up => "is up",
            LinkState::Down => "is down",
            LinkState::NoCarrier => "has no carrier",
        };
        match &self.port_of {
            Some(name) => format!("{link}, a port of {name}: --interface {name} looks there"),
            None => link.to_owned(),
        }
    }
}
