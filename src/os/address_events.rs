//! The kernel's word that an address, a link or a default route has changed.
//!
//! Of other routes nothing is heard: on a router hundreds of them may change in a second, for ever, and none of them has a say in the
//! choice of an address. The kernel itself leaves them out, by a filter on the socket, so that they wake nobody.

use std::io;
use std::mem::size_of_val;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::libc::{self, sock_filter, sock_fprog};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, socket,
};
use tokio::io::unix::AsyncFd;

use crate::os::readable::{Readable, readable};

/// From linux/rtnetlink.h.
const LINKS: u32 = 0x1;
/// Addresses and routes.
const V4: u32 = 0x10 | 0x40;
const V6: u32 = 0x100 | 0x400;

/// A subscription to the kernel's address events.
#[derive(Debug)]
pub struct AddressEvents(AsyncFd<Readable<OwnedFd>>);

impl AddressEvents {
    /// Subscribes to what concerns either family. Needs a tokio runtime.
    pub fn subscribe() -> io::Result<Self> {
        Self::of(LINKS | V4 | V6)
    }

    /// Subscribes to what concerns one family: IPv6, or IPv4. Needs a tokio runtime.
    pub fn follow(v6: bool) -> io::Result<Self> {
        Self::of(LINKS | if v6 { V6 } else { V4 })
    }

    fn of(groups: u32) -> io::Result<Self> {
        let socket = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkRoute,
        )?;
        // Where that is refused, all that is heard is looked into, at most once a second.
        let _ = leave_routes_out(&socket);
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, groups))?;
        readable(socket).map(Self)
    }

    /// Waits until something has changed. What it was does not matter: whoever waits looks for himself.
    pub async fn changed(&mut self) -> io::Result<()> {
        let mut buffer = [0_u8; 8192];
        let mut ready = self.0.readable().await?;
        loop {
            match recv(
                ready.get_inner().as_raw_fd(),
                &mut buffer,
                MsgFlags::MSG_DONTWAIT,
            ) {
                // ENOBUFS: so much has changed that the kernel dropped some of it.
                Ok(_) | Err(nix::errno::Errno::ENOBUFS) => {}
                Err(nix::errno::Errno::EAGAIN) => {
                    ready.clear_ready();
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Has the kernel leave out what it tells of routes that are no default routes.
fn leave_routes_out(socket: &impl AsRawFd) -> io::Result<()> {
    // The program reads bytes in the network's order, and the kernel has written them in the host's.
    let of_type = |number: u16| u32::from(u16::from_be_bytes(number.to_ne_bytes()));
    // What is too short to be read is left out, too.
    let mut program = [
        // The type, behind the length.
        step(libc::BPF_LD | libc::BPF_H | libc::BPF_ABS, 0, 0, 4),
        step(JUMP, 1, 0, of_type(libc::RTM_NEWROUTE)),
        step(JUMP, 0, 2, of_type(libc::RTM_DELROUTE)),
        // The length of its destination's prefix, behind the header of 16 bytes and the family.
        step(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, 0, 0, 17),
        step(JUMP, 0, 1, 0),
        step(libc::BPF_RET, 0, 0, u32::MAX),
        step(libc::BPF_RET, 0, 0, 0),
    ];
    let program = sock_fprog {
        len: u16::try_from(program.len()).unwrap_or_default(),
        filter: program.as_mut_ptr(),
    };
    let length = libc::socklen_t::try_from(size_of_val(&program)).unwrap_or_default();
    #[expect(unsafe_code, reason = "nix attaches no filter")]
    // SAFETY: the kernel copies the program, which lives until then, and writes nowhere.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            (&raw const program).cast(),
            length,
        )
    };
    nix::errno::Errno::result(result)?;
    Ok(())
}

/// On if it is that, or else, so many steps further.
const JUMP: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;

/// One step of a filter's program.
fn step(code: u32, jt: u8, jf: u8, k: u32) -> sock_filter {
    let code = u16::try_from(code).unwrap_or_default();
    sock_filter { code, jt, jf, k }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use super::*;

    /// A message with what follows its header, as the kernel tells it.
    fn message(kind: u16, body: [u8; 12]) -> Vec<u8> {
        let mut bytes = Vec::from(28_u32.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend([0; 10]);
        bytes.extend(body);
        bytes
    }

    #[test]
    fn of_routes_only_default_ones_are_heard() {
        let (kernel, socket) = UnixDatagram::pair().expect("a pair");
        leave_routes_out(&socket).expect("a filter");
        socket.set_nonblocking(true).expect("set");
        let hears = |kind: u16, prefix: u8| {
            let mut body = [0; 12];
            body[..2].copy_from_slice(&[2, prefix]);
            kernel.send(&message(kind, body)).expect("sent");
            socket.recv(&mut [0; 64]).is_ok()
        };
        for kind in [libc::RTM_NEWROUTE, libc::RTM_DELROUTE] {
            assert!(hears(kind, 0), "{kind}: a default route");
            assert!(!hears(kind, 24), "{kind}: another one");
            assert!(!hears(kind, 32), "{kind}: a host's");
        }
        let others = [
            libc::RTM_NEWADDR,
            libc::RTM_DELADDR,
            libc::RTM_NEWLINK,
            libc::RTM_DELLINK,
        ];
        for kind in others {
            assert!(hears(kind, 24), "{kind}");
        }
    }
}
