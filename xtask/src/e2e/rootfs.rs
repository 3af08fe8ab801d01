//! The root file system of a stand-in for the official Consul image, made on the spot: the tests need no registry.
//!
//! Same paths and same user as the official one: `/bin/consul`, `/bin/sh` from busybox, `/consul/config`, `/consul/data`.

use super::{Error, apt, cache, command};
use crate::dist;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Fills `root` (emptied first) with a Consul image's files.
pub(super) fn consul(root: &Path, consul: &Path) -> Result<(), Error> {
    empty(root)?;
    for dir in [
        "bin",
        "etc",
        "run",
        "tmp",
        "var/log",
        "consul/config",
        "consul/data",
        "usr/local/bin",
    ] {
        make_dir(&root.join(dir), if dir == "tmp" { 0o1777 } else { 0o755 })?;
    }
    let var_run = root.join("var/run");
    symlink("../run", &var_run).map_err(Error::file(&var_run))?;
    install(consul, &root.join("bin/consul"))?;
    if !dist::is_static(consul)? {
        libraries(root, consul)?;
    }
    let busybox = static_busybox()?;
    install(&busybox, &root.join("bin/busybox"))?;
    for applet in command::text(Command::new(&busybox).arg("--list"))?.lines() {
        let link = root.join("bin").join(applet);
        if !link.exists() {
            symlink("busybox", &link).map_err(Error::file(&link))?;
        }
    }
    for (file, text) in [
        (
            "etc/passwd",
            "root:x:0:0:root:/root:/bin/sh\nconsul:x:100:1000:consul:/home/consul:/bin/false\n",
        ),
        ("etc/group", "root:x:0:\nconsul:x:1000:\n"),
    ] {
        let file = root.join(file);
        fs::write(&file, text).map_err(Error::file(&file))?;
    }
    Ok(())
}

/// Fills `root` (emptied first) with nothing but `/lictor`: what the Dockerfile's target `binary` is.
pub(super) fn lictor(root: &Path, binary: &Path) -> Result<(), Error> {
    empty(root)?;
    install(binary, &root.join("lictor"))
}

fn empty(root: &Path) -> Result<(), Error> {
    if root.exists() {
        fs::remove_dir_all(root).map_err(Error::file(root))?;
    }
    fs::create_dir_all(root).map_err(Error::file(root))
}

fn make_dir(dir: &Path, mode: u32) -> Result<(), Error> {
    fs::create_dir_all(dir).map_err(Error::file(dir))?;
    fs::set_permissions(dir, fs::Permissions::from_mode(mode)).map_err(Error::file(dir))
}

fn install(from: &Path, to: &Path) -> Result<(), Error> {
    fs::copy(from, to).map_err(Error::file(from))?;
    fs::set_permissions(to, fs::Permissions::from_mode(0o755)).map_err(Error::file(to))
}

/// The libraries of a dynamic program, at their own paths: a distribution's Consul is one.
fn libraries(root: &Path, program: &Path) -> Result<(), Error> {
    let listed = command::text(Command::new("ldd").arg(program))?;
    // `libc.so.6 => /lib/…/libc.so.6 (0x…)`, and the loader as a path of its own.
    let paths = listed
        .split_whitespace()
        .filter(|word| word.starts_with('/'));
    for path in paths {
        let copy = root.join(path.trim_start_matches('/'));
        if let Some(dir) = copy.parent() {
            make_dir(dir, 0o755)?;
        }
        install(Path::new(path), &copy)?;
    }
    Ok(())
}

/// A busybox that needs no libraries: the installed one, or Debian's, unpacked and not installed, for its package
/// excludes that of the dynamic one.
fn static_busybox() -> Result<PathBuf, Error> {
    if let Some(installed) = apt::find("busybox")
        && dist::is_static(&installed)?
    {
        return Ok(installed);
    }
    let unpacked = cache("busybox-static")?;
    let candidates = ["bin/busybox", "usr/bin/busybox"].map(|path| unpacked.join(path));
    if !candidates.iter().any(|path| path.exists()) {
        apt::unpack("busybox-static", &unpacked)?;
    }
    candidates
        .into_iter()
        .find(|path| path.exists())
        .ok_or_else(|| Error::Needs("find busybox in Debian's package busybox-static".into()))
}
