//! The program that inits are tried out with: `probe/probe.c`, compiled at first use.
//!
//! Its modes are described there. It is kept in cargo's target directory, under a name that changes with the source.

use std::fs::{self, Permissions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::consul::target_directory;

const SOURCE: &str = include_str!("../probe/probe.c");

/// Why the probe cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no compiler.
    #[error("start `cc`, a C compiler, which the test bed's probe needs: {0}")]
    NoCompiler(io::Error),
    /// The compiler failed, also without `-static`.
    #[error("compile the test bed's probe:\n{0}")]
    Compile(String),
    /// A file could not be written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file or directory.
        path: PathBuf,
        /// What happened.
        source: io::Error,
    },
}

/// The path of the probe, compiled if need be.
///
/// # Errors
/// There is no C compiler, or it fails.
pub fn probe() -> Result<PathBuf, Error> {
    let mut hasher = DefaultHasher::new();
    SOURCE.hash(&mut hasher);
    let directory = target_directory().join("probe");
    let failed = |source| Error::File {
        path: directory.clone(),
        source,
    };
    fs::create_dir_all(&directory).map_err(failed)?;
    // Programs run with another working directory than this one.
    let directory = directory.canonicalize().map_err(failed)?;
    let program = directory.join(format!("probe-{:016x}", hasher.finish()));
    if program.is_file() {
        return Ok(program);
    }
    // Several threads of several processes may come here at once. Each compiles its own, and the last one's stays.
    let unique = format!("{:?}", std::thread::current().id());
    let unique: String = unique.chars().filter(char::is_ascii_digit).collect();
    let temporary = program.with_extension(format!("{}-{unique}", std::process::id()));
    // Where the C library's archive is missing, a dynamic program has to do.
    compile(&["-static"], &temporary).or_else(|_| compile(&[], &temporary))?;
    // Inits are also tried as other users than the one who compiles.
    fs::set_permissions(&temporary, Permissions::from_mode(0o755)).map_err(failed)?;
    fs::rename(&temporary, &program).map_err(failed)?;
    Ok(program)
}

fn compile(options: &[&str], output: &Path) -> Result<(), Error> {
    let mut compiler = Command::new("cc")
        .args(["-O2", "-Wall", "-Wextra", "-x", "c"])
        .args(options)
        .arg("-o")
        .arg(output)
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(Error::NoCompiler)?;
    // A compiler that does not read all of it says why.
    if let Some(mut input) = compiler.stdin.take() {
        let _ = input.write_all(SOURCE.as_bytes());
    }
    let ended = compiler.wait_with_output().map_err(Error::NoCompiler)?;
    if ended.status.success() {
        Ok(())
    } else {
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        Err(Error::Compile(said))
    }
}
