//! What tells this machine from others: the host's machine-id, of which nothing but a derived id is ever shown, and its boot.

use std::fs;
use std::io;
use std::path::Path;

use ring::hmac;

use crate::identity::node_id::LARGEST;
use crate::os::files::{self, Unread};

/// Where a host has its machine-id; the second is the older place.
const PLACES: [&str; 2] = ["/etc/machine-id", "/var/lib/dbus/machine-id"];
const BOOT: &str = "/proc/sys/kernel/random/boot_id";
/// What the ids are derived for. Another one would make each node another one.
const NODE: &[u8] = b"lictor: the id of a Consul node";
const FINGERPRINT: &[u8] = b"lictor: the machine of a node";

/// Why there is no id of the machine.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// No file has one.
    #[error(
        "derive the node id from this host's machine-id (--node-id=machine): {what}; it is 32 hexadecimal digits, not all of them zeros: in a \
         container mount the host's file read-only (-v /etc/machine-id:/etc/machine-id:ro, or a hostPath volume of type File)"
    )]
    Missing {
        /// What was found instead, by the files' paths.
        what: String,
    },
}

/// The id of the Consul node on this machine: the same on each run, whatever becomes of its disk.
///
/// As systemd has it for ids that leave the host, it follows from the machine-id by a keyed hash, and does not tell it.
///
/// # Errors
/// [`Error::Missing`] where there is no machine-id, or one that many machines have.
pub fn node_id() -> Result<String, Error> {
    machine_id(&PLACES.map(Path::new)).map(|id| derived(&id, NODE))
}

/// What a record keeps of the machine; `None` where there is no machine-id.
pub fn fingerprint() -> Option<String> {
    let id = machine_id(&PLACES.map(Path::new)).ok()?;
    Some(derived(&id, FINGERPRINT))
}

/// The kernel's id of this boot, which all containers of a host see alike; empty where there is none.
pub fn boot_id() -> String {
    let id = fs::read_to_string(BOOT).unwrap_or_default();
    id.trim().to_owned()
}

fn machine_id(places: &[&Path]) -> Result<String, Error> {
    let mut found = Vec::new();
    for place in places {
        match read(place) {
            Ok(id) => return Ok(id),
            Err(what) => found.push(format!("{} {what}", place.display())),
        }
    }
    let what = found.join(" and ");
    Err(Error::Missing { what })
}

/// The machine-id that this file holds, or what it is instead.
fn read(place: &Path) -> Result<String, String> {
    let bytes = files::read_regular(place, LARGEST).map_err(|error| match error {
        Unread::Io(error) if error.kind() == io::ErrorKind::NotFound => "is not there".to_owned(),
        error => format!("cannot be read ({error})"),
    })?;
    let id = String::from_utf8_lossy(&bytes).trim().to_ascii_lowercase();
    let zero = id.bytes().all(|byte| byte == b'0');
    if id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) && !zero {
        return Ok(id);
    }
    // "uninitialized", or empty, is what an image has before its first boot; zeros are nobody's.
    match id.as_str() {
        "" | "uninitialized" => Err("holds none, as in an image that was never booted".to_owned()),
        _ => Err("holds something else".to_owned()),
    }
}

/// The first half of a keyed hash, as an id of version 4.
fn derived(machine_id: &str, purpose: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, machine_id.as_bytes());
    let tag = hmac::sign(&key, purpose);
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&tag.as_ref()[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::node_id::{self, tests::Directory, tests::IN_ITS_PLACE};

    #[test]
    fn the_id_of_a_machine_is_always_the_same() {
        let id = derived("0123456789abcdef0123456789abcdef", NODE);
        // From one release to the next as well.
        assert_eq!(id, "4ad045b1-c316-4295-8293-a6f2d6a402a4");
        assert_eq!(node_id::parse(&id), Some(id.clone()));
        assert_ne!(id, derived("1123456789abcdef0123456789abcdef", NODE));
        assert_ne!(id, derived("0123456789abcdef0123456789abcdef", FINGERPRINT));
    }

    #[test]
    fn what_many_machines_have_is_none() {
        let directory = Directory::new("machine");
        let [first, second] = ["a", "b"].map(|name| directory.0.join(name));
        let read = || machine_id(&[first.as_path(), second.as_path()]);
        let error = read().expect_err("none").to_string();
        assert!(error.contains("/a is not there and "), "{error}");
        for put in IN_ITS_PLACE {
            put(&first);
            assert!(read().is_err());
            fs::remove_file(&first)
                .or_else(|_| fs::remove_dir(&first))
                .expect("removed");
        }
        for text in [
            "",
            "\n",
            "uninitialized\n",
            "00000000000000000000000000000000\n",
            "0123",
        ] {
            fs::write(&first, text).expect("written");
            let error = read().expect_err("none").to_string();
            for word in ["/a holds ", "32 hexadecimal digits", "/etc/machine-id:ro"] {
                assert!(error.contains(word), "{error}");
            }
        }
        let id = "0123456789abcdef0123456789abcdef";
        fs::write(&second, format!("{id}\n")).expect("written");
        assert_eq!(read(), Ok(id.to_owned()));
    }

    #[test]
    fn this_boot_has_an_id() {
        assert_eq!(boot_id().len(), 36);
    }
}
