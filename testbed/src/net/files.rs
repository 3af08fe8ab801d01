//! A host's files, reached from outside.
//!
//! The way leads through `/proc/<keeper>/root`. An absolute symbolic link there (`/var/run` → `/run`) would lead the
//! plain file functions back to the real root, so every path is resolved by the kernel inside the host's root.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::stat::Mode;
use nix::unistd::Pid;

pub(super) fn read(keeper: Pid, path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(keeper, path, OFlag::O_RDONLY)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

pub(super) fn write(keeper: Pid, path: &Path, bytes: &[u8]) -> io::Result<()> {
    open(
        keeper,
        path,
        OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC,
    )?
    .write_all(bytes)
}

fn open(keeper: Pid, path: &Path, flags: OFlag) -> io::Result<File> {
    let root = File::open(format!("/proc/{keeper}/root"))?;
    let mode = if flags.contains(OFlag::O_CREAT) {
        Mode::from_bits_truncate(0o644)
    } else {
        Mode::empty()
    };
    let how = OpenHow::new()
        .flags(flags | OFlag::O_CLOEXEC)
        .mode(mode)
        .resolve(ResolveFlag::RESOLVE_IN_ROOT);
    Ok(File::from(openat2(&root, path, how)?))
}
