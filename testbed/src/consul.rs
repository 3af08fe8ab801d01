//! The two Consul versions everything is tested with, obtained once and cached.
//!
//! [`obtain`] looks, in this order, at an explicit path in the environment, at `consul` in PATH if it is exactly that
//! version, at the caches, and then obtains the program: 1.8.7 is Debian bullseye's package, unpacked and not
//! installed; 1.22.5 is built with Go from the checked-in `go.mod` and `go.sum`. There are two caches: the target
//! directory, and the user's cache directory, so that `cargo clean` does not cost a build of six minutes.

mod debian;
mod gobuild;

use std::env;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use nix::fcntl::{Flock, FlockArg};

/// A version of Consul.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// 1.8.7, the oldest one supported.
    V1_8_7,
    /// 1.22.5, a current one.
    V1_22_5,
}

impl Version {
    /// All of them, oldest first.
    pub const ALL: [Self; 2] = [Self::V1_8_7, Self::V1_22_5];

    /// As in `1.8.7`.
    #[must_use]
    pub fn number(self) -> &'static str {
        match self {
            Self::V1_8_7 => "1.8.7",
            Self::V1_22_5 => "1.22.5",
        }
    }

    /// The environment variable that names a program of this version.
    #[must_use]
    pub fn variable(self) -> String {
        format!("LICTOR_TEST_CONSUL_{}", self.number().replace('.', "_"))
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.number())
    }
}

/// Why a version of Consul cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What is needed to obtain it is missing, or failed.
    #[error(
        "obtain consul {version}: {reason}\n(or name a program of that version in the environment: {}=/path/to/consul)",
        version.variable()
    )]
    Obtain {
        /// The version that was wanted.
        version: Version,
        /// What is missing or went wrong.
        reason: String,
    },
    /// A program is not what it was said to be.
    #[error("{} is not consul {version}: `consul version` says {said:?}", path.display())]
    Other {
        /// The version that was wanted.
        version: Version,
        /// The program.
        path: PathBuf,
        /// What it says it is.
        said: String,
    },
    /// The cache cannot be used.
    #[error("{}: {source}", path.display())]
    Cache {
        /// The file or directory.
        path: PathBuf,
        /// What happened.
        source: io::Error,
    },
}

/// The path of a program of exactly this version, obtained if need be. The answer is remembered.
///
/// # Errors
/// It cannot be had; the error says what is missing and how to give an explicit path.
pub fn obtain(version: Version) -> Result<PathBuf, Error> {
    static KNOWN: [OnceLock<PathBuf>; 2] = [OnceLock::new(), OnceLock::new()];
    let known = &KNOWN[version as usize];
    if let Some(path) = known.get() {
        return Ok(path.clone());
    }
    let path = find(version)?;
    Ok(known.get_or_init(|| path).clone())
}

/// A directory in which the program of this version is called `consul`, to be put first in a PATH.
///
/// # Errors
/// As for [`obtain`].
pub fn directory(version: Version) -> Result<PathBuf, Error> {
    let program = obtain(version)?;
    if program.file_name().is_some_and(|name| name == "consul")
        && let Some(directory) = program.parent()
    {
        return Ok(directory.to_owned());
    }
    // A program under another name, given explicitly. The link is replaced each time: the name may have changed.
    let directory = target_directory()
        .join("consul")
        .join(format!("{version}-given"));
    make_directory(&directory)?;
    let link = directory.join("consul");
    let temporary = directory.join(format!("consul.{}", std::process::id()));
    let linked = symlink(&program, &temporary).and_then(|()| fs::rename(&temporary, &link));
    linked.map_err(|source| Error::Cache { path: link, source })?;
    Ok(directory)
}

fn find(version: Version) -> Result<PathBuf, Error> {
    if let Some(path) = env::var_os(version.variable()) {
        let path = PathBuf::from(path);
        check(version, &path)?;
        // Programs run with another working directory than this one.
        return path
            .canonicalize()
            .map_err(|source| Error::Cache { path, source });
    }
    for directory in env::split_paths(&env::var_os("PATH").unwrap_or_default()) {
        let path = directory.join("consul");
        if path.is_absolute() && path.is_file() && check(version, &path).is_ok() {
            return Ok(path);
        }
    }
    let near = target_directory().join("consul").join(version.number());
    if near.join("consul").is_file() {
        return Ok(near.join("consul"));
    }
    let lasting = lasting_directory(version).unwrap_or_else(|| near.clone());
    // Many test processes may come here at once: one obtains it, and the others then find it.
    let _lock = lock(&lasting)?;
    let program = lasting.join("consul");
    if !program.is_file() {
        obtain_into(version, &lasting)?;
    }
    // A program that cannot be put into the target directory is used where it is.
    if near != lasting && make_directory(&near).is_ok() && place(&program, &near).is_ok() {
        return Ok(near.join("consul"));
    }
    Ok(program)
}

