//! The lictor binary under test.

use std::env;
use std::ffi::OsString;
use std::ops::Deref;
use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::agent::Api;
use crate::consul::{self, Version};
use crate::place::Place;
use crate::process::{self, Output, Process, Program, Role};
use crate::wait;

/// Why lictor could not be started or asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Consul cannot be had.
    #[error(transparent)]
    Consul(#[from] consul::Error),
    /// A process could not be started or watched.
    #[error(transparent)]
    Process(#[from] process::Error),
    /// `lictor status --json` did not print JSON.
    #[error("lictor status --json: {source} in {text:?}")]
    NotJson {
        /// What it printed.
        text: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// What was waited for cannot come any more.
    #[error("lictor on {place} has ended (exit code {code}) before {what}; its log:\n{log}")]
    Ended {
        /// Where it ran.
        place: String,
        /// How it ended.
        code: i32,
        /// What was waited for.
        what: String,
        /// What it said.
        log: String,
    },
    /// It did not happen in time.
    #[error(transparent)]
    Timeout(#[from] wait::Timeout),
}

/// How a lictor is to be started. By default `lictor run` as PID 1 of its own PID namespace, as in a container, with
/// Consul 1.8.7 as `consul` in its PATH.
#[derive(Debug, Clone)]
pub struct Lictor {
    place: Place,
    binary: PathBuf,
    consul: Option<Version>,
    subcommand: String,
    arguments: Vec<OsString>,
    command: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    role: Role,
}

impl Lictor {
    /// The lictor binary `binary` on that host (or [`Place::Here`]).
    ///
    /// A test passes `env!("CARGO_BIN_EXE_lictor")`; the environment variable `LICTOR_TEST_BINARY` overrides it, to
    /// test the static release binary.
    #[must_use]
    pub fn on(place: impl Into<Place>, binary: impl Into<PathBuf>) -> Self {
        Self {
            place: place.into(),
            binary: binary_under_test(binary),
            consul: Some(Version::V1_8_7),
            subcommand: "run".to_owned(),
            arguments: Vec::new(),
            command: Vec::new(),
            environment: Vec::new(),
            role: Role::Pid1,
        }
    }

    /// Which version of Consul is `consul` in its PATH.
    #[must_use]
    pub fn consul(mut self, version: Version) -> Self {
        self.consul = Some(version);
        self
    }

    /// Leaves `consul` in its PATH to chance, for tests that do not need any.
    #[must_use]
    pub fn no_consul(mut self) -> Self {
        self.consul = None;
        self
    }

    /// Adds an option of `lictor run`.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds options of `lictor run`.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Sets an environment variable, for lictor and for all that it starts.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// The command after `--`; without it, there is no `--` either.
    #[must_use]
    pub fn command<A: Into<OsString>>(mut self, words: impl IntoIterator<Item = A>) -> Self {
        self.command = words.into_iter().map(Into::into).collect();
        self
    }

    /// Not as PID 1, but under another process, as under a shell or a container's own init.
    #[must_use]
    pub fn not_pid1(mut self) -> Self {
        self.role = self.place.child_role();
        self
    }

    /// Starts `lictor run`.
    ///
    /// # Errors
    /// Consul cannot be had, or lictor cannot be started.
    pub fn start(self) -> Result<Running, Error> {
        let name = format!("lictor@{}", self.place.name());
        let program = self.program()?;
        let process = self.place.start(self.role, &name, &program)?;
        Ok(Running {
            process,
            lictor: self,
        })
    }

    /// Runs another, short-lived subcommand to its end, in the same place, with the same options, command and
    /// environment: `address`, `render`, …
    ///
    /// # Errors
    /// Consul cannot be had, or lictor cannot be started or runs on.
    pub fn run(mut self, subcommand: &str) -> Result<Output, Error> {
        subcommand.clone_into(&mut self.subcommand);
        Ok(self.place.run(self.program()?)?)
    }

    fn program(&self) -> Result<Program, Error> {
        let mut program = self.bare(&self.subcommand)?.args(self.arguments.clone());
        if !self.command.is_empty() {
            program = program.arg("--").args(self.command.clone());
        }
        Ok(program)
    }

    /// A subcommand without options, in the same environment.
    fn bare(&self, subcommand: &str) -> Result<Program, Error> {
        let mut program = Program::new(&self.binary).arg(subcommand);
        if let Some(version) = self.consul {
            program = program.path_first(consul::directory(version)?);
        }
        for (name, value) in &self.environment {
            program = program.env(name, value);
        }
        Ok(program)
    }

    /// `--runtime-dir` as it was given, which the other subcommands have to be told too.
    fn runtime_dir(&self) -> Vec<OsString> {
        let mut arguments = self.arguments.iter();
        while let Some(argument) = arguments.next() {
            let text = argument.to_string_lossy();
            if text == "--runtime-dir" {
                return [Some(argument), arguments.next()]
                    .into_iter()
                    .flatten()
                    .cloned()
                    .collect();
            }
            if text.starts_with("--runtime-dir=") {
                return vec![argument.clone()];
            }
        }
        Vec::new()
    }
}

/// The binary to test: `LICTOR_TEST_BINARY` from the environment, or else the given one.
#[must_use]
pub fn binary_under_test(given: impl Into<PathBuf>) -> PathBuf {
    env::var_os("LICTOR_TEST_BINARY").map_or_else(|| given.into(), PathBuf::from)
}

/// A running lictor. It derefs to its [`Process`], for signals, its log and its memory.
#[derive(Debug)]
pub struct Running {
    process: Process,
    lictor: Lictor,
}

impl Running {
    /// What `lictor status --json` says.
    ///
    /// # Errors
    /// lictor does not answer.
    pub fn status(&self) -> Result<Value, Error> {
        let text = self.control("status", &["--json"])?.success()?;
        serde_json::from_str(&text).map_err(|source| Error::NotJson { text, source })
    }

    /// Runs a subcommand that talks to the running lictor: `status`, `ready`, `live`, `reload`.
    ///
    /// # Errors
    /// It cannot be started, or runs on.
    pub fn control(&self, subcommand: &str, arguments: &[&str]) -> Result<Output, Error> {
        let program = self.asking(subcommand, arguments)?;
        Ok(self.lictor.place.run(program)?)
    }

    /// Starts one that goes on for a while: `leave`, `stop`. It is outside of lictor's PID namespace, if that is one of its own.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn follow(&self, subcommand: &str, arguments: &[&str]) -> Result<Process, Error> {
        let program = self.asking(subcommand, arguments)?;
        self.start_asking(subcommand, &program)
    }

    /// The same within lictor's PID namespace, as `docker exec` has it.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn exec(&self, subcommand: &str, arguments: &[&str]) -> Result<Process, Error> {
        let pid = self.process.pid()?.to_string();
        let enter = ["nsenter", "--target", &pid, "--pid", "--mount", "--"];
        let program = self.asking(subcommand, arguments)?.behind(enter);
        self.start_asking(subcommand, &program)
    }

    fn asking(&self, subcommand: &str, arguments: &[&str]) -> Result<Program, Error> {
        let program = self.lictor.bare(subcommand)?;
        let program = program.args(self.lictor.runtime_dir());
        Ok(program.args(arguments.iter().copied()))
    }

    fn start_asking(&self, subcommand: &str, program: &Program) -> Result<Process, Error> {
        let place = &self.lictor.place;
        let name = format!("{subcommand}@{}", place.name());
        Ok(place.start(Role::Plain, &name, program)?)
    }

    /// Whether `lictor ready` says so.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn is_ready(&self) -> Result<bool, Error> {
        Ok(self.control("ready", &[])?.status.success())
    }

    /// The status of one condition (`True`, `False`, `Unknown`), if lictor has it.
    ///
    /// # Errors
    /// lictor does not answer.
    pub fn condition(&self, kind: &str) -> Result<Option<String>, Error> {
        let status = self.status()?;
        Ok(find_condition(&status, kind)
            .and_then(|condition| condition["status"].as_str())
            .map(str::to_owned))
    }

    /// Waits until lictor is in that phase, and returns its status.
    ///
    /// # Errors
    /// It is in another one after `deadline`, or has ended.
    pub fn wait_phase(&self, phase: &str, deadline: Duration) -> Result<Value, Error> {
        self.wait_status(&format!("phase {phase}"), deadline, |status| {
            status["phase"] == phase
        })
    }

    /// Waits until that condition is True, and returns lictor's status.
    ///
    /// # Errors
    /// It is not after `deadline`, or lictor has ended.
    pub fn wait_condition(&self, kind: &str, deadline: Duration) -> Result<Value, Error> {
        self.wait_status(&format!("condition {kind}"), deadline, |status| {
            find_condition(status, kind).is_some_and(|condition| condition["status"] == "True")
        })
    }

    /// Waits until `good` holds for lictor's status, and returns that.
    ///
    /// # Errors
    /// It does not after `deadline`, or lictor has ended.
    pub fn wait_status(
        &self,
        what: &str,
        deadline: Duration,
        good: impl Fn(&Value) -> bool,
    ) -> Result<Value, Error> {
        let waited_for = format!("{what} of {}", self.process.name());
        wait::until_ok(&waited_for, deadline, || match self.status() {
            Ok(status) if good(&status) => Ok(Ok(status)),
            Ok(status) => Err(status.to_string()),
            // There is no point in waiting for a lictor that has ended.
            Err(_) if self.process.has_ended() => Ok(Err(self.ended(what))),
            Err(error) => Err(error.to_string()),
        })?
    }

    /// Sends SIGHUP.
    ///
    /// # Errors
    /// lictor has ended.
    pub fn hup(&self) -> Result<(), Error> {
        Ok(self.process.signal(Signal::SIGHUP)?)
    }

    /// Sends SIGTERM.
    ///
    /// # Errors
    /// lictor has ended.
    pub fn term(&self) -> Result<(), Error> {
        Ok(self.process.signal(Signal::SIGTERM)?)
    }

    /// Waits for lictor's end and returns its exit code, 128 + signal included.
    ///
    /// # Errors
    /// It runs on after `deadline`.
    pub fn exit(&self, deadline: Duration) -> Result<i32, Error> {
        Ok(self.process.exit_code(deadline)?)
    }

    /// The HTTP API of its agent, at the default address.
    #[must_use]
    pub fn api(&self) -> Api {
        Api::on(&self.lictor.place)
    }

    fn ended(&self, what: &str) -> Error {
        match self.process.exit_code(Duration::ZERO) {
            Ok(code) => {
                let (place, what) = (self.lictor.place.name().to_owned(), what.to_owned());
                Error::Ended {
                    place,
                    code,
                    what,
                    log: self.process.log(),
                }
            }
            Err(error) => error.into(),
        }
    }
}

impl Deref for Running {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}

fn find_condition<'a>(status: &'a Value, kind: &str) -> Option<&'a Value> {
    status["conditions"]
        .as_array()?
        .iter()
        .find(|condition| condition["type"] == kind)
}
