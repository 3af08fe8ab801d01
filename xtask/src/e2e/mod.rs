//! `cargo xtask e2e`: the images, the manifests and the binary, on a real Docker engine and a real Kubernetes.
//!
//! Each scenario is a list of steps that read top to bottom; a step is what somebody outside can see (a catalog, an exit
//! code, `kubectl describe`), never the inside of lictor. The first one that is not seen in time ends the run with an
//! error that says what was waited for and what was there instead. Nothing is skipped: what is missing is installed or
//! is an error. What a run starts, it ends; after a SIGKILL the next run clears up first.

pub(crate) mod apt;
mod builder;
mod catalog;
mod cluster;
mod command;
mod docker;
mod engine;
mod image;
mod init;
mod k8s;
mod manifests;
mod pods;
mod rootfs;
mod server;
mod steps;

use crate::consul::Consul;
use crate::dist;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What `cargo xtask e2e` takes.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    platform: Platform,
    /// Which Consul the images and the server get.
    #[arg(long, global = true, default_value = "1.22.5")]
    consul: Consul,
}

#[derive(clap::Subcommand)]
enum Platform {
    /// The Dockerfile's images on a Docker engine: the one `docker` reaches, or one of its own.
    Docker,
    /// deploy/kubernetes on a cluster: the one LICTOR_E2E_KUBECTL names, or the one ../shared/k8s brings up.
    K8s(k8s::Args),
}

/// Runs one scenario.
///
/// # Errors
/// At the first step that is not seen.
pub(crate) fn run(args: &Args) -> Result<(), Error> {
    steps::watch_signals()?;
    let consul = testbed::consul::obtain(args.consul.version())?;
    match &args.platform {
        Platform::Docker => docker::run(&consul),
        Platform::K8s(k8s) => k8s::run(k8s, &consul),
    }
}

/// Why a scenario ended early. The messages read after "failed to".
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A program could not be started.
    #[error("start `{program}`: {source}")]
    Start {
        /// The program and its arguments.
        program: String,
        /// Why it could not.
        source: io::Error,
    },
    /// A program ended with a failure.
    #[error("run `{command}` ({status}): {output}")]
    Failed {
        /// The program and its arguments.
        command: String,
        /// How it ended.
        status: std::process::ExitStatus,
        /// The end of what it wrote.
        output: String,
    },
    /// Something did not show up in time.
    #[error("see {what} within {} s; what is there: {last}", limit.as_secs())]
    Timeout {
        /// What was waited for.
        what: String,
        /// For how long.
        limit: Duration,
        /// What was seen instead, the last time.
        last: String,
    },
    /// Something is there and is not as it should be.
    #[error("see {what}; what is there: {found}")]
    Unexpected {
        /// What should have been seen.
        what: String,
        /// What was.
        found: String,
    },
    /// A file could not be read or written.
    #[error("use {path}: {source}")]
    File {
        /// The file or directory.
        path: PathBuf,
        /// Why it could not.
        source: io::Error,
    },
    /// Something the scenario cannot get for itself.
    #[error("{0}")]
    Needs(String),
    /// SIGINT or SIGTERM arrived.
    #[error("finish: interrupted by a signal")]
    Interrupted,
    /// The static binary could not be built.
    #[error(transparent)]
    Dist(#[from] dist::Error),
    /// Consul could not be had.
    #[error(transparent)]
    Consul(#[from] testbed::consul::Error),
}

impl Error {
    /// For `map_err`: an I/O error about a path.
    fn file(path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().to_owned();
        move |source| Self::File { path, source }
    }
}

/// Where the scenarios keep what is slow to make, and what they write: below `target/`, which nobody keeps.
fn cache(name: &str) -> Result<PathBuf, Error> {
    let dir = dist::root().join("target/e2e").join(name);
    std::fs::create_dir_all(&dir).map_err(Error::file(&dir))?;
    Ok(dir)
}
