//! What has to be watched so that no change of the sources goes unnoticed, and which of their files cannot change at all.
//!
//! A path is walked part by part. Each link on the way is watched where it is, by name, before it is followed; each directory on
//! the way for its own end; the last part by name; and where something is missing, what there is of the way to it. Of a directory that is a
//! source all entries are watched, and each of its links is walked like a path of its own. So the swap of a volume, of a link
//! above it or of a whole directory is seen where it happens, and what happens elsewhere wakes nobody.

use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use crate::os::mounts::Mount;
use crate::os::watch::{Matters, Watch, What};
use crate::stage::links::{MOST, parts};
use crate::stage::names;
use crate::stage::sources::{Source, Sources};

/// How often a part of a path is looked at that is another one each time.
const LOOKS: u32 = 20;

/// A file that an update of its volume does not reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixed {
    /// The user's path.
    pub path: PathBuf,
    /// How it comes.
    pub why: Why,
}

/// Why a file does not change with its volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The file itself is mounted.
    File,
    /// Of a volume of Kubernetes, what it held when the container started is mounted, and not the volume.
    Volume,
}

/// Has the watch be of these sources, and of nothing else.
pub(super) fn renew(watch: &Watch, sources: &Sources) {
    let mounts = mounts();
    let mut renewal = watch.renew();
    let mut add = |path: &Path, what| renewal.add(path, what);
    Walk::new(&mounts, &mut add).all(sources);
    renewal.done();
}

/// The files of the sources that an update of their volume does not reach.
pub fn fixed(sources: &Sources) -> Vec<Fixed> {
    let mounts = mounts();
    let mut none = |_: &Path, _| {};
    let mut walk = Walk::new(&mounts, &mut none);
    walk.all(sources);
    walk.fixed
}

/// Without `/proc` nothing is known of mounts, which is no reason for anything.
fn mounts() -> Vec<Mount> {
    crate::os::mounts::read().unwrap_or_default()
}

struct Walk<'a> {
    mounts: &'a [Mount],
    add: &'a mut dyn FnMut(&Path, What),
    fixed: Vec<Fixed>,
}

impl<'a> Walk<'a> {
    fn new(mounts: &'a [Mount], add: &'a mut dyn FnMut(&Path, What)) -> Self {
        Self {
            mounts,
            add,
            fixed: Vec::new(),
        }
    }

    fn all(&mut self, sources: &Sources) {
        for source in &sources.list {
            self.source(source, sources.any_name);
        }
    }

    fn source(&mut self, source: &Source, any_name: bool) {
        let Some((reached, about)) = self.follow(&source.absolute) else {
            return;
        };
        if !about.is_dir() {
            return self.file(&source.path, &reached, &about);
        }
        let matters: Matters = if any_name { any } else { configuration };
        (self.add)(&reached, What::Entries(matters));
        // One that cannot be listed is what the snapshot fails at.
        for entry in fs::read_dir(&reached).into_iter().flatten().flatten() {
            let name = entry.file_name();
            if names::temporary(&name).is_some() {
                continue;
            }
            let path = reached.join(&name);
            let found = match entry.file_type() {
                Ok(kind) if kind.is_symlink() => self.follow(&path),
                Ok(kind) if kind.is_file() => entry.metadata().ok().map(|about| (path, about)),
                _ => None,
            };
            let Some((path, about)) = found else { continue };
            let takes = any_name || names::ending(path.file_name().unwrap_or_default()).is_some();
            if takes && about.is_file() {
                self.file(&source.path.join(&name), &path, &about);
            }
        }
    }

    /// One that has other names too, or is seen elsewhere, can be written to there.
    fn file(&mut self, shown: &Path, reached: &Path, about: &Metadata) {
        let why = why_fixed(self.mounts, reached);
        if why == Some(Why::File) || about.nlink() > 1 {
            (self.add)(reached, What::Content);
        }
        self.fixed.extend(why.map(|why| Fixed {
            path: shown.to_owned(),
            why,
        }));
    }

