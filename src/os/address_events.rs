//! The kernel's word that an address, a link or a route has changed.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

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
