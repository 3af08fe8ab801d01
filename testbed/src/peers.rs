//! The real programs that lictor takes the place of under their names: tini 0.19.0 and dumb-init 1.2.5.
//!
//! Each is the one in PATH if it is exactly that version, and otherwise Debian bullseye's package, unpacked and not
//! installed, and cached as Consul is.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::cache::{self, Wanted};
use crate::debian::{self, Package};

/// Why such a program cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What is needed to obtain it is missing, or failed.
    #[error("obtain {name} {version}: {reason}\n(or put one of that version into PATH)")]
    Obtain {
        /// The program.
        name: &'static str,
        /// The version that was wanted.
        version: &'static str,
        /// What is missing or went wrong.
        reason: String,
    },
    /// The cache cannot be used.
    #[error(transparent)]
    Cache(#[from] cache::Error),
}

/// One of them.
struct Peer {
    wanted: Wanted,
    package: Package,
    /// How its help begins; tini tells a build from a repository by more words.
    says: &'static str,
}

/// Of `tini_0.19.0-1_amd64.deb`.
const TINI: Peer = Peer {
    wanted: Wanted {
        name: "tini",
        version: "0.19.0",
    },
    package: Package {
        name: "tini",
        sha256: "de5c1090fdb767c6c826b23e1248f4644546697ac4a5bc50b3823901881d4607",
    },
    says: "tini (tini version 0.19.0",
};

/// Of `dumb-init_1.2.5-1_amd64.deb`.
const DUMB_INIT: Peer = Peer {
    wanted: Wanted {
        name: "dumb-init",
        version: "1.2.5",
    },
    package: Package {
        name: "dumb-init",
        sha256: "da99f0c1b328f1770f2e86ee1bed0fa0b67ad6b2977ab1ec050484c73e1f7320",
    },
    says: "dumb-init v1.2.5\n",
};

/// The path of tini 0.19.0, obtained if need be. The answer is remembered.
///
/// # Errors
/// It cannot be had; the error says what is missing.
pub fn tini() -> Result<PathBuf, Error> {
    static KNOWN: OnceLock<PathBuf> = OnceLock::new();
    obtain(&TINI, &KNOWN)
}

/// The path of dumb-init 1.2.5, likewise.
///
/// # Errors
/// It cannot be had; the error says what is missing.
pub fn dumb_init() -> Result<PathBuf, Error> {
    static KNOWN: OnceLock<PathBuf> = OnceLock::new();
    obtain(&DUMB_INIT, &KNOWN)
}

fn obtain(peer: &Peer, known: &OnceLock<PathBuf>) -> Result<PathBuf, Error> {
    if let Some(path) = known.get() {
        return Ok(path.clone());
    }
    let found = match peer.wanted.in_path(|path| peer.is(path)) {
        Some(path) => path,
        None => peer.wanted.cached(|work| peer.unpack(work))?,
    };
    Ok(known.get_or_init(|| found).clone())
}

impl Peer {
    fn unpack(&self, work: &Path) -> Result<PathBuf, Error> {
        let failed = |reason: String| Error::Obtain {
            name: self.wanted.name,
            version: self.wanted.version,
            reason,
        };
        let program =
            debian::unpack(&self.package, work).map_err(|error| failed(error.to_string()))?;
        if self.is(&program) {
            return Ok(program);
        }
        Err(failed("the package's program is another one".to_owned()))
    }

    /// Whether a program is the real one. lictor by its name says the same version, and tells itself in its help.
    fn is(&self, path: &Path) -> bool {
        let Ok(output) = Command::new(path).arg("-h").output() else {
            return false;
        };
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        said.starts_with(self.says) && !said.lines().any(|line| line.starts_with("lictor"))
    }
}
