//! A stand-in for `docker.io/library/rust:1-slim`, made of the machine's own files: its Rust toolchain, its C compiler
//! and the crates of Cargo.lock, so that the Dockerfile builds as it is, without a network.

use super::{Error, apt, cache, command, image};
use crate::dist;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The packages of a slim Rust image, as far as a build needs them; their dependencies come along.
const PACKAGES: [&str; 6] = ["gcc", "libc6-dev", "binutils", "dash", "coreutils", "sed"];

/// What nobody compiles with, and what [`small_things`] has.
const LEFT_OUT: [&str; 7] = [
    "/usr/share/doc",
    "/usr/share/man",
    "/usr/share/locale",
    "/usr/share/info",
    "/etc",
    "/bin/sh",
    "/usr/bin/sh",
];

/// The archive of the base image's files, made unless the one of the same toolchain and crates is there.
pub(super) fn root_archive() -> Result<PathBuf, Error> {
    apt::need("gcc", "gcc")?;
    let sysroot = PathBuf::from(command::text(
        Command::new("rustc").args(["--print", "sysroot"]),
    )?);
    if !sysroot.join("bin/cargo").exists() {
        return Err(Error::Needs(format!(
            "find cargo beside rustc in {}: use a toolchain of rustup's",
            sysroot.display()
        )));
    }
    let dir = cache("builder")?;
    let archive = dir.join("root.tar");
    let key_file = dir.join("root.key");
    let key = key()?;
    let is_current =
        archive.exists() && fs::read_to_string(&key_file).is_ok_and(|made| made == key);
    if !is_current {
        let _ = fs::remove_file(&key_file);
        make(&dir, &archive, &sysroot)?;
        fs::write(&key_file, key).map_err(Error::file(&key_file))?;
    }
    Ok(archive)
}

/// What must be the same for an archive to be used again.
fn key() -> Result<String, Error> {
    Ok([
        command::text(Command::new("rustc").arg("-vV"))?,
        command::text(Command::new("gcc").arg("--version"))?,
        image::sha256(&dist::root().join("Cargo.lock"))?,
    ]
    .join("\n"))
}

fn make(dir: &Path, archive: &Path, sysroot: &Path) -> Result<(), Error> {
    let list = dir.join("files");
    fs::write(&list, package_files()?.join("\n")).map_err(Error::file(&list))?;
    // tar keeps what it is told: no directory is descended into, since the list names every file.
    command::run(
        Command::new("tar")
            .args(["--create", "--no-recursion", "--directory=/", "--file"])
            .arg(archive)
            .arg("--files-from")
            .arg(&list),
    )?;
    append(archive, sysroot, "usr/local", |tar| {
        tar.args([
            "--exclude=./lib/rustlib/src",
            "./bin/cargo",
            "./bin/rustc",
            "./lib",
        ]);
    })?;
    let crates = dir.join("crates");
    vendor(&crates)?;
    append(archive, &crates, "usr/local/cargo", |tar| {
        tar.arg(".");
    })?;
    let rest = dir.join("rest");
    small_things(&rest)?;
    append(archive, &rest, ".", |tar| {
        tar.arg(".");
    })?;
    for part in [&crates, &rest] {
        fs::remove_dir_all(part).map_err(Error::file(part))?;
    }
    Ok(())
}

/// Adds what `choose` names, below `from`, to the archive, below `to`.
fn append(
    archive: &Path,
    from: &Path,
    to: &str,
    choose: impl FnOnce(&mut Command),
) -> Result<(), Error> {
    let mut tar = Command::new("tar");
    tar.args([
        "--append",
        "--owner=0",
        "--group=0",
        "--numeric-owner",
        "--file",
    ])
    .arg(archive)
    .arg("--directory")
    .arg(from)
    .arg(format!("--transform=s,^\\.,{to},S"));
    choose(&mut tar);
    command::run(&mut tar).map(drop)
}

/// The files of [`PACKAGES`] and of all they depend on, as paths below `/` that contain no symbolic link of a directory:
/// dpkg says `/bin/sh` where the file is `/usr/bin/sh`.
fn package_files() -> Result<Vec<String>, Error> {
    let closure = command::text(
        Command::new("apt-cache")
            .args([
                "depends",
                "--recurse",
                "--installed",
                "--no-recommends",
                "--no-suggests",
            ])
            .args([
                "--no-conflicts",
                "--no-breaks",
                "--no-replaces",
                "--no-enhances",
            ])
            .args(PACKAGES),
    )?;
    // Names stand at the line's beginning; what depends on them is indented, a virtual package in angle brackets.
    let packages = closure
        .lines()
        .filter(|line| line.starts_with(|first: char| first.is_ascii_alphanumeric()));
    let mut dpkg = Command::new("dpkg-query");
    dpkg.arg("--listfiles").args(packages);
    let listed = command::attempt(&mut dpkg)?;
    let mut files = BTreeSet::new();
    for line in String::from_utf8_lossy(&listed.stdout).lines() {
        let path = Path::new(line);
        let wanted = line.starts_with('/') && !LEFT_OUT.iter().any(|dir| path.starts_with(dir));
        let is_file = wanted && fs::symlink_metadata(path).is_ok_and(|file| !file.is_dir());
        if !is_file {
            continue;
        }
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            continue;
        };
        // Directly below the root there are only the links of a merged /usr.
        if let Ok(parent) = fs::canonicalize(parent)
            && parent != Path::new("/")
        {
            let resolved = parent.join(name);
            files.insert(
                resolved
                    .to_string_lossy()
                    .trim_start_matches('/')
                    .to_owned(),
            );
        }
    }
    Ok(files.into_iter().collect())
}

/// Every crate of Cargo.lock, and the CARGO_HOME that makes cargo take them instead of a registry's.
fn vendor(crates: &Path) -> Result<(), Error> {
    let _ = fs::remove_dir_all(crates);
    fs::create_dir_all(crates).map_err(Error::file(crates))?;
    command::run(
        Command::new("cargo")
            .args(["vendor", "--locked", "--quiet"])
            .arg(crates.join("vendor"))
            .current_dir(dist::root()),
    )?;
    let config = crates.join("config.toml");
    let text = "[source.crates-io]\nreplace-with = \"vendored\"\n\n\
                [source.vendored]\ndirectory = \"/usr/local/cargo/vendor\"\n";
    fs::write(&config, text).map_err(Error::file(&config))
}

/// What no package's list of files has: the links of a merged /usr, the link that makes gcc `cc`, and /tmp.
fn small_things(rest: &Path) -> Result<(), Error> {
    let _ = fs::remove_dir_all(rest);
    for dir in ["usr/bin", "tmp", "etc", "root"] {
        let dir = rest.join(dir);
        fs::create_dir_all(&dir).map_err(Error::file(&dir))?;
    }
    for (link, to) in [
        ("bin", "usr/bin"),
        ("sbin", "usr/sbin"),
        ("lib", "usr/lib"),
        ("lib64", "usr/lib64"),
        ("usr/bin/cc", "gcc"),
        ("usr/bin/sh", "dash"),
    ] {
        let link = rest.join(link);
        symlink(to, &link).map_err(Error::file(&link))?;
    }
    let passwd = rest.join("etc/passwd");
    fs::write(&passwd, "root:x:0:0:root:/root:/bin/sh\n").map_err(Error::file(&passwd))
}
