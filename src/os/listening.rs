//! Whether a process listens on a TCP port, by what the kernel says, or by a try.
//!
//! `/proc/PID/net/tcp` is of that process's network namespace, and has the sockets that listen before all others: it is read up to the
//! first one that does not, so that a host with many connections costs no more than another.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// The state of a socket that listens, as the kernel writes it.
const LISTEN: &str = "0A";

/// Whether anybody in the network namespace of process `pid` listens on `port`, of `ip` or of all addresses. With no `ip` any will do.
///
/// # Errors
/// Neither list can be read.
pub fn is_listening(pid: i32, ip: Option<IpAddr>, port: u16) -> io::Result<bool> {
    let is_it = |listens: SocketAddr| {
        let all = listens.ip().is_unspecified();
        listens.port() == port && (all || ip.is_none_or(|ip| ip == listens.ip().to_canonical()))
    };
    let found = ["tcp", "tcp6"].map(|list| {
        let lines = BufReader::new(File::open(format!("/proc/{pid}/net/{list}"))?);
        any(lines, &is_it)
    });
    match found {
        [Err(error), Err(_)] => Err(error),
        // A kernel without IPv6 has one list.
        found => Ok(found.into_iter().flatten().any(|found| found)),
    }
}

/// Whether anybody takes a connection there within `patience`. It is closed at once.
pub fn answers(place: SocketAddr, patience: Duration) -> bool {
    TcpStream::connect_timeout(&place, patience).is_ok()
}

fn any(lines: impl BufRead, is_it: &dyn Fn(SocketAddr) -> bool) -> io::Result<bool> {
    for line in lines.lines().skip(1) {
        let line = line?;
        let mut words = line.split_whitespace().skip(1);
        let (local, state) = (words.next(), words.nth(1));
        if state != Some(LISTEN) {
            return Ok(false);
        }
        if local.and_then(address).is_some_and(is_it) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// `0100007F:1F90`: the address in words of 32 bits, each in the order of this machine, and the port.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| {
        let digits = ip.get(at * 8..at * 8 + 8)?;
        u32::from_str_radix(digits, 16).ok().map(u32::to_ne_bytes)
    };
    let ip: IpAddr = match ip.len() {
        8 => Ipv4Addr::from(word(0)?).into(),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            let mut bytes = [0; 16];
            bytes.copy_from_slice(words.as_flattened());
            Ipv6Addr::from(bytes).into()
        }
        _ => return None,
    };
    Some((ip, port).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_port_listens_until_it_is_closed() {
        let own = i32::try_from(std::process::id()).expect("a process id");
        for ip in ["127.0.0.1", "::1"].map(|ip| ip.parse::<IpAddr>().expect("an address")) {
            let Ok(listener) = TcpListener::bind((ip, 0)) else {
                assert!(ip.is_ipv6(), "IPv4 is everywhere");
                continue;
            };
            let port = listener.local_addr().expect("bound").port();
            let other = IpAddr::from([127, 0, 0, 2]);
            let looks = || [Some(ip), None, Some(other)].map(|ip| is_listening(own, ip, port));
            assert_eq!(
                looks().map(Result::ok),
                [Some(true), Some(true), Some(false)]
            );
            drop(listener);
            assert_eq!(is_listening(own, Some(ip), port).ok(), Some(false));
        }
        assert!(is_listening(i32::MAX, None, 1).is_err(), "nobody's process");
    }

    #[test]
    fn what_follows_the_first_connection_is_not_read() {
        let list = "  sl  local_address rem_address   st tx_queue rx_queue\n   \
                    0: 0100007F:1F90 00000000:0000 0A 00000000:00000000\n   \
                    1: 0100007F:1F91 0100007F:1F90 01 00000000:00000000\n   \
                    2: 0100007F:1F92 00000000:0000 0A 00000000:00000000\n";
        let port = |wanted: u16| any(list.as_bytes(), &|found: SocketAddr| found.port() == wanted);
        let found = [8080, 8081, 8082].map(|wanted| port(wanted).expect("read"));
        assert_eq!(found, [true, false, false]);
    }
}
