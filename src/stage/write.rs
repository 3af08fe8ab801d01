//! Generations on disk, and which of them is current.
//!
//! ```text
//! RUNTIME_DIR/stage/7/0/consul/config/consul.json
//! RUNTIME_DIR/stage/8/…
//! RUNTIME_DIR/stage/current  -> 8    what the agent's arguments name
//! RUNTIME_DIR/stage/previous -> 7    what was current before it: the last known good, as long as 8 is not settled
//! RUNTIME_DIR/stage/rejected -> 6    what was swapped back or never swapped in, kept to be looked at
//! RUNTIME_DIR/stage/started  -> 5    what the agent was started with
//! RUNTIME_DIR/stage/lender   -> 8    while `current` is lent ([`lend`]): what it will lead to again
//! ```
//!
//! A generation is written whole before anything leads to it, and never changed. Each operation is a list of [`Step`]s, each of which
//! is one system call that changes something, or the writing of a file that nothing leads to yet: whichever of them a SIGKILL
//! comes after, `current` leads to a whole generation. Nothing is synchronised to a disk: after the host's end everything is
//! staged anew.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::stage::snapshot::Snapshot;
use crate::stage::{Error, why};

mod lend;

const CURRENT: &str = "current";
const PREVIOUS: &str = "previous";
const REJECTED: &str = "rejected";
const STARTED: &str = "started";
const LENDER: &str = "lender";
/// What a link is made under before it is renamed to its place.
const NEXT: &str = "next";

/// The directory that holds the generations. One lictor at a time has it, by the runtime directory's lock.
#[derive(Debug, Clone)]
pub struct Stage {
    path: PathBuf,
}

/// One generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generation {
    /// Its number, by which it is called.
    pub number: u64,
    /// Its directory.
    pub path: PathBuf,
}

