//! Consul's own `node-id` in the data directory: 36 characters, read as Consul reads them, and written as Consul should.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::os::files::{self, Unread};

/// What is larger is no id, nor its second copy, nor a machine-id.
pub(super) const LARGEST: u64 = 64 << 10;
const NAME: &str = "node-id";
/// Where the kernel makes ids that nobody else has.
const RANDOM: &str = "/proc/sys/kernel/random/uuid";

/// What is in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum File {
    /// There is none; Consul makes one.
    Missing,
    /// An id, as Consul takes it.
    Good(String),
    /// Something else, and what; Consul ends with 1, or waits for a pipe's other end.
    Broken(&'static str),
    /// It cannot be read, and why.
    Unreadable(String),
}

/// An id as Consul takes it: without blanks around it, in small letters; `None` for what Consul refuses.
pub fn parse(text: &str) -> Option<String> {
    let id = text.trim().to_ascii_lowercase();
    let fits = |(place, byte): (usize, u8)| match place {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    let whole = id.len() == 36 && id.bytes().enumerate().all(fits);
    whole.then_some(id)
}

/// Where it is.
pub fn path(data_dir: &Path) -> PathBuf {
    data_dir.join(NAME)
}

/// Reads it.
pub fn read(data_dir: &Path) -> File {
    let bytes = match files::read_regular(&path(data_dir), LARGEST) {
        Ok(bytes) => bytes,
        Err(Unread::Irregular) => return File::Broken("is no regular file"),
        Err(Unread::TooLarge(_)) => return File::Broken("holds no id"),
        Err(Unread::Io(error)) if error.kind() == io::ErrorKind::NotFound => return File::Missing,
        Err(Unread::Io(error)) => return File::Unreadable(error.to_string()),
    };
    let text = String::from_utf8_lossy(&bytes);
    match parse(&text) {
        Some(id) => File::Good(id),
        None if text.trim().is_empty() => File::Broken("is empty"),
        None => File::Broken("holds no id"),
    }
}

/// Writes it whole, for whom the directory is: the agent's user need not be lictor's. The directory is made if there is none yet.
/// Returns why it could not be given to that user, if so.
///
/// # Errors
/// It cannot be written there, or the disk is full; what was there is there still.
pub fn write(data_dir: &Path, id: &str) -> io::Result<Option<io::Error>> {
    files::create_dir_for_owner(data_dir)?;
    files::write_for_owner(&path(data_dir), id.as_bytes(), 0o600)
}

/// A new id.
///
/// # Errors
/// `/proc` is not there.
pub fn random() -> io::Result<String> {
    let text = fs::read_to_string(RANDOM)?;
    parse(&text).ok_or_else(|| io::Error::other(format!("{RANDOM} holds no id")))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};

    use nix::sys::stat::Mode;
    use nix::unistd::{getegid, geteuid, mkfifo};

    const ID: &str = "9e2d3c5b-4f1a-4a53-8a7e-0d8a1b2c3d4e";

    /// A directory of its own, which is removed in the end.
    pub(in crate::identity) struct Directory(pub(in crate::identity) PathBuf);

    impl Directory {
        pub(in crate::identity) fn new(name: &str) -> Self {
            let name = format!("lictor-identity-{name}-{}", std::process::id());
            let path = std::env::temp_dir().join(name);
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(&path).expect("made");
            Self(path)
        }

        /// What is in it.
        pub(in crate::identity) fn names(&self) -> Vec<String> {
            let entries = fs::read_dir(&self.0).expect("read");
            entries
                .map(|entry| entry.expect("an entry").file_name())
                .map(|name| name.into_string().expect("text"))
                .collect()
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn an_id_is_what_consul_takes() {
        assert_eq!(parse(&format!(" {}\n", ID.to_uppercase())), Some(ID.into()));
        let others = [
            "",
            "9e2d3c5b4f1a4a538a7e0d8a1b2c3d4e",
            "9e2d3c5b-4f1a-4a53-8a7e-0d8a1b2c3d4",
            "9e2d3c5b-4f1a-4a53-8a7e-0d8a1b2c3d4g",
            "9e2d3c5b_4f1a_4a53_8a7e_0d8a1b2c3d4e",
        ];
        for other in others {
            assert_eq!(parse(other), None, "{other}");
        }
        assert_ne!(random().expect("one"), random().expect("another"));
    }

    #[test]
    fn one_that_is_cut_off_anywhere_is_broken() {
        let directory = Directory::new("cut");
        assert_eq!(read(&directory.0), File::Missing);
        for length in 0..ID.len() {
            fs::write(path(&directory.0), &ID[..length]).expect("written");
            assert!(matches!(read(&directory.0), File::Broken(_)), "{length}");
        }
        fs::write(path(&directory.0), ID).expect("written");
        assert_eq!(read(&directory.0), File::Good(ID.to_owned()));
    }

    #[test]
    fn it_is_written_whole_for_its_owner_alone() {
        let directory = Directory::new("written");
        let below = directory.0.join("data");
        write(&below, ID).expect("written");
        assert_eq!(read(&below), File::Good(ID.to_owned()));
        let mode = fs::metadata(path(&below)).expect("there").permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
        fs::create_dir(path(&directory.0)).expect("made");
        assert!(write(&directory.0, ID).is_err());
        assert!(matches!(read(&directory.0), File::Broken(_)));
        assert_eq!(directory.names().len(), 2, "{:?}", directory.names());
    }

    /// A pipe without another end, a device without an end, a directory, and a file that is too large.
    pub(in crate::identity) const IN_ITS_PLACE: [fn(&Path); 4] = [
        |path| mkfifo(path, Mode::S_IRWXU).expect("a pipe"),
        |path| symlink("/dev/zero", path).expect("a link"),
        |path| fs::create_dir(path).expect("a directory"),
        |path| fs::write(path, vec![b'a'; 1 << 20]).expect("written"),
    ];

    /// Gives a directory to somebody else, where there is one and we can, and says whose it is.
    pub(in crate::identity) fn give_away(directory: &Path) -> (u32, u32) {
        match chown(directory, Some(4711), Some(4712)) {
            Ok(()) => (4711, 4712),
            Err(_) => (geteuid().as_raw(), getegid().as_raw()),
        }
    }

    pub(in crate::identity) fn owner(path: &Path) -> (u32, u32) {
        let about = fs::metadata(path).expect("there");
        assert_eq!(about.mode() & 0o600, 0o600);
        (about.uid(), about.gid())
    }

    #[test]
    fn it_is_for_whom_the_directory_is() {
        let directory = Directory::new("owned");
        let given = give_away(&directory.0);
        let below = directory.0.join("new").join("data");
        for data_dir in [&directory.0, &below] {
            // What was there was another's, as one is that lictor has written before.
            for _ in 0..2 {
                let refused = write(data_dir, ID).expect("written");
                assert!(refused.is_none(), "{refused:?}");
                assert_eq!(owner(&path(data_dir)), given);
                chown(path(data_dir), Some(geteuid().as_raw()), None).expect("ours");
            }
        }
        assert_eq!(owner(&below), given);
    }

    #[test]
    fn whatever_else_is_in_its_place_is_broken_and_replaced() {
        let directory = Directory::new("irregular");
        let path = path(&directory.0);
        for put in IN_ITS_PLACE {
            put(&path);
            assert!(matches!(read(&directory.0), File::Broken(_)));
            if path.is_dir() {
                assert!(write(&directory.0, ID).is_err());
                fs::remove_dir(&path).expect("removed");
                continue;
            }
            write(&directory.0, ID).expect("written");
            assert_eq!(read(&directory.0), File::Good(ID.to_owned()));
            fs::remove_file(&path).expect("removed");
        }
    }
}
