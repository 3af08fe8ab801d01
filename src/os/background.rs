//! Work that may wait for a disk, or a network file system, for as long as that likes: in a thread that ends with it.

use std::io;
use std::thread;

use tokio::sync::oneshot;

use crate::os::signals::block_in_thread;

/// Does `work` beside everything else. The result comes when it is done; whoever drops the receiver does not want it any more.
///
/// # Errors
/// There is no thread left; nothing was begun.
pub fn run<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<oneshot::Receiver<T>> {
    let (tell, told) = oneshot::channel();
    thread::Builder::new()
        .name(name.to_owned())
        // What users write may be nested. Pages that are not used cost nothing.
        .stack_size(1024 * 1024)
        .spawn(move || {
            let _ = block_in_thread();
            // Nobody may want it any more.
            let _ = tell.send(work());
        })?;
    // glibc lets a thread's creator take two signals more.
    let _ = block_in_thread();
    Ok(told)
}