/// One change to the disk.
#[derive(Debug)]
enum Step<'a> {
    Directory(PathBuf),
    File(PathBuf, &'a [u8]),
    /// A link to a generation beside it.
    Link(u64, PathBuf),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

impl Stage {
    /// The stage in `path`, which need not exist, freed of everything but what is current: whoever held it before is dead.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let stage = Self {
            path: path.to_owned(),
        };
        perform(&stage.steps_to_reclaim())?;
        perform(&stage.steps_to_tidy(&[CURRENT]))?;
        Ok(stage)
    }

    /// The path that stays the same over swaps: what the agent's arguments name is below it.
    pub fn current_link(&self) -> PathBuf {
        self.path.join(CURRENT)
    }

    /// What the agent reads, or will read again once it is lent no longer.
    pub fn current(&self) -> Option<Generation> {
        self.linked(LENDER).or_else(|| self.linked(CURRENT))
    }

    /// What was current before, until [`Stage::settle`] or [`Stage::swap_back`].
    pub fn previous(&self) -> Option<Generation> {
        self.linked(PREVIOUS)
    }

    /// What the agent was started with.
    pub fn started(&self) -> Option<Generation> {
        self.linked(STARTED)
    }

    /// An agent is about to be started, with what is current. Nothing is tidied up: a snapshot may be being judged.
    pub fn start(&self) -> Result<(), Error> {
        let current = self.current();
        current.map_or(Ok(()), |current| {
            perform(&self.steps_to_link(current.number, STARTED))
        })
    }

    /// What was swapped back last, or not swapped in.
    pub fn rejected(&self) -> Option<Generation> {
        self.linked(REJECTED)
    }

    /// Writes a snapshot as a generation that nobody reads yet.
    pub fn write(&self, snapshot: &Snapshot) -> Result<Generation, Error> {
        let generation = self.new_generation();
        let written = perform(&self.steps_to_write(&generation, snapshot));
        if written.is_err() {
            // It would use the room that was lacking. The first error is the one to tell.
            let _ = fs::remove_dir_all(&generation.path);
        }
        written.map(|()| generation)
    }

    /// Writes a copy of a generation, with files that may hold something else, as one that nobody reads yet.
    pub fn copy(
        &self,
        of: &Generation,
        files: &BTreeMap<PathBuf, Vec<u8>>,
    ) -> Result<Generation, Error> {
        let generation = self.new_generation();
        let steps = self.steps_to_copy(of, &generation, files)?;
        let written = perform(&steps);
        if written.is_err() {
            let _ = fs::remove_dir_all(&generation.path);
        }
        written.map(|()| generation)
    }

    /// Makes a generation current, and remembers what was. What is older than that, and anything that was not swapped in, goes.
    pub fn swap_in(&self, generation: &Generation) -> Result<(), Error> {
        perform(&self.steps_to_swap_in(generation))?;
        self.tidy();
        Ok(())
    }

    /// Makes the previous generation current again, and what was current the rejected one. Without a previous one it does nothing.
    pub fn swap_back(&self) -> Result<(), Error> {
        perform(&self.steps_to_swap_back())?;
        self.tidy();
        Ok(())
    }

    /// What is current is good: the way back, and what was rejected before it, are of no use any more.
    pub fn settle(&self) {
        for link in [PREVIOUS, REJECTED] {
            let _ = fs::remove_file(self.path.join(link));
        }
        self.tidy();
    }

    /// Takes everything away that nothing leads to.
    pub fn tidy(&self) {
        if let Err(error) =
            perform(&self.steps_to_tidy(&[CURRENT, PREVIOUS, REJECTED, STARTED, LENDER]))
        {
            tracing::warn!("what is left over stays: failed to {error}");
        }
    }

    /// Takes a generation away that is not to be swapped in, but kept to be looked at.
    pub fn reject(&self, generation: &Generation) -> Result<(), Error> {
        perform(&self.steps_to_link(generation.number, REJECTED))?;
        self.tidy();
        Ok(())
    }

    /// What a generation's files hold, by their paths within it.
    pub fn read(&self, generation: &Generation) -> Result<BTreeMap<PathBuf, Vec<u8>>, Error> {
        let mut files = BTreeMap::new();
        let mut directories = vec![generation.path.clone()];
        while let Some(directory) = directories.pop() {
            let unreadable = |error: io::Error| unwritable(&directory, &error);
            for entry in fs::read_dir(&directory).map_err(unreadable)? {
                let entry = entry.map_err(unreadable)?;
                let path = entry.path();
                if entry.file_type().map_err(unreadable)?.is_dir() {
                    directories.push(path);
                    continue;
                }
                let bytes = fs::read(&path).map_err(|error| unwritable(&path, &error))?;
                let place = path.strip_prefix(&generation.path).unwrap_or(&path);
                files.insert(place.to_owned(), bytes);
            }
        }
        Ok(files)
    }

    /// Whether a generation has all of a snapshot's sources, as what they are, and no more.
    pub fn has_places(&self, generation: &Generation, snapshot: &Snapshot) -> bool {
        let count = fs::read_dir(&generation.path).map_or(0, Iterator::count);
        let is_there = |place: &Path, directory| {
            let found = fs::symlink_metadata(generation.path.join(place));
            found.is_ok_and(|found| found.is_dir() == directory)
        };
        let mut contents = snapshot.contents.iter();
        count == snapshot.contents.len() && contents.all(|one| is_there(&one.place, one.directory))
    }

    /// One that is not there yet.
    fn new_generation(&self) -> Generation {
        let number = self.generations().last().map_or(1, |last| last + 1);
        self.generation(number)
    }

    fn generation(&self, number: u64) -> Generation {
        let path = self.path.join(number.to_string());
        Generation { number, path }
    }

    /// What a link leads to, if that is there.
    fn linked(&self, link: &str) -> Option<Generation> {
        let target = fs::read_link(self.path.join(link)).ok()?;
        let number = number(target.as_os_str())?;
        Some(self.generation(number)).filter(|generation| generation.path.is_dir())
    }

    /// The numbers of all generations, finished or not, in order.
    fn generations(&self) -> Vec<u64> {
        let entries = fs::read_dir(&self.path).into_iter().flatten().flatten();
        let mut numbers: Vec<u64> = entries
            .filter_map(|entry| number(&entry.file_name()))
            .collect();
        numbers.sort_unstable();
        numbers
    }

    fn steps_to_write<'a>(&self, generation: &Generation, snapshot: &'a Snapshot) -> Vec<Step<'a>> {
        let mut steps = vec![
            Step::Directory(self.path.clone()),
            Step::Directory(generation.path.clone()),
        ];
        for contents in &snapshot.contents {
            let place = generation.path.join(&contents.place);
            let directory = match (contents.directory, place.parent()) {
                (false, Some(parent)) => parent.to_owned(),
                _ => place,
            };
            steps.push(Step::Directory(directory));
            for file in &contents.files {
                steps.push(Step::File(generation.path.join(&file.place), &file.bytes));
            }
        }
        steps
    }

    fn steps_to_swap_in(&self, generation: &Generation) -> Vec<Step<'static>> {
        let mut steps = self.steps_to_reclaim();
        if let Some(current) = self.current() {
            steps.extend(self.steps_to_link(current.number, PREVIOUS));
        }
        steps.extend(self.steps_to_link(generation.number, CURRENT));
        steps
    }

    fn steps_to_swap_back(&self) -> Vec<Step<'static>> {
        let (Some(current), Some(previous)) = (self.current(), self.previous()) else {
            return Vec::new();
        };
        let mut steps = self.steps_to_reclaim();
        if current != previous {
            steps.extend(self.steps_to_link(current.number, REJECTED));
            steps.extend(self.steps_to_link(previous.number, CURRENT));
        }
        steps.push(Step::Remove(self.path.join(PREVIOUS)));
        steps
    }

    fn steps_to_link(&self, number: u64, link: &str) -> Vec<Step<'static>> {
        let next = self.path.join(NEXT);
        vec![
            Step::Remove(next.clone()),
            Step::Link(number, next.clone()),
            Step::Rename(next, self.path.join(link)),
        ]
    }

    /// Removes all that none of these links leads to, the other links first, so that none of them ever leads nowhere.
    fn steps_to_tidy(&self, links: &[&str]) -> Vec<Step<'static>> {
        let kept: Vec<Generation> = links.iter().filter_map(|link| self.linked(link)).collect();
        let mut steps: Vec<Step<'_>> = [NEXT, CURRENT, PREVIOUS, REJECTED, STARTED, LENDER]
            .into_iter()
            .filter(|link| !links.contains(link) || self.linked(link).is_none())
            .map(|link| Step::Remove(self.path.join(link)))
            .collect();
        for number in self.generations() {
            if kept.iter().all(|generation| generation.number != number) {
                steps.extend(steps_to_remove(self.path.join(number.to_string())));
            }
        }
        steps
    }
}

