//! What Rust's start-up would have done before a `fn main`, as far as lictor needs it.

use std::ffi::{CStr, OsStr, OsString, c_char, c_int};
use std::os::fd::{AsRawFd, IntoRawFd};
use std::os::unix::ffi::OsStrExt;

use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

/// Opens whichever of stdin, stdout and stderr is closed on `/dev/null`: otherwise a socket would get its number, and the
/// log's lines with it.
pub fn open_standard_streams() {
    // The lowest free number is given, so one above 2 means that these three are there.
    while let Ok(null) = open("/dev/null", OFlag::O_RDWR, Mode::empty()) {
        if null.as_raw_fd() > 2 {
            return;
        }
        // Open for as long as lictor lives.
        let _ = null.into_raw_fd();
    }
}

/// The arguments of a C program's `main`.
///
/// # Safety
/// They must be what the C library handed to `main`: `count` pointers to strings that end in a NUL.
#[expect(unsafe_code, reason = "C strings are read through pointers")]
pub unsafe fn arguments(count: c_int, arguments: *const *const c_char) -> Vec<OsString> {
    let count = usize::try_from(count).unwrap_or(0);
    (0..count)
        .map(|n| {
            // SAFETY: by this function's own contract.
            let text = unsafe { CStr::from_ptr(*arguments.add(n)) };
            OsStr::from_bytes(text.to_bytes()).to_owned()
        })
        .collect()
}
