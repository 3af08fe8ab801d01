//! A short-lived program, from its start to its end, for the ordinary subcommands. A supervisor, which must not wait, spawns instead.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::core::event::How;
use crate::os::reap;

/// What a program has said, and how it ended.
#[derive(Debug)]
pub struct Output {
    /// How it ended; `None` where the kernel keeps that to itself, since lictor was started with SIGCHLD ignored.
    pub how: Option<How>,
    /// Its stdout and stderr, in order.
    pub text: String,
}

/// Runs a program with nothing to read, and waits for its end.
pub fn run(program: &Path, arguments: &[OsString]) -> io::Result<Output> {
    let (mut reader, writer) = io::pipe()?;
    let mut command = Command::new(program);
    command
        .args(arguments.iter().map(OsString::as_os_str).map(OsStr::new))
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer);
    let child = command.spawn()?;
    // It holds the pipe's other end, which would never be closed.
    drop(command);
    let mut bytes = Vec::new();
    let read = reader.read_to_end(&mut bytes);
    let how = reap::end_of(child.id().cast_signed());
    read?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(Output { how, text })
}
