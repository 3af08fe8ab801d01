//! Somebody who follows a stop, and what he is sent: a line for each thing that happens, the exit last.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::sync::mpsc;

use crate::admin::wire::Progress;
use crate::os::peer::Peer;

/// So many lines wait for a follower who does not read them.
const ROOM: usize = 64;

/// Somebody who follows a stop. He can never hold it up: what finds no room on its way to him is dropped.
#[derive(Debug)]
pub struct Follower {
    lines: mpsc::Sender<Bytes>,
    process: Option<Peer>,
}

/// What is under way to a follower: the body of his answer.
#[derive(Debug)]
pub struct Lines(mpsc::Receiver<Bytes>);

impl Follower {
    /// A follower and the body of his answer. `process` is his, where it is known.
    pub fn new(process: Option<Peer>) -> (Self, Lines) {
        let (lines, body) = mpsc::channel(ROOM);
        (Self { lines, process }, Lines(body))
    }

    /// His process, once.
    pub fn take_process(&mut self) -> Option<Peer> {
        self.process.take()
    }

    /// Sends what happens. Whether he is still there.
    pub fn tell(&self, progress: &Progress) -> bool {
        // The last place is kept for the exit.
        if self.lines.capacity() > 1 {
            self.send(progress);
        }
        !self.lines.is_closed()
    }

    /// Sends the exit, behind which nothing comes.
    pub fn end(self, exit: &Progress) {
        self.send(exit);
    }

    fn send(&self, progress: &Progress) {
        // He may have gone, or does not read.
        let _ = self.lines.try_send(progress.line().into());
    }
}

impl Body for Lines {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let line = self.0.poll_recv(context);
        line.map(|line| line.map(|line| Ok(Frame::data(line))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_does_not_read_still_gets_the_exit_and_who_has_gone_is_known() {
        let (follower, mut lines) = Follower::new(None);
        let told = Progress::Told {
            level: "info".to_owned(),
            text: "on and on".to_owned(),
        };
        let exit = Progress::Exit {
            code: 0,
            reason: String::new(),
        };
        for _ in 0..2 * ROOM {
            assert!(follower.tell(&told));
        }
        follower.end(&exit);
        let mut last = None;
        while let Ok(line) = lines.0.try_recv() {
            last = Some(line);
        }
        assert_eq!(last, Some(Bytes::from(exit.line())));

        let (follower, lines) = Follower::new(None);
        drop(lines);
        assert!(!follower.tell(&told));
    }
}
