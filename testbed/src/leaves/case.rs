//! One situation from its start to the end of what ran it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::Result;
use super::field::Field;
use super::outcome::Outcome;
use super::situation::{Begin, Cluster, Situation};
use super::view::View;
use crate::agent::{Agent, Api};
use crate::bare;
use crate::lictor::{Lictor, Running};
use crate::net::Host;
use crate::process::Process;
use crate::wait;

/// The seed's configuration, byte for byte.
const SEED: &str = include_str!("../../../tests/fixtures/seed/consul.json");
/// Long enough for a start on a busy machine.
const START: Duration = Duration::from_secs(60);
/// Longer than every budget: what runs on after that does not end.
const END: Duration = Duration::from_secs(50);

/// What runs the agent, and ends it.
#[derive(Debug, Clone)]
pub enum Way {
    /// This lictor binary.
    Lictor(PathBuf),
    /// A bare agent as PID 1 of a container, and kubelet. `lictor` only tells the registration, so that it is the same.
    Seed {
        /// A lictor binary.
        lictor: PathBuf,
    },
}

impl Way {
    /// What tables call it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Lictor(_) => "lictor",
            Self::Seed { .. } => "the seed's way",
        }
    }
}

/// A situation that goes on.
pub(super) struct Case<'a> {
    pub(super) field: &'a Field,
    pub(super) situation: &'a Situation,
    pub(super) host: Host,
    pub(super) subject: Subject,
    notes: Mutex<Vec<String>>,
    answers: Mutex<Vec<Option<i32>>>,
}

/// What runs on the host.
pub(super) enum Subject {
    Lictor(Running),
    Bare(Agent),
}

impl Subject {
    pub(super) fn process(&self) -> &Process {
        match self {
            Self::Lictor(lictor) => lictor,
            Self::Bare(agent) => agent,
        }
    }

    /// The agent's process, if it has one just now.
    pub(super) fn agent(&self) -> Option<Pid> {
        match self {
            Self::Lictor(lictor) => lictor.children().ok()?.first().copied(),
            Self::Bare(agent) => agent.process().pid().ok(),
        }
    }
}

impl<'a> Case<'a> {
    /// Sets the situation up on a host of its own, and lets it begin.
    pub(super) fn begin(
        field: &'a Field,
        situation: &'a Situation,
        way: &Way,
        number: u8,
    ) -> Result<Self> {
        let host = field.host(number)?;
        let file = match &situation.config {
            Some(settings) => config(settings, field.acl()).to_string(),
            None => SEED.to_owned(),
        };
        host.write("/consul/config/consul.json", file)?;
        let subject = match way {
            Way::Lictor(binary) => start_lictor(field, situation, &host, binary, number)?,
            Way::Seed { lictor } => start_bare(field, situation, &host, lictor, number)?,
        };
        let case = Self {
            field,
            situation,
            host,
            subject,
            notes: Mutex::default(),
            answers: Mutex::default(),
        };
        match case.wait_begin() {
            Ok(()) => Ok(case),
            Err(error) => {
                let log = case.subject.process().log();
                Err(format!("{error}\n{log}").into())
            }
        }
    }

    fn wait_begin(&self) -> Result<()> {
        match (self.situation.begin, &self.subject) {
            (Begin::Settled, Subject::Lictor(lictor)) => {
                self.field.settled(self.host.name(), self.services())?;
                // What a stop does may depend on what lictor knows by then.
                lictor.wait_phase("Ready", START)?;
            }
            (Begin::Settled, Subject::Bare(_)) => {
                self.field.settled(self.host.name(), self.services())?;
            }
            (Begin::After(delay), subject) => {
                if let Subject::Lictor(lictor) = subject {
                    takes_signals(lictor)?;
                }
                wait::let_pass(Instant::now() + Duration::from_millis(delay));
            }
            (Begin::FirstAnswer, _) => {
                wait::until_ok("the API's first answer", START, || {
                    self.api().get("/v1/agent/self").map(drop)
                })?;
            }
        }
        Ok(())
    }

    /// How many services the node has: the registration, and `web` but for the seed's configuration. Without a token all of
    /// them are refused.
    fn services(&self) -> usize {
        match (self.situation.cluster, &self.situation.config) {
            (Cluster::Acl, _) => 0,
            (_, None) => 1,
            (_, Some(_)) => 2,
        }
    }

