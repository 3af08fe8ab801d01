//! Gives memory back that only the start needed.
//!
//! A start runs through most of the binary once: the command line, the files, the first requests. The kernel keeps those
//! pages mapped, 16 at a time, for as long as lictor lives, although an idle supervisor needs a tenth of them. Unmapped
//! they are ordinary page cache, the first thing to go when memory is short; what is needed again comes back by a minor
//! fault of a microsecond.

use std::hint::black_box;
use std::io;

use nix::libc;

#[expect(unsafe_code, reason = "symbols that every linker defines")]
unsafe extern "C" {
    /// The first byte of the program's file in memory.
    static __executable_start: u8;
    /// The first byte after its code.
    static etext: u8;
}

/// What the heap may grow by without asking the kernel, in bytes. It costs address space, and memory only once it is used.
const RESERVE: i32 = 4 << 20;

/// Unmaps lictor's own constants and code until they are used again.
///
/// All between those two symbols is mapped from the file and never written to: what is relocated, and what is written,
/// comes behind the code.
///
/// Inlined, as is the wait that follows: each function that is called after this brings its own surroundings back.
#[expect(unsafe_code, reason = "advice on memory that the linker placed")]
#[inline(always)]
pub fn trim_code() -> io::Result<()> {
    let start = &raw const __executable_start;
    // SAFETY: only the addresses are used. sysconf(3) takes a number.
    let (end, page) = unsafe { (&raw const etext, libc::sysconf(libc::_SC_PAGESIZE)) };
    let page = usize::try_from(page).unwrap_or(4096);
    // The page on which the code ends may hold something else behind it.
    let length = (end.addr() / page * page).saturating_sub(start.addr());
    // SAFETY: each of these pages has the same content when it is faulted in again, also while code in it runs. By its number,
    // so that waiting for signals brings no other page of the C library back than this.
    let result = unsafe { libc::syscall(libc::SYS_madvise, start, length, libc::MADV_DONTNEED) };
    if result == 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        // Where the constants end just below the end of a page the linker leaves one free before the code. The kernel passes over
        // what is not mapped, and tells.
        Some(libc::ENOMEM) => Ok(()),
        _ => Err(error),
    }
}

/// [`trim_code`], and returns what the heap has free, but for the reserve.
pub fn trim() -> io::Result<()> {
    trim_code()?;
    trim_heap();
    Ok(())
}

/// Lets the heap grow ahead of what is needed, and keeps all of it in one place, so that lictor goes on working where the
/// system has no more memory to give. Before a second thread exists.
#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "extensions of glibc's")]
pub fn reserve() {
    // SAFETY: mallopt(3) takes two numbers; no other thread allocates yet.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
        libc::mallopt(libc::M_TOP_PAD, RESERVE);
        // It grows only when it is asked for more than it has, which is less than two such pieces.
        for piece in [100 << 10; 2].map(|size| black_box(libc::malloc(size))) {
            libc::free(piece);
        }
    }
}

#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "an extension of glibc's")]
fn trim_heap() {
    // SAFETY: malloc_trim(3) takes a number, is thread-safe, and moves nothing that is allocated.
    unsafe { libc::malloc_trim(RESERVE as usize) };
}

/// Another C library decides for itself.
#[cfg(not(target_env = "gnu"))]
pub fn reserve() {}

#[cfg(not(target_env = "gnu"))]
fn trim_heap() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_goes_on_after_it() {
        reserve();
        let text = format!("{:?}", [1, 2, 3]);
        trim().expect("trimmed");
        assert_eq!(format!("{:?}", [1, 2, 3]), text);
    }
}
