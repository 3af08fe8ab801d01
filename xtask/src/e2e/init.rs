//! lictor as any program's init on a real engine: in front of it by `docker run --init`, and as an entrypoint on a terminal.

use super::docker::CONSUL;
use super::engine::Engine;
use super::{Error, command};
use std::process::Command;
use std::time::Duration;
use testbed::Place;
use testbed::process::Program;
use testbed::terminal::Terminal;

/// For a container to start, and for each answer on its terminal.
const DEADLINE: Duration = Duration::from_secs(60);

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

/// A shell under `lictor init` on the terminal of `docker run -it`: Ctrl-Z, `fg`, Ctrl-C and the shell's exit code.
pub(super) fn on_a_terminal(engine: &Engine) -> Result<String, Error> {
    let unexpected = |what: &str, found: String| Error::Unexpected {
        what: format!("{what} on the terminal of `docker run -it`"),
        found,
    };
    let mut docker = engine.docker();
    docker
        .args(["run", "--rm", "-it", "--network=none", "--env=PS1=# "])
        .args(["--entrypoint=/usr/local/bin/lictor", CONSUL])
        .args(["init", "--", "/bin/sh"]);
    let program = Program::from(&docker);
    let here = Place::Here;
    let terminal = Terminal::start(&here, here.child_role(), "docker run -it", &program)
        .map_err(|error| unexpected("a shell", error.to_string()))?;
    let see = |text: &str| {
        let seen = terminal.wait_for(text, DEADLINE);
        seen.map_err(|error| unexpected(text, error.to_string()))
    };
    let keys = |result: std::io::Result<()>| {
        result.map_err(|error| unexpected("a key's echo", error.to_string()))
    };
    see("# ")?;
    // The sums tell what the program says from the echo of what was typed. That it goes on is said by the program and not by
    // the shell, which gives the terminal away after it has named the job: a Ctrl-C before that would be the shell's own.
    keys(terminal.type_text(
        "sh -c 'trap \"echo on$((40+3))\" CONT; echo up$((40+2)); while :; do sleep 0.1; done'\n",
    ))?;
    see("up42")?;
    keys(terminal.press('Z'))?;
    see("Stopped")?;
    keys(terminal.type_text("fg\n"))?;
    see("on43")?;
    keys(terminal.press('C'))?;
    keys(terminal.type_text("echo code$?\n"))?;
    see("code130")?;
    keys(terminal.type_text("exit 7\n"))?;
    let status = terminal
        .wait(DEADLINE)
        .map_err(|error| unexpected("the end", error.to_string()))?;
    if status.code() == Some(7) {
        Ok("Ctrl-Z, fg, Ctrl-C, exit code 7".to_owned())
    } else {
        Err(unexpected("exit code 7", format!("{status}")))
    }
}
