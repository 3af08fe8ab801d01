//! The log of a process: a file that is read while it is written.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// Everything a process writes to standard output and standard error, in order.
///
/// The file has no name once it is open, so that no test, however it ends, leaves one behind. With
/// `LICTOR_TEST_LOGS=DIR` in the environment the files keep their names and stay in that directory.
#[derive(Debug)]
pub struct Log(File);

impl Log {
    pub(super) fn create(name: &str) -> io::Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let kept = env::var_os("LICTOR_TEST_LOGS").map(PathBuf::from);
        let keep = kept.is_some();
        if let Some(directory) = &kept {
            fs::create_dir_all(directory)?;
        }
        let directory = kept.unwrap_or_else(env::temp_dir);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let plain: String = name
            .chars()
            .take(40)
            .map(|c| if c.is_alphanumeric() { c } else { '-' })
            .collect();
        let path = directory.join(format!("testbed-{}-{number}-{plain}.log", process::id()));
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create_new(true)
            .open(&path)?;
        if !keep {
            fs::remove_file(&path)?;
        }
        Ok(Self(file))
    }

    /// A descriptor for the writing process. All of them append, so that two streams keep their order.
    pub(super) fn writer(&self) -> io::Result<File> {
        self.0.try_clone()
    }

    /// What has been written so far.
    #[must_use]
    pub fn text(&self) -> String {
        let mut bytes = Vec::new();
        let mut buffer = vec![0; 64 * 1024];
        // At explicit positions, because the descriptor's own position is shared with the writers.
        while let Ok(count @ 1..) = self.0.read_at(&mut buffer, bytes.len() as u64) {
            bytes.extend_from_slice(&buffer[..count]);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// How many lines of a log are shown where something went wrong.
const SHOWN: usize = 80;
/// What the many lines have that say no more than that an agent does what it always does.
const DETAILS: [&str; 3] = ["[DEBUG]", "[TRACE]", "Registered resource"];

/// The last lines of a log, without the many details of an agent's.
pub(crate) fn end_of(log: &str) -> Vec<&str> {
    let tells = |line: &&str| !DETAILS.iter().any(|detail| line.contains(detail));
    let said: Vec<_> = log.lines().filter(tells).collect();
    said[said.len().saturating_sub(SHOWN)..].to_vec()
}
