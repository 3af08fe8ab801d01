//! The kernel's word that files have changed: inotify. Nothing is polled, and nobody is woken while nothing happens.
//!
//! A [`Watch`] is told path by path what of it matters ([`What`]), all of it anew each time ([`Watch::renew`]), because what links
//! and names lead to changes with every change. [`Changes`] then says that something of that has happened, and not what:
//! whoever wants to know looks.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent, WatchDescriptor};
use tokio::io::unix::AsyncFd;

use crate::os::readable::{Readable, readable};

/// A directory's or a file's own end.
const OWN: AddWatchFlags = AddWatchFlags::IN_DELETE_SELF.union(AddWatchFlags::IN_MOVE_SELF);
/// An entry comes or goes, or another takes its place.
const ENTRY: AddWatchFlags = AddWatchFlags::IN_CREATE
    .union(AddWatchFlags::IN_DELETE)
    .union(AddWatchFlags::IN_MOVE);
/// What is written, and by IN_MODIFY also by whoever keeps the file open; and that it may be read, or not any more.
const CONTENT: AddWatchFlags = AddWatchFlags::IN_CLOSE_WRITE
    .union(AddWatchFlags::IN_MODIFY)
    .union(AddWatchFlags::IN_ATTRIB);

/// Whether an entry of a directory matters, by its name, when it comes or goes, or (`true`) when it is written to.
pub type Matters = fn(&OsStr, bool) -> bool;

/// What of a path is watched.
#[derive(Debug, Clone)]
pub enum What {
    /// That it is moved or removed.
    Itself,
    /// That it is written to, by whatever name.
    Content,
    /// Of a directory, that the entry of this name comes or goes.
    Entry(OsString),
    /// Of a directory, that the file of this name comes or goes, or is written to.
    File(OsString),
    /// Of a directory, all entries that matter.
    Entries(Matters),
}

/// What is watched, and by it the kernel's events are judged.
#[derive(Debug)]
pub struct Watch {
    inotify: Inotify,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    interests: HashMap<WatchDescriptor, Interest>,
    /// It was said that there are not enough watches.
    told: bool,
}

/// What matters of one file or directory.
#[derive(Debug, Clone)]
struct Interest {
    mask: AddWatchFlags,
    entries: Option<Matters>,
    /// Entries that matter, ...
    names: HashSet<OsString>,
    /// ... and those of which the content does, too.
    files: HashSet<OsString>,
}

/// A new set of watches in the making.
#[derive(Debug)]
pub struct Renewal<'a> {
    watch: &'a Watch,
    by_path: HashMap<PathBuf, WatchDescriptor>,
    fresh: HashMap<WatchDescriptor, Interest>,
    full: bool,
}

/// Says when something has changed.
#[derive(Debug)]
pub struct Changes(AsyncFd<Readable<Arc<Watch>>>);

impl Watch {
    /// Watches nothing yet.
    ///
    /// # Errors
    /// The kernel has no more for this user (fs.inotify.max_user_instances), or lictor has too many open files.
    pub fn open() -> io::Result<Self> {
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
        Ok(Self {
            inotify,
            known: Mutex::default(),
        })
    }

