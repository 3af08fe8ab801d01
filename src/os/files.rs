//! Files that are written whole or not at all; and those that are read whatever somebody has put in their place.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use nix::unistd::{Gid, Uid};

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    /// There is something else in its place.
    #[error("it is no regular file")]
    Irregular,
    /// It is not what it should be.
    #[error("it is larger than {0} bytes")]
    TooLarge(u64),
    /// It is not there, or cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What a regular file holds: whoever opens a pipe waits for its other end, and some devices never end. `limit` is in bytes.
///
/// # Errors
/// It is no regular file, is larger than that, is not there or cannot be read.
pub fn read_regular(path: &Path, limit: u64) -> Result<Vec<u8>, Unread> {
    let regular = |about: fs::Metadata| match about.is_file() {
        true => Ok(()),
        false => Err(Unread::Irregular),
    };
    // Opening alone may move a device; and what is there may be another thing by the time it is opened.
    regular(fs::metadata(path)?)?;
    let flags = nix::libc::O_NONBLOCK | nix::libc::O_NOCTTY;
    let mut open = OpenOptions::new();
    let file = open.read(true).custom_flags(flags).open(path)?;
    regular(file.metadata()?)?;
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > limit {
        true => Err(Unread::TooLarge(limit)),
        false => Ok(bytes),
    }
}

/// Writes `bytes` to `path` atomically: a reader, or a crash, sees the old file or the new one.
///
/// The temporary file ends in `.tmp`: Consul loads hidden files too, but none with that ending.
pub fn write_atomically(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    write(path, bytes, mode, None).map(drop)
}

/// The same, for whom the directory is, whose program may not run as root. Where root may not give files away, it is written all the
/// same, and why is returned. Whoever is not root runs no program of another user's, and writes for himself.
pub fn write_for_owner(path: &Path, bytes: &[u8], mode: u32) -> io::Result<Option<io::Error>> {
    write(path, bytes, mode, others(path)?)
}

/// Makes a directory and all above it, each for whom the one above it is, as far as it can be given away.
pub fn create_dir_for_owner(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(above) = path.parent().filter(|it| !it.as_os_str().is_empty()) {
        create_dir_for_owner(above)?;
    }
    fs::create_dir(path)?;
    if let Some((user, group)) = others(path)? {
        // Whoever has the directory above may have put a link in the place of this one by now.
        let flags = nix::libc::O_DIRECTORY | nix::libc::O_NOFOLLOW;
        let made = OpenOptions::new()
            .read(true)
            .custom_flags(flags)
            .open(path)?;
        // Whoever cannot use it says so.
        let _ = fchown(&made, Some(user), Some(group));
    }
    Ok(())
}

/// The user and the group of the directory that `path` is in, if we are root and they are not.
fn others(path: &Path) -> io::Result<Option<(u32, u32)>> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let about = fs::metadata(directory)?;
    let owner = (about.uid(), about.gid());
    let own = (Uid::effective().as_raw(), Gid::effective().as_raw());
    Ok(Some(owner).filter(|owner| Uid::effective().is_root() && *owner != own))
}

fn write(
    path: &Path,
    bytes: &[u8],
    mode: u32,
    owner: Option<(u32, u32)>,
) -> io::Result<Option<io::Error>> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = write_new(&temporary, bytes, mode, owner).and_then(|refused| {
        fs::rename(&temporary, path)?;
        Ok(refused)
    });
    if written.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(&temporary);
    }
    let refused = written?;
    // The rename itself lasts only once the directory is on disk.
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all()?,
        _ => {}
    }
    Ok(refused)
}

/// Writes a new file, and returns why it could not be given away.
fn write_new(
    path: &Path,
    bytes: &[u8],
    mode: u32,
    owner: Option<(u32, u32)>,
) -> io::Result<Option<io::Error>> {
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
    // The mode above was cut by the umask. What is another's already may be nobody's to change any more.
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))?;
    let refused = owner.and_then(|(user, group)| fchown(&file, Some(user), Some(group)).err());
    file.sync_all()?;
    Ok(refused)
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
