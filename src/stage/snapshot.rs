//! All sources in memory, as they were at one moment.
//!
//! Nothing locks a configuration. So it is read twice, each file with its identity, until two readings in a row are the same: what
//! was so in the first and is so in the second was so between them, all of it at once. Within a reading each link is followed
//! once ([`Links`]), so that a volume that is swapped meanwhile gives the old or the new whole already there.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::stage::links::Links;
use crate::stage::names;
use crate::stage::sources::{Source, Sources};
use crate::stage::{Error, why};

/// The largest file that is taken, in bytes. What a Kubernetes volume holds is 1 MiB at most.
const LARGEST_FILE: u64 = 16 << 20;
/// What all files may have together, in bytes.
const LARGEST: u64 = 64 << 20;
/// How often it is read before it counts as never at rest.
const READINGS: u32 = 250;
/// Between two readings that differ.
const PAUSE: Duration = Duration::from_millis(8);

/// What the agent is to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// One for each source, in their order.
    pub contents: Vec<Contents>,
    /// What is in the sources and not here.
    pub left_out: Vec<LeftOut>,
}

/// What one source holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// Its path within a generation.
    pub place: PathBuf,
    /// Whether it is a directory, rather than the one file that it is.
    pub directory: bool,
    /// The files, in the order in which Consul loads them.
    pub files: Vec<Staged>,
}

/// One file.
#[derive(Clone, PartialEq, Eq)]
pub struct Staged {
    /// The user's path.
    pub path: PathBuf,
    /// Its path within a generation.
    pub place: PathBuf,
    /// What it holds. It may be secret: no log may show it.
    pub bytes: Vec<u8>,
    identity: Identity,
}

/// A file of a source that the agent does not get to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The user's path.
    pub path: PathBuf,
    /// Why, as in "a swap file of Vim".
    pub why: &'static str,
}

/// What changes with a file: device, inode, mode, size, and when content and inode were changed last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Identity([i64; 8]);

/// Why a reading broke off, and at what: a file of a volume that was swapped and removed meanwhile is missing by another path each
/// time, under the same name.
#[derive(Debug, PartialEq, Eq)]
struct Failure {
    error: Error,
    at: PathBuf,
}

/// One reading in progress.
#[derive(Default)]
struct Reading {
    links: Links,
    snapshot: Snapshot,
    size: u64,
}

impl Snapshot {
    /// Takes the sources as they are now, and waits for a moment of rest, at most two seconds.
    pub fn take(sources: &Sources) -> Result<Self, Error> {
        settle(|| read(sources), PAUSE)
    }

    /// All files, in the order in which Consul loads them.
    pub fn files(&self) -> impl Iterator<Item = &Staged> {
        self.contents.iter().flat_map(|contents| &contents.files)
    }
}

/// Reads until two readings in a row are the same.
fn settle(
    mut read: impl FnMut() -> Result<Snapshot, Failure>,
    pause: Duration,
) -> Result<Snapshot, Error> {
    let mut last = read();
    let mut restless = None;
    for _ in 0..READINGS {
        let next = read();
        let same = match (&last, &next) {
            // Files that are left out may come and go meanwhile.
            (Ok(before), Ok(after)) => before.contents == after.contents,
            (Err(before), Err(after)) => before == after,
            _ => false,
        };
        if same {
            return next.map_err(|failure| failure.error);
        }
        restless = changed(&last, &next);
        last = next;
        thread::sleep(pause);
    }
    Err(Error::NeverAtRest { path: restless })
}

/// A file that is not the same in both, where both are readings at all.
fn changed(
    before: &Result<Snapshot, Failure>,
    after: &Result<Snapshot, Failure>,
) -> Option<PathBuf> {
    let (Ok(before), Ok(after)) = (before, after) else {
        return None;
    };
    let mut pairs = before.files().zip(after.files());
    let pair = pairs.find(|(before, after)| before != after);
    pair.map(|(_, after)| after.path.clone())
}

fn read(sources: &Sources) -> Result<Snapshot, Failure> {
    let mut reading = Reading::default();
    for (number, source) in sources.list.iter().enumerate() {
        let place = source.place(number);
        match reading.source(source, place, sources.any_name) {
            Ok(contents) => reading.snapshot.contents.push(contents),
            Err(error) => {
                let at = reading.links.last;
                return Err(Failure { error, at });
            }
        }
    }
    Ok(reading.snapshot)
}

