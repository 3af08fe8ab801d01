//! The loop of a plain init: one thread, no runtime, nothing allocated while it waits.
//!
//! It is [`super::run`] for a life with two sources of events only, signals and children, which one system call waits for.

use std::io;
use std::time::{Duration, Instant};

use crate::core::action::Level;
use crate::core::init::{Action, Event, Holder, Init, Target};
use crate::core::signal::{Name, SIGCHLD};
use crate::log::line::{Style, Voice};
use crate::os::reap::{Change, drain};
use crate::os::signals::{self, Inherited};
use crate::os::spawn::{Place, Program, Setup, spawn};
use crate::os::{descendants, memory, process, terminal};
use crate::settings::init::{self as settings, Home};

/// Runs `program` as the settings say, and returns the exit code.
///
/// # Errors
/// The program could not be started. After that nothing is an error any more.
pub fn run(settings: settings::Init, program: &Program, inherited: Inherited) -> io::Result<u8> {
    let voice = settings.voice;
    prepare(&settings);
    let foreground = terminal::is_ours();
    let place = match settings.home {
        Home::Ours => Place::Ours,
        Home::Group => Place::Group { foreground },
        Home::Session => Place::Session,
    };
    let setup = Setup {
        inherited,
        place,
        streams: None,
        descriptors: settings.descriptors,
    };
    // A program that could not be started has had the terminal for a moment all the same.
    let pid = spawn(program, &setup).inspect_err(|_| {
        if foreground {
            terminal::take_back_from_nobody();
        }
    })?;
    voice.say(
        Level::Info,
        format_args!("started {} as {pid}", program.path.display()),
    );
    #[expect(clippy::disallowed_methods, reason = "the driver owns the clock")]
    let begin = Instant::now();
    let mut hands = Hands {
        voice,
        warn: settings.warn,
        pid,
        lent: place == Place::Group { foreground: true },
        told: None,
        exit: None,
    };
    let mut init = Init::new(settings.core);
    let mut now = Duration::ZERO;
    // The very last thing before the wait, so that little is used, and so mapped, again. Without it life goes on as well. What
    // passes a signal on is inlined here down to the system call, and does not ask for the time: a page that it brought back
    // would take longer than the rest of it.
    let _ = memory::trim_code();
    loop {
        let deadline = init.deadline();
        let limit = deadline.map(|deadline| deadline.saturating_sub(begin.elapsed()));
        // What is due is not put off by signals, however many there are.
        let next = match limit {
            Some(Duration::ZERO) => Ok(None),
            limit => signals::wait(limit),
        };
        let event = match next {
            Ok(Some(SIGCHLD)) => {
                now = begin.elapsed();
                hands.reap()
            }
            Ok(Some(signal)) => Some(Event::Signal(signal)),
            Ok(None) => {
                now = begin.elapsed();
                Some(Event::Tick)
            }
            Err(error) => hands.wait_failed(&error),
        };
        if let Some(event) = event {
            hands.handle(&mut init, now, event);
        }
        if let Some(code) = hands.exit {
            if hands.lent {
                terminal::take_back(pid);
            }
            return Ok(code);
        }
    }
}

/// What is done before the program is there. None of it is needed so badly that the program should not run.
fn prepare(settings: &settings::Init) {
    let voice = settings.voice;
    let orphans = if settings.subreaper {
        process::become_subreaper()
    } else {
        Ok(())
    };
    if let Err(error) = orphans {
        voice.say(
            Level::Warn,
            format_args!("orphans will not be reaped: {error}"),
        );
    }
    if !settings.subreaper && !process::is_init() && voice.style == Style::Tini {
        voice.say(
            Level::Warn,
            "neither PID 1 nor a subreaper, so orphans will not be reaped: give -s, or set TINI_SUBREAPER",
        );
    }
    if let Some(signal) = settings.parent_death
        && let Err(error) = process::signal_on_parents_death(signal)
    {
        let name = Name(signal);
        voice.say(
            Level::Warn,
            format_args!("no {name} will come at the parent's end: {error}"),
        );
    }
    if settings.home == Home::Session
        && let Err(error) = terminal::give_up()
    {
        voice.say(
            Level::Debug,
            format_args!("the terminal stays ours: {error}"),
        );
    }
}

