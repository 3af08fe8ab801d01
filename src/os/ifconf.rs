//! IPv4 addresses by ioctl: the one way to them without a netlink socket, which getifaddrs(3) needs, too.

use std::io;
use std::mem::size_of;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::libc;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

/// An IPv4 address as the ioctls tell of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ipv4 {
    /// The label: the interface's name, or an alias (`eth0:1`).
    pub label: String,
    /// The address.
    pub ip: Ipv4Addr,
    /// Its network's mask.
    pub mask: Ipv4Addr,
    /// The other end's address; the own one where there is no other end.
    pub peer: Ipv4Addr,
}

/// All of them.
///
/// # Errors
/// The kernel refuses.
pub fn ipv4() -> io::Result<Vec<Ipv4>> {
    let socket = datagram()?;
    let mut found = Vec::new();
    for request in list(&socket)? {
        found.push(Ipv4 {
            label: label(&request),
            ip: address(&request),
            mask: address(&ask(&socket, libc::SIOCGIFNETMASK, request)?),
            peer: address(&ask(&socket, libc::SIOCGIFDSTADDR, request)?),
        });
    }
    Ok(found)
}

/// An interface's `IFF_*`, the lower 16.
///
/// # Errors
/// There is no such interface.
pub fn flags(name: &str) -> io::Result<u32> {
    let mut request = empty();
    for (to, from) in request
        .ifr_name
        .iter_mut()
        .take(libc::IFNAMSIZ - 1)
        .zip(name.bytes())
    {
        *to = libc::c_char::from_ne_bytes([from]);
    }
    let answer = ask(&datagram()?, libc::SIOCGIFFLAGS, request)?;
    #[expect(unsafe_code, reason = "a field of a union")]
    // SAFETY: SIOCGIFFLAGS fills in the flags.
    let flags = unsafe { answer.ifr_ifru.ifru_flags };
    Ok(u32::from(flags.cast_unsigned()))
}

fn datagram() -> io::Result<OwnedFd> {
    Ok(socket(
        AddressFamily::Inet,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        None,
    )?)
}

#[expect(
    unsafe_code,
    reason = "the C library's structure has no other beginning"
)]
fn empty() -> libc::ifreq {
    // SAFETY: an ifreq is bytes and integers, and zero is a value of each.
    unsafe { std::mem::zeroed() }
}

/// One request for each address, with its label and the address in it.
#[expect(unsafe_code, reason = "the kernel writes into a buffer of ours")]
fn list(socket: &OwnedFd) -> io::Result<Vec<libc::ifreq>> {
    let mut room = 64;
    loop {
        let mut requests = vec![empty(); room];
        let bytes = room * size_of::<libc::ifreq>();
        // SAFETY: as in `empty`; the pointer is that of the buffer above.
        let mut list: libc::ifconf = unsafe { std::mem::zeroed() };
        list.ifc_len = libc::c_int::try_from(bytes).map_err(io::Error::other)?;
        list.ifc_ifcu.ifcu_req = requests.as_mut_ptr();
        // SAFETY: the kernel writes at most ifc_len bytes to ifcu_req, which is as long, and changes ifc_len.
        if unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFCONF, &raw mut list) } < 0 {
            return Err(io::Error::last_os_error());
        }
        let filled = usize::try_from(list.ifc_len).unwrap_or(0) / size_of::<libc::ifreq>();
        // The kernel does not say what it had no room for.
        if filled < room {
            requests.truncate(filled);
            return Ok(requests);
        }
        room *= 2;
    }
}

/// Asks about the address that `request` names.
#[expect(unsafe_code, reason = "the kernel writes into a structure of ours")]
fn ask(socket: &OwnedFd, what: libc::Ioctl, mut request: libc::ifreq) -> io::Result<libc::ifreq> {
    // SAFETY: these requests read and write one ifreq.
    if unsafe { libc::ioctl(socket.as_raw_fd(), what, &raw mut request) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(request)
}

/// A C character is signed on some machines.
fn byte(c: libc::c_char) -> u8 {
    u8::from_ne_bytes(c.to_ne_bytes())
}

fn label(request: &libc::ifreq) -> String {
    let bytes = request.ifr_name.iter().map(|c| byte(*c));
    let name: Vec<u8> = bytes.take_while(|byte| *byte != 0).collect();
    String::from_utf8_lossy(&name).into_owned()
}

#[expect(unsafe_code, reason = "a field of a union")]
fn address(request: &libc::ifreq) -> Ipv4Addr {
    // SAFETY: every request that gets here was filled in with an address, of whatever family; it is bytes.
    let data = unsafe { request.ifr_ifru.ifru_addr.sa_data };
    // A port of two bytes comes before the address.
    let [_, _, a, b, c, d, ..] = data.map(byte);
    Ipv4Addr::new(a, b, c, d)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_listed_with_its_mask_and_flags() {
        let all = ipv4().expect("a list");
        let loopback = all.iter().find(|found| found.ip.is_loopback());
        let loopback = loopback.expect("loopback");
        assert_eq!(loopback.label, "lo");
        assert_eq!(loopback.mask, Ipv4Addr::new(255, 0, 0, 0));
        let flags = flags("lo").expect("flags");
        assert_ne!(flags & libc::IFF_LOOPBACK.cast_unsigned(), 0);
        assert!(super::flags("nosuch0").is_err());
    }
}
