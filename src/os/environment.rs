//! lictor's own environment, read in place: std would copy all of it for each look.

use std::ffi::{CStr, c_char};

/// The entries of lictor's own environment.
#[expect(unsafe_code, reason = "C strings are read through pointers")]
pub(super) fn entries() -> impl Iterator<Item = &'static CStr> {
    unsafe extern "C" {
        static environ: *const *const c_char;
    }
    // SAFETY: nothing in lictor changes the environment, so the array and its strings stay as the C library made them: an
    // array that ends in a null, which is null itself where there is no environment.
    let mut next = unsafe { environ };
    std::iter::from_fn(move || {
        if next.is_null() {
            return None;
        }
        // SAFETY: as above.
        unsafe {
            let entry = *next;
            if entry.is_null() {
                return None;
            }
            next = next.add(1);
            Some(CStr::from_ptr(entry))
        }
    })
}

/// Whether there is a variable whose name begins so.
pub fn has_prefix(prefix: &str) -> bool {
    entries().any(|entry| entry.to_bytes().starts_with(prefix.as_bytes()))
}
