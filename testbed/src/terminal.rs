//! A program on a terminal: a real one, whose keyboard and screen the test has.
//!
//! The program leads a session of its own, and the terminal is that session's controlling terminal: as [`Role::Pid1`] it
//! is what `docker run -it` starts, as [`Role::Child`] what somebody's terminal window starts. Making signals of control
//! characters, stopping who reads out of turn: all of that is the kernel's.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::ops::Deref;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::fcntl::OFlag;
use nix::libc;
use nix::pty::{PtyMaster, grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::unistd::{Pid, tcgetpgrp};

use crate::place::Place;
use crate::process::{Error, Process, Program, Role};
use crate::wait;

/// How long the last words may take to come once everybody who could say more is gone.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// A terminal with a program on it. It derefs to the program's [`Process`], whose log is all that was shown, echo
/// included and carriage returns left out; a test that panics shows it.
#[derive(Debug)]
pub struct Terminal {
    process: Process,
    keyboard: Arc<PtyMaster>,
    /// Copies what is shown into the log, and ends when nobody has the terminal open any more.
    screen: JoinHandle<()>,
    /// How much of the log the waits so far have taken in.
    seen: AtomicUsize,
}

impl Terminal {
    /// Starts `program` on a new terminal.
    ///
    /// # Errors
    /// The program, or the namespaces it needs, or a terminal cannot be had.
    pub fn start(place: &Place, role: Role, name: &str, program: &Program) -> Result<Self, Error> {
        // setsid does not fork here, for whoever is started by the test bed leads no process group: so this stays the process
        // whose PID the test bed knows.
        let program = program
            .clone()
            .behind(["setsid", "--ctty"])
            // No colours and no moving about, and no line too long to be shown as one: what is shown is what was written.
            .env("TERM", "dumb")
            .env("COLUMNS", "1000");
        let failed = |source| Error::Start {
            name: name.to_owned(),
            source,
            hint: "",
        };
        let (keyboard, terminal) = open().map_err(failed)?;
        let process = Process::start_with(place, role, name, &program, |command, _| {
            command
                .stdin(terminal.try_clone()?)
                .stdout(terminal.try_clone()?)
                .stderr(terminal);
            Ok(())
        })?;
        let keyboard = Arc::new(keyboard);
        let log = process.log_writer().map_err(failed)?;
        let screen = copy(Arc::clone(&keyboard), log).map_err(failed)?;
        Ok(Self {
            process,
            keyboard,
            screen,
            seen: AtomicUsize::new(0),
        })
    }

    /// Types this; a newline is the Enter key.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn type_text(&self, text: &str) -> io::Result<()> {
        (&*self.keyboard).write_all(text.as_bytes())
    }

    /// Presses the control key together with another one: `'Z'` is Ctrl-Z.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn press(&self, key: char) -> io::Result<()> {
        let code = u32::from(key) & 0x1f;
        self.type_text(&char::from_u32(code).map_or_else(String::new, String::from))
    }

    /// The process group that has the terminal, as the test process sees it.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn foreground(&self) -> io::Result<Pid> {
        Ok(tcgetpgrp(&*self.keyboard)?)
    }

    /// Waits until `text` has been shown after what earlier waits have found, and returns what was shown from there to its
    /// end. What was typed is shown too, unless somebody has turned the echo off.
    ///
    /// # Errors
    /// It is not within `deadline`, or nobody is left who could show it.
    pub fn wait_for(&self, text: &str, deadline: Duration) -> Result<String, Error> {
        let start = self.seen.load(Ordering::Relaxed);
        let what = format!("{text:?} on the terminal of {}", self.process.name());
        let found = wait::until_ok(&what, deadline, || {
            // In this order, so that the last words are seen.
            let over = self.screen.is_finished();
            let log = self.process.log();
            let new = log.get(start..).unwrap_or_default();
            match new.find(text) {
                Some(at) => Ok(Some(new[..at + text.len()].to_owned())),
                None if over => Ok(None),
                None => Err(format!("{new:?}")),
            }
        })?;
        let found = found.ok_or_else(|| self.process.ended())?;
        self.seen.store(start + found.len(), Ordering::Relaxed);
        Ok(found)
    }
}

impl Deref for Terminal {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.process.kill();
        // In a panic the process shows its log when it is dropped, and that should be all of it.
        let over = || self.screen.is_finished().then_some(());
        let _ = wait::until("the last words", LAST_WORDS, over);
    }
}

/// Makes a terminal, and returns the test's end of it and the program's.
fn open() -> io::Result<(PtyMaster, File)> {
    // Close-on-exec from the start: programs of other tests that had it open too would keep the terminal alive.
    let master = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let terminal = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NOCTTY)
        .open(ptsname_r(&master)?)?;
    Ok((master, terminal))
}

/// Copies what is shown into the log, without the carriage returns that the terminal adds.
fn copy(screen: Arc<PtyMaster>, mut log: File) -> io::Result<JoinHandle<()>> {
    let copying = move || {
        let mut buffer = [0; 4096];
        // The error it ends with is that nobody has the terminal open any more.
        while let Ok(count @ 1..) = (&*screen).read(&mut buffer) {
            let mut shown = buffer[..count].to_vec();
            shown.retain(|byte| *byte != b'\r');
            if log.write_all(&shown).is_err() {
                break;
            }
        }
    };
    thread::Builder::new()
        .name("screen".to_owned())
        .spawn(copying)
}
