//! What Consul loads by a file's name, and what is left out although Consul would load it. Pure.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// What AppleDouble files begin with: the attributes that macOS keeps beside a file on a foreign volume.
const APPLE_DOUBLE: [u8; 4] = [0x00, 0x05, 0x16, 0x07];

/// The endings that Consul loads, in exactly this spelling.
const ENDINGS: [&str; 2] = [".json", ".hcl"];

/// The ending by which Consul takes a file, if it does.
pub(super) fn ending(name: &OsStr) -> Option<&'static str> {
    let name = name.as_bytes();
    ENDINGS
        .into_iter()
        .find(|ending| name.ends_with(ending.as_bytes()))
}

/// What a file is that nobody can have meant to be configuration, by its name: something that a program has put there for a
/// moment, or left behind.
///
/// Each of these Consul would load, half-written or twice, or fail at: by its ending, as a link that leads nowhere, or
/// whatever it is called with `-config-format`.
pub(super) fn temporary(name: &OsStr) -> Option<&'static str> {
    let name = name.as_bytes();
    let starts = |with: &str| name.starts_with(with.as_bytes());
    let ends = |with: &str| name.ends_with(with.as_bytes());
    Some(match () {
        // A link to user@host.pid:boot, which leads nowhere.
        () if starts(".#") => "a lock of Emacs",
        () if name.len() > 2 && starts("#") && ends("#") => "a file that Emacs saved by itself",
        () if ends("~") => "an editor's backup",
        () if is_vim_swap(name) => "a swap file of Vim",
        () if name == b"4913" => "a file by which Vim tries a directory",
        () if starts(".goutputstream-") => "a half-written file of GLib",
        () if starts(".") && ends(".kate-swp") => "a swap file of Kate",
        () if ends("___jb_tmp___") || ends("___jb_old___") => "a half-written file of an IDE",
        // These two end in what they will be called, so that Consul loads them.
        () if starts(".ansible_tmp") => "a half-written file of Ansible",
        () if starts(".chef-") => "a half-written file of Chef",
        () if starts(".nfs") && name.len() > 20 => "a deleted file that NFS keeps",
        () if starts("lictor-") && ends(".tmp") => "a half-written file of lictor",
        () => return None,
    })
}

/// The same by a file's content, where the name alone does not say it.
pub(super) fn foreign(name: &OsStr, bytes: &[u8]) -> Option<&'static str> {
    let apple = name.as_bytes().starts_with(b"._") && bytes.starts_with(&APPLE_DOUBLE);
    apple.then_some("attributes of another file, by macOS")
}

/// Whether kubelet has put it there to swap a volume: it leads to a directory, or for a moment nowhere.
pub(super) fn is_kubelets(name: &OsStr) -> bool {
    name.as_bytes().starts_with(b"..data")
}

/// `.x.json.swp`, and `.swo`, `.swn` … where that is taken.
fn is_vim_swap(name: &[u8]) -> bool {
    match name {
        [b'.', .., b'.', b's', b'w', last] => last.is_ascii_lowercase(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_are_case_sensitive() {
        for (name, expected) in [
            ("x.json", Some(".json")),
            (".x.hcl", Some(".hcl")),
            (".json", Some(".json")),
            ("x.JSON", None),
            ("x.json.tmp", None),
            ("json", None),
        ] {
            assert_eq!(ending(OsStr::new(name)), expected, "{name}");
        }
    }

    #[test]
    fn what_programs_leave_is_known_by_its_name() {
        for name in [
            ".#x.json",
            "#x.json#",
            "x.json~",
            ".x.json.swp",
            ".x.json.swo",
            "4913",
            ".goutputstream-AB12CD",
            ".x.json.kate-swp",
            "x.json___jb_tmp___",
            ".ansible_tmpk3y5x.json",
            ".chef-x20260101-1-abc.json",
            ".nfs000000000012d5a700000001",
            "lictor-registration.json.7.tmp",
        ] {
            assert!(temporary(OsStr::new(name)).is_some(), "{name}");
        }
    }

    #[test]
    fn what_somebody_may_have_meant_is_none_of_it() {
        for name in [
            "x.json",
            ".x.json",
            "#x.json",
            "#.json",
            "##",
            "4913.json",
            "._x.json",
            "..x.json",
            ".swp.json",
            "x.swp",
            ".nfs.json",
            "lictor-registration.json",
            "chef-x.json",
            "x.json.tmp",
        ] {
            assert_eq!(temporary(OsStr::new(name)), None, "{name}");
        }
    }

    #[test]
    fn apples_files_are_known_by_their_content() {
        let apple = [0, 5, 0x16, 7, 0, 2];
        assert!(foreign(OsStr::new("._x.json"), &apple).is_some());
        assert_eq!(foreign(OsStr::new("._x.json"), b"{}"), None);
        assert_eq!(foreign(OsStr::new("x.json"), &apple), None);
    }
}
