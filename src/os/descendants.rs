//! The processes below lictor, and signals to all of them.
//!
//! They are found by who is whose parent. A signal to "all processes" (`kill(-1)`) would be one to those of the host where lictor
//! shares its PID namespace, and whoever was started in a container from outside is not ours to end either.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};

use nix::libc;

use crate::os::process::kill;

/// Nobody is as far below as this; a loop would mean that numbers were used anew while they were read.
const DEPTH: u32 = 1000;

/// `/proc` is not this PID namespace's, so its numbers are not those that a signal needs.
#[derive(Debug)]
struct ForeignProc;

impl fmt::Display for ForeignProc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("/proc is not there, or shows another PID namespace")
    }
}

impl std::error::Error for ForeignProc {}

/// Sends `signal` to each process below lictor, and SIGCONT behind it, and returns how many there were.
///
/// Who was born while this looked may be missed, and whoever sends SIGKILL does so again.
pub fn signal_all(signal: i32) -> io::Result<u32> {
    let own = std::process::id();
    let shown = fs::read_link("/proc/self").ok();
    if shown.and_then(|link| link.to_str()?.parse().ok()) != Some(own) {
        return Err(io::Error::other(ForeignProc));
    }
    let mut reached = 0;
    for entry in fs::read_dir("/proc")? {
        // A process that is gone by now has nothing to be read.
        let pid = entry
            .ok()
            .and_then(|entry| entry.file_name().to_str()?.parse().ok());
        let Some(pid) = pid.filter(|pid| is_below(*pid, own)) else {
            continue;
        };
        let pid = pid.cast_signed();
        // Gone by now, or another user's.
        if kill(pid, signal).is_ok() {
            reached += 1;
            let _ = kill(pid, libc::SIGCONT);
        }
    }
    Ok(reached)
}

/// Whether `pid` has lictor among its ancestors.
fn is_below(mut pid: u32, own: u32) -> bool {
    for _ in 0..DEPTH {
        match parent(pid) {
            Some(parent) if parent == own => return true,
            Some(parent) if parent > 0 => pid = parent,
            _ => return false,
        }
    }
    false
}

/// Reads the number of a process's parent. Allocates nothing.
fn parent(pid: u32) -> Option<u32> {
    let mut path = [0_u8; 24];
    io::Write::write_fmt(&mut &mut path[..], format_args!("/proc/{pid}/stat")).ok()?;
    let path = std::str::from_utf8(&path).ok()?.trim_end_matches('\0');
    let mut stat = [0_u8; 512];
    let length = File::open(path).ok()?.read(&mut stat).ok()?;
    parent_in(&stat[..length])
}

/// The fourth field. The second one is a name in parentheses, which may hold anything, also what is no text.
fn parent_in(stat: &[u8]) -> Option<u32> {
    let name_end = stat.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(&stat[name_end + 1..]).ok()?;
    rest.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_is_read_whatever_the_name() {
        assert_eq!(parent_in(b"12 (a) S 7 12 12 0 -1"), Some(7));
        assert_eq!(parent_in(b"12 (a) R 1 (b)) Z 4 12 12"), Some(4));
        assert_eq!(parent_in(b"12 (\xff\xc3) S 7 12"), Some(7));
        assert_eq!(parent_in(b"12 (a"), None);
        let own = std::process::id();
        assert_eq!(parent(own), Some(std::os::unix::process::parent_id()));
        assert!(is_below(own, std::os::unix::process::parent_id()));
        assert!(!is_below(1, own));
    }
}
