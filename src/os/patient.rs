//! Writing to stdout and stderr, whose reader may have stopped reading: with patience, and not for ever.
//!
//! A pipe that nobody empties would hold up whoever writes to it. What finds no room in time is dropped; until there is
//! room again nothing more is waited for.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// What a pipe in which there is room takes without blocking.
const PIECE: usize = 4096;

/// lictor's stdout.
pub static STDOUT: Stream = Stream::new(Which::Stdout);
/// lictor's stderr.
pub static STDERR: Stream = Stream::new(Which::Stderr);

#[derive(Debug, Clone, Copy)]
enum Which {
    Stdout,
    Stderr,
}

/// A stream that is written to by several threads.
#[derive(Debug)]
pub struct Stream {
    which: Which,
    /// The same pipe or terminal opened once more, so that it can be non-blocking for us without being so for everybody
    /// who shares it. Not to be had for a file (which never blocks), nor for another user's pipe.
    own: OnceLock<Option<File>>,
    /// Where there is no such thing: nobody may fill the room that another has just seen.
    one_at_a_time: Mutex<()>,
    stuck: AtomicBool,
}

impl Stream {
    const fn new(which: Which) -> Self {
        Self {
            which,
            own: OnceLock::new(),
            one_at_a_time: Mutex::new(()),
            stuck: AtomicBool::new(false),
        }
    }

    /// Writes all of it, or drops what finds no room within `patience`. A reader who has gone, or a full disk, is an error.
    pub fn write(&self, bytes: &[u8], patience: Duration) -> io::Result<()> {
        let own = self.own.get_or_init(|| match self.which {
            Which::Stdout => reopen(io::stdout().as_fd()),
            Which::Stderr => reopen(io::stderr().as_fd()),
        });
        match (own, self.which) {
            (Some(own), _) => self.write_at_once(own.as_fd(), bytes, patience),
            (None, Which::Stdout) => self.write_with_care(io::stdout().as_fd(), bytes, patience),
            (None, Which::Stderr) => self.write_with_care(io::stderr().as_fd(), bytes, patience),
        }
    }

    /// To what is non-blocking.
    fn write_at_once(
        &self,
        stream: BorrowedFd<'_>,
        mut bytes: &[u8],
        patience: Duration,
    ) -> io::Result<()> {
        while !bytes.is_empty() {
            match nix::unistd::write(stream, bytes) {
                Ok(written) => {
                    bytes = &bytes[written..];
                    self.stuck.store(false, Ordering::Relaxed);
                }
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) if self.room(stream, patience)? => {}
                Err(Errno::EAGAIN) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// To what may block: only where there is room.
    fn write_with_care(
        &self,
        stream: BorrowedFd<'_>,
        bytes: &[u8],
        patience: Duration,
    ) -> io::Result<()> {
        for piece in bytes.chunks(PIECE) {
            let _alone = self
                .one_at_a_time
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if !self.room(stream, patience)? {
                return Ok(());
            }
            let mut rest = piece;
            while !rest.is_empty() {
                match nix::unistd::write(stream, rest) {
                    Ok(written) => rest = &rest[written..],
                    Err(Errno::EINTR) => {}
                    // Somebody who shares it has made it non-blocking.
                    Err(Errno::EAGAIN) => return Ok(()),
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }

    /// Waits for room, unless there was none the last time either.
    fn room(&self, stream: BorrowedFd<'_>, patience: Duration) -> io::Result<bool> {
        let stuck = self.stuck.load(Ordering::Relaxed);
        let limit = if stuck { Duration::ZERO } else { patience };
        let limit = PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX);
        let mut polled = [PollFd::new(stream, PollFlags::POLLOUT)];
        let room = match poll(&mut polled, limit) {
            Ok(ready) => ready > 0,
            // There are fewer descriptors left than one: whether there is room will show.
            Err(Errno::EINVAL) => true,
            Err(error) => return Err(error.into()),
        };
        self.stuck.store(!room, Ordering::Relaxed);
        Ok(room)
    }
}

/// Opens a pipe or a terminal of ours once more.
fn reopen(stream: BorrowedFd<'_>) -> Option<File> {
    let path = format!("/proc/self/fd/{}", stream.as_raw_fd());
    let kind = std::fs::metadata(&path).ok()?.file_type();
    if !(kind.is_fifo() || kind.is_char_device()) {
        return None;
    }
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    OpenOptions::new()
        .write(true)
        .custom_flags(flags.bits())
        .open(path)
        .ok()
}

/// lictor's own log: one line at a time to stderr. It is the loop itself that writes, so its patience is short; and a
/// line that cannot be written is no reason for anything.
#[derive(Debug, Clone, Copy)]
pub struct Log;

const LOGS_PATIENCE: Duration = Duration::from_millis(10);

impl Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let _ = STDERR.write(line, LOGS_PATIENCE);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{PipeReader, PipeWriter, Read};

    const SOON: Duration = Duration::from_millis(10);

    type Way = fn(&Stream, BorrowedFd<'_>, &[u8]) -> io::Result<()>;

    /// Both ways, each with a pipe of its own that suits it.
    fn ways() -> [(Way, (PipeReader, PipeWriter)); 2] {
        let blocking = io::pipe().expect("a pipe");
        let (reader, writer) = io::pipe().expect("a pipe");
        nix::fcntl::fcntl(&writer, nix::fcntl::FcntlArg::F_SETFL(OFlag::O_NONBLOCK))
            .expect("non-blocking");
        [
            (|s, to, bytes| s.write_with_care(to, bytes, SOON), blocking),
            (
                |s, to, bytes| s.write_at_once(to, bytes, SOON),
                (reader, writer),
            ),
        ]
    }

    #[test]
    fn a_full_pipe_costs_one_wait_and_is_used_again_once_it_is_read() {
        for (write, (mut reader, writer)) in ways() {
            let stream = Stream::new(Which::Stderr);
            let megabyte = vec![b'x'; 1 << 20];
            write(&stream, writer.as_fd(), &megabyte).expect("no error");
            assert!(stream.stuck.load(Ordering::Relaxed));
            let mut some = vec![0; 1 << 16];
            reader
                .read_exact(&mut some)
                .expect("what there was room for");
            write(&stream, writer.as_fd(), b"again").expect("no error");
            assert!(!stream.stuck.load(Ordering::Relaxed));
            drop(writer);
            let mut rest = String::new();
            reader.read_to_string(&mut rest).expect("read");
            assert!(rest.ends_with("again"), "{rest}");
        }
    }

    #[test]
    fn a_reader_who_has_gone_is_an_error() {
        for (write, (reader, writer)) in ways() {
            drop(reader);
            let stream = Stream::new(Which::Stderr);
            assert!(write(&stream, writer.as_fd(), b"x").is_err());
        }
    }
}
