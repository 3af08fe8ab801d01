//! Programs that are obtained once and kept.
//!
//! There are two caches: cargo's target directory, and the user's cache directory, so that `cargo clean` does not cost a
//! download or a build of six minutes.

use std::env;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};

/// The cache cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub struct Error {
    /// The file or directory.
    pub path: PathBuf,
    /// What happened.
    pub source: io::Error,
}

/// A program of a certain version.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    /// The program's name.
    pub(crate) name: &'static str,
    /// As in `1.8.7`.
    pub(crate) version: &'static str,
}

impl Wanted {
    /// The first one in PATH that is `right`.
    pub(crate) fn in_path(&self, right: impl Fn(&Path) -> bool) -> Option<PathBuf> {
        env::split_paths(&env::var_os("PATH").unwrap_or_default())
            .map(|directory| directory.join(self.name))
            .find(|path| path.is_absolute() && path.is_file() && right(path))
    }

    /// The one in the caches, put there by `obtain` if need be: that makes it in a directory it is given, and returns its path.
    pub(crate) fn cached<E: From<Error>>(
        &self,
        obtain: impl FnOnce(&Path) -> Result<PathBuf, E>,
    ) -> Result<PathBuf, E> {
        let near = target_directory().join(self.name).join(self.version);
        if near.join(self.name).is_file() {
            return Ok(near.join(self.name));
        }
        let lasting = self.lasting_directory().unwrap_or_else(|| near.clone());
        // Many test processes may come here at once: one obtains it, and the others then find it.
        let _lock = lock(&lasting)?;
        let program = lasting.join(self.name);
        if !program.is_file() {
            self.obtain_into(&lasting, obtain)?;
        }
        // A program that cannot be put into the target directory is used where it is.
        if near != lasting && make_directory(&near).is_ok() && self.place(&program, &near).is_ok() {
            return Ok(near.join(self.name));
        }
        Ok(program)
    }

    fn obtain_into<E: From<Error>>(
        &self,
        directory: &Path,
        obtain: impl FnOnce(&Path) -> Result<PathBuf, E>,
    ) -> Result<(), E> {
        // Beside its destination, so that the rename at the end is atomic; and nothing else can be here, for we have the
        // lock: what is here was left by a process that was killed.
        let work = directory.join("work");
        let fresh = || -> io::Result<()> {
            if work.exists() {
                fs::remove_dir_all(&work)?;
            }
            fs::create_dir(&work)
        };
        fresh().map_err(at(&work))?;
        let program = obtain(&work)?;
        let destination = directory.join(self.name);
        fs::rename(&program, &destination).map_err(at(&destination))?;
        let _ = fs::remove_dir_all(&work);
        let Self { name, version } = self;
        say(&format!(
            "{name} {version} is now in {}",
            destination.display()
        ));
        Ok(())
    }

    /// Links or copies `program` into `directory`, atomically.
    fn place(&self, program: &Path, directory: &Path) -> io::Result<()> {
        let temporary = directory.join(format!("{}.{}", self.name, std::process::id()));
        let _ = fs::remove_file(&temporary);
        // Another file system, or a file of another user, cannot be linked.
        fs::hard_link(program, &temporary).or_else(|_| fs::copy(program, &temporary).map(drop))?;
        let renamed = fs::rename(&temporary, directory.join(self.name));
        // Renaming one link over another of the same file does nothing at all: another process was quicker.
        let _ = fs::remove_file(&temporary);
        renamed
    }

    /// The user's cache directory for this version, unless it cannot be written to.
    fn lasting_directory(&self) -> Option<PathBuf> {
        let absolute = |name: &str| {
            env::var_os(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        let base = absolute("XDG_CACHE_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".cache")))?;
        let directory = base.join("lictor").join(self.name).join(self.version);
        make_directory(&directory).ok()?;
        // A finished program there will do even in a directory that belongs to someone else.
        let usable =
            directory.join(self.name).is_file() || File::create(directory.join("lock")).is_ok();
        usable.then_some(directory)
    }
}

/// Tells a person what takes so long. Not by `eprintln!`, which a test's output capture would swallow.
pub(crate) fn say(text: &str) {
    let _ = writeln!(io::stderr(), "testbed: {text}");
}

fn lock(directory: &Path) -> Result<Flock<File>, Error> {
    make_directory(directory)?;
    let path = directory.join("lock");
    let file = File::create(&path).map_err(at(&path))?;
    let busy = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => return Ok(lock),
        Err((file, _)) => file,
    };
    say(&format!(
        "another process obtains {}; waiting for it",
        directory.display()
    ));
    Flock::lock(busy, FlockArg::LockExclusive).map_err(|(_, error)| at(&path)(error.into()))
}

/// Makes a directory that others may read, with those above it.
pub(crate) fn make_directory(path: &Path) -> Result<(), Error> {
    let made = DirBuilder::new().recursive(true).mode(0o755).create(path);
    made.map_err(at(path))
}

/// Cargo's target directory.
pub(crate) fn target_directory() -> PathBuf {
    let given = env::var_os("CARGO_TARGET_DIR")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    given.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"))
}

fn at(path: &Path) -> impl Fn(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error {
        path: path.clone(),
        source,
    }
}
