//! lictor as what `docker run --init` puts in front of a program.

use super::docker::CONSUL;
use super::engine::Engine;
use super::{Error, command};
use std::process::Command;

fn run(engine: &Engine, options: &[&str], script: &str) -> Command {
    let mut docker = engine.docker();
    docker
        .args(["run", "--rm", "--network=none", "--entrypoint=/bin/sh"])
        .args(options)
        .args([CONSUL, "-c", script]);
    docker
}

/// The engine was told to take lictor as its init, which it then calls `docker-init`: a name of tini's.
pub(super) fn as_docker_init(engine: &Engine) -> Result<String, Error> {
    // The orphan is PID 1's to reap.
    let script = "/sbin/docker-init --version; cat /proc/1/comm; (sleep 0.1 &); sleep 0.3; \
                  grep -l '^State:.Z' /proc/[0-9]*/status; exit 7";
    let output = command::attempt(&mut run(engine, &["--init"], script))?;
    let said = command::written(&output);
    let seen =
        said.contains("- lictor") && said.contains("\ndocker-init\n") && !said.contains("/status");
    if output.status.code() != Some(7) || !seen {
        return Err(Error::Unexpected {
            what: "exit code 7 below lictor as docker-init, and no zombie".to_owned(),
            found: format!("{}: {said}", output.status),
        });
    }
    Ok(said.lines().next().unwrap_or_default().to_owned())
}
