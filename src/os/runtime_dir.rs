//! The runtime directory: lictor's own place, held by one lictor at a time.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

/// A Unix socket's path is limited by the kernel, the ending NUL included.
const LONGEST_SOCKET_PATH: usize = 107;

/// Why the runtime directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be made or written to.
    #[error(
        "use the runtime directory {path}: {source}; mount a writable volume there (an emptyDir, medium: Memory), or name another \
         one with --runtime-dir"
    )]
    Unwritable {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another lictor holds it.
    #[error(
        "use the runtime directory {path}: a live lictor{pid} holds it; stop that one, or name another directory with --runtime-dir"
    )]
    Held {
        /// The directory.
        path: PathBuf,
        /// Its holder, where it says so, as ` (pid N)`.
        pid: String,
    },
    /// Its sockets would have too long a path.
    #[error(
        "use the runtime directory {path}: its path is too long for a Unix socket in it; name a shorter one with --runtime-dir"
    )]
    TooLong {
        /// The directory.
        path: PathBuf,
    },
}

/// The runtime directory, held until dropped. A lictor that was killed holds nothing: the kernel lets go.
#[derive(Debug)]
pub struct RuntimeDir {
    path: PathBuf,
    _held: Flock<File>,
}

impl RuntimeDir {
    /// Makes the directory (0700) and holds it.
    pub fn hold(path: &Path) -> Result<Self, Error> {
        let unwritable = |source| Error::Unwritable {
            path: path.to_owned(),
            source,
        };
        if path.join("control.sock").as_os_str().len() > LONGEST_SOCKET_PATH {
            return Err(Error::TooLong {
                path: path.to_owned(),
            });
        }
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(unwritable)?;
        // A fresh volume comes with a mode of its own. A directory in which others have something is not ours to close,
        // and where the mode cannot be changed, the files' own still hold.
        let fresh = fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
        if !fresh {
            tracing::debug!("the mode of {} stays as it is", path.display());
        } else if let Err(error) = fs::set_permissions(path, fs::Permissions::from_mode(0o700)) {
            tracing::debug!("the mode of {} stays as it is: {error}", path.display());
        }
        let lock = path.join("lock");
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&lock)
            .map_err(unwritable)?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(held) => {
                fs::write(&lock, format!("{}\n", std::process::id())).map_err(unwritable)?;
                Ok(Self {
                    path: path.to_owned(),
                    _held: held,
                })
            }
            Err((_, Errno::EWOULDBLOCK)) => Err(Error::Held {
                path: path.to_owned(),
                pid: fs::read_to_string(&lock)
                    .ok()
                    .filter(|pid| !pid.trim().is_empty())
                    .map(|pid| format!(" (pid {})", pid.trim()))
                    .unwrap_or_default(),
            }),
            Err((_, errno)) => Err(unwritable(errno.into())),
        }
    }

    /// The control socket's path. Whatever a dead lictor left there is gone once this returns.
    pub fn control_socket(&self) -> Result<PathBuf, Error> {
        self.fresh("control.sock")
    }

    /// The path of the socket to which the agent says that it has joined.
    pub fn notify_socket(&self) -> Result<PathBuf, Error> {
        self.fresh("notify.sock")
    }

    /// The directory for snapshots of the configuration.
    pub fn stage(&self) -> PathBuf {
        self.path.join("stage")
    }

    /// The directory for the registration, where no other was named.
    pub fn registration(&self) -> PathBuf {
        self.path.join("registration")
    }

    fn fresh(&self, name: &str) -> Result<PathBuf, Error> {
        let path = self.path.join(name);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(Error::Unwritable {
                path: path.clone(),
                source,
            }),
            _ => Ok(path),
        }
    }
}

impl Drop for RuntimeDir {
    fn drop(&mut self) {
        // A socket nobody serves would only make `lictor status` say something odd.
        for name in ["control.sock", "notify.sock"] {
            let _ = fs::remove_file(self.path.join(name));
        }
    }
}
