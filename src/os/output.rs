//! The agent's output: passed on unchanged, its end remembered for the reason of a failure.
//!
//! One thread copies, so that a reader who has stopped reading lictor's output holds up nothing: the loop goes on, and the
//! agent's pipe stays drained. Lines for which there was no room within a second are dropped.

use std::collections::VecDeque;
use std::io::{self, PipeReader, PipeWriter, Read};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use crate::os::patient::{STDERR, STDOUT, Stream};
use crate::os::signals::block_in_thread;

/// How much of the end is remembered, in bytes.
const REMEMBERED: usize = 4096;
/// How many lines of it are told at most.
const TOLD_LINES: usize = 5;

/// How much of what follows a word is kept, in bytes.
const FOLLOWS: usize = 2048;

/// The output of one run of the agent.
#[derive(Debug)]
pub struct Output {
    end: Arc<Mutex<VecDeque<u8>>>,
    copying: Copying,
    heard: [Arc<Heard>; WORDS],
}

/// How many words are listened for.
pub const WORDS: usize = 9;

/// A word that is listened for, each time that it was said.
#[derive(Debug, Default)]
pub struct Heard {
    news: Notify,
    follows: Mutex<Vec<u8>>,
}

impl Heard {
    /// Waits until it is said, and returns what follows it: the rest of its line, and what else came with that.
    pub async fn next(&self) -> String {
        self.news.notified().await;
        let follows = self.follows.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&follows).into_owned()
    }
}

/// Whether the output of a run is still being passed on.
#[derive(Debug, Clone)]
pub struct Copying(watch::Receiver<()>);