    /// Where an absolute path leads in the end, and what is there; nothing where that is missing.
    fn follow(&mut self, path: &Path) -> Option<(PathBuf, Metadata)> {
        let mut reached = PathBuf::from("/");
        let mut rest = parts(path);
        let mut followed = 0;
        while let Some(part) = rest.pop() {
            let name = match Path::new(&part).components().next() {
                Some(Component::Normal(name)) => name,
                Some(Component::RootDir) => {
                    reached = PathBuf::from("/");
                    continue;
                }
                Some(Component::ParentDir) => {
                    reached.pop();
                    continue;
                }
                _ => continue,
            };
            let next = reached.join(name);
            match self.look(&reached, name, rest.is_empty()) {
                Ok(about) if about.is_symlink() => {
                    followed += 1;
                    let target = fs::read_link(&next).ok()?;
                    if followed > MOST {
                        return None;
                    }
                    rest.extend(parts(&target));
                }
                Ok(_) => reached = next,
                Err(_) => {
                    // Nothing may be left in it that would have to go before it.
                    self.by_name(&reached);
                    return None;
                }
            }
        }
        let about = fs::symlink_metadata(&reached).ok()?;
        if about.is_dir() {
            self.by_name(&reached);
        }
        Some((reached, about))
    }

    /// Looks at an entry of a directory once it is watched, as what it is.
    fn look(&mut self, directory: &Path, name: &OsStr, is_last: bool) -> io::Result<Metadata> {
        let path = directory.join(name);
        let mut before = fs::symlink_metadata(&path);
        for _ in 0..LOOKS {
            match &before {
                Ok(about) if about.is_dir() && !is_last => (self.add)(&path, What::Itself),
                Ok(about) if about.is_file() && is_last => {
                    (self.add)(directory, What::File(name.to_owned()));
                }
                _ => (self.add)(directory, What::Entry(name.to_owned())),
            }
            let after = fs::symlink_metadata(&path);
            let same = match (&before, &after) {
                (Ok(before), Ok(after)) => {
                    let id = |about: &Metadata| (about.dev(), about.ino(), about.file_type());
                    id(before) == id(after)
                }
                (Err(_), Err(_)) => true,
                _ => false,
            };
            if same {
                return after;
            }
            before = after;
        }
        before
    }

    fn by_name(&mut self, directory: &Path) {
        if let (Some(parent), Some(name)) = (directory.parent(), directory.file_name()) {
            (self.add)(parent, What::Entry(name.to_owned()));
        }
    }
}

/// What may be configuration, or lead to it. What is written to a file that Consul does not load, like a log, is no change.
fn configuration(name: &OsStr, content: bool) -> bool {
    names::temporary(name).is_none() && (!content || names::ending(name).is_some())
}

/// The same where Consul loads files by whatever name.
fn any(name: &OsStr, _content: bool) -> bool {
    names::temporary(name).is_none()
}

fn why_fixed(mounts: &[Mount], file: &Path) -> Option<Why> {
    let around = mounts.iter().filter(|mount| file.starts_with(&mount.point));
    // Of several at the same place the last one is seen.
    let mount = around.max_by_key(|mount| mount.point.components().count())?;
    let is_kubelets = |part: Component<'_>| part.as_os_str().as_encoded_bytes().starts_with(b"..2");
    if mount.point == file {
        return Some(Why::File);
    }
    mount
        .root
        .components()
        .any(is_kubelets)
        .then_some(Why::Volume)
}

impl fmt::Display for Fixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match self.why {
            Why::File => write!(
                f,
                "{path} is mounted by itself, as subPath does it, so no update of its volume will ever reach it, and only a write in \
                 place changes it; mount the whole volume, as a directory"
            ),
            Why::Volume => write!(
                f,
                "{path} is in a part of a volume that is mounted by subPath, so no update of the volume will ever reach it; mount the \
                 whole volume"
            ),
        }
    }
}

#[cfg(test)]
mod tests;
