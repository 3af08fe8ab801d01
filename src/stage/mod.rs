//! The stage: what the agent reads instead of the user's directories.
//!
//! [`sources`] finds what a command names and rewrites it; [`snapshot`] takes all of that at one moment, by [`names`] judged as
//! Consul judges it; [`write`] puts snapshots below the runtime directory, one generation each, and makes one of them the
//! current one in a single step; [`watched`] knows what a watch must be of. [`Stager`] is all of them together. Nothing here ever writes to a user's directory.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};

use crate::core::event::Change;
use crate::os::watch::Watch;

mod links;
mod names;
#[cfg(test)]
mod scratch;
mod services;
pub mod snapshot;
pub mod sources;
pub mod watched;
pub mod write;

use snapshot::{LeftOut, Snapshot};
use sources::Sources;
use watched::Fixed;
use write::{Generation, Stage};

/// Why there is no stage, or no new one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// An option lacks its path.
    #[error(
        "stage the configuration: {option} of the agent's command names nothing; give it a path, or leave it out (is a variable \
         empty?)"
    )]
    Empty {
        /// The option.
        option: String,
    },
    /// A source is not there.
    #[error(
        "stage the configuration: {option} names {}, which is not there; mount it, or correct the path", path.display()
    )]
    Missing {
        /// The option.
        option: String,
        /// The path, as it was typed.
        path: PathBuf,
    },
    /// A file or directory cannot be read.
    #[error(
        "stage the configuration: read {}: {why}; the agent could not read it either, so correct it or take it away", path.display()
    )]
    Unreadable {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// A link leads nowhere.
    #[error(
        "stage the configuration: {} is a link to {}, which is not there, and Consul refuses all of a directory for that; remove the \
         link, or put there what it leads to",
        path.display(), target.display()
    )]
    Dangling {
        /// The link.
        path: PathBuf,
        /// What it says.
        target: PathBuf,
    },
    /// A file would have to be waited for, or is none.
    #[error(
        "stage the configuration: {} is {what}, which Consul would hang or fail at; take it out of the configuration", path.display()
    )]
    NotRegular {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// There is more than can be meant.
    #[error(
        "stage the configuration: with {} it has more than {limit} MiB; take out what is no configuration, or let the agent read it \
         itself with --no-staging",
        path.display()
    )]
    TooLarge {
        /// The file that was too much.
        path: PathBuf,
        /// What is allowed, in MiB.
        limit: u64,
    },
    /// It changed all the time.
    #[error(
        "stage the configuration: {} was never at rest in 250 readings; let whatever writes it come to an end",
        path.as_deref().unwrap_or(Path::new("it")).display()
    )]
    NeverAtRest {
        /// A file that was not the same in the last two readings, where one can be named.
        path: Option<PathBuf>,
    },
    /// The last snapshot is still being taken, and nobody waits for it any more.
    #[error(
        "stage the configuration: the last snapshot is still being read; does its file system hang?"
    )]
    StillReading,
    /// The stage cannot be written.
    #[error(
        "write the stage: {}: {why}; the volume of --runtime-dir must be writable and have room for the configuration six times", path.display()
    )]
    Unwritable {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
}

/// What the system said, in a form that can be compared.
fn why(error: &io::Error) -> String {
    error.to_string()
}

/// Takes snapshots, and has one of them be what the agent reads.
#[derive(Debug, Clone)]
pub struct Stager {
    stage: Stage,
    /// The agent's working directory, which is lictor's.
    directory: PathBuf,
    /// Notices changes of what is staged.
    watch: Option<Arc<Watch>>,
    /// Held while a candidate is made: one that a file system has held up, and that nobody waits for any more, is in nobody's way.
    making: Arc<Mutex<()>>,
}

/// A snapshot that was written and that nobody reads yet.
#[derive(Debug)]
pub struct Candidate {
    /// Where it is; none where it is what is current.
    pub generation: Option<Generation>,
    /// Its content.
    pub snapshot: Snapshot,
    /// How it differs from what is current.
    pub change: Change,
}

/// A file of a generation.
pub struct Placed {
    /// The user's path.
    pub path: PathBuf,
    /// Its path within the generation.
    pub place: PathBuf,
    /// What it holds. It may be secret.
    pub bytes: Vec<u8>,
}

impl Stager {
    /// The stage in `directory`, without what a lictor that was killed left there half done.
    pub fn open(directory: &Path) -> Result<Self, Error> {
        let unwritable = |error: io::Error| Error::Unwritable {
            path: directory.to_owned(),
            why: why(&error),
        };
        Ok(Self {
            // A link in the runtime directory must say where it leads from anywhere.
            stage: Stage::open(&std::path::absolute(directory).map_err(unwritable)?)?,
            directory: std::env::current_dir().map_err(unwritable)?,
            watch: None,
            making: Arc::default(),
        })
    }

    /// Has whatever is staged from now on watched.
    #[must_use]
    pub fn watched_by(self, watch: Option<Arc<Watch>>) -> Self {
        Self { watch, ..self }
    }

    /// The files among what the arguments name that an update of their volume does not reach.
    pub fn fixed(&self, args: &[OsString]) -> Vec<Fixed> {
        let sources = Sources::read(args, &self.directory);
        sources.map_or_else(|_| Vec::new(), |sources| watched::fixed(&sources))
    }

    /// Where generations are kept.
    pub fn stage(&self) -> &Stage {
        &self.stage
    }

    /// The agent's arguments with the stage in place of the user's paths.
    pub fn args(&self, args: &[OsString]) -> Vec<OsString> {
        match Sources::read(args, &self.directory) {
            Ok(sources) => sources.rewritten(args, &self.stage.current_link()),
            // There is no snapshot of these either.
            Err(_) => args.to_vec(),
        }
    }

