//! `node-id.lictor`: the second copy of the node's id, and what the node was known as.
//!
//! It is in the data directory beside `node-id`, as JSON, and is replaced whole: a crash at any moment leaves the old one or the new
//! one. Only a disk that fails can break it; then it counts for nothing.

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::identity::node_id::LARGEST;
use crate::os::files::{self, Unread};

/// The file's name in the data directory. It does not end in `.json`, lest an agent load it that has the data directory among its
/// configuration.
pub const NAME: &str = "node-id.lictor";

/// What is kept of a node.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Record {
    /// Its id; empty where nobody has said it.
    #[serde(default)]
    pub id: String,
    /// Whether the agent's configuration gave it that id (`node_id`), so that `node-id` may hold another one, or none.
    #[serde(default)]
    pub given: bool,
    /// The name under which it was a member.
    pub node_name: String,
    /// The name that its host had then.
    #[serde(default)]
    pub host_name: String,
    /// The address that it advertised, where it has said so.
    #[serde(default)]
    pub address: Option<IpAddr>,
    /// The port at which it gossiped there, where it has said so.
    #[serde(default)]
    pub gossip_port: Option<u16>,
    /// The boot in which that was ([`super::machine::boot_id`]); empty where it is not known.
    #[serde(default)]
    pub boot_id: String,
    /// What tells the machine from others ([`super::machine::fingerprint`]); empty where it is not known.
    #[serde(default)]
    pub machine: String,
    /// Whether it has left since, as far as all that could be seen.
    #[serde(default)]
    pub left: bool,
}

/// What there is of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Copy {
    /// None: a first run, or lictor's first.
    Missing,
    /// It can be read.
    Good(Record),
    /// It cannot, and why.
    Broken(String),
}

/// Where it is.
pub fn path(data_dir: &Path) -> PathBuf {
    data_dir.join(NAME)
}

/// Reads it.
pub fn read(data_dir: &Path) -> Copy {
    let bytes = match files::read_regular(&path(data_dir), LARGEST) {
        Ok(bytes) => bytes,
        Err(Unread::Io(error)) if error.kind() == io::ErrorKind::NotFound => return Copy::Missing,
        Err(error) => return Copy::Broken(error.to_string()),
    };
    match serde_json::from_slice(&bytes) {
        Ok(record) => Copy::Good(record),
        Err(error) => Copy::Broken(error.to_string()),
    }
}

/// Writes it whole, for whom the directory is, unless it is so already. It is on the disk then. Returns why it could not be given to
/// that user, if so.
///
/// # Errors
/// The directory is not there, cannot be written to or is full; what was there is there still.
pub fn write(data_dir: &Path, record: &Record) -> io::Result<Option<io::Error>> {
    if read(data_dir) == Copy::Good(record.clone()) {
        return Ok(None);
    }
    let mut text = serde_json::to_string_pretty(record)?;
    text.push('\n');
    files::write_for_owner(&path(data_dir), text.as_bytes(), 0o600)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    use crate::identity::node_id::tests::{Directory, IN_ITS_PLACE, give_away, owner};

    fn record() -> Record {
        Record {
            id: "9e2d3c5b-4f1a-4a53-8a7e-0d8a1b2c3d4e".to_owned(),
            given: false,
            node_name: "n1".to_owned(),
            host_name: "n1".to_owned(),
            address: Some("10.0.0.5".parse().expect("an address")),
            gossip_port: Some(8301),
            boot_id: "b".to_owned(),
            machine: "m".to_owned(),
            left: false,
        }
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        let directory = Directory::new("record");
        assert_eq!(read(&directory.0), Copy::Missing);
        write(&directory.0, &record()).expect("written");
        assert_eq!(read(&directory.0), Copy::Good(record()));
        let left = Record {
            left: true,
            ..record()
        };
        write(&directory.0, &left).expect("written");
        assert_eq!(read(&directory.0), Copy::Good(left));
        assert_eq!(directory.names(), [NAME]);
    }

    #[test]
    fn one_that_is_cut_off_anywhere_counts_for_nothing() {
        let directory = Directory::new("record-cut");
        let text = serde_json::to_string_pretty(&record()).expect("text");
        for length in 0..text.len() {
            fs::write(path(&directory.0), &text[..length]).expect("written");
            assert!(matches!(read(&directory.0), Copy::Broken(_)), "{length}");
        }
    }

    #[test]
    fn it_is_for_whom_the_directory_is() {
        let directory = Directory::new("record-owned");
        let given = give_away(&directory.0);
        let refused = write(&directory.0, &record()).expect("written");
        assert!(refused.is_none(), "{refused:?}");
        assert_eq!(owner(&path(&directory.0)), given);
    }

    #[test]
    fn whatever_else_is_in_its_place_counts_for_nothing() {
        for put in IN_ITS_PLACE {
            let directory = Directory::new("record-irregular");
            put(&path(&directory.0));
            assert!(matches!(read(&directory.0), Copy::Broken(_)));
            let written = write(&directory.0, &record()).is_ok();
            assert_eq!(written, !path(&directory.0).is_dir());
            assert_eq!(read(&directory.0) == Copy::Good(record()), written);
        }
    }

    #[test]
    fn a_lictor_killed_while_it_writes_leaves_what_was() {
        let directory = Directory::new("record-killed");
        write(&directory.0, &record()).expect("written");
        // It came as far as this, or not so far.
        for written in ["", "{\"id\": \"9e2d3c5b"] {
            let temporary = directory.0.join(format!("{NAME}.7.tmp"));
            fs::write(temporary, written).expect("written");
            assert_eq!(read(&directory.0), Copy::Good(record()));
        }
    }

    #[test]
    fn where_it_cannot_be_written_the_old_one_stays() {
        let directory = Directory::new("record-no");
        let nowhere = directory.0.join("nowhere");
        assert!(write(&nowhere, &record()).is_err());
        assert_eq!(read(&nowhere), Copy::Missing);
    }
}