/// What a directory holds, and then the directory itself.
fn steps_to_remove(path: PathBuf) -> Vec<Step<'static>> {
    let mut steps = Vec::new();
    if fs::symlink_metadata(&path).is_ok_and(|found| found.is_dir()) {
        for entry in fs::read_dir(&path).into_iter().flatten().flatten() {
            steps.extend(steps_to_remove(entry.path()));
        }
    }
    steps.push(Step::Remove(path));
    steps
}

fn number(name: &OsStr) -> Option<u64> {
    name.to_str()?.parse().ok()
}

fn perform(steps: &[Step<'_>]) -> Result<(), Error> {
    steps.iter().try_for_each(|step| {
        step.perform()
            .map_err(|error| unwritable(step.path(), &error))
    })
}

fn unwritable(path: &Path, error: &io::Error) -> Error {
    Error::Unwritable {
        path: path.to_owned(),
        why: why(error),
    }
}

impl Step<'_> {
    fn path(&self) -> &Path {
        match self {
            Self::Directory(path)
            | Self::File(path, _)
            | Self::Link(_, path)
            | Self::Rename(_, path)
            | Self::Remove(path) => path,
        }
    }

    fn perform(&self) -> io::Result<()> {
        match self {
            Self::Directory(path) => DirBuilder::new().recursive(true).mode(0o700).create(path),
            Self::File(path, bytes) => OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(path)?
                .write_all(bytes),
            Self::Link(number, path) => symlink(number.to_string(), path),
            Self::Rename(from, to) => fs::rename(from, to),
            Self::Remove(path) => {
                let removed = match fs::symlink_metadata(path) {
                    Ok(found) if found.is_dir() => fs::remove_dir(path),
                    Ok(_) => fs::remove_file(path),
                    Err(error) => Err(error),
                };
                removed.or_else(|error| match error.kind() {
                    io::ErrorKind::NotFound => Ok(()),
                    _ => Err(error),
                })
            }
        }
    }
}

#[cfg(test)]
mod tests;
