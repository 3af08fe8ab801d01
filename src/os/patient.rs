//! Writing to a stream whose reader may have stopped reading: with patience, and not for ever.
//!
//! A pipe that nobody empties would hold up whoever writes to it. What cannot be written in time is dropped; until there
//! is room again nothing more is waited for.

use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// POSIX's lower limit for what a pipe with room takes without blocking; Linux's is the same as this.
const PIECE: usize = 4096;

/// The patience with a stream. One for each stream and writer, kept.
#[derive(Debug)]
pub struct Patience {
    limit: Duration,
    stuck: AtomicBool,
}

impl Patience {
    /// Waits for room for at most `limit`.
    pub const fn new(limit: Duration) -> Self {
        Self {
            limit,
            stuck: AtomicBool::new(false),
        }
    }

    /// Writes all of it, or drops the rest. A reader who has gone, or a full disk, is an error.
    pub fn write(&self, stream: impl AsFd, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.chunks(PIECE) {
            let stuck = self.stuck.load(Ordering::Relaxed);
            let limit = if stuck { Duration::ZERO } else { self.limit };
            let room = has_room(stream.as_fd(), limit)?;
            self.stuck.store(!room, Ordering::Relaxed);
            if !room {
                return Ok(());
            }
            write_all(stream.as_fd(), piece)?;
        }
        Ok(())
    }
}

fn has_room(stream: BorrowedFd<'_>, limit: Duration) -> io::Result<bool> {
    let mut polled = [PollFd::new(stream, PollFlags::POLLOUT)];
    let limit = PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX);
    Ok(poll(&mut polled, limit)? > 0)
}

fn write_all(stream: BorrowedFd<'_>, mut piece: &[u8]) -> io::Result<()> {
    while !piece.is_empty() {
        let written = nix::unistd::write(stream, piece)?;
        piece = &piece[written..];
    }
    Ok(())
}

/// lictor's own log: one line at a time to stderr.
#[derive(Debug, Clone, Copy)]
pub struct Log;

/// Short, since it is the loop itself that waits.
static LOG: Patience = Patience::new(Duration::from_millis(200));

impl Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        LOG.write(io::stderr(), line)?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn a_full_pipe_costs_one_wait_and_is_used_again_once_it_is_read() {
        let (mut reader, writer) = io::pipe().expect("a pipe");
        let patience = Patience::new(Duration::from_millis(10));
        let megabyte = vec![b'x'; 1 << 20];
        patience.write(&writer, &megabyte).expect("no error");
        assert!(patience.stuck.load(Ordering::Relaxed));
        let mut some = vec![0; 1 << 16];
        reader
            .read_exact(&mut some)
            .expect("what there was room for");
        patience.write(&writer, b"again").expect("no error");
        assert!(!patience.stuck.load(Ordering::Relaxed));
        drop(writer);
        let mut rest = String::new();
        reader.read_to_string(&mut rest).expect("read");
        assert!(rest.ends_with("again"), "{rest}");
    }

    #[test]
    fn a_reader_who_has_gone_is_an_error() {
        let (reader, writer) = io::pipe().expect("a pipe");
        drop(reader);
        let patience = Patience::new(Duration::ZERO);
        assert!(patience.write(&writer, b"x").is_err());
    }
}
