//! The agent's own settings: what stops its next start although `consul validate` takes it, and the addresses of DNS.

use std::path::Path;

use serde_json::Value;

use super::finding::{Effect, Findings};
use super::{Host, Judged};

/// Words that a key may have, and otherwise no agent starts.
const WORDS: [(&[&str], &[&str]); 3] = [
    (
        &["log_level"],
        &["trace", "debug", "info", "warn", "err", "error"],
    ),
    (&["acl", "default_policy"], &["allow", "deny"]),
    (
        &["acl", "down_policy"],
        &["allow", "deny", "extend-cache", "async-cache"],
    ),
];
/// What may listen on a Unix socket.
const SOCKETS: [&str; 4] = ["http", "https", "grpc", "grpc_tls"];
const FACILITIES: [&str; 20] = [
    "KERN", "USER", "MAIL", "DAEMON", "AUTH", "SYSLOG", "LPR", "NEWS", "UUCP", "CRON", "AUTHPRIV",
    "FTP", "LOCAL0", "LOCAL1", "LOCAL2", "LOCAL3", "LOCAL4", "LOCAL5", "LOCAL6", "LOCAL7",
];
/// Where a syslog listens.
const SYSLOGS: [&str; 3] = ["/dev/log", "/var/run/syslog", "/var/run/log"];

pub(super) fn judge(judged: &Judged<'_>, findings: &mut Findings) {
    words(judged, findings);
    protocol(judged, findings);
    recursors(judged, findings);
    waits(judged, findings);
    if let Some((id, file)) = judged.new.text(&["node_id"])
        && !is_uuid(id)
    {
        let what = format!("{id:?} is no UUID");
        let fix = "write one as `uuidgen` does, or take it out";
        findings.add(Effect::StopsStart, (file, "node_id"), what, fix);
    }
    if let Some((address, file)) = judged.new.text(&["telemetry", "dogstatsd_addr"])
        && !address.contains("://")
        && !is_address(address)
    {
        let what = format!("{address:?} is no address");
        let key = "telemetry.dogstatsd_addr";
        findings.add(Effect::StopsStart, (file, key), what, "write HOST:PORT");
    }
    sockets(judged, findings);
    if let Some(host) = judged.candidate.host {
        paths(judged, host, findings);
        syslog(judged, host, findings);
    }
}

fn words(judged: &Judged<'_>, findings: &mut Findings) {
    let acl = judged.new.on(&["acl", "enabled"]).is_some();
    for (path, words) in WORDS {
        let Some((word, file)) = judged.new.text(path) else {
            continue;
        };
        let known = match path {
            // Only here does case not matter.
            ["log_level"] => words.contains(&word.to_ascii_lowercase().as_str()),
            _ => !acl || words.contains(&word),
        };
        if !known {
            let what = format!("{word:?} is none of the words it may be");
            let fix = format!("write {}", words.join(", "));
            findings.add(Effect::StopsStart, (file, &path.join(".")), what, fix);
        }
    }
}

fn protocol(judged: &Judged<'_>, findings: &mut Findings) {
    if let Some(setting) = judged.new.get(&["protocol"])
        && setting
            .value
            .as_i64()
            .is_some_and(|protocol| protocol > 3 || protocol == 1)
    {
        let what = "Consul speaks 2 and 3";
        findings.add(
            Effect::StopsStart,
            (setting.file, "protocol"),
            what,
            "take it out",
        );
    }
}

/// What a start waits for, which files do not tell.
fn waits(judged: &Judged<'_>, findings: &mut Findings) {
    if let Some((at, setting)) = judged.new.list("start_join").first() {
        let what = "before Consul 1.15 an agent that reaches none of these ends at once";
        let key = at.trim_end_matches("[0]");
        findings.add(Effect::Odd, (setting.file, key), what, "call it retry_join");
    }
    let switched_on = |merged: super::Merged<'_>| merged.on(&["auto_encrypt", "tls"]).is_some();
    if let Some(file) = judged.new.on(&["auto_encrypt", "tls"])
        && !judged.old.is_some_and(switched_on)
    {
        let what = "the next start waits until a server gives it a certificate";
        let fix = "see that the servers have auto_encrypt.allow_tls";
        findings.add(Effect::Odd, (file, "auto_encrypt.tls"), what, fix);
    }
}

