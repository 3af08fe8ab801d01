//! The kernel's own tables of links, addresses and routes, asked for by rtnetlink.
//!
//! A table is handed over message by message as it is read, so that a host with a million routes costs no memory. What is in a
//! message is for the caller to read.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use netlink_packet_core::{
    DoneBuffer, ErrorBuffer, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR,
    NLMSG_OVERRUN, NetlinkBuffer,
};
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, connect, recv, send,
    setsockopt, socket, sockopt,
};
use nix::sys::time::TimeVal;

/// The length of `struct nlmsghdr`.
const HEADER: usize = 16;
/// The kernel answers within the system call that asks; who comes between may be slow.
const PATIENCE: TimeVal = TimeVal::new(2, 0);
/// How often a table is read again that changed while it was read.
const TRIES: u32 = 5;

/// A table of the kernel's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// Links, which others call interfaces or devices.
    Links,
    /// Addresses of both families.
    Addresses,
    /// Routes of all families and tables.
    Routes,
}

impl Table {
    /// The type of the question, and the length of the fixed part of each message.
    fn wire(self) -> (u16, usize) {
        match self {
            Self::Links => (libc::RTM_GETLINK, 16),
            Self::Addresses => (libc::RTM_GETADDR, 8),
            Self::Routes => (libc::RTM_GETROUTE, 12),
        }
    }
}

/// A socket on which the kernel answers.
#[derive(Debug)]
pub struct Netlink {
    socket: OwnedFd,
    sequence: u32,
}

impl Netlink {
    /// Opens one.
    ///
    /// # Errors
    /// The kernel, or a filter of system calls, refuses: EPERM, EACCES or EAFNOSUPPORT.
    pub fn open() -> io::Result<Self> {
        let socket = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkRoute,
        )?;
        setsockopt(&socket, sockopt::ReceiveTimeout, &PATIENCE)?;
        // What is connected to the kernel hears of nobody else.
        connect(socket.as_raw_fd(), &NetlinkAddr::new(0, 0))?;
        Ok(Self {
            socket,
            sequence: 0,
        })
    }

    /// Reads a whole table; `parse` gets each message without its header, and leaves out what it returns `None` for.
    ///
    /// A table that changes all the time is taken as it was read at last: the kernel tells of each change besides.
    ///
    /// # Errors
    /// The kernel refuses, or does not answer within 2 s.
    pub fn read<T>(
        &mut self,
        table: Table,
        parse: impl Fn(&[u8]) -> Option<T>,
    ) -> io::Result<Vec<T>> {
        let mut entries = Vec::new();
        for _ in 0..TRIES {
            entries.clear();
            self.ask(table)?;
            if self.answers(table, &mut |message| entries.extend(parse(message)))? {
                break;
            }
        }
        Ok(entries)
    }

    fn ask(&mut self, table: Table) -> io::Result<()> {
        let (kind, fixed) = table.wire();
        self.sequence += 1;
        let mut bytes = vec![0; HEADER + fixed];
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let mut message = NetlinkBuffer::new(&mut bytes);
        message.set_length(length);
        message.set_message_type(kind);
        message.set_flags(NLM_F_REQUEST | NLM_F_DUMP);
        message.set_sequence_number(self.sequence);
        send(self.socket.as_raw_fd(), &bytes, MsgFlags::empty())?;
        Ok(())
    }

    /// Hands each entry to `each`. Whether nothing changed meanwhile.
    fn answers(&mut self, table: Table, each: &mut dyn FnMut(&[u8])) -> io::Result<bool> {
        let mut steady = true;
        let mut buffer = Vec::new();
        loop {
            self.receive(&mut buffer)?;
            let mut rest = buffer.as_slice();
            while !rest.is_empty() {
                let message = NetlinkBuffer::new_checked(rest).map_err(io::Error::other)?;
                let length = message.length() as usize;
                // An answer to an earlier question, given up on.
                if message.sequence_number() == self.sequence {
                    steady &= message.flags() & NLM_F_DUMP_INTR == 0;
                    if ends(&message)? {
                        return Ok(steady);
                    }
                    // What is told has the number of the question less two: NEWLINK is 16, GETLINK 18.
                    if message.message_type() == table.wire().0 - 2 {
                        each(message.payload());
                    }
                }
                rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
            }
        }
    }

    /// Receives one datagram, whole: its length is asked for first.
    fn receive(&self, buffer: &mut Vec<u8>) -> io::Result<()> {
        let receive = |buffer: &mut [u8], flags| {
            loop {
                match recv(self.socket.as_raw_fd(), buffer, flags) {
                    Err(Errno::EINTR) => {}
                    Err(Errno::EAGAIN) => {
                        let late = "the kernel did not answer within 2 s";
                        return Err(io::Error::new(io::ErrorKind::TimedOut, late));
                    }
                    outcome => return Ok(outcome?),
                }
            }
        };
        let length = receive(&mut [], MsgFlags::MSG_PEEK | MsgFlags::MSG_TRUNC)?;
        buffer.resize(length, 0);
        let received = receive(buffer, MsgFlags::empty())?;
        buffer.truncate(received);
        Ok(())
    }
}

/// Whether a message is the last one.
fn ends(message: &NetlinkBuffer<&[u8]>) -> io::Result<bool> {
    let code = match message.message_type() {
        NLMSG_DONE => DoneBuffer::new_checked(message.payload()).map_or(0, |done| done.code()),
        NLMSG_ERROR => ErrorBuffer::new_checked(message.payload())
            .map_err(io::Error::other)?
            .code()
            .map_or(0, i32::from),
        NLMSG_OVERRUN => -(Errno::ENOBUFS as i32),
        _ => return Ok(false),
    };
    if code < 0 {
        return Err(io::Error::from_raw_os_error(-code));
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_read_whole_and_one_after_the_other() {
        let mut netlink = Netlink::open().expect("a socket");
        for _ in 0..2 {
            let links = netlink.read(Table::Links, |message| Some(message.len()));
            assert!(links.expect("links").iter().all(|length| *length > 16));
            let addresses = netlink.read(Table::Addresses, |message| Some(message[0]));
            let addresses = addresses.expect("addresses");
            assert!(addresses.contains(&2), "{addresses:?}");
        }
    }
}
