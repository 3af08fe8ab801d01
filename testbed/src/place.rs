//! Where things run: on a [`Host`], or here, where the test runs.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use nix::unistd::geteuid;

use crate::enter::{Step, before_exec};
use crate::net::Host;
use crate::process::{self, Output, Process, Program, Role};

/// Where a program runs and a connection is made.
#[derive(Debug, Clone)]
pub enum Place {
    /// On a host of a [`crate::net::Network`].
    Host(Host),
    /// In the namespaces of the test process itself: on loopback, without any rights.
    Here,
}

impl Place {
    /// How long a short-lived program may run.
    pub(crate) const RUN: Duration = Duration::from_secs(60);

    /// Starts a program.
    ///
    /// # Errors
    /// The program, or the namespaces it needs, cannot be had.
    pub fn start(
        &self,
        role: Role,
        name: &str,
        program: &Program,
    ) -> Result<Process, process::Error> {
        Process::start(self, role, name, program)
    }

    /// Runs a short-lived program to its end (one minute at most).
    ///
    /// # Errors
    /// It could not be started, or runs on. How it ended is for the caller to judge: [`Output::success`].
    pub fn run(&self, program: impl Into<Program>) -> Result<Output, process::Error> {
        let program = program.into();
        let mut command = program.command();
        self.tie(&mut command, Role::Plain);
        process::run_tied(command, &program.line(), Self::RUN)
    }

    /// Connects to a TCP port as seen from this place; `timeout` is also the stream's read and write timeout.
    ///
    /// # Errors
    /// The connection was refused or timed out.
    pub fn connect(&self, to: SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
        match self {
            Self::Host(host) => host.connect(to, timeout),
            Self::Here => {
                let stream = TcpStream::connect_timeout(&to, timeout)?;
                stream.set_read_timeout(Some(timeout))?;
                stream.set_write_timeout(Some(timeout))?;
                Ok(stream)
            }
        }
    }

    /// What it is called: the host's name, or `here`.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Host(host) => host.name(),
            Self::Here => "here",
        }
    }

    /// The strongest tie to the test's life that a program can have here without being PID 1.
    ///
    /// On this machine itself an ordinary user may lack the right to a PID namespace.
    #[must_use]
    pub fn child_role(&self) -> Role {
        static HERE: OnceLock<Role> = OnceLock::new();
        match self {
            Self::Host(_) => Role::Child,
            Self::Here => *HERE.get_or_init(|| {
                let possible = Self::Here
                    .start(Role::Child, "probe", &Program::new("true"))
                    .and_then(|probe| probe.wait(Self::RUN))
                    .is_ok_and(|status| status.success());
                if possible { Role::Child } else { Role::Plain }
            }),
        }
    }

    /// Makes `command` run here, in that role, and die with the test process.
    pub(crate) fn tie(&self, command: &mut Command, role: Role) {
        let step = match self {
            // On a host the user namespace, if there is one, is the network's.
            Self::Host(host) => Step::Enter(host.namespaces()),
            Self::Here if role != Role::Plain && !geteuid().is_root() => Step::BecomeRoot,
            Self::Here => Step::Stay,
        };
        before_exec(command, step, role);
    }
}

impl From<&Self> for Place {
    fn from(place: &Self) -> Self {
        place.clone()
    }
}

impl From<&Host> for Place {
    fn from(host: &Host) -> Self {
        Self::Host(host.clone())
    }
}
