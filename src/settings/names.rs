//! lictor under another program's name: that program's options, variables, defaults and manners.

mod dumb_init;
mod tini;

use std::ffi::OsString;

use crate::os::getopt::base_name;
use crate::settings::init::Init;

/// What a command line of another program's asks for.
#[derive(Debug)]
pub enum Asked {
    /// To be an init. Boxed, as it is much larger.
    Init(Box<Init>),
    /// To be told something, and nothing else.
    Answer(Answer),
}

/// What the program says, and how it ends.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// What goes to stdout.
    pub stdout: String,
    /// What goes to stderr.
    pub stderr: String,
    /// Its exit code.
    pub code: u8,
}

/// Reads a command line as the program would whose name it begins with; `None` where that is lictor's own, or any other.
///
/// The C library complains on stderr about an option it does not know, as it does for those programs.
pub fn read(arguments: &[OsString], env: &dyn Fn(&str) -> Option<OsString>) -> Option<Asked> {
    match base_name(arguments.first()?) {
        // Docker's name for it, with which `docker run --init` starts it.
        b"tini" | b"tini-static" | b"docker-init" => Some(tini::read(arguments, env)),
        b"dumb-init" => Some(dumb_init::read(arguments, env)),
        _ => None,
    }
}

/// The number that a text begins with, as C's `atoi` reads it, and what follows it.
fn leading_number(text: &str) -> Option<(i32, &str)> {
    // C's white space is ASCII's, with the vertical tab.
    let text = text.trim_start_matches([' ', '\t', '\n', '\x0b', '\x0c', '\r']);
    let digits = text.trim_start_matches(['-', '+']);
    let length = digits
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(digits.len());
    let (number, rest) = text.split_at(text.len() - digits.len() + length);
    Some((number.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_c_reads_them() {
        assert_eq!(leading_number(" 15:3x"), Some((15, ":3x")));
        assert_eq!(leading_number("-1"), Some((-1, "")));
        assert_eq!(leading_number("\x0b\t+3 "), Some((3, " ")));
        assert_eq!(leading_number("\u{a0}3"), None);
        assert_eq!(leading_number("99999999999"), None);
        assert_eq!(leading_number("x"), None);
        assert_eq!(leading_number(""), None);
    }
}