/// The mode of Unix sockets, where there are any.
fn sockets(judged: &Judged<'_>, findings: &mut Findings) {
    let is_socket = |path: &[&str]| {
        let address = judged.new.text(path);
        address.is_some_and(|(address, _)| address.starts_with("unix://"))
    };
    let any =
        is_socket(&["client_addr"]) || SOCKETS.iter().any(|key| is_socket(&["addresses", key]));
    if let Some((mode, file)) = judged.new.text(&["unix_sockets", "mode"])
        && any
        && u32::from_str_radix(mode, 8).is_err()
    {
        let what = format!("{mode:?} is no mode");
        findings.add(
            Effect::StopsStart,
            (file, "unix_sockets.mode"),
            what,
            "write it in octal, as 0660",
        );
    }
}

/// Each is looked at when DNS is reloaded, which is after services and before the rest.
fn recursors(judged: &Judged<'_>, findings: &mut Findings) {
    for (key, setting) in judged.new.list("recursors") {
        let Value::String(address) = setting.value else {
            continue;
        };
        if !address.is_empty() && !address.contains("{{") && !is_address(address) {
            let what = format!("{address:?} is no address");
            let fix = "write IP, IP:PORT or [IPv6]:PORT";
            findings.add(Effect::Incomplete, (setting.file, &key), what, fix);
        }
    }
}

/// An IP, or a host and a port, which may be one by name.
fn is_address(text: &str) -> bool {
    if text.parse::<std::net::Ipv6Addr>().is_ok() {
        return true;
    }
    let rest = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((_, rest)) => rest,
            None => return false,
        },
        None => match text.find(':') {
            Some(colon) => &text[colon..],
            None => "",
        },
    };
    match rest.strip_prefix(':') {
        None => rest.is_empty(),
        Some("" | "domain" | "http" | "https") => true,
        Some(port) => port.parse::<u16>().is_ok(),
    }
}

/// 8-4-4-4-12 hexadecimal digits.
fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.concat().chars().all(|c| c.is_ascii_hexdigit())
}

/// Files and directories that the agent makes.
fn paths(judged: &Judged<'_>, host: &dyn Host, findings: &mut Findings) {
    if let Some((path, file)) = judged.new.text(&["data_dir"]) {
        // It is made with all above it.
        let nearest = Path::new(path)
            .ancestors()
            .find(|path| host.is_dir(path).is_some());
        if let Some(nearest) = nearest {
            let place = (file, "data_dir");
            usable(host, nearest, path, place, findings);
        }
    }
    if let Some((path, file)) = judged.new.text(&["log_file"]) {
        // The name of a directory ends in a slash; otherwise the last part is the name of the files.
        let directory = match path.strip_suffix('/') {
            Some(directory) => Path::new(directory),
            None => Path::new(path).parent().unwrap_or(Path::new("")),
        };
        existing(host, directory, (file, "log_file"), findings);
    }
    if let Some((path, file)) = judged.new.text(&["pid_file"]) {
        if host.is_dir(Path::new(path)) == Some(true) {
            let what = format!("{path} is a directory");
            findings.add(Effect::StopsStart, (file, "pid_file"), what, "name a file");
        } else {
            let directory = Path::new(path).parent().unwrap_or(Path::new(""));
            existing(host, directory, (file, "pid_file"), findings);
        }
    }
    for key in SOCKETS {
        if let Some((address, file)) = judged.new.text(&["addresses", key])
            && let Some(path) = address.strip_prefix("unix://")
        {
            let directory = Path::new(path).parent().unwrap_or(Path::new(""));
            existing(
                host,
                directory,
                (file, &format!("addresses.{key}")),
                findings,
            );
        }
    }
    owner(judged, host, findings);
}

