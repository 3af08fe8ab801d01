//! Waiting until a descriptor can be read.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;

use nix::sys::signalfd::SignalFd;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::os::watch::Watch;

/// A descriptor owned by what reads it.
pub(super) trait Owner: AsFd {}

impl Owner for OwnedFd {}
impl Owner for SignalFd {}
impl Owner for Arc<Watch> {}

/// An [`Owner`] as tokio wants it: by its descriptor's number.
#[derive(Debug)]
pub(super) struct Readable<T: Owner>(pub(super) T);

impl<T: Owner> AsRawFd for Readable<T> {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

/// Registers a non-blocking descriptor with the runtime.
#[expect(unsafe_code, reason = "tokio cannot see that the descriptor is owned")]
pub(super) fn readable<T: Owner>(owner: T) -> io::Result<AsyncFd<Readable<T>>> {
    // SAFETY: an owner, or a share in one, keeps one and the same descriptor open until it is dropped, and nobody but us can drop
    // it: it is moved into the AsyncFd, which is never forgotten.
    unsafe { AsyncFd::register_with_interest(Readable(owner), Interest::READABLE) }
        .map_err(io::Error::from)
}
