//! `cargo xtask dist`: the static release binary, `target/dist/lictor`.
//!
//! Static means that it runs in any image, `scratch` and musl ones included. It never cross-compiles: the binary is for
//! the machine that builds it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Static, and at a fixed address: to relocate a position-independent binary of this size at each start takes longer than a
/// whole `lictor --version` does without. The Dockerfile has the same.
const FLAGS: &str = "-C target-feature=+crt-static -C relocation-model=static";

/// What can go wrong while building the binary.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A program could not be started.
    #[error("start `{program}`: {source}")]
    Start {
        /// The program's name.
        program: String,
        /// Why it could not.
        source: io::Error,
    },
    /// A program ended with a failure it has explained on its own standard error.
    #[error("`{0}` failed; its own message is above")]
    Failed(String),
    /// `rustc -vV` did not name the host.
    #[error("find the line `host: …` in what `rustc -vV` says")]
    NoHost,
    /// A file could not be read, written or copied.
    #[error("copy the binary to {path}: {source}")]
    File {
        /// The file in question.
        path: PathBuf,
        /// Why it could not.
        source: io::Error,
    },
    /// The binary needs a dynamic loader after all.
    #[error(
        "make {0} static: it names a program interpreter, so it needs the libc of the image it runs in"
    )]
    Dynamic(PathBuf),
    /// The file is not a 64-bit little-endian ELF file.
    #[error("read {0} as a 64-bit ELF file")]
    NotElf(PathBuf),
}

/// Builds `target/dist/lictor` and says where it is and how large.
///
/// # Errors
/// When cargo fails, or the binary turns out not to be static.
pub(crate) fn run() -> Result<(), Error> {
    let binary = build(&[])?;
    let size = fs::metadata(&binary)
        .map_err(|source| Error::File {
            path: binary.clone(),
            source,
        })?
        .len();
    println!(
        "{} · static · {}.{:02} MB",
        binary.display(),
        size / 1_000_000,
        size % 1_000_000 / 10_000
    );
    Ok(())
}

/// Builds the binary, with further options for cargo, and returns its path.
///
/// # Errors
/// As for [`run`].
pub(crate) fn build(options: &[&str]) -> Result<PathBuf, Error> {
    let host = host_triple()?;
    let target = target_dir();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // --target is named although it is the host's: without it crt-static would apply to procedural macros too, which
    // are shared libraries and then cannot be built.
    let status = Command::new(cargo)
        .args(["build", "--release", "--locked", "--package", "lictor"])
        .args(["--target", &host])
        .args(options)
        .arg("--target-dir")
        .arg(&target)
        .env("RUSTFLAGS", FLAGS)
        .current_dir(root())
        .status()
        .map_err(|source| Error::Start {
            program: "cargo".into(),
            source,
        })?;
    if !status.success() {
        return Err(Error::Failed("cargo build --release".into()));
    }
    let built = target.join(host).join("release/lictor");
    // Where the image build, the end-to-end tests and people look for it, wherever cargo was told to build.
    let binary = root().join("target/dist/lictor");
    let failed = |source| Error::File {
        path: binary.clone(),
        source,
    };
    fs::create_dir_all(root().join("target/dist")).map_err(failed)?;
    // Removed first: a running copy may not be written to (ETXTBSY), but it may lose its name.
    match fs::remove_file(&binary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    fs::copy(&built, &binary).map_err(failed)?;
    if is_static(&binary)? {
        Ok(binary)
    } else {
        Err(Error::Dynamic(binary))
    }
}

/// The repository's root: the workspace this task was compiled in.
pub(crate) fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// The triple of the machine that builds, as rustc names it.
pub(crate) fn host_triple() -> Result<String, Error> {
    let output = Command::new("rustc")
        .arg("-vV")
        .output()
        .map_err(|source| Error::Start {
            program: "rustc".into(),
            source,
        })?;
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
        .ok_or(Error::NoHost)
}

fn target_dir() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// Whether an ELF file names no program interpreter (`PT_INTERP`), which is what asks for a dynamic loader.
pub(crate) fn is_static(path: &Path) -> Result<bool, Error> {
    let bytes = fs::read(path).map_err(|source| Error::File {
        path: path.to_owned(),
        source,
    })?;
    program_header_types(&bytes)
        .map(|types| !types.contains(&PT_INTERP))
        .ok_or_else(|| Error::NotElf(path.to_owned()))
}

const PT_INTERP: u32 = 3;

/// The types of the program headers of a 64-bit little-endian ELF file; none if it is not one.
fn program_header_types(elf: &[u8]) -> Option<Vec<u32>> {
    if elf.get(..6)? != b"\x7fELF\x02\x01" {
        return None;
    }
    let half = |at: usize| {
        Some(usize::from(u16::from_le_bytes(
            elf.get(at..at + 2)?.try_into().ok()?,
        )))
    };
    let word = |at: usize| Some(u32::from_le_bytes(elf.get(at..at + 4)?.try_into().ok()?));
    let first = usize::try_from(u64::from_le_bytes(elf.get(0x20..0x28)?.try_into().ok()?)).ok()?;
    let (size, count) = (half(0x36)?, half(0x38)?);
    (0..count)
        .map(|index| word(first.checked_add(index * size)?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::program_header_types;

    #[test]
    fn an_elf_file_has_a_loaded_segment() {
        const PT_LOAD: u32 = 1;
        let own = std::fs::read("/proc/self/exe").expect("own program");
        let types = program_header_types(&own).expect("an ELF file");
        assert!(types.contains(&PT_LOAD), "{types:?}");
    }

    #[test]
    fn a_text_is_no_elf_file() {
        assert_eq!(program_header_types(b"#!/bin/sh\n"), None);
        assert_eq!(program_header_types(b"\x7fELF\x02\x01"), None);
    }
}
