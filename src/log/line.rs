//! One line of a plain init's log, written without a runtime or a subscriber, and where there is no memory to be had.

use std::fmt::{self, Write};
use std::time::Duration;

use crate::core::action::Level;
use crate::os::patient::{STDERR, STDOUT};

/// A reader who does not read holds an init up for this long, once.
const PATIENCE: Duration = Duration::from_millis(10);

/// Whose manner of speaking a plain init has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// lictor's own.
    Lictor,
    /// tini's: what is no warning goes to stdout.
    Tini,
    /// dumb-init's.
    DumbInit,
}

/// How a plain init speaks, and how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Voice {
    /// In whose manner.
    pub style: Style,
    /// What is said at most.
    pub most: Level,
}

impl Voice {
    /// Whether a line of this level is wanted.
    pub fn says(&self, level: Level) -> bool {
        level <= self.most
    }

    /// Writes a line, if its level is wanted. What cannot be written is dropped: it is no reason for anything.
    pub fn say(&self, level: Level, text: impl fmt::Display) {
        if !self.says(level) {
            return;
        }
        let mut line = Line::default();
        let pid = std::process::id();
        // A line that is too long is cut, which is what the error says.
        let _ = match (self.style, level) {
            (Style::Lictor, _) => write!(line, "lictor: {text}"),
            (Style::DumbInit, _) => write!(line, "[dumb-init] {text}"),
            (Style::Tini, Level::Error) => write!(line, "[FATAL tini ({pid})] {text}"),
            (Style::Tini, Level::Warn) => write!(line, "[WARN  tini ({pid})] {text}"),
            (Style::Tini, Level::Info) => write!(line, "[INFO  tini ({pid})] {text}"),
            (Style::Tini, Level::Debug) => write!(line, "[DEBUG tini ({pid})] {text}"),
        };
        let stream = match (self.style, level) {
            (Style::Tini, Level::Info | Level::Debug) => &STDOUT,
            _ => &STDERR,
        };
        let _ = stream.write(line.ended(), PATIENCE);
    }
}

/// Text in a place of fixed size.
struct Line {
    bytes: [u8; 1024],
    length: usize,
}

impl Default for Line {
    fn default() -> Self {
        Self {
            bytes: [0; 1024],
            length: 0,
        }
    }
}

impl Line {
    /// The text with the end of its line.
    fn ended(&mut self) -> &[u8] {
        let end = self.length.min(self.bytes.len() - 1);
        self.bytes[end] = b'\n';
        &self.bytes[..=end]
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = &mut self.bytes[self.length..];
        let taken = text.len().min(room.len());
        room[..taken].copy_from_slice(&text.as_bytes()[..taken]);
        self.length += taken;
        if taken == text.len() {
            Ok(())
        } else {
            Err(fmt::Error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_too_long_is_cut_and_is_still_a_line() {
        let mut line = Line::default();
        assert!(write!(line, "{}", "x".repeat(2000)).is_err());
        assert!(line.ended().ends_with(b"xx\n"));
        assert_eq!(line.ended().len(), 1024);
        let mut line = Line::default();
        write!(line, "short").expect("room");
        assert_eq!(line.ended(), b"short\n");
    }
}
