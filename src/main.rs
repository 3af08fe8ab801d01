//! The binary: signals first, everything else after.
//!
//! It has no `fn main`: Rust's own start-up makes some twenty system calls before that, a SIGTERM would be lost during
//! each of them, and it sets SIGPIPE to be ignored, which the agent would inherit. So this is the C library's `main`.
#![no_main]

use std::ffi::{c_char, c_int};

#[expect(
    unsafe_code,
    reason = "the name by which the C library calls a program"
)]
#[unsafe(no_mangle)]
extern "C" fn main(count: c_int, arguments: *const *const c_char) -> c_int {
    // The very first act: whatever is sent from here on is kept by the kernel until somebody reads it.
    let inherited = lictor::os::signals::block();
    lictor::os::start::open_standard_streams();
    // SAFETY: these are the arguments of a C program's `main`, as its library hands them over.
    let arguments = unsafe { lictor::os::start::arguments(count, arguments) };
    lictor::commands::main(arguments, inherited).code.into()
}
