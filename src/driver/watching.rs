//! The watch over the user's files, which lictor can do without: where there is none, that is said, and a reload is asked for by hand.

use std::io;
use std::sync::Arc;

use crate::os::watch::{Changes, Watch};
use crate::settings::Settings;

/// A watch, where one is wanted and can be had.
pub fn open(settings: &Settings) -> Option<Arc<Watch>> {
    if !settings.watch {
        return None;
    }
    let watch = Watch::open().inspect_err(without).ok()?;
    Some(Arc::new(watch))
}

/// What it notices, from now on and since it is there. Needs a tokio runtime.
pub fn changes(watch: Option<Arc<Watch>>) -> Option<Changes> {
    Changes::of(watch?).inspect_err(without).ok()
}

fn without(error: &io::Error) {
    tracing::warn!(
        "changed files will not be noticed: {error}; fs.inotify.max_user_instances of this host may be too small, or the limit of \
         open files; `lictor reload` does without"
    );
}