fn obtain_into(version: Version, directory: &Path) -> Result<(), Error> {
    let failed = |reason: String| Error::Obtain { version, reason };
    // Beside its destination, so that the rename at the end is atomic; and nothing else can be here, for we have the
    // lock: what is here was left by a process that was killed.
    let work = directory.join("work");
    let fresh = || -> io::Result<()> {
        if work.exists() {
            fs::remove_dir_all(&work)?;
        }
        fs::create_dir(&work)
    };
    fresh().map_err(|source| Error::Cache {
        path: work.clone(),
        source,
    })?;
    let program = match version {
        Version::V1_8_7 => debian::unpack(&work).map_err(|error| failed(error.to_string()))?,
        Version::V1_22_5 => gobuild::build(&work).map_err(|error| failed(error.to_string()))?,
    };
    check(version, &program)?;
    let destination = directory.join("consul");
    fs::rename(&program, &destination).map_err(|source| Error::Cache {
        path: destination.clone(),
        source,
    })?;
    let _ = fs::remove_dir_all(&work);
    say(&format!(
        "consul {version} is now in {}",
        destination.display()
    ));
    Ok(())
}

/// Tells a person what takes so long. Not by `eprintln!`, which a test's output capture would swallow.
fn say(text: &str) {
    let _ = writeln!(io::stderr(), "testbed: {text}");
}

/// Links or copies `program` into `directory`, atomically.
fn place(program: &Path, directory: &Path) -> io::Result<()> {
    let temporary = directory.join(format!("consul.{}", std::process::id()));
    let _ = fs::remove_file(&temporary);
    // Another file system, or a file of another user, cannot be linked.
    fs::hard_link(program, &temporary).or_else(|_| fs::copy(program, &temporary).map(drop))?;
    let renamed = fs::rename(&temporary, directory.join("consul"));
    // Renaming one link over another of the same file does nothing at all: another process was quicker.
    let _ = fs::remove_file(&temporary);
    renamed
}

fn check(version: Version, path: &Path) -> Result<(), Error> {
    let other = |said: String| Error::Other {
        version,
        path: path.to_owned(),
        said,
    };
    let output = Command::new(path)
        .arg("version")
        .output()
        .map_err(|error| other(error.to_string()))?;
    let said = String::from_utf8_lossy(&output.stdout);
    let first = said.lines().next().unwrap_or_default();
    let number = first
        .trim()
        .trim_start_matches("Consul ")
        .trim_start_matches('v');
    // Debian's build says 1.8.7+dfsg1.
    if number == version.number() || number.split('+').next() == Some(version.number()) {
        return Ok(());
    }
    Err(other(first.to_owned()))
}

fn lock(directory: &Path) -> Result<Flock<File>, Error> {
    make_directory(directory)?;
    let path = directory.join("lock");
    let file = File::create(&path).map_err(|source| Error::Cache {
        path: path.clone(),
        source,
    })?;
    let busy = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => return Ok(lock),
        Err((file, _)) => file,
    };
    say(&format!(
        "another process obtains {}; waiting for it",
        directory.display()
    ));
    Flock::lock(busy, FlockArg::LockExclusive).map_err(|(_, error)| Error::Cache {
        path,
        source: error.into(),
    })
}

fn make_directory(path: &Path) -> Result<(), Error> {
    let made = DirBuilder::new().recursive(true).mode(0o755).create(path);
    made.map_err(|source| Error::Cache {
        path: path.to_owned(),
        source,
    })
}

/// The user's cache directory for this version, unless it cannot be written to.
fn lasting_directory(version: Version) -> Option<PathBuf> {
    let absolute = |name: &str| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let base =
        absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))?;
    let directory = base.join("lictor/consul").join(version.number());
    make_directory(&directory).ok()?;
    // A finished program there will do even in a directory that belongs to someone else.
    let usable = directory.join("consul").is_file() || File::create(directory.join("lock")).is_ok();
    usable.then_some(directory)
}

/// Cargo's target directory.
fn target_directory() -> PathBuf {
    let given = env::var_os("CARGO_TARGET_DIR")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    given.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"))
}
