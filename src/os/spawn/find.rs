//! Finding a program as a shell does.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::exit::{self, Exit};

/// Where is looked without a PATH.
const USUAL: &str = "/usr/local/bin:/usr/bin:/bin";

/// Finds a program as a shell would: a name with a slash is a path, another one is looked for in `search` (`PATH`).
///
/// The error has the exit code of a shell, 126 or 127, and says where was looked.
pub fn find(name: &OsStr, search: Option<OsString>) -> Result<PathBuf, Exit> {
    let shown = Path::new(name).display();
    if name.as_encoded_bytes().contains(&b'/') {
        let path = PathBuf::from(name);
        return match path.metadata() {
            Ok(_) if executable(&path) => Ok(path),
            Ok(_) => Err(not_executable(&path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Exit::new(
                exit::NOT_FOUND,
                format!("{shown} does not exist; give the path of an executable"),
            )),
            Err(error) => Err(Exit::new(
                exit::NOT_EXECUTABLE,
                format!("{shown} cannot be reached: {error}"),
            )),
        };
    }
    if name.is_empty() {
        let told = "the program's name is empty: is a variable in the command line not set?";
        return Err(Exit::new(exit::NOT_FOUND, told));
    }
    let search = search.unwrap_or_else(|| USUAL.into());
    let mut found = None;
    for directory in std::env::split_paths(&search) {
        let path = directory.join(name);
        if executable(&path) {
            return Ok(path);
        }
        // A directory too, as execvp(3) has it.
        if path.exists() {
            found.get_or_insert(path);
        }
    }
    Err(found.map_or_else(
        || {
            Exit::new(
                exit::NOT_FOUND,
                format!(
                    "{shown} was not found in PATH ({}); give its full path",
                    Path::new(&search).display()
                ),
            )
        },
        |path| not_executable(&path),
    ))
}

fn not_executable(path: &Path) -> Exit {
    let what = match path.metadata() {
        Ok(file) if file.is_dir() => "is a directory",
        Ok(file) if file.permissions().mode() & 0o111 != 0 => {
            "is executable, but not here (a noexec mount), or not for this user"
        }
        _ => "is not executable; chmod +x it",
    };
    Exit::new(exit::NOT_EXECUTABLE, format!("{} {what}", path.display()))
}

fn executable(path: &Path) -> bool {
    nix::unistd::access(path, nix::unistd::AccessFlags::X_OK).is_ok() && path.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(name: &str, search: &str) -> Result<PathBuf, Exit> {
        find(name.as_ref(), Some(search.into()))
    }

    #[test]
    fn a_program_is_found_as_a_shell_finds_it() {
        assert_eq!(
            look("sh", "/nowhere:/bin").expect("sh"),
            Path::new("/bin/sh")
        );
        assert_eq!(look("/bin/sh", "").expect("sh"), Path::new("/bin/sh"));
        let missing = look("no-such-program", "/nowhere:/bin").expect_err("missing");
        assert_eq!(missing.code, 127);
        assert!(
            missing.reason.contains("/nowhere:/bin"),
            "{}",
            missing.reason
        );
        assert_eq!(look("/no/such", "").expect_err("missing").code, 127);
        assert_eq!(look("/etc/passwd", "").expect_err("plain file").code, 126);
        assert_eq!(look("passwd", "/etc").expect_err("plain file").code, 126);
        assert_eq!(look("etc", "/").expect_err("directory").code, 126);
        assert_eq!(look("", "/etc").expect_err("no name").code, 127);
        assert_eq!(look("/etc", "").expect_err("directory").code, 126);
    }
}