    /// Begins with a new set; what is not in it when that is done is watched no more. It may have to wait for a file system.
    pub fn renew(&self) -> Renewal<'_> {
        Renewal {
            watch: self,
            by_path: HashMap::new(),
            fresh: HashMap::new(),
            full: false,
        }
    }

    /// Takes all that the kernel has to say so far, and tells whether any of it matters.
    ///
    /// # Errors
    /// The kernel says nothing any more.
    pub fn read(&self) -> io::Result<bool> {
        let mut changed = false;
        loop {
            match self.inotify.read_events() {
                Ok(events) => {
                    let mut known = self.known();
                    for event in &events {
                        changed |= known.matters(event);
                    }
                }
                Err(Errno::EAGAIN) => return Ok(changed),
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Never held while the kernel is asked for anything that a file system could hold up.
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}

impl Known {
    fn matters(&mut self, event: &InotifyEvent) -> bool {
        if event.mask.contains(AddWatchFlags::IN_IGNORED) {
            self.interests.remove(&event.wd);
            return false;
        }
        // So much has happened that some of it was dropped; or it is of a watch so new, or so old, that it is not in the table.
        let (Some(interest), false) = (
            self.interests.get(&event.wd),
            event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW),
        ) else {
            return true;
        };
        let content = event.mask.intersects(CONTENT);
        match &event.name {
            None => true,
            Some(name) if interest.files.contains(name) => true,
            Some(name) if interest.names.contains(name) && !content => true,
            Some(name) => interest
                .entries
                .is_some_and(|matters| matters(name, content)),
        }
    }
}

impl Interest {
    fn of(what: What) -> Self {
        let mut interest = Self {
            mask: OWN,
            entries: None,
            names: HashSet::new(),
            files: HashSet::new(),
        };
        interest.mask |= match what {
            What::Itself => OWN,
            What::Content => CONTENT,
            What::Entry(name) => {
                interest.names.insert(name);
                ENTRY
            }
            What::File(name) => {
                interest.files.insert(name);
                ENTRY | CONTENT
            }
            What::Entries(matters) => {
                interest.entries = Some(matters);
                ENTRY | CONTENT
            }
        };
        interest
    }

    fn join(&mut self, other: Self) {
        self.mask |= other.mask;
        self.entries = self.entries.or(other.entries);
        self.names.extend(other.names);
        self.files.extend(other.files);
    }
}

impl Renewal<'_> {
    /// Watches that of a path, in which there is no link. Where it cannot be, whoever looks there will find out.
    pub fn add(&mut self, path: &Path, what: What) {
        let mut interest = Interest::of(what);
        if let Some(known) = self.known(self.by_path.get(path)) {
            let mask = known.mask;
            interest.join(known);
            if mask == interest.mask {
                return self.keep(path, interest);
            }
        }
        let Some(watch) = self.ask(path, interest.mask) else {
            return;
        };
        // The same directory by another path, of which the kernel keeps only the last mask.
        if let Some(known) = self.known(Some(&watch)) {
            let mask = interest.mask;
            interest.join(known);
            if mask != interest.mask {
                self.ask(path, interest.mask);
            }
        }
        self.by_path.insert(path.to_owned(), watch);
        self.keep(path, interest);
    }

    /// Ends what is not in the new set.
    pub fn done(self) {
        let mut known = self.watch.known();
        let old: Vec<WatchDescriptor> = known.interests.keys().copied().collect();
        for watch in old.into_iter().filter(|old| !self.fresh.contains_key(old)) {
            known.interests.remove(&watch);
            // It ends by itself with what it watched.
            let _ = self.watch.inotify.rm_watch(watch);
        }
        if self.full && !known.told {
            tracing::warn!(
                "some changes of the configuration will not be noticed: the limit of watches is reached, so raise \
                 fs.inotify.max_user_watches on this host; `lictor reload` does without"
            );
        }
        known.told = self.full;
    }

    fn known(&self, watch: Option<&WatchDescriptor>) -> Option<Interest> {
        self.fresh.get(watch?).cloned()
    }

    fn keep(&mut self, path: &Path, interest: Interest) {
        if let Some(watch) = self.by_path.get(path) {
            self.watch
                .known()
                .interests
                .insert(*watch, interest.clone());
            self.fresh.insert(*watch, interest);
        }
    }

    fn ask(&mut self, path: &Path, mask: AddWatchFlags) -> Option<WatchDescriptor> {
        let mask = mask | AddWatchFlags::IN_DONT_FOLLOW;
        match self.watch.inotify.add_watch(path, mask) {
            Ok(watch) => Some(watch),
            Err(Errno::ENOSPC) => {
                self.full = true;
                None
            }
            Err(error) => {
                tracing::debug!("{} is not watched: {error}", path.display());
                None
            }
        }
    }
}

impl Changes {
    /// Those that a watch notices from now on, and what it has noticed already. Needs a tokio runtime.
    ///
    /// # Errors
    /// The runtime takes no more descriptors.
    pub fn of(watch: Arc<Watch>) -> io::Result<Self> {
        readable(watch).map(Self)
    }

    /// Waits until something has changed.
    ///
    /// # Errors
    /// The kernel says nothing any more.
    pub async fn next(&mut self) -> io::Result<()> {
        loop {
            let mut ready = self.0.readable().await?;
            let changed = ready.get_inner().0.read()?;
            ready.clear_ready();
            if changed {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests;
