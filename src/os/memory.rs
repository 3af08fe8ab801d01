//! Gives memory back that only the start needed.
//!
//! A start runs through most of the binary once: the command line, the files, the first requests. The kernel keeps those
//! pages mapped, 16 at a time, for as long as lictor lives, although an idle supervisor needs a tenth of them. Unmapped
//! they are ordinary page cache, the first thing to go when memory is short; what is needed again comes back by a minor
//! fault of a microsecond.

use std::fs;
use std::io;
use std::ptr::NonNull;

use nix::sys::mman::{MmapAdvise, madvise};

/// Unmaps the pages of lictor's own code and constants until they are used again, and returns what the heap has free.
pub fn trim() -> io::Result<()> {
    let program = fs::read_link("/proc/self/exe")?;
    let maps = fs::read_to_string("/proc/self/maps")?;
    let unchanged = unchanged(&maps, &program.to_string_lossy());
    for (start, length) in unchanged {
        drop_pages(start, length)?;
    }
    return_heap();
    Ok(())
}

/// The parts of the program's file that are mapped and can never differ from the file, as addresses and lengths: code,
/// and what is mapped from the file's very beginning, its headers and constants. (What is read-only after relocation is
/// mapped from further behind, and does differ.)
fn unchanged(maps: &str, program: &str) -> Vec<(usize, usize)> {
    maps.lines()
        .filter_map(|line| {
            let mut words = line.split_ascii_whitespace();
            let (range, flags, offset) = (words.next()?, words.next()?, words.next()?);
            let is_program = line.ends_with(program);
            let constant = flags == "r--p" && usize::from_str_radix(offset, 16) == Ok(0);
            if !is_program || !(flags == "r-xp" || constant) {
                return None;
            }
            let (start, end) = range.split_once('-')?;
            let start = usize::from_str_radix(start, 16).ok()?;
            let end = usize::from_str_radix(end, 16).ok()?;
            Some((start, end.checked_sub(start)?))
        })
        .collect()
}

#[expect(unsafe_code, reason = "advice on memory that the compiler placed")]
fn drop_pages(start: usize, length: usize) -> io::Result<()> {
    let Some(start) = NonNull::new(start as *mut _) else {
        return Ok(());
    };
    // SAFETY: the range is a private mapping of a file that was never written to, so each of its pages has the same
    // content when it is faulted in again, also while code in it runs.
    unsafe { madvise(start, length, MmapAdvise::MADV_DONTNEED) }.map_err(io::Error::from)
}

#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "an extension of glibc's")]
fn return_heap() {
    // SAFETY: malloc_trim(3) takes a number, is thread-safe, and moves nothing that is allocated.
    unsafe { nix::libc::malloc_trim(0) };
}

#[cfg(not(target_env = "gnu"))]
fn return_heap() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_the_same_as_in_the_file_is_dropped() {
        let maps = "\
55d0c0000000-55d0c013e000 r--p 00000000 00:2b 1 /lictor
55d0c013e000-55d0c048e000 r-xp 0013e000 00:2b 1 /lictor
55d0c048f000-55d0c04ad000 r--p 0048e000 00:2b 1 /lictor
55d0c04ad000-55d0c04b1000 rw-p 004ac000 00:2b 1 /lictor
7f0000000000-7f0000001000 r-xp 00000000 00:2b 2 /lib/libc.so.6
7f0000002000-7f0000003000 r--p 00000000 00:2b 2 /lib/libc.so.6
7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0 [stack]
";
        assert_eq!(
            unchanged(maps, "/lictor"),
            [(0x55d0_c000_0000, 0x13_e000), (0x55d0_c013_e000, 0x35_0000)]
        );
    }

    #[test]
    fn a_program_goes_on_after_it() {
        let text = format!("{:?}", [1, 2, 3]);
        trim().expect("trimmed");
        assert_eq!(format!("{:?}", [1, 2, 3]), text);
    }
}
