//! A program that cannot outlive the test, with its log.
//!
//! A program runs in a PID namespace of its own, under a process that waits for it. The kernel kills that process when
//! the test process dies, then the namespace's first process with it, then everything in the namespace: no descendant
//! can escape, whatever happens to the test. Handles do the same when they are dropped.

mod log;
mod look;
mod program;
mod run;
mod signal;

use std::fs::File;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

pub use log::Log;
pub(crate) use log::end_of;
pub use look::{children, cmdline, rss};
pub use program::{Output, Program};
pub(crate) use run::run_tied;
pub use signal::send;

use crate::place::Place;
use crate::{spawner, wait};

/// How much of its log a process shows when the test that owns it panics.
const SHOWN_IN_PANIC: usize = 256 * 1024;

/// How long an ended program may take to be gone: generous, for a machine that runs many tests at once.
const GONE: Duration = Duration::from_secs(20);

/// Why a program could not be started, watched or ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It could not be started.
    #[error("start {name}: {source}{hint}")]
    Start {
        /// What it is called in the test bed.
        name: String,
        /// What happened.
        source: io::Error,
        /// What to do about it, if that is known.
        hint: &'static str,
    },
    /// It has ended before it could be used.
    #[error("{name} has ended already ({status}); its log:\n{log}")]
    Ended {
        /// What it is called in the test bed.
        name: String,
        /// How it ended.
        status: ExitStatus,
        /// What it said.
        log: String,
    },
    /// A program that had to succeed did not.
    #[error("{command} failed ({status}): {output}")]
    Failed {
        /// The command line.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// What it said on both streams.
        output: String,
    },
    /// A signal could not be sent.
    #[error("send signal {number} to {name}: {source}")]
    Signal {
        /// What the process is called in the test bed.
        name: String,
        /// Which signal.
        number: i32,
        /// What happened.
        source: io::Error,
    },
    /// Its state could not be read.
    #[error("look at {name}: {source}")]
    Look {
        /// What the process is called in the test bed.
        name: String,
        /// What happened.
        source: io::Error,
    },
    /// It did not do in time what was waited for.
    #[error(transparent)]
    Timeout(#[from] wait::Timeout),
}

/// Where in a PID namespace a program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// As PID 1 of a PID namespace of its own, with its own `/proc`: like the program of a container.
    Pid1,
    /// In a PID namespace of its own that ends with the test, but not as its PID 1.
    Child,
    /// Without a PID namespace: it dies with the test, but what it has started may live on. Needs no rights at all.
    Plain,
}

/// A running program. It is killed, with all its descendants, when the handle is dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    /// What we have started: the program itself, or the process that waits for it outside its PID namespace.
    child: Mutex<Child>,
    real: Option<Pid>,
    log: Log,
    /// Keeps the host's namespaces as long as something runs in them.
    place: Place,
}

impl Process {
    /// Starts `program` at `place`; `name` is what messages and logs call it.
    ///
    /// It returns when the program itself runs, so that a signal reaches it and nothing else.
    ///
    /// # Errors
    /// The program, or the namespaces it needs, cannot be had.
    pub fn start(place: &Place, role: Role, name: &str, program: &Program) -> Result<Self, Error> {
        Self::start_with(place, role, name, program, |command, log| {
            command.stdin(Stdio::null());
            command.stdout(log.writer()?).stderr(log.writer()?);
            Ok(())
        })
    }

    /// The same for other standard streams, which `connect` sets up. What else it does comes before the program as well.
    pub(crate) fn start_with(
        place: &Place,
        role: Role,
        name: &str,
        program: &Program,
        connect: impl FnOnce(&mut Command, &Log) -> io::Result<()>,
    ) -> Result<Self, Error> {
        let hint = match role {
            Role::Plain => "",
            _ => " (a PID namespace needs root, or user namespaces for ordinary users)",
        };
        let failed = |source| Error::Start {
            name: name.to_owned(),
            source,
            hint,
        };
        let log = Log::create(name).map_err(failed)?;
        let mut command = program.command();
        connect(&mut command, &log).map_err(failed)?;
        place.tie(&mut command, role);
        let child = spawner::spawn(command).map_err(failed)?;
        let outer = Pid::from_raw(child.id().cast_signed());
        // The spawn has returned, so exec is done: these are the processes, or they have ended already.
        let below = |pid: Pid| children(pid).first().copied();
        let real = match role {
            Role::Plain => Some(outer),
            Role::Pid1 => below(outer),
            Role::Child => below(outer).and_then(below),
        };
        Ok(Self {
            name: name.to_owned(),
            child: Mutex::new(child),
            real,
            log,
            place: place.clone(),
        })
    }

    /// The PID of the program itself, as the test process sees it.
    ///
    /// # Errors
    /// It had ended before it could be seen.
    pub fn pid(&self) -> Result<Pid, Error> {
        self.real.ok_or_else(|| self.ended())
    }

