//! Keeper processes: they hold namespaces, and end when the test process does.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;

use nix::unistd::Pid;

use super::Error;
use crate::enter::{Namespaces, Step, before_exec};
use crate::process::{self, Program, Role};
use crate::{Place, spawner};

/// Makes the root of a host; see the script itself.
const ROOT: &str = include_str!("root.sh");

/// A keeper of the switch has nothing to prepare.
const HOLD: &str = "echo ready; exec cat >/dev/null";

/// A process that does nothing but hold namespaces.
#[derive(Debug)]
pub(super) struct Keeper {
    child: Child,
    /// The keeper ends when the last write end of its standard input is closed; this one is never inherited.
    _life: ChildStdin,
    namespaces: Arc<Namespaces>,
    with_user: bool,
}

impl Keeper {
    /// Holds a new network namespace, in a new user namespace if `own_user`.
    pub(super) fn of_switch(own_user: bool) -> Result<Self, Error> {
        let mut words = vec!["unshare"];
        if own_user {
            words.extend(["--user", "--map-root-user"]);
        }
        words.extend(["--net", "--uts", "--mount", "--", "sh", "-c", HOLD]);
        Self::start("the switch", words, Step::Stay, own_user)
    }

    /// Holds the namespaces of a host, in the user namespace of `switch`.
    pub(super) fn of_host(switch: &Self, hostname: &str) -> Result<Self, Error> {
        let step = Step::BecomeHost {
            switch: Arc::clone(&switch.namespaces),
            hostname: hostname.to_owned(),
        };
        Self::start(hostname, vec!["sh", "-c", ROOT], step, switch.with_user)
    }

    fn start(name: &str, words: Vec<&str>, step: Step, with_user: bool) -> Result<Self, Error> {
        let failed = |reason: String| Error::Namespaces {
            name: name.to_owned(),
            reason,
        };
        let mut command = Program::from(words).command();
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        before_exec(&mut command, step, Role::Plain);
        let mut child = spawner::spawn(command).map_err(|error| failed(error.to_string()))?;
        let pid = Pid::from_raw(child.id().cast_signed());
        let life = child
            .stdin
            .take()
            .ok_or_else(|| failed("no pipe".to_owned()))?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            // It comes to an end in any case: the keeper says something, or ends.
            let _ = BufReader::new(stdout).read_line(&mut line);
        }
        if line.trim() != "ready" {
            let mut said = String::new();
            if let Some(mut stderr) = child.stderr.take() {
                let _ = stderr.read_to_string(&mut said);
            }
            let _ = child.wait();
            return Err(failed(said.trim().to_owned()));
        }
        let namespaces =
            Namespaces::of(pid, with_user).map_err(|error| failed(error.to_string()))?;
        Ok(Self {
            child,
            _life: life,
            namespaces: Arc::new(namespaces),
            with_user,
        })
    }

    pub(super) fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    pub(super) fn namespaces(&self) -> Arc<Namespaces> {
        Arc::clone(&self.namespaces)
    }

    /// Runs `ip` in the kept network.
    pub(super) fn ip<A: Into<OsString>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<String, Error> {
        let program = Program::new("ip").args(arguments);
        let mut command: Command = program.command();
        before_exec(&mut command, Step::Enter(self.namespaces()), Role::Plain);
        Ok(process::run_tied(command, &program.line(), Place::RUN)?.success()?)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