/// A directory that has to be there already.
fn existing(host: &dyn Host, directory: &Path, place: (&Path, &str), findings: &mut Findings) {
    // A path without a directory is in the agent's own, which is not known here.
    if directory.as_os_str().is_empty() {
        return;
    }
    let shown = directory.display();
    if host.is_dir(directory).is_none() {
        let what = format!("the directory {shown} does not exist, and the agent makes none");
        findings.add(
            Effect::StopsStart,
            place,
            what,
            format!("make it, or mount a volume at {shown}"),
        );
    } else {
        usable(host, directory, &shown.to_string(), place, findings);
    }
}

fn usable(
    host: &dyn Host,
    directory: &Path,
    wanted: &str,
    place: (&Path, &str),
    findings: &mut Findings,
) {
    // Root may write everywhere, and can make nothing in /proc.
    let writable = host.is_dir(directory) == Some(true)
        && host.can_write(directory)
        && !directory.starts_with("/proc");
    if !writable {
        let what = format!(
            "{wanted} cannot be made or written to: {} is in the way",
            directory.display()
        );
        findings.add(Effect::StopsStart, place, what, "name a writable directory");
    }
}

/// Who is to own sockets.
fn owner(judged: &Judged<'_>, host: &dyn Host, findings: &mut Findings) {
    for (key, list) in [("user", "/etc/passwd"), ("group", "/etc/group")] {
        let Some((name, file)) = judged.new.text(&["unix_sockets", key]) else {
            continue;
        };
        let Ok(known) = host.read(Path::new(list)) else {
            continue;
        };
        let known = String::from_utf8_lossy(&known);
        let known = known
            .lines()
            .any(|line| line.split(':').next() == Some(name));
        if !known && name.parse::<u32>().is_err() {
            let what =
                format!("{list} has no {name}; unless another source has, the next start fails");
            let key = format!("unix_sockets.{key}");
            findings.add(Effect::Odd, (file, &key), what, "write a number");
        }
    }
}

/// Without a syslog an agent waits for a minute and a half, and gives up.
fn syslog(judged: &Judged<'_>, host: &dyn Host, findings: &mut Findings) {
    let Some(file) = judged.new.on(&["enable_syslog"]) else {
        return;
    };
    if let Some((facility, file)) = judged.new.text(&["syslog_facility"])
        && !FACILITIES.contains(&facility.to_ascii_uppercase().as_str())
    {
        let what = format!("there is no facility {facility:?}");
        findings.add(
            Effect::StopsStart,
            (file, "syslog_facility"),
            what,
            "write LOCAL0",
        );
    }
    if !SYSLOGS
        .iter()
        .any(|path| host.is_dir(Path::new(path)).is_some())
    {
        let what = "nothing listens for it: there is no /dev/log";
        let fix = "take it out: a container's log is its output";
        findings.add(Effect::StopsStart, (file, "enable_syslog"), what, fix);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_others() {
        for good in [
            "10.0.0.53",
            "10.0.0.53:5353",
            "::1",
            "[::1]:53",
            "dns.example",
            "dns:53",
            "[::1]",
        ] {
            assert!(is_address(good), "{good}");
        }
        for bad in [
            "not:an:address",
            "10.0.0.53:70000",
            "10.0.0.53:nothing",
            "[::1",
        ] {
            assert!(!is_address(bad), "{bad}");
        }
    }

    #[test]
    fn a_uuid_is_one_of_five_groups() {
        assert!(is_uuid("8a5c1f1e-2f0e-4f77-9d9b-3e6d0c6c8b11"));
        assert!(!is_uuid("8a5c1f1e2f0e4f779d9b3e6d0c6c8b11"));
        assert!(!is_uuid("short"));
    }
}