impl Reading {
    fn source(
        &mut self,
        source: &Source,
        place: PathBuf,
        any_name: bool,
    ) -> Result<Contents, Error> {
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => Error::Missing {
                option: source.option.clone(),
                path: source.path.clone(),
            },
            _ => Error::unreadable(&source.path, &error),
        };
        let reached = self.links.follow(&source.absolute).map_err(failed)?;
        let directory = fs::symlink_metadata(&reached).map_err(failed)?.is_dir();
        let files = match directory {
            true => self.directory(source, &reached, &place, any_name)?,
            // Whether the agent takes it under that name is for the agent to say, which finds it under the same.
            false => vec![self.file(&source.path, &reached, place.clone())?],
        };
        Ok(Contents {
            place,
            directory,
            files,
        })
    }

    /// The files of a directory that Consul would load, by its rules: not below subdirectories, sorted by name; a link counts as
    /// what it leads to, by its name too.
    fn directory(
        &mut self,
        source: &Source,
        reached: &Path,
        place: &Path,
        any_name: bool,
    ) -> Result<Vec<Staged>, Error> {
        let unreadable = |error: io::Error| Error::unreadable(&source.path, &error);
        let mut names: Vec<OsString> = fs::read_dir(reached)
            .map_err(unreadable)?
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect::<io::Result<_>>()
            .map_err(unreadable)?;
        names.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
        let mut files = Vec::new();
        let mut endings = Vec::new();
        for name in names {
            let path = source.path.join(&name);
            let mut leave_out = |why| {
                let path = path.clone();
                self.snapshot.left_out.push(LeftOut { path, why });
            };
            if let Some(why) = names::temporary(&name) {
                leave_out(why);
                continue;
            }
            let entry = reached.join(&name);
            let target = match self.links.follow(&entry) {
                Ok(target) => target,
                Err(_) if names::is_kubelets(&name) => continue,
                Err(error) => return Err(dangling(path, &entry, &error)),
            };
            let kind =
                fs::symlink_metadata(&target).map_err(|error| Error::unreadable(&path, &error))?;
            if kind.is_dir() {
                continue;
            }
            let ending = names::ending(target.file_name().unwrap_or_default());
            if ending.is_none() && !any_name {
                leave_out("Consul loads only what ends in .json or .hcl");
                continue;
            }
            let file = self.file(&path, &target, place.join(&name))?;
            if let Some(why) = names::foreign(&name, &file.bytes) {
                self.snapshot.left_out.push(LeftOut { path, why });
                continue;
            }
            files.push(file);
            endings.push(ending.filter(|_| !any_name));
        }
        rename(&mut files, &endings);
        Ok(files)
    }

    fn file(&mut self, path: &Path, reached: &Path, place: PathBuf) -> Result<Staged, Error> {
        let unreadable = |error: io::Error| Error::unreadable(path, &error);
        let irregular = |what: fs::FileType| Error::NotRegular {
            path: path.to_owned(),
            what: kind(what),
        };
        reached.clone_into(&mut self.links.last);
        // Whoever opens a pipe waits for its other end, and a device may be anything.
        let before = fs::symlink_metadata(reached)
            .map_err(unreadable)?
            .file_type();
        if !before.is_file() {
            return Err(irregular(before));
        }
        // In case it has become one since.
        let flags = nix::libc::O_NONBLOCK | nix::libc::O_NOFOLLOW | nix::libc::O_NOCTTY;
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(flags)
            .open(reached)
            .map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(irregular(metadata.file_type()));
        }
        let bytes = self.bytes(path, file)?;
        Ok(Staged {
            path: path.to_owned(),
            place,
            bytes,
            identity: Identity::of(&metadata),
        })
    }

    fn bytes(&mut self, path: &Path, file: File) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        file.take(LARGEST_FILE + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| Error::unreadable(path, &error))?;
        let size = bytes.len() as u64;
        self.size += size;
        let limit = match () {
            () if size > LARGEST_FILE => LARGEST_FILE,
            () if self.size > LARGEST => LARGEST,
            () => return Ok(bytes),
        };
        Err(Error::TooLarge {
            path: path.to_owned(),
            limit: limit >> 20,
        })
    }
}

/// Gives files that are links under another ending (`x` for `y.json`) the ending by which Consul takes them. A number in front of
/// every name then keeps their order.
fn rename(files: &mut [Staged], endings: &[Option<&str>]) {
    let fits = |file: &Staged, ending: &Option<&str>| {
        let name = file.place.file_name().unwrap_or_default();
        ending.is_none() || names::ending(name) == *ending
    };
    if files
        .iter()
        .zip(endings)
        .all(|(file, ending)| fits(file, ending))
    {
        return;
    }
    for (number, (file, ending)) in files.iter_mut().zip(endings).enumerate() {
        let mut name = OsString::from(format!("{number:05}-"));
        name.push(file.place.file_name().unwrap_or_default());
        if !fits(file, ending) {
            name.push(ending.unwrap_or_default());
        }
        file.place.set_file_name(name);
    }
}

fn dangling(path: PathBuf, entry: &Path, error: &io::Error) -> Error {
    match (error.kind(), fs::read_link(entry)) {
        (io::ErrorKind::NotFound, Ok(target)) => Error::Dangling { path, target },
        _ => Error::unreadable(&path, error),
    }
}

/// What a file is, for a person.
fn kind(what: fs::FileType) -> &'static str {
    match () {
        () if what.is_dir() => "a directory",
        () if what.is_fifo() => "a named pipe",
        () if what.is_socket() => "a socket",
        () if what.is_char_device() || what.is_block_device() => "a device",
        () => "no regular file",
    }
}

impl Identity {
    fn of(metadata: &fs::Metadata) -> Self {
        Self([
            metadata.dev().cast_signed(),
            metadata.ino().cast_signed(),
            metadata.mode().into(),
            metadata.size().cast_signed(),
            metadata.mtime(),
            metadata.mtime_nsec(),
            metadata.ctime(),
            metadata.ctime_nsec(),
        ])
    }
}

impl fmt::Debug for Staged {
    /// Without what it holds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, place, .. } = self;
        write!(f, "{path:?} as {place:?}, {} bytes", self.bytes.len())
    }
}

impl Error {
    fn unreadable(path: &Path, error: &io::Error) -> Self {
        Self::Unreadable {
            path: path.to_owned(),
            why: why(error),
        }
    }
}

impl LeftOut {
    /// As in "/consul/config/.x.json.swp: a swap file of Vim".
    pub fn shown(&self) -> String {
        format!("{}: {}", self.path.display(), self.why)
    }

    /// The file's name.
    pub fn name(&self) -> &OsStr {
        self.path.file_name().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
