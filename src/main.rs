//! The binary: signals first, everything else after.

use std::process::ExitCode;

fn main() -> ExitCode {
    // The very first act: whatever is sent from here on is kept by the kernel until somebody reads it.
    let inherited = lictor::os::signals::block();
    lictor::commands::main(inherited).into()
}
