//! Starting the agent.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::exit::{self, Exit};
use crate::os::output::Output;
use crate::os::signals::Inherited;

/// What to start.
#[derive(Debug, Clone)]
pub struct Program {
    /// The executable, found.
    pub path: PathBuf,
    /// Its name as it was given, which is its `argv[0]`.
    pub name: OsString,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Variables added to lictor's own environment.
    pub env: Vec<(OsString, OsString)>,
}

/// Finds a program as a shell would: a name with a slash is a path, another one is looked for in `search` (`PATH`).
///
/// The error has the exit code of a shell, 126 or 127, and says where was looked.
pub fn find(name: &OsString, search: Option<OsString>) -> Result<PathBuf, Exit> {
    let shown = Path::new(name).display();
    if name.as_encoded_bytes().contains(&b'/') {
        let path = PathBuf::from(name);
        if !path.exists() {
            return Err(Exit::new(
                exit::NOT_FOUND,
                format!("{shown} does not exist; give the path of an executable as COMMAND"),
            ));
        }
        return if executable(&path) {
            Ok(path)
        } else {
            Err(not_executable(&path))
        };
    }
    let search = search.unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
    let mut found = None;
    for directory in std::env::split_paths(&search) {
        let path = directory.join(name);
        if path.is_file() {
            if executable(&path) {
                return Ok(path);
            }
            found.get_or_insert(path);
        }
    }
    Err(found.map_or_else(
        || {
            Exit::new(
                exit::NOT_FOUND,
                format!(
                    "{shown} was not found in PATH ({}); give its full path as COMMAND",
                    Path::new(&search).display()
                ),
            )
        },
        |path| not_executable(&path),
    ))
}

fn not_executable(path: &Path) -> Exit {
    let what = if path.is_dir() {
        "is a directory"
    } else {
        "is not executable; chmod +x it"
    };
    Exit::new(exit::NOT_EXECUTABLE, format!("{} {what}", path.display()))
}

fn executable(path: &Path) -> bool {
    path.is_file() && nix::unistd::access(path, nix::unistd::AccessFlags::X_OK).is_ok()
}

/// Starts the program in a process group of its own, so that a Ctrl-C at lictor's terminal is lictor's alone, with the
/// signal mask lictor was started with, and with its output passed on.
///
/// The [`Child`] is not returned: nobody but [`crate::os::reap`] may wait for it.
pub fn spawn(program: &Program, inherited: Inherited) -> Result<(i32, Output), Exit> {
    let mut command = Command::new(&program.path);
    command
        .arg0(&program.name)
        .args(&program.args)
        .envs(program.env.iter().map(|(key, value)| (key, value)))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    restore_mask_in_child(&mut command, inherited);
    let mut child = command.spawn().map_err(|error| failed(program, &error))?;
    let output = Output::pass_on(child.stdout.take(), child.stderr.take());
    Ok((pid(&child), output))
}

fn pid(child: &Child) -> i32 {
    i32::try_from(child.id()).unwrap_or(i32::MAX)
}

#[expect(
    unsafe_code,
    reason = "the only way to run something between fork and exec"
)]
fn restore_mask_in_child(command: &mut Command, inherited: Inherited) {
    // SAFETY: the closure calls sigprocmask(2) on a copied set and nothing else: async-signal-safe, no allocation.
    unsafe {
        command.pre_exec(move || inherited.restore());
    }
}

fn failed(program: &Program, error: &io::Error) -> Exit {
    let code = match error.kind() {
        io::ErrorKind::NotFound => exit::NOT_FOUND,
        _ => exit::NOT_EXECUTABLE,
    };
    Exit::new(
        code,
        format!("{} could not be started: {error}", program.path.display()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(name: &str, search: &str) -> Result<PathBuf, Exit> {
        find(&name.into(), Some(search.into()))
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
        assert_eq!(look("/etc", "").expect_err("directory").code, 126);
    }
}
