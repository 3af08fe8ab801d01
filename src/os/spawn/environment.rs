//! The environment of a program: lictor's own, with a few variables of other values.

use std::ffi::{CStr, CString, c_char};
use std::io;
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStrExt;

use super::Program;
use super::child::NUMBER_LENGTH;
use crate::os::environment::entries;

/// The first descriptor that systemd's protocol passes.
pub(super) const FIRST_PASSED: RawFd = 3;

const LISTEN_PID: &str = "LISTEN_PID";
const LISTEN_PIDFDID: &str = "LISTEN_PIDFDID";

/// Lasts as long as the pointers to it are used.
pub(super) struct Environment {
    added: Vec<CString>,
    /// `LISTEN_PID=` and room for a number.
    listen: Option<Vec<u8>>,
}

impl Environment {
    pub(super) fn new(program: &Program, passed: RawFd) -> io::Result<Self> {
        let added = program
            .env
            .iter()
            .map(|(name, value)| {
                let entry = [name.as_bytes(), b"=", value.as_bytes()].concat();
                CString::new(entry).map_err(io::Error::from)
            })
            .collect::<io::Result<_>>()?;
        let listen = (passed > 0).then(|| {
            let mut entry = format!("{LISTEN_PID}=").into_bytes();
            entry.resize(entry.len() + NUMBER_LENGTH, 0);
            entry
        });
        Ok(Self { added, listen })
    }

    /// The entries, then a null; and where the number of the process that gets them belongs.
    pub(super) fn pointers(&mut self) -> (Vec<*const c_char>, Option<*mut u8>) {
        let (listen, number) = match &mut self.listen {
            Some(entry) => {
                let start = entry.as_mut_ptr();
                let room = start.wrapping_add(LISTEN_PID.len() + 1);
                (Some(start.cast_const().cast::<c_char>()), Some(room))
            }
            None => (None, None),
        };
        let replaced = |entry: &CStr| {
            let name = name_of(entry.to_bytes());
            let by_added = self.added.iter().any(|a| name_of(a.to_bytes()) == name);
            // The second tells the same process in another way, which is as wrong below lictor; it may be left out.
            let tells_whom = [LISTEN_PID.as_bytes(), LISTEN_PIDFDID.as_bytes()].contains(&name);
            by_added || (listen.is_some() && tells_whom)
        };
        let pointers = entries()
            .filter(|entry| !replaced(entry))
            .map(CStr::as_ptr)
            .chain(self.added.iter().map(|entry| entry.as_ptr()))
            .chain(listen)
            .chain([std::ptr::null()])
            .collect();
        (pointers, number)
    }
}

fn name_of(entry: &[u8]) -> &[u8] {
    entry.split(|byte| *byte == b'=').next().unwrap_or_default()
}

/// How many descriptors were passed on purpose, by systemd's protocol (sd_listen_fds(3)): meant for lictor, or for nobody
/// by name.
pub(super) fn passed(env: &dyn Fn(&str) -> Option<String>) -> RawFd {
    let number = |name: &str| env(name).map(|text| text.parse::<u32>().ok());
    let meant = match number(LISTEN_PID) {
        None => true,
        Some(pid) => pid == Some(std::process::id()),
    };
    match number("LISTEN_FDS").flatten() {
        Some(count) if meant => RawFd::try_from(count).unwrap_or(0).min(most_descriptors()),
        _ => 0,
    }
}

/// No number can be above this, whatever a variable says.
fn most_descriptors() -> RawFd {
    RawFd::MAX - FIRST_PASSED - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed_of(pid: Option<&str>, count: Option<&str>) -> RawFd {
        passed(&|name| match name {
            "LISTEN_PID" => pid.map(str::to_owned),
            "LISTEN_FDS" => count.map(str::to_owned),
            _ => None,
        })
    }

    #[test]
    fn descriptors_are_passed_if_they_were_meant_for_us() {
        let us = std::process::id().to_string();
        assert_eq!(passed_of(Some(&us), Some("2")), 2);
        assert_eq!(passed_of(None, Some("2")), 2);
        for (pid, count) in [
            (Some("1000000000"), Some("2")),
            (Some("nobody"), Some("2")),
            (Some(us.as_str()), Some("many")),
            (Some(us.as_str()), None),
            (None, None),
        ] {
            assert_eq!(passed_of(pid, count), 0, "{pid:?} {count:?}");
        }
        assert!(passed_of(None, Some("4294967295")) < RawFd::MAX - FIRST_PASSED);
    }
}
