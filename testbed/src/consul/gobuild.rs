//! Consul 1.22.5, built with Go from the checked-in `go.mod` and `go.sum`.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::cache::say;
use crate::wait;

/// Where the module is that requires exactly this Consul.
const MODULE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/consul-1.22.5");

/// Slow machines included; downloads come on top of the build.
const DEADLINE: Duration = Duration::from_secs(3600);

/// How often to say that it still goes on.
const PROGRESS: Duration = Duration::from_secs(20);

/// Why it cannot be built.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error(
        "go cannot be run ({source}); building it takes Go (see the go line of {MODULE}/go.mod)"
    )]
    NoGo { source: io::Error },
    #[error("go build in {MODULE} failed:\n{output}")]
    Failed { output: String },
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Timeout(#[from] wait::Timeout),
}

/// Builds it in `work` and returns the path of the program.
pub(super) fn build(work: &Path) -> Result<PathBuf, Error> {
    let program = work.join("consul");
    let messages = work.join("go-build.log");
    let file = |source| Error::File {
        path: messages.clone(),
        source,
    };
    let log = File::create(&messages).map_err(file)?;
    let mut command = Command::new("go");
    command
        .args(["build", "-trimpath", "-ldflags=-s -w", "-o"])
        .arg(&program)
        .arg("github.com/hashicorp/consul")
        .current_dir(MODULE)
        .env("CGO_ENABLED", "0")
        .stdin(Stdio::null())
        .stdout(log.try_clone().map_err(file)?)
        .stderr(log);
    say("building consul 1.22.5 with go; the first time this takes about 6 minutes on two cores");
    let start = Instant::now();
    let mut child = command.spawn().map_err(|source| Error::NoGo { source })?;
    let mut said = start;
    let ended = wait::until("go build", DEADLINE, || {
        if said.elapsed() >= PROGRESS {
            said = Instant::now();
            say(&format!(
                "still building consul 1.22.5, {} s so far",
                start.elapsed().as_secs()
            ));
        }
        child.try_wait().ok().flatten()
    });
    if ended.is_err() {
        let _ = child.kill();
        let _ = child.wait();
    }
    if ended?.success() {
        return Ok(program);
    }
    Err(Error::Failed {
        output: std::fs::read_to_string(&messages).map_err(file)?,
    })
}
