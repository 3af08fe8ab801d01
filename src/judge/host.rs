//! The agent's machine, as far as a configuration speaks of it.

use std::fmt;
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use crate::os::files::{self, Unread};

/// What must be known of the machine that the agent runs on. Nothing of it is changed.
pub trait Host: fmt::Debug {
    /// A file's content.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// All files below a directory.
    fn files_below(&self, directory: &Path) -> io::Result<Vec<PathBuf>>;
    /// Whether there is a directory, or something else.
    fn is_dir(&self, path: &Path) -> Option<bool>;
    /// Whether that directory can be written to.
    fn can_write(&self, directory: &Path) -> bool;
    /// Whether somebody could listen there over TCP; port 0 asks for the address alone.
    fn can_listen(&self, on: SocketAddr) -> io::Result<()>;
}

/// This machine.
#[derive(Debug, Clone, Copy)]
pub struct Machine;

impl Host for Machine {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        read_regular(path)
    }

    fn files_below(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            // As Consul's walk has it: a link to a directory is not followed.
            if entry.file_type()?.is_dir() {
                found.extend(self.files_below(&entry.path())?);
            } else {
                found.push(entry.path());
            }
        }
        Ok(found)
    }

    fn is_dir(&self, path: &Path) -> Option<bool> {
        Some(fs::metadata(path).ok()?.is_dir())
    }

    fn can_write(&self, directory: &Path) -> bool {
        access(directory, AccessFlags::W_OK | AccessFlags::X_OK).is_ok()
    }

    fn can_listen(&self, on: SocketAddr) -> io::Result<()> {
        TcpListener::bind(on).map(drop)
    }
}

/// What a file holds, if it is one: whoever opens a pipe waits for its other end, as the agent would.
pub(super) fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    files::read_regular(path, u64::MAX).map_err(|error| match error {
        Unread::Io(error) => error,
        other => io::Error::other(other),
    })
}
