//! The hand that looks whether addresses which the agent's configuration has in so many words are this host's.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use serde_json::Map;

use crate::address::interfaces;
use crate::consul::flags;
use crate::core::event::Staged;
use crate::judge::{self, Host};

use super::Effects;

/// Keys of what the agent listens on, separated by spaces.
const BINDS: [&str; 2] = ["bind_addr", "client_addr"];
/// How many of the host's addresses a person reads.
const TOLD: usize = 8;

impl Effects {
    /// What the agent cannot bind to, and what it advertises, that is no address of this host.
    pub(super) fn elsewhere(&self) -> Staged {
        let flags = flags::read(&self.staging.args(&self.users_args()));
        let (files, _) = judge::files::read(&flags.paths, flags.format.as_deref());
        let above = judge::files::of_options(&flags.hcl);
        // What lictor found, or was given, it has spoken of.
        let own = self.address.as_ref().map(|address| address.ip);
        let elsewhere = |key: &str| {
            let (text, file) = judge::told(&above, &Map::new(), key)
                .or_else(|| judge::told(&files, &flags.settings, key))?;
            let ips = text.split_whitespace().filter_map(|it| it.parse().ok());
            let ip = ips
                .into_iter()
                .find(|ip| Some(*ip) != own && is_elsewhere(*ip))?;
            Some((ip, self.place(&file)))
        };
        let unbindable = BINDS.into_iter().find_map(|key| {
            let (ip, file) = elsewhere(key)?;
            Some(format!(
                "{file}: {key} is {ip}, which is no address of this host, so that the agent cannot start; the host has {}: write one of \
                 those, or a template such as {{{{ GetInterfaceIP \"eth0\" }}}}, or leave it out and give lictor --{}",
                own_addresses(),
                key.trim_end_matches("_addr")
            ))
        });
        let advertised = elsewhere("advertise_addr").map(|(ip, file)| {
            format!(
                "{file}: advertise_addr is {ip}, which is no address of this host; it has {}. That is right behind NAT only",
                own_addresses()
            )
        });
        Staged {
            unbindable,
            advertised,
            ..Staged::default()
        }
    }

    /// A file as the user knows it.
    fn place(&self, file: &Path) -> String {
        self.staging.in_words(&file.display().to_string())
    }
}

fn is_elsewhere(ip: IpAddr) -> bool {
    let error = judge::Machine.can_listen(SocketAddr::new(ip, 0)).err();
    error.is_some_and(|error| error.kind() == ErrorKind::AddrNotAvailable)
}

/// The host's addresses, for a person.
fn own_addresses() -> String {
    let found = interfaces::inventory().map(|inventory| inventory.found);
    let found = found.unwrap_or_default();
    let others = found.iter().filter(|found| !found.loopback);
    let mut list: Vec<String> = others
        .map(|found| format!("{} ({})", found.net.addr(), found.interface))
        .collect();
    match list.len().saturating_sub(TOLD) {
        _ if list.is_empty() => "none but loopback".to_owned(),
        0 => list.join(", "),
        more => {
            list.truncate(TOLD);
            format!("{} and {more} more", list.join(", "))
        }
    }
}