    /// Takes a snapshot of what the arguments name, and writes it if it differs from what is current.
    pub fn candidate(&self, args: &[OsString]) -> Result<Candidate, Error> {
        let _making = self.making()?;
        let sources = Sources::read(args, &self.directory)?;
        // Before it is read, so that nothing that happens from then on goes unnoticed.
        if let Some(watch) = &self.watch {
            watched::renew(watch, &sources);
        }
        let snapshot = Snapshot::take(&sources)?;
        let current = self.stage.current();
        let mut change = match &current {
            Some(current) => difference(&self.stage.read(current)?, &snapshot),
            None => difference(&BTreeMap::new(), &snapshot),
        };
        change.way_back = current.is_some();
        change.left_out = snapshot.left_out.iter().map(LeftOut::shown).collect();
        // A source that is empty is a change, too, where it was not one before.
        let same = change.is_none()
            && current.is_some_and(|current| self.stage.has_places(&current, &snapshot));
        let generation = match same || sources.list.is_empty() {
            true => None,
            false => Some(self.stage.write(&snapshot)?),
        };
        change.way_back &= generation.is_some();
        Ok(Candidate {
            generation,
            snapshot,
            change,
        })
    }

    /// What is current with other files in the place of those that have the same user's paths, and nothing else that may have changed.
    pub fn with(&self, files: &BTreeMap<PathBuf, Vec<u8>>) -> Result<Candidate, Error> {
        let _making = self.making()?;
        let mut change = Change::default();
        let Some(current) = self.stage.current() else {
            return Ok(Candidate {
                generation: None,
                snapshot: Snapshot::default(),
                change,
            });
        };
        let before = self.stage.read(&current)?;
        let mut now = before.clone();
        for (place, bytes) in &mut now {
            let path = sources::original(place);
            if let Some(other) = files.get(&path).filter(|other| *other != bytes) {
                bytes.clone_from(other);
                change.changed.push(path.display().to_string());
            }
        }
        let ids = |files: &BTreeMap<PathBuf, Vec<u8>>| -> BTreeSet<String> {
            files
                .values()
                .flat_map(|bytes| services::ids(bytes))
                .collect()
        };
        change.dropped = &ids(&before) - &ids(&now);
        change.way_back = !change.is_none();
        let generation = match change.is_none() {
            true => None,
            false => Some(self.stage.copy(&current, &now)?),
        };
        Ok(Candidate {
            generation,
            snapshot: Snapshot::default(),
            change,
        })
    }

    fn making(&self) -> Result<MutexGuard<'_, ()>, Error> {
        match self.making.try_lock() {
            Ok(making) => Ok(making),
            Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => Err(Error::StillReading),
        }
    }

    /// The files of a generation by the user's paths, with their places in it, in the order in which Consul loads them.
    pub fn files(&self, generation: &Generation) -> Result<Vec<Placed>, Error> {
        let files = self.stage.read(generation)?.into_iter();
        let mut files: Vec<Placed> = files
            .map(|(place, bytes)| Placed {
                path: sources::original(&place),
                place,
                bytes,
            })
            .collect();
        files.sort_by_key(|file| sources::number(&file.place));
        Ok(files)
    }

    /// [`Stager::candidate`], adopted at once.
    pub fn restage(&self, args: &[OsString]) -> Result<Change, Error> {
        self.adopt(self.candidate(args)?)
    }

    /// Makes a candidate what the agent reads from now on.
    pub fn adopt(&self, candidate: Candidate) -> Result<Change, Error> {
        if let Some(generation) = &candidate.generation {
            self.stage.swap_in(generation)?;
        }
        Ok(candidate.change)
    }

    /// Has an agent that is about to start read these files in the place of those that are current, and have the same paths. Whether
    /// it will: not while a snapshot is being written, which is not waited for.
    pub fn lend(&self, files: &BTreeMap<PathBuf, Vec<u8>>) -> Result<bool, Error> {
        let _making = match self.making.try_lock() {
            Ok(making) => making,
            Err(TryLockError::Poisoned(broken)) => broken.into_inner(),
            Err(TryLockError::WouldBlock) => return Ok(false),
        };
        self.stage.lend(files).map(|()| true)
    }

    /// A text of the agent's with the user's paths in place of the stage's.
    pub fn in_users_words(&self, text: &str) -> String {
        let stage = format!("{}/", self.stage.current_link().display());
        let mut words = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(&stage) {
            words.push_str(before);
            // The number of the source goes too, and the path begins at the root.
            rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
        }
        words + rest
    }
}

/// Which files are in one and not in the other, or not the same, by the user's paths.
fn difference(current: &BTreeMap<PathBuf, Vec<u8>>, next: &Snapshot) -> Change {
    let mut change = Change::default();
    let mut gone: BTreeMap<&PathBuf, &Vec<u8>> = current.iter().collect();
    for file in next.files() {
        let path = file.path.display().to_string();
        match gone.remove(&file.place) {
            None => change.added.push(path),
            Some(bytes) if *bytes != file.bytes => change.changed.push(path),
            Some(_) => {}
        }
    }
    let gone = gone.keys().map(|place| sources::original(place));
    change.removed = gone.map(|path| path.display().to_string()).collect();
    let now: BTreeSet<String> = next
        .files()
        .flat_map(|file| services::ids(&file.bytes))
        .collect();
    let before = current.values().flat_map(|bytes| services::ids(bytes));
    change.dropped = before.filter(|id| !now.contains(id)).collect();
    change
}

#[cfg(test)]
mod tests;