/// Does what the core asks for.
struct Hands {
    voice: Voice,
    warn: bool,
    pid: i32,
    /// Whether the program was ever given the terminal, which is then to be taken back.
    lent: bool,
    /// What came of an action, still to be told to the core.
    told: Option<Event>,
    exit: Option<u8>,
}

impl Hands {
    /// Takes what has happened to children. What has happened to the program is told last, so that whoever ended before it is
    /// not taken for one that it has left.
    fn reap(&mut self) -> Option<Event> {
        let mut program = None;
        let others = drain(|pid, change| {
            if pid == self.pid {
                // A stop that was followed by an end is of no interest any more.
                program = Some(change);
            } else if let Change::Ended(how) = change {
                let level = if self.warn { Level::Warn } else { Level::Debug };
                self.voice
                    .say(level, format_args!("reaped {pid}, which {how}"));
            }
        });
        match program {
            Some(Change::Ended(how)) => Some(Event::Ended { how, others }),
            Some(Change::Stopped(signal)) => {
                let holder = self.holder();
                Some(Event::Stopped { signal, holder })
            }
            Some(Change::Continued) => Some(Event::Continued),
            None => (!others).then_some(Event::Alone),
        }
    }

    /// The kernel has no reason for it. To be told again and again would fill the log.
    #[cold]
    fn wait_failed(&self, error: &io::Error) -> Option<Event> {
        let text = format_args!("waiting for signals failed: {error}");
        self.voice.say(Level::Debug, text);
        None
    }

    #[inline(always)]
    fn handle(&mut self, init: &mut Init, now: Duration, event: Event) {
        let mut next = Some(event);
        while let Some(event) = next {
            init.handle(now, event, &mut |action| self.perform(action));
            next = self.told.take();
        }
    }

    #[inline(always)]
    fn perform(&mut self, action: Action) {
        match action {
            Action::Send(signal, target) => self.send(signal, target),
            Action::Say(level, _) if !self.voice.says(level) => {}
            other => self.perform_seldom(other),
        }
    }

    #[inline(never)]
    fn perform_seldom(&mut self, action: Action) {
        match action {
            Action::Send(signal, target) => self.send(signal, target),
            Action::GiveTerminal => match terminal::give(self.pid) {
                Ok(()) => self.lent = true,
                Err(error) => {
                    let text =
                        format_args!("the terminal could not be given to the program: {error}");
                    self.voice.say(Level::Warn, text);
                }
            },
            Action::Halt => {
                if let Err(error) = terminal::halt() {
                    self.voice
                        .say(Level::Warn, format_args!("stopping failed: {error}"));
                }
            }
            Action::Suspend { group } => {
                let stopped = terminal::suspend(group).unwrap_or_else(|error| {
                    self.voice
                        .say(Level::Warn, format_args!("stopping failed: {error}"));
                    false
                });
                let holder = self.holder();
                self.told = Some(Event::Resumed { stopped, holder });
            }
            Action::Sweep(signal) => self.sweep(signal),
            Action::Say(level, told) => self.voice.say(level, told),
            Action::Exit(code) => self.exit = Some(code),
        }
    }

    fn sweep(&mut self, signal: i32) {
        let name = Name(signal);
        match descendants::signal_all(signal) {
            Ok(reached) => {
                let text = format_args!("{name} to {reached} processes that are left");
                self.voice.say(Level::Info, text);
            }
            Err(error) => {
                let text = format_args!("no {name} for what the program has left: {error}");
                self.voice.say(Level::Warn, text);
                self.told = Some(Event::OutOfReach);
            }
        }
    }

    #[inline(always)]
    fn send(&self, signal: i32, target: Target) {
        let sent = match target {
            Target::Group => process::signal_group(self.pid, signal),
            Target::Child => process::signal(self.pid, signal),
        };
        if let Err(error) = sent {
            self.send_failed(signal, &error);
        }
    }

    #[cold]
    fn send_failed(&self, signal: i32, error: &io::Error) {
        let text = format_args!("sending {} failed: {error}", Name(signal));
        self.voice.say(Level::Debug, text);
    }

    fn holder(&self) -> Holder {
        terminal::holder(self.pid)
    }
}
