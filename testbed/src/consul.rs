//! The two Consul versions everything is tested with, obtained once and cached.
//!
//! [`obtain`] looks, in this order, at an explicit path in the environment, at `consul` in PATH if it is exactly that
//! version, at the caches, and then obtains the program: 1.8.7 is Debian bullseye's package, unpacked and not
//! installed; 1.22.5 is built with Go from the checked-in `go.mod` and `go.sum`.

mod gobuild;

use std::env;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

pub(crate) use crate::cache::target_directory;
use crate::cache::{self, Wanted, make_directory};
use crate::debian::{self, Package};

/// Of `consul_1.8.7+dfsg1-2+b3_amd64.deb`.
const PACKAGE: Package = Package {
    name: "consul",
    sha256: "e4e888bba104daba1d9161f49bfc52649a7e4efd45b1a7ead5bc54f2cb9c89d9",
};

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

impl From<cache::Error> for Error {
    fn from(error: cache::Error) -> Self {
        let cache::Error { path, source } = error;
        Self::Cache { path, source }
    }
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
    let wanted = Wanted {
        name: "consul",
        version: version.number(),
    };
    match wanted.in_path(|path| check(version, path).is_ok()) {
        Some(path) => Ok(path),
        None => wanted.cached(|work| make(version, work)),
    }
}

/// Makes a program of this version in `work`, and returns its path.
fn make(version: Version, work: &Path) -> Result<PathBuf, Error> {
    let failed = |reason: String| Error::Obtain { version, reason };
    let program = match version {
        Version::V1_8_7 => {
            debian::unpack(&PACKAGE, work).map_err(|error| failed(error.to_string()))?
        }
        Version::V1_22_5 => gobuild::build(work).map_err(|error| failed(error.to_string()))?,
    };
    check(version, &program)?;
    Ok(program)
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
