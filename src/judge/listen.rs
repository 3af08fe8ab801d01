//! Addresses and ports that the agent's next start would listen on, and cannot.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use super::finding::{Effect, Findings};
use super::{Host, Judged, Merged};

/// The addresses that an agent listens on.
const ADDRESSES: [&[&str]; 7] = [
    &["bind_addr"],
    &["client_addr"],
    &["serf_lan"],
    &["addresses", "http"],
    &["addresses", "https"],
    &["addresses", "dns"],
    &["addresses", "grpc"],
];

/// The ports, with what they are where nothing is said, and whether they are on the client address; 0 is for none.
const PORTS: [(&str, u16, bool); 7] = [
    ("http", 8500, true),
    ("https", 0, true),
    ("dns", 8600, true),
    ("grpc", 0, true),
    ("grpc_tls", 0, true),
    ("serf_lan", 8301, false),
    ("server", 8300, false),
];

pub(super) fn judge(judged: &Judged<'_>, findings: &mut Findings) {
    let Some(host) = judged.candidate.host else {
        return;
    };
    addresses(judged.new, host, findings);
    // Without an agent to compare with, a port may be busy because of that agent itself.
    if let Some(old) = judged.old {
        ports(judged.new, old, host, findings);
    }
}

fn addresses(new: Merged<'_>, host: &dyn Host, findings: &mut Findings) {
    for path in ADDRESSES {
        let Some((text, file)) = new.text(path) else {
            continue;
        };
        // A template is resolved, and judged, by `consul validate`.
        for ip in text
            .split_whitespace()
            .filter_map(|word| word.parse::<IpAddr>().ok())
        {
            let error = host.can_listen(SocketAddr::new(ip, 0)).err();
            if error.is_some_and(|error| error.kind() == io::ErrorKind::AddrNotAvailable) {
                let what = format!("{ip} is no address of this machine");
                let fix = "write one of its own, or a template as {{ GetInterfaceIP \"eth0\" }}";
                findings.add(Effect::StopsStart, (file, &path.join(".")), what, fix);
            }
        }
    }
}

fn ports(new: Merged<'_>, old: Merged<'_>, host: &dyn Host, findings: &mut Findings) {
    let held: Vec<u16> = PORTS
        .iter()
        .map(|(name, default, _)| port(old, name).map_or(*default, |(port, _)| port))
        .collect();
    for (name, _, client) in PORTS {
        let Some((port, file)) = port(new, name) else {
            continue;
        };
        if port == 0 || held.contains(&port) {
            continue;
        }
        let address = if client { "client_addr" } else { "bind_addr" };
        let default = if client {
            Ipv4Addr::LOCALHOST
        } else {
            Ipv4Addr::UNSPECIFIED
        };
        let ip = [&["addresses", name][..], &[address]]
            .into_iter()
            .find_map(|path| new.text(path))
            .map_or(Some(default.into()), |(text, _)| {
                text.parse::<IpAddr>().ok()
            });
        let on = SocketAddr::new(ip.unwrap_or(Ipv4Addr::UNSPECIFIED.into()), port);
        let error = host.can_listen(on).err();
        if error.is_some_and(|error| error.kind() == io::ErrorKind::AddrInUse) {
            let what = format!("somebody else listens on port {port}");
            let fix = "write a free port, or end that program";
            findings.add(
                Effect::StopsStart,
                (file, &format!("ports.{name}")),
                what,
                fix,
            );
        }
    }
}

/// A port that is set, 0 where it is switched off.
fn port<'a>(merged: Merged<'a>, name: &str) -> Option<(u16, &'a Path)> {
    let setting = merged.get(&["ports", name])?;
    let number = match setting.value {
        serde_json::Value::String(text) => text.parse().ok()?,
        value => value.as_i64()?,
    };
    Some((u16::try_from(number).unwrap_or(0), setting.file))
}
