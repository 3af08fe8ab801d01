//! The agent's output: passed on unchanged, its end remembered for the reason of a failure.
//!
//! One thread copies, so that a reader who has stopped reading lictor's output holds up nothing: the loop goes on, and the
//! agent's pipe stays drained. Lines for which there was no room within a second are dropped.

use std::collections::VecDeque;
use std::io::{self, PipeReader, PipeWriter, Read};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::sync::oneshot;

use crate::os::patient::{STDERR, STDOUT, Stream};

/// How much of the end is remembered, in bytes.
const REMEMBERED: usize = 2048;
/// How many lines of it are told at most.
const TOLD_LINES: usize = 5;

/// The output of one run of the agent.
#[derive(Debug)]
pub struct Output {
    end: Arc<Mutex<VecDeque<u8>>>,
    /// Completed when both streams have ended.
    pub drained: Option<oneshot::Receiver<()>>,
}

/// The ends of the pipes that the agent writes to. They are closed here once it has them.
#[derive(Debug)]
pub struct Pipes {
    /// Its stdout.
    pub stdout: PipeWriter,
    /// Its stderr.
    pub stderr: PipeWriter,
}

impl Output {
    /// Makes the pipes for a run of the agent, and starts passing on what comes out of them.
    ///
    /// # Errors
    /// There is no descriptor or no thread left. The agent should then write to lictor's own streams.
    pub fn pass_on() -> io::Result<(Self, Pipes)> {
        let (from_stdout, stdout) = io::pipe()?;
        let (from_stderr, stderr) = io::pipe()?;
        let end = Arc::new(Mutex::new(VecDeque::with_capacity(REMEMBERED)));
        let (done, drained) = oneshot::channel();
        let streams = vec![(from_stdout, &STDOUT), (from_stderr, &STDERR)];
        let remembered = Arc::clone(&end);
        thread::Builder::new()
            .name("output".to_owned())
            .stack_size(64 * 1024)
            .spawn(move || {
                copy(streams, &remembered);
                // Nobody may be waiting any more, and that is fine.
                let _ = done.send(());
            })?;
        let output = Self {
            end,
            drained: Some(drained),
        };
        Ok((output, Pipes { stdout, stderr }))
    }

    /// The last lines so far, on one line, separated by ` | `.
    pub fn last_words(&self) -> String {
        let bytes: Vec<u8> = self
            .end
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .copied()
            .collect();
        last_lines(&String::from_utf8_lossy(&bytes))
    }
}

/// How long the agent's lines may wait for a reader.
const PATIENCE: Duration = Duration::from_secs(1);

fn copy(mut streams: Vec<(PipeReader, &'static Stream)>, end: &Mutex<VecDeque<u8>>) {
    let mut buffer = [0_u8; 8192];
    while !streams.is_empty() {
        let mut polled: Vec<PollFd<'_>> = streams
            .iter()
            .map(|(pipe, _)| PollFd::new(pipe.as_fd(), PollFlags::POLLIN))
            .collect();
        match poll(&mut polled, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return,
        }
        let readable: Vec<bool> = polled.iter().map(|fd| fd.any().unwrap_or(true)).collect();
        let mut readable = readable.into_iter();
        streams.retain_mut(|(pipe, target)| {
            if !readable.next().unwrap_or(false) {
                return true;
            }
            match pipe.read(&mut buffer) {
                Ok(0) => false,
                Ok(n) => {
                    remember(end, &buffer[..n]);
                    // A closed stdout, or a full disk behind it, must not stop the agent.
                    let _ = target.write(&buffer[..n], PATIENCE);
                    true
                }
                Err(error) => error.kind() == io::ErrorKind::Interrupted,
            }
        });
    }
}

fn remember(end: &Mutex<VecDeque<u8>>, bytes: &[u8]) {
    let mut end = end.lock().unwrap_or_else(PoisonError::into_inner);
    let bytes = &bytes[bytes.len().saturating_sub(REMEMBERED)..];
    let excess = (end.len() + bytes.len()).saturating_sub(REMEMBERED);
    end.drain(..excess);
    end.extend(bytes);
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    lines[lines.len().saturating_sub(TOLD_LINES)..].join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_is_remembered() {
        let end = Mutex::new(VecDeque::new());
        for n in 0..1000 {
            remember(&end, format!("line {n}\n").as_bytes());
        }
        let bytes: Vec<u8> = end.into_inner().expect("no panic").into();
        assert_eq!(bytes.len(), REMEMBERED);
        assert_eq!(
            last_lines(&String::from_utf8(bytes).expect("text")),
            "line 995 | line 996 | line 997 | line 998 | line 999"
        );
    }

    #[test]
    fn a_piece_longer_than_what_is_remembered_keeps_its_end() {
        let end = Mutex::new(VecDeque::new());
        remember(&end, &[b'a'; REMEMBERED + 1]);
        remember(&end, b"the end");
        let bytes: Vec<u8> = end.into_inner().expect("no panic").into();
        assert_eq!(bytes.len(), REMEMBERED);
        assert!(bytes.ends_with(b"the end"));
    }
}
