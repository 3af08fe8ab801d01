//! What is mounted, as this process sees it.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// One mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Where it is mounted, without a link on the way.
    pub point: PathBuf,
    /// What of its file system is mounted there.
    pub root: PathBuf,
    /// The kind of that file system: `ext4`.
    pub kind: String,
}

/// All mounts, the last made last.
///
/// # Errors
/// `/proc` is not there, or says something else.
pub fn read() -> io::Result<Vec<Mount>> {
    Ok(parse(&fs::read("/proc/self/mountinfo")?))
}

/// The fourth and the fifth field of each line, and the first one behind its dash.
fn parse(text: &[u8]) -> Vec<Mount> {
    let line = |line: &[u8]| {
        let mut fields = line.split(|byte| *byte == b' ').skip(3);
        Some(Mount {
            root: path(fields.next()?),
            point: path(fields.next()?),
            kind: fields
                .skip_while(|field| *field != b"-")
                .nth(1)
                .map(|kind| String::from_utf8_lossy(kind).into_owned())?,
        })
    };
    text.split(|byte| *byte == b'\n').filter_map(line).collect()
}

/// A path in which blanks, backslashes and ends of lines are a backslash and three octal digits.
fn path(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let octal = after.get(..3).filter(|_| *first == b'\\');
        let byte = octal
            .and_then(|digits| str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[3..] } else { after };
    }
    OsString::from_vec(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_a_place_and_what_is_there() {
        let text = "\
22 1 0:20 / / rw - overlay overlay rw
31 22 254:1 /pods/7/volumes/kubernetes.io~configmap/c/..2026_11/x.json /consul/con\\040fig/x.json ro shared:5 - ext4 /dev/vda rw
";
        let mount = |point: &str, root: &str, kind: &str| Mount {
            point: point.into(),
            root: root.into(),
            kind: kind.to_owned(),
        };
        assert_eq!(
            parse(text.as_bytes()),
            [
                mount("/", "/", "overlay"),
                mount(
                    "/consul/con fig/x.json",
                    "/pods/7/volumes/kubernetes.io~configmap/c/..2026_11/x.json",
                    "ext4"
                )
            ]
        );
        assert_eq!(path(b"\\134\\\\04"), PathBuf::from("\\\\\\04"));
    }

    #[test]
    fn this_process_has_a_root() {
        let mounts = read().expect("read");
        assert!(mounts.iter().any(|mount| mount.point.as_os_str() == "/"));
    }
}
