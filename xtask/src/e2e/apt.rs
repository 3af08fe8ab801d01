//! What a machine lacks, from Debian.

use super::{Error, command};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Makes sure that a program is there, if need be by installing the Debian package that has it.
///
/// # Errors
/// When it is not there afterwards.
pub(crate) fn need(program: &str, package: &str) -> Result<PathBuf, Error> {
    if let Some(path) = find(program) {
        return Ok(path);
    }
    println!("       installing {package}, for {program}");
    command::run(Command::new("apt-get").args(["update", "-qq"]))?;
    command::run(
        Command::new("apt-get")
            .args(["install", "-y", "-qq", "--no-install-recommends", package])
            .env("DEBIAN_FRONTEND", "noninteractive"),
    )?;
    find(program).ok_or_else(|| {
        Error::Needs(format!(
            "find the program `{program}`, also after installing the package {package}"
        ))
    })
}

/// Where a program is: in PATH, or where Debian puts an administrator's.
pub(super) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|dir| dir.join(program))
        .find(|file| file.is_file())
}

/// The files of a package that cannot be installed beside another: unpacked below `into`.
pub(super) fn unpack(package: &str, into: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(into).map_err(Error::file(into))?;
    // apt's own user may not write to a directory of root's, and says so in a warning that is no failure.
    command::run(
        Command::new("apt-get")
            .args(["download", "-qq", package])
            .current_dir(into),
    )?;
    command::run(
        Command::new("sh")
            .args(["-c", "for deb in *.deb; do dpkg-deb -x \"$deb\" .; done"])
            .current_dir(into),
    )?;
    Ok(())
}
