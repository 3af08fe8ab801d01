//! Files that are written whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use nix::unistd::{Gid, Uid};

/// Writes `bytes` to `path` atomically: a reader, or a crash, sees the old file or the new one.
///
/// The temporary file ends in `.tmp`: Consul loads hidden files too, but none with that ending.
pub fn write_atomically(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    write_for(path, bytes, mode, None)
}

/// The same, for that user and group, where one is given: only root can write for others.
pub fn write_for(
    path: &Path,
    bytes: &[u8],
    mode: u32,
    owner: Option<(u32, u32)>,
) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let written =
        write_new(&temporary, bytes, mode, owner).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(&temporary);
    }
    written?;
    // The rename itself lasts only once the directory is on disk.
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => Ok(()),
    }
}

fn write_new(path: &Path, bytes: &[u8], mode: u32, owner: Option<(u32, u32)>) -> io::Result<()> {
    // A file of a dead process with our number may be in the way.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)?;
    file.write_all(bytes)?;
    let own = (Uid::effective().as_raw(), Gid::effective().as_raw());
    if let Some((user, group)) = owner.filter(|owner| *owner != own) {
        fchown(&file, Some(user), Some(group))?;
    }
    // The mode above was cut by the umask.
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))?;
    file.sync_all()
}

/// A file that may hold a secret, for a program that soon reads it. It goes with this.
#[derive(Debug)]
pub struct Passing(PathBuf);

impl Passing {
    /// Writes it, for nobody else to read.
    ///
    /// # Errors
    /// It cannot be written, or is there already.
    pub fn write(path: PathBuf, text: &str) -> io::Result<Self> {
        let mut open = OpenOptions::new();
        let mut file = open.write(true).create_new(true).mode(0o600).open(&path)?;
        let passing = Self(path);
        file.write_all(text.as_bytes())?;
        Ok(passing)
    }

    /// Several, each under that path with a number and its ending.
    pub fn write_all(
        path: &Path,
        texts: impl IntoIterator<Item = (&'static str, String)>,
    ) -> io::Result<Vec<Self>> {
        let texts = texts.into_iter().enumerate();
        let write = |(number, (ending, text)): (usize, (&str, String))| {
            let mut path = path.to_owned().into_os_string();
            path.push(format!("-{number}.{ending}"));
            Self::write(path.into(), &text)
        };
        texts.map(write).collect()
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        // Its directory may have gone before it.
        let _ = fs::remove_file(&self.0);
    }
}