    /// What messages and logs call it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// All that it and its descendants have written so far to standard output and standard error.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// A descriptor that appends to the log, for what the program does not write there itself.
    pub(crate) fn log_writer(&self) -> io::Result<File> {
        self.log.writer()
    }

    /// Waits until the log contains `text`, and returns the log.
    ///
    /// # Errors
    /// It does not within `deadline`, or the process has ended without.
    pub fn wait_log(&self, text: &str, deadline: Duration) -> Result<String, Error> {
        let found = wait::until(
            &format!("{text:?} in the log of {}", self.name),
            deadline,
            || {
                // In this order, so that the last words of an ended process are seen.
                let ended = self.has_ended();
                let log = self.log();
                (ended || log.contains(text)).then_some(log)
            },
        )?;
        if found.contains(text) {
            Ok(found)
        } else {
            Err(self.ended())
        }
    }

    /// Sends a signal to the program itself.
    ///
    /// # Errors
    /// It has ended.
    pub fn signal(&self, signal: Signal) -> Result<(), Error> {
        self.signal_number(signal as i32)
    }

    /// The same by the signal's number, which real-time signals have alone.
    ///
    /// # Errors
    /// It has ended.
    pub fn signal_number(&self, number: i32) -> Result<(), Error> {
        // While the process around it has not been waited for, the program's PID cannot belong to another process.
        let running = self
            .child()
            .try_wait()
            .map_err(|source| self.look(source))?
            .is_none();
        if !running {
            return Err(self.ended());
        }
        signal::send(self.pid()?, number).map_err(|source| Error::Signal {
            name: self.name.clone(),
            number,
            source,
        })
    }

    /// Whether the program has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.child().try_wait().is_ok_and(|status| status.is_some())
    }

    /// Waits for the program's end and says how it ended.
    ///
    /// A program that a signal ended shows as exit code 128 + signal, except in [`Role::Plain`].
    ///
    /// # Errors
    /// It runs on after `deadline`.
    pub fn wait(&self, deadline: Duration) -> Result<ExitStatus, Error> {
        let what = format!("the end of {}", self.name);
        Ok(wait::until_ok(&what, deadline, || {
            match self.child().try_wait() {
                Ok(Some(status)) => Ok(status),
                Ok(None) => Err("it is running".to_owned()),
                Err(error) => Err(error.to_string()),
            }
        })?)
    }

    /// Waits for the program's end and returns its exit code as a shell would, 128 + signal included.
    ///
    /// # Errors
    /// It runs on after `deadline`.
    pub fn exit_code(&self, deadline: Duration) -> Result<i32, Error> {
        let status = self.wait(deadline)?;
        Ok(status
            .code()
            .unwrap_or_else(|| 128 + status.signal().unwrap_or_default()))
    }

    /// Kills the program and everything it has started, and waits until all of it is gone.
    pub fn kill(&self) {
        let mut child = self.child();
        if let Ok(Some(_)) = child.try_wait() {
            return;
        }
        // The outer process waits for the namespace's first process, and that one ends only after all the others: so
        // killing it, and not the launcher, makes the wait below a wait for everything.
        let outer = Pid::from_raw(child.id().cast_signed());
        match (self.real, children(outer).first()) {
            (Some(real), _) if real == outer => drop(child.kill()),
            (_, Some(&first)) => drop(kill(first, Signal::SIGKILL)),
            _ => drop(child.kill()),
        }
        let gone = wait::until(
            &format!("the end of {} after SIGKILL", self.name),
            GONE,
            || child.try_wait().ok().flatten(),
        );
        if gone.is_err() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// The resident memory of the program itself, in bytes.
    ///
    /// # Errors
    /// It has ended.
    pub fn rss(&self) -> Result<u64, Error> {
        rss(self.pid()?).map_err(|source| self.look(source))
    }

    /// The direct children of the program, as the test process sees them.
    ///
    /// # Errors
    /// It had ended before it could be seen.
    pub fn children(&self) -> Result<Vec<Pid>, Error> {
        Ok(children(self.pid()?))
    }

    /// Where it runs.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&self, source: io::Error) -> Error {
        Error::Look {
            name: self.name.clone(),
            source,
        }
    }

    /// The error that says how it ended.
    pub(crate) fn ended(&self) -> Error {
        match self.wait(GONE) {
            Ok(status) => Error::Ended {
                name: self.name.clone(),
                status,
                log: self.log(),
            },
            Err(error) => error,
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let text = self.log.text();
            let mut start = text.len().saturating_sub(SHOWN_IN_PANIC);
            while !text.is_char_boundary(start) {
                start += 1;
            }
            let status = self
                .child()
                .try_wait()
                .ok()
                .flatten()
                .map(|status| status.to_string());
            let status = status.unwrap_or_default();
            eprintln!(
                "---- {} ({status}) ----\n{}---- end of {} ----",
                self.name,
                &text[start..],
                self.name
            );
        }
    }
}
