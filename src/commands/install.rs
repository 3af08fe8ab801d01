//! `lictor install DIR`: the binary as a file in a volume, for an image that has none.

use std::fs;
use std::path::Path;

use crate::exit::{self, Exit};
use crate::os::files::write_atomically;

use super::print;

pub(super) fn install(dir: &Path) -> Exit {
    let target = dir.join("lictor");
    // Not `current_exe`: a binary that was replaced while it runs is still itself here.
    let copied =
        fs::read("/proc/self/exe").and_then(|binary| write_atomically(&target, &binary, 0o755));
    match copied {
        Ok(()) => {
            print(&format!("{}\n", target.display()));
            Exit::ok()
        }
        Err(error) => Exit::new(
            exit::STAGE,
            format!(
                "failed to install {}: {error}; DIR must be an existing, writable directory",
                target.display()
            ),
        ),
    }
}