impl Copying {
    /// Waits until both streams have ended, but no longer than `limit`: somebody may hold them for ever.
    pub async fn ended(mut self, limit: Duration) {
        // Nothing is ever sent: it is closed when the copying thread ends.
        let _ = timeout(limit, self.0.changed()).await;
    }
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
    /// Makes the pipes for a run of the agent, and starts passing on what comes out of them. Listens for words meanwhile.
    ///
    /// # Errors
    /// There is no descriptor or no thread left. The agent should then write to lictor's own streams.
    pub fn pass_on(listens_for: [&'static str; WORDS]) -> io::Result<(Self, Pipes)> {
        let (from_stdout, stdout) = io::pipe()?;
        let (from_stderr, stderr) = io::pipe()?;
        let end = Arc::new(Mutex::new(VecDeque::with_capacity(REMEMBERED)));
        let (copies, copying) = watch::channel(());
        // Not poll(2), which fails where fewer descriptors are allowed than it is asked about.
        let ready = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        for (pipe, number) in [(&from_stdout, 0), (&from_stderr, 1)] {
            ready.add(pipe, EpollEvent::new(EpollFlags::EPOLLIN, number))?;
        }
        let streams = [(from_stdout, &STDOUT), (from_stderr, &STDERR)];
        let remembered = Arc::clone(&end);
        let heard = listens_for.map(|_| Arc::new(Heard::default()));
        let ears = || std::array::from_fn(|word| Ear::new(listens_for[word], &heard[word]));
        let ears = [ears(), ears()];
        thread::Builder::new()
            .name("output".to_owned())
            .stack_size(64 * 1024)
            .spawn(move || {
                let _ = block_in_thread();
                copy(streams, ears, &remembered, &ready);
                drop(copies);
            })?;
        // glibc keeps the signals 32 and 33 for threads, and lets the first one and its creator take them. Whoever sends them to
        // lictor means the agent.
        let _ = block_in_thread();
        let output = Self {
            end,
            copying: Copying(copying),
            heard,
        };
        Ok((output, Pipes { stdout, stderr }))
    }

    /// The words that are listened for, in the order in which they were given.
    pub fn heard(&self) -> [Arc<Heard>; WORDS] {
        self.heard.clone()
    }

    /// For whoever waits for the end of it.
    pub fn copying(&self) -> Copying {
        self.copying.clone()
    }

    /// The end of it, so far.
    pub fn tail(&self) -> String {
        let bytes: Vec<u8> = self
            .end
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .copied()
            .collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// How long the agent's lines may wait for a reader.
const PATIENCE: Duration = Duration::from_secs(1);

fn copy(
    streams: [(PipeReader, &'static Stream); 2],
    mut ears: [[Ear; WORDS]; 2],
    end: &Mutex<VecDeque<u8>>,
    ready: &Epoll,
) {
    let mut streams = streams.map(Some);
    let mut buffer = [0_u8; 8192];
    while streams.iter().any(Option::is_some) {
        let mut events = [EpollEvent::empty(); 2];
        // Nothing but a stop of lictor interrupts it, and it has no other error.
        let count = ready.wait(&mut events, EpollTimeout::NONE).unwrap_or(0);
        for event in &events[..count] {
            let number = usize::try_from(event.data()).unwrap_or(usize::MAX);
            let (Some(stream), Some(ears)) = (streams.get_mut(number), ears.get_mut(number)) else {
                continue;
            };
            let Some((pipe, target)) = stream else {
                continue;
            };
            match pipe.read(&mut buffer) {
                Ok(0) => *stream = None,
                Ok(n) => {
                    remember(end, &buffer[..n]);
                    ears.iter_mut().for_each(|ear| ear.hear(&buffer[..n]));
                    // A closed stdout, or a full disk behind it, must not stop the agent.
                    let _ = target.write(&buffer[..n], PATIENCE);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => *stream = None,
            }
        }
    }
}

/// Listens for a word on one stream.
struct Ear {
    word: &'static [u8],
    /// The end of what was heard before, in which the word may have begun, or its line.
    before: Vec<u8>,
    heard: Arc<Heard>,
}

impl Ear {
    fn new(word: &'static str, heard: &Arc<Heard>) -> Self {
        Self {
            word: word.as_bytes(),
            before: Vec::new(),
            heard: Arc::clone(heard),
        }
    }

    fn hear(&mut self, bytes: &[u8]) {
        self.before.extend_from_slice(bytes);
        let mut words = self.before.windows(self.word.len());
        if let Some(at) = words.position(|part| part == self.word) {
            let follows = &self.before[at + self.word.len()..];
            if !follows.contains(&b'\n') && follows.len() < FOLLOWS {
                // The rest of the line comes later.
                return;
            }
            let follows = follows[..follows.len().min(FOLLOWS)].to_vec();
            let kept = self.heard.follows.lock();
            *kept.unwrap_or_else(PoisonError::into_inner) = follows;
            self.heard.news.notify_one();
        }
        let keep = self.before.len().min(self.word.len() - 1);
        self.before.drain(..self.before.len() - keep);
        self.before.shrink_to(256);
    }
}

fn remember(end: &Mutex<VecDeque<u8>>, bytes: &[u8]) {
    let mut end = end.lock().unwrap_or_else(PoisonError::into_inner);
    let bytes = &bytes[bytes.len().saturating_sub(REMEMBERED)..];
    let excess = (end.len() + bytes.len()).saturating_sub(REMEMBERED);
    end.drain(..excess);
    end.extend(bytes);
}

/// The last lines of a text, on one line, separated by ` | `.
pub fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    lines[lines.len().saturating_sub(TOLD_LINES)..].join(" | ")
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_word_is_heard_once_however_it_comes_in_pieces() {
        let heard = Arc::new(Heard::default());
        let mut ear = Ear::new("starting leave", &heard);
        let is_heard = || heard.next().now_or_never();
        for piece in ["client start", "ing le", "a", "ve: it", " says"] {
            ear.hear(piece.as_bytes());
            assert_eq!(is_heard(), None, "{piece}");
        }
        ear.hear(b" so\nand on");
        assert_eq!(is_heard().as_deref(), Some(": it says so\nand on"));
        ear.hear(b"nothing of the kind\n");
        assert_eq!(is_heard(), None);
    }

    #[tokio::test]
    async fn a_line_without_an_end_is_heard_all_the_same() {
        let heard = Arc::new(Heard::default());
        let mut ear = Ear::new("failed", &heard);
        ear.hear(b"failed");
        ear.hear(&[b'a'; FOLLOWS + 1]);
        let follows = heard.next().now_or_never().expect("heard");
        assert_eq!(follows.len(), FOLLOWS);
    }

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
