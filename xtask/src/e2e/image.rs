//! An image from a directory, without a Docker engine: the archive that `docker load`, `ctr images import` and
//! `kind load image-archive` all take.

use super::{Error, command};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Writes `<out>/<file>.tar`, an image of one layer: everything below `root`, owned by root.
pub(super) fn archive(
    name: &str,
    root: &Path,
    entrypoint: &[&str],
    out: &Path,
    file: &str,
) -> Result<PathBuf, Error> {
    let work = out.join(format!("{file}.parts"));
    let _ = fs::remove_dir_all(&work);
    fs::create_dir_all(&work).map_err(Error::file(&work))?;
    command::run(
        Command::new("tar")
            .args([
                "--create",
                "--owner=0",
                "--group=0",
                "--numeric-owner",
                "--sort=name",
                "--mtime=@0",
            ])
            .arg("--file")
            .arg(work.join("layer.tar"))
            .arg("--directory")
            .arg(root)
            .arg("."),
    )?;
    let digest = sha256(&work.join("layer.tar"))?;
    let config = json!({
        "architecture": architecture(),
        "os": "linux",
        "config": {
            "Entrypoint": entrypoint,
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
        },
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{digest}")]},
        "history": [{"created_by": "cargo xtask e2e"}],
    });
    let manifest = json!([{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]);
    for (part, value) in [("config.json", config), ("manifest.json", manifest)] {
        let part = work.join(part);
        fs::write(&part, value.to_string()).map_err(Error::file(&part))?;
    }
    let tar = out.join(format!("{file}.tar"));
    command::run(
        Command::new("tar")
            .arg("--create")
            .arg("--file")
            .arg(&tar)
            .arg("--directory")
            .arg(&work)
            .args(["layer.tar", "config.json", "manifest.json"]),
    )?;
    fs::remove_dir_all(&work).map_err(Error::file(&work))?;
    Ok(tar)
}

/// A file's SHA-256, in hexadecimal.
pub(super) fn sha256(file: &Path) -> Result<String, Error> {
    let line = command::text(Command::new("sha256sum").arg(file))?;
    Ok(line
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .to_owned())
}

/// The machine's architecture in the words of image registries.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
