//! The C library's getopt(3): what tini and dumb-init read their options with, so that lictor by their names takes, refuses and
//! complains exactly as they do.

use std::ffi::{CStr, CString, OsStr, OsString, c_char, c_int};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// A long option.
#[derive(Debug, Clone, Copy)]
pub struct Long {
    /// Its name, without the dashes.
    pub name: &'static CStr,
    /// Whether it has a value.
    pub value: bool,
    /// The short option that it stands for.
    pub short: u8,
}

/// C's `struct option`.
#[repr(C)]
struct RawLong {
    name: *const c_char,
    has_arg: c_int,
    flag: *mut c_int,
    val: c_int,
}

#[expect(unsafe_code, reason = "the C library's names")]
unsafe extern "C" {
    static optarg: *const c_char;
    static optind: c_int;
    fn getopt(count: c_int, arguments: *const *mut c_char, short: *const c_char) -> c_int;
    fn getopt_long(
        count: c_int,
        arguments: *const *mut c_char,
        short: *const c_char,
        long: *const RawLong,
        index: *mut c_int,
    ) -> c_int;
}

/// An option as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    /// An option, by its short name, with its value where it has one.
    Option(u8, Option<OsString>),
    /// None that is known, or one without its value. The C library has told so on stderr.
    Refused,
}

/// The options of a command line, one by one. The C library reads one command line in a process's life, so there is one.
#[derive(Debug)]
pub struct Options {
    /// Owns what `pointers` point to.
    _arguments: Vec<CString>,
    /// `argv`, which getopt sorts as it reads. Ends in a null.
    pointers: Vec<*mut c_char>,
    short: &'static CStr,
    long: Vec<RawLong>,
}

impl std::fmt::Debug for RawLong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.val)
    }
}

impl Options {
    /// Of `arguments`, the program's name first. `short` is as getopt(3) has it; without `long` there are no long options, and
    /// `--x` is a short option `-`.
    pub fn new(arguments: &[OsString], short: &'static CStr, long: &[Long]) -> Self {
        // An argument has no NUL in it: it was one of a C program's.
        let owned: Vec<CString> = arguments
            .iter()
            .filter_map(|argument| CString::new(argument.as_bytes()).ok())
            .collect();
        let pointers = owned
            .iter()
            .map(|argument| argument.as_ptr().cast_mut())
            .chain([std::ptr::null_mut()])
            .collect();
        let raw = |name: *const c_char, value: bool, short: u8| RawLong {
            name,
            has_arg: value.into(),
            flag: std::ptr::null_mut(),
            val: short.into(),
        };
        let mut long: Vec<RawLong> = long
            .iter()
            .map(|long| raw(long.name.as_ptr(), long.value, long.short))
            .collect();
        if !long.is_empty() {
            long.push(raw(std::ptr::null(), false, 0));
        }
        Self {
            _arguments: owned,
            pointers,
            short,
            long,
        }
    }

    /// What follows the options.
    #[expect(unsafe_code, reason = "C strings are read through pointers")]
    pub fn operands(self) -> Vec<OsString> {
        // SAFETY: the C library's own variable, in a process whose only thread this is.
        let first = usize::try_from(unsafe { optind }).unwrap_or(usize::MAX);
        let operands = self.pointers.iter().skip(first);
        operands
            .take_while(|pointer| !pointer.is_null())
            // SAFETY: the strings are `self._arguments`, which live as long.
            .map(|pointer| owned(unsafe { CStr::from_ptr(*pointer) }))
            .collect()
    }
}

impl Iterator for Options {
    type Item = Read;

    #[expect(unsafe_code, reason = "calls the C library")]
    fn next(&mut self) -> Option<Read> {
        let count = c_int::try_from(self.pointers.len() - 1).unwrap_or(c_int::MAX);
        let arguments = self.pointers.as_ptr();
        // SAFETY: the array has `count` strings and a null, the options end as the functions want it, and this is the only
        // thread. The strings are not written to, only their pointers sorted, which nobody else holds.
        let read = unsafe {
            match self.long.as_slice() {
                [] => getopt(count, arguments, self.short.as_ptr()),
                long => getopt_long(
                    count,
                    arguments,
                    self.short.as_ptr(),
                    long.as_ptr(),
                    std::ptr::null_mut(),
                ),
            }
        };
        match u8::try_from(read) {
            Err(_) => None,
            Ok(b'?') => Some(Read::Refused),
            Ok(option) => {
                // SAFETY: the C library's own variable; null, or one of the strings.
                let value = unsafe { (!optarg.is_null()).then(|| owned(CStr::from_ptr(optarg))) };
                Some(Read::Option(option, value))
            }
        }
    }
}

fn owned(text: &CStr) -> OsString {
    OsString::from_vec(text.to_bytes().to_vec())
}

/// The last part of a program's path, by which lictor knows what it was called as.
pub fn base_name(argument: &OsStr) -> &[u8] {
    let bytes = argument.as_bytes();
    bytes
        .rsplit(|byte| *byte == b'/')
        .next()
        .unwrap_or_default()
}
