//! What an option's value must be like.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use nix::sys::signal::Signal;

use super::choices::NodeId;
use crate::core::signal::{LAST, Name, RTMIN, SIGCHLD, SIGKILL, SIGSTOP};

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    humantime::parse_duration(text).map_err(|error| format!("{error}; write 500ms, 25s or 2m"))
}

pub(super) fn positive_duration(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("must be more than 0".to_owned()),
        duration => Ok(duration),
    }
}

/// The units of Go's durations.
const GO_UNITS: [&str; 7] = ["ns", "us", "µs", "ms", "s", "m", "h"];

/// Consul writes durations as Go does, which is what is kept; it only has to be one.
pub(super) fn check_interval(text: &str) -> Result<String, String> {
    positive_duration(text)?;
    let mut units = text
        .split(|c: char| c.is_ascii_digit())
        .filter(|unit| !unit.is_empty());
    match units.find(|unit| !GO_UNITS.contains(unit)) {
        Some(unit) => Err(format!(
            "Consul knows no unit {unit:?}; write 500ms, 25s, 2m or 1m30s"
        )),
        None => Ok(text.to_owned()),
    }
}

pub(super) fn node_id(text: &str) -> Result<NodeId, String> {
    let id = || text.trim().to_ascii_lowercase();
    let fits = |part: &str, length| {
        part.len() == length && part.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    match text {
        "keep" => Ok(NodeId::Keep),
        "machine" => Ok(NodeId::Machine),
        _ if id().split('-').count() == 5
            && id()
                .split('-')
                .zip([8, 4, 4, 4, 12])
                .all(|(part, length)| fits(part, length)) =>
        {
            Ok(NodeId::Id(id()))
        }
        _ => Err(
            "write keep, machine, or an id: 32 hexadecimal digits in groups of 8-4-4-4-12"
                .to_owned(),
        ),
    }
}

pub(super) fn pattern(text: &str) -> Result<glob::Pattern, String> {
    if text.is_empty() {
        return Err("an empty pattern matches no interface".to_owned());
    }
    glob::Pattern::new(text)
        .map_err(|error| format!("{}; write names, with * and ?, as eth*", error.msg))
}

pub(super) fn ip(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| match text.parse::<IpNet>() {
        Ok(net) => format!("write the address alone, {}", net.addr()),
        Err(_) => "write one address, as 10.0.0.5 or fd00::5".to_owned(),
    })
}

/// A network; an address alone is the one that has nothing else.
pub(super) fn network(text: &str) -> Result<IpNet, String> {
    text.parse()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| {
            "write a network or an address, as 10.0.0.0/8, fd00::/64 or 10.0.0.5".to_owned()
        })
}

/// A signal by its name, with or without `SIG`, as `RTMIN+n` or `RTMAX-n`, or by its number.
pub(super) fn signal(text: &str) -> Result<i32, String> {
    signal_or_none(text)?.ok_or_else(|| "0 is no signal".to_owned())
}

/// A signal that lictor can pass on when it gets it.
pub(super) fn parent_death(text: &str) -> Result<i32, String> {
    match signal(text)? {
        number @ (SIGKILL | SIGSTOP | SIGCHLD) => Err(format!(
            "{} would not reach the program; TERM is what ends it",
            Name(number)
        )),
        number => Ok(number),
    }
}

/// `FROM:TO`; TO may be 0.
pub(super) fn rewrite(text: &str) -> Result<(i32, i32), String> {
    let (from, to) = text
        .split_once(':')
        .ok_or("it lacks a colon; write TERM:QUIT or 15:3, or TERM:0 to drop it")?;
    let from = signal(from)?;
    if [SIGKILL, SIGSTOP, SIGCHLD].contains(&from) {
        return Err(format!("{} never comes to be taken as another", Name(from)));
    }
    Ok((from, signal_or_none(to)?.unwrap_or(0)))
}

fn signal_or_none(text: &str) -> Result<Option<i32>, String> {
    let upper = text.to_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    let offset = |rest: &str, sign: char| match rest {
        "" => Some(0),
        rest => rest.strip_prefix(sign)?.parse::<i32>().ok(),
    };
    let number = if let Ok(number) = text.parse::<i32>() {
        Some(number)
    } else if let Some(rest) = name.strip_prefix("RTMIN") {
        offset(rest, '+')
            .and_then(|n| RTMIN.checked_add(n))
            .filter(|n| *n >= RTMIN)
    } else if let Some(rest) = name.strip_prefix("RTMAX") {
        offset(rest, '-')
            .and_then(|n| LAST.checked_sub(n))
            .filter(|n| *n >= RTMIN)
    } else {
        format!("SIG{name}")
            .parse::<Signal>()
            .ok()
            .map(|signal| signal as i32)
    };
    match number {
        Some(0) => Ok(None),
        Some(number @ 1..=LAST) => Ok(Some(number)),
        _ => Err(format!(
            "there is no signal {text}; write TERM, SIGTERM, 15, RTMIN+3 or 37"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_read_by_name_and_number() {
        for (text, number) in [
            ("TERM", 15),
            ("SIGTERM", 15),
            ("sigterm", 15),
            ("15", 15),
            ("64", 64),
            ("RTMIN", 34),
            ("SIGRTMIN+3", 37),
            ("RTMAX", 64),
            ("rtmax-1", 63),
            ("SEGV", 11),
        ] {
            assert_eq!(signal(text), Ok(number), "{text}");
        }
        for text in [
            "",
            "0",
            "65",
            "-1",
            "TERMINATE",
            "RTMIN-1",
            "RTMIN+31",
            "RTMAX+1",
            "RTMAX-31",
        ] {
            assert!(signal(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_rewrite_has_two_signals_of_which_the_second_may_be_0() {
        assert_eq!(rewrite("TERM:QUIT"), Ok((15, 3)));
        assert_eq!(rewrite("15:0"), Ok((15, 0)));
        assert_eq!(rewrite("RTMIN+3:TERM"), Ok((37, 15)));
        for text in [
            "TERM",
            "0:TERM",
            "TERM:",
            ":TERM",
            "KILL:TERM",
            "CHLD:0",
            "TERM:99",
        ] {
            assert!(rewrite(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_network_may_be_one_address() {
        for (text, net) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("10.0.0.1", "10.0.0.1/32"),
            ("fd00::1", "fd00::1/128"),
        ] {
            assert_eq!(network(text), Ok(net.parse().expect("a network")));
        }
        for bad in ["", "10.0.0.0/33", "10.0.0", "eth0"] {
            assert!(network(bad).expect_err(bad).contains("10.0.0.0/8"));
        }
        assert!(ip("10.0.0.1").is_ok());
        assert!(
            ip("10.0.0.1/24")
                .expect_err("a network")
                .contains("alone, 10.0.0.1")
        );
        assert!(ip("10.0.0.300").expect_err("none").contains("10.0.0.5"));
        assert!(pattern("[").expect_err("none").contains("eth*"));
    }

    #[test]
    fn durations_are_read() {
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert!(duration("25").expect_err("no unit").contains("25s"));
        assert!(positive_duration("0").is_err());
    }

    #[test]
    fn an_interval_is_kept_if_consul_reads_it() {
        for good in ["10s", "1m30s", "500ms", "2h"] {
            assert_eq!(check_interval(good), Ok(good.to_owned()));
        }
        for bad in ["1min", "1m 30s", "1d", "0s", "soon"] {
            assert!(check_interval(bad).is_err(), "{bad}");
        }
    }
}
