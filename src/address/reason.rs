//! Why an address was not chosen: each reason with its name for programs and its sentence for people.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::address::choose::Family;

/// Why an address was not chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// Of the other family than this one, which is wanted.
    Family(Family),
    /// No `--interface` pattern matches its interface.
    Pattern,
    /// 127.0.0.0/8, `::1`, or on the loopback interface.
    Loopback,
    /// 169.254.0.0/16, fe80::/10, or valid on its link only.
    LinkLocal,
    /// Valid on this host only.
    HostScope,
    /// Its interface is down.
    Down,
    /// Its interface is up and has no carrier.
    NoCarrier,
    /// Another host has it.
    Duplicate,
    /// The kernel still looks whether another host has it.
    Tentative,
    /// Not to be used for new connections any more.
    Deprecated,
    /// A privacy address, which the kernel replaces from time to time.
    Temporary,
    /// Added to a network that had an address on this interface before, which is this one if that is known.
    Secondary(Option<IpAddr>),
    /// A container engine's or network plugin's interface, by this sign.
    Container(&'static str),
    /// Outside of `--cidr`.
    Cidr(IpNet),
    /// A /32 or /128, and nothing says that it is the host's own.
    Virtual(IpNet),
    /// `--address` decided.
    Given,
    /// An earlier `--interface` pattern decided.
    LaterPattern,
    /// Another one is on the default route's interface.
    Route,
    /// Another one is the default route's source.
    Source,
    /// There are others as good.
    Several,
}

impl Reason {
    /// Its name, for programs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Family(_) => "family",
            Self::Pattern => "interface",
            Self::Loopback => "loopback",
            Self::LinkLocal => "link-local",
            Self::HostScope => "host-scope",
            Self::Down => "down",
            Self::NoCarrier => "no-carrier",
            Self::Duplicate => "duplicate",
            Self::Tentative => "tentative",
            Self::Deprecated => "deprecated",
            Self::Temporary => "temporary",
            Self::Secondary(_) => "secondary",
            Self::Container(_) => "container",
            Self::Cidr(_) => "cidr",
            Self::Virtual(_) => "virtual",
            Self::Given => "address",
            Self::LaterPattern => "later-interface",
            Self::Route => "default-route",
            Self::Source => "default-route-source",
            Self::Several => "several",
        }
    }

    /// Whether nobody can use the address as things are, whatever was asked for.
    pub fn is_trouble(&self) -> bool {
        let trouble = [Self::Down, Self::NoCarrier, Self::Duplicate];
        trouble.contains(self) || matches!(self, Self::Tentative | Self::Deprecated)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Family(Family::V4) => "IPv6; --family 6 would look at it",
            Self::Family(Family::V6) => "IPv4, and --family is 6",
            Self::Pattern => "no --interface pattern matches its interface",
            Self::Loopback => "loopback",
            Self::LinkLocal => "link-local",
            Self::HostScope => "valid on this host only (scope host)",
            Self::Down => "its interface is down",
            Self::NoCarrier => "its interface has no carrier",
            Self::Duplicate => {
                "another host has the same address (duplicate address detection failed)"
            }
            Self::Tentative => "tentative: the kernel still checks that no other host has it",
            Self::Deprecated => "deprecated",
            Self::Temporary => "temporary: a privacy address changes by itself",
            Self::Secondary(None) => "secondary to another on the same interface",
            Self::Secondary(Some(primary)) => {
                return write!(f, "secondary to {primary} on the same interface");
            }
            Self::Container(sign) => {
                return write!(f, "a container network's interface ({sign})");
            }
            Self::Cidr(cidr) => return write!(f, "outside --cidr {cidr}"),
            Self::Virtual(net) => {
                return write!(
                    f,
                    "a /{} is most often a virtual address that moves between hosts; if it is this host's own, say so with --cidr {net}",
                    net.prefix_len()
                );
            }
            Self::Given => "--address decided",
            Self::LaterPattern => "an earlier --interface pattern decided",
            Self::Route => "not on the default route's interface",
            Self::Source => "not the default route's source address",
            Self::Several => "usable, but not the only one",
        })
    }
}