    /// Does all that happens, and sees the end.
    pub(super) fn run(&self) -> Result<Outcome> {
        for act in self.situation.before {
            self.act(*act)?;
        }
        let zero = Instant::now();
        let mut outcome = thread::scope(|scope| {
            for (at, act) in &self.situation.steps {
                scope.spawn(move || {
                    wait::let_pass(zero + Duration::from_millis(*at));
                    // Much of it may come too late, which is no fault.
                    if let Err(error) = self.act(*act) {
                        self.note(format!("{act:?}: {error}"));
                    }
                });
            }
            let code = self.subject.process().exit_code(END).ok();
            let ended = Instant::now();
            let first = match self.situation.views[0] {
                View::Kept => self.field.look(self.host.name()),
                _ => self.field.look_at_end(self.host.name()),
            };
            // What runs on would keep those waiting who wait for its end.
            self.subject.process().kill();
            Outcome::new(self.situation, code, zero, ended, first)
        });
        outcome.notes = std::mem::take(&mut *locked(&self.notes));
        outcome.answers = std::mem::take(&mut *locked(&self.answers));
        outcome.log = self.subject.process().log();
        Ok(outcome)
    }

    /// Something that is shown where the outcome is not as it should be.
    pub(super) fn note(&self, text: String) {
        locked(&self.notes).push(text);
    }

    /// The exit code that somebody got who asked lictor.
    pub(super) fn answered(&self, code: Option<i32>) {
        locked(&self.answers).push(code);
    }

    /// The agent's API on the host.
    pub(super) fn api(&self) -> Api {
        Api::on(&self.host)
    }
}

fn locked<T>(list: &Mutex<Vec<T>>) -> MutexGuard<'_, Vec<T>> {
    list.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The usual configuration: joined to the one server, with a service of its own.
fn config(settings: &Value, acl: Value) -> Value {
    let mut config = json!({
        "datacenter": "dc1",
        "data_dir": "/consul/data",
        "bind_addr": "{{ GetInterfaceIP \"eth0\" }}",
        "client_addr": "0.0.0.0",
        "disable_update_check": true,
        "enable_local_script_checks": true,
        "retry_join": [Field::address(1)],
        "retry_interval": "1s",
        "acl": acl,
        "service": { "name": "web", "port": 80, "check": { "ttl": "1h" } },
    });
    if let (Value::Object(config), Value::Object(settings)) = (&mut config, settings) {
        config.extend(settings.clone());
    }
    config
}

fn start_lictor(
    field: &Field,
    situation: &Situation,
    host: &Host,
    binary: &PathBuf,
    number: u8,
) -> Result<Subject> {
    let mut lictor = Lictor::on(host, binary)
        .consul(field.version())
        .args(situation.options.iter().copied());
    if situation.cut_off {
        // An interface without a cable tells lictor no address.
        lictor = lictor.arg(format!("--address={}", Field::address(number)));
        host.cut()?;
    }
    let lictor = match situation.pid1 {
        true => lictor,
        false => lictor.not_pid1(),
    };
    Ok(Subject::Lictor(lictor.start()?))
}

fn start_bare(
    field: &Field,
    situation: &Situation,
    host: &Host,
    lictor: &Path,
    number: u8,
) -> Result<Subject> {
    let address = format!("--address={}", Field::address(number));
    let mut options: Vec<&str> = situation.registration().collect();
    options.push(&address);
    bare::register(host, lictor, options)?;
    if situation.cut_off {
        host.cut()?;
    }
    Ok(Subject::Bare(bare::start(host, field.version(), &[])?))
}

/// Waits until lictor has blocked its signals: before that the kernel drops them for a PID 1, and kills another process.
fn takes_signals(lictor: &Running) -> Result<()> {
    let pid = lictor.pid()?;
    wait::until("lictor's first instructions", START, || {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let mask = status
            .lines()
            .find_map(|line| line.strip_prefix("SigBlk:"))?;
        let mask = u64::from_str_radix(mask.trim(), 16).ok()?;
        (mask & (1 << (Signal::SIGTERM as i32 - 1)) != 0).then_some(())
    })?;
    Ok(())
}
