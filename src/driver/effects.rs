//! The hands: does what the core asks for, and says what came of it.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::admin::server::Control;
use crate::admin::wire::{self, Surroundings};
use crate::consul::client::Client;
use crate::consul::command::AgentConfig;
use crate::consul::endpoint::Endpoint;
use crate::consul::validate;
use crate::core::action::{Action, Question};
use crate::core::event::{Address, Answer, Event, How, Staged};
use crate::core::machine::Machine;
use crate::core::signal::Name;
use crate::driver::addressing::find_address;
use crate::driver::audience::Audience;
use crate::driver::checks::Checks;
use crate::driver::children::Children;
use crate::driver::identity::Identity;
use crate::driver::judging::Judging;
use crate::driver::lending::Lending;
use crate::driver::sources::{DRAIN, Sources};
use crate::driver::staging::Staging;
use crate::exit::{self, Exit};
use crate::os;
use crate::os::output::{Copying, Heard, Output, WORDS};
use crate::os::reap::{Change, drain};
use crate::os::signals::Inherited;
use crate::os::spawn;
use crate::registration::{Document, write};
use crate::settings::{self, Settings};
use crate::stage::Stager;

pub(super) mod gossip;
mod moving;
mod spawning;

/// What has happened to the agent's process.
pub(super) enum Reaped {
    /// It has ended; the rest of what it says.
    Ended(How, Option<Output>),
    /// A signal has stopped it.
    Stopped,
}

/// What the hands need.
pub struct Effects {
    settings: Settings,
    program: PathBuf,
    inherited: Inherited,
    notify_socket: PathBuf,
    pub(super) staging: Staging,
    /// What was said to have turned the agent's own way to reload on.
    auto_reload: Option<String>,
    started: SystemTime,
    address: Option<Address>,
    client: Option<Client>,
    checks: Checks,
    identity: Identity,
    place: Option<String>,
    gossip: gossip::Place,
    /// Its process, and what it says, where lictor hears that.
    agent: Option<(i32, Option<Output>)>,
    /// The output of the last run, which those may still write to whom it has left behind.
    copying: Option<Copying>,
    /// What else runs for lictor.
    children: Children,
    /// The first two numbers of the agent's version.
    version: Option<(u32, u32)>,
    /// Whether there was any child at the last look.
    has_children: bool,
    /// Those at the control socket who wait for something.
    pub(super) audience: Audience,
}

impl Effects {
    /// `program` is COMMAND's executable, found.
    pub fn new(
        settings: Settings,
        program: PathBuf,
        inherited: Inherited,
        notify_socket: PathBuf,
        staging: Staging,
    ) -> Result<Self, Exit> {
        let checks = Checks::new(Lending::new(&staging, &settings.command));
        let identity = Identity::new(&settings)?;
        Ok(Self {
            settings,
            program,
            inherited,
            notify_socket,
            staging,
            auto_reload: None,
            started: SystemTime::now(),
            address: None,
            client: None,
            checks,
            identity,
            place: None,
            gossip: gossip::Place::default(),
            agent: None,
            copying: None,
            children: Children::default(),
            version: None,
            has_children: false,
            audience: Audience::default(),
        })
    }

    /// Does one thing. What is done at once leaves its event in `due`; the exit is returned.
    pub(super) fn perform(
        &mut self,
        action: Action,
        sources: &mut Sources,
        due: &mut VecDeque<Event>,
    ) -> Option<Exit> {
        match action {
            Action::FindAddress => {
                let wanted = self.settings.wanted.clone();
                // An address that is not needed is not waited for.
                let patience = match self.settings.needs_address() {
                    true => self.settings.address_timeout,
                    false => Duration::ZERO,
                };
                sources.works.push(Box::pin(async move {
                    Event::Addressed(find_address(&wanted, patience).await)
                }));
            }
            Action::LookAtAddresses(in_use) => due.push_back(Event::Looked(self.look(in_use))),
            Action::Readdress { to, adopt } => {
                due.push_back(Event::Readdressed(self.readdress(to, adopt)));
            }
            Action::Reregister => due.push_back(Event::Restaged(self.reregister())),
            Action::Stage => due.push_back(Event::Staged(self.stage())),
            Action::Restage => {
                let work = self.staging.retake(|stager| self.judging(stager));
                sources.works.push(work);
            }
            Action::Adopt => due.push_back(Event::Adopted(self.staging.adopt())),
            Action::Reject => self.staging.reject(),
            Action::Discard => self.staging.discard(),
            Action::Unstage => due.push_back(Event::Unstaged(self.staging.take_back())),
            Action::Settle => self.staging.settle(),
            Action::Spawn => {
                sources.forget_notifications();
                due.push_back(Event::Spawned(self.spawn(None)));
            }
            Action::SpawnAs(former) => {
                sources.forget_notifications();
                due.push_back(Event::Spawned(self.spawn(Some(&former))));
            }
            Action::Signal(signal) => self.signal(signal),
            Action::Suspend => self.suspend(),
            Action::Sweep(signal) => self.sweep(signal, due),
            Action::LookAtGossip => due.push_back(Event::Gossip(self.gossips())),
            Action::Ask(question) => self.ask(question, sources),
            Action::Forget => sources.asks.clear(),
            Action::Checks(work) => {
                if self.checks.are_nowhere() {
                    let config = self.staging.config(&self.users_args());
                    self.checks.configured(&config);
                }
                self.checks
                    .perform(work, self.client.as_ref(), sources, due);
            }
            Action::Remember(known) => self.identity.remember(&known),
            Action::Reply(waiter, outcome) => self.audience.reply(waiter, &outcome),
            Action::Trim => {
                if let Err(error) = os::memory::trim() {
                    tracing::debug!("no memory was given back: {error}");
                }
            }
            Action::Say(level, text) => {
                self.audience.tell(level, &text);
                super::say(level, &text);
            }
            Action::Exit(exit) => {
                self.audience.end(&exit);
                return Some(exit);
            }
        }
        None
    }

    /// Keeps what later actions need of an event on its way to the core.
    pub(super) fn note(&mut self, event: &Event, now: Duration) {
        if *event == Event::Tick {
            self.identity.time_passed(now);
        }
        if let Event::Addressed(Ok(address)) = event {
            self.address = Some(address.clone());
        }
        if let Event::Answered(Answer::Agent(Ok(facts))) = event {
            self.checks.told(&facts.data_dir);
            self.identity.told(&facts.node_name, &facts.data_dir);
            self.version = validate::version(&facts.version);
            if let Some(told) = facts.gossip {
                self.gossip = gossip::Place::told(told);
            }
        }
    }

    fn judging(&self, stager: Stager) -> Judging {
        Judging {
            stager,
            args: self.users_args(),
            consul: validate::program(&self.settings.command[0])
                .map_or_else(
                    || spawn::find("consul".as_ref(), std::env::var_os("PATH")),
                    |_| Ok(self.program.clone()),
                )
                .map_err(|exit| exit.reason),
            inherited: self.inherited,
            version: self.version,
            children: self.children.clone(),
            restarts: self.settings.restart_for_changes,
        }
    }

    fn stage(&mut self) -> Result<Staged, Exit> {
        let failed = |reason: String| Exit::new(exit::STAGE, format!("failed to {reason}"));
        // The registration needs a name that the configuration may give, and is then a part of what is staged.
        self.staging.take(&self.settings.command[1..])?;
        let former = self
            .identity
            .settle(&self.staging.args(&self.users_args()))?;
        let config = self.staging.config(&self.users_args());
        self.find_api(&config)
            .map_err(|reason| Exit::new(exit::USAGE, format!("failed to {reason}")))?;
        let documents = self
            .documents(&config)
            .and_then(|documents| {
                write::write(&self.settings.registration_dir, &documents)?;
                Ok(documents)
            })
            .map_err(|error| failed(error.to_string()))?;
        let left_out = self.staging.take(&self.users_args())?.left_out;
        // What was there before its registration is no way back for an agent.
        self.staging.settle();
        Ok(Staged {
            left_out,
            services: documents.iter().flat_map(Document::service_ids).collect(),
            directory: (!documents.is_empty())
                .then(|| self.settings.registration_dir.display().to_string()),
            former,
            node_name: Some(settings::node_name(&config)),
        })
    }

    /// Finds where the agent's API will be, and makes the client for it.
    fn find_api(&mut self, config: &AgentConfig) -> Result<(), String> {
        let ip = self.address.as_ref().map(|address| address.ip);
        let endpoint =
            Endpoint::find(config, ip, &environment).map_err(|error| error.to_string())?;
        self.client = Client::new(&endpoint).map_err(|error| {
            let told = crate::http::root_cause(&error);
            format!("use the certificates for the agent's API: {told}")
        })?;
        self.place = endpoint.place.map(|place| place.shown());
        Ok(())
    }

    /// The agent's arguments as the user would type them.
    fn users_args(&self) -> Vec<OsString> {
        let address = self.address.as_ref().map(|address| address.ip);
        let mut args = self.settings.agent_args(address);
        args.extend_from_slice(self.identity.args());
        args
    }

    fn users_command(&self) -> Vec<String> {
        let words = self.settings.command[..1].iter().cloned();
        let words = words.chain(self.users_args());
        words
            .map(|word| word.to_string_lossy().into_owned())
            .collect()
    }

    /// For the agent's saying that it begins to leave, that a reload has failed, and that there is trouble with its name.
    pub(super) fn heard(&self) -> Option<[Arc<Heard>; WORDS]> {
        let (_, output) = self.agent.as_ref()?;
        output.as_ref().map(Output::heard)
    }

    /// Takes what has happened to children, and returns what the core is to know of it: what has happened to the agent.
    pub(super) fn reap(&mut self) -> Option<Reaped> {
        let mut reaped = None;
        self.has_children = drain(|pid, change| {
            let is_agent = self.agent.as_ref().is_some_and(|(agent, _)| *agent == pid);
            let Change::Ended(how) = change else {
                if is_agent && matches!(change, Change::Stopped(_)) {
                    reaped = Some(Reaped::Stopped);
                }
                return tracing::debug!("child {pid}: {change:?}");
            };
            // Its number is nobody's from here on.
            match self.agent.take_if(|(agent, _)| *agent == pid) {
                Some((_, output)) => reaped = Some(Reaped::Ended(how, output)),
                None => {
                    tracing::debug!("reaped {pid}, which {how}");
                    self.children.ended(pid, how);
                }
            }
        });
        reaped
    }

    /// The last of what was said below lictor, on its way to lictor's own streams.
    pub(super) async fn last_output(&mut self) {
        if let Some(copying) = self.copying.take() {
            copying.ended(DRAIN).await;
        }
    }

    /// Whether lictor had no child at the last look.
    pub(super) fn is_alone(&self) -> bool {
        !self.has_children && self.children.is_empty()
    }

    fn suspend(&self) {
        self.signal(nix::libc::SIGSTOP);
        if let Err(error) = os::terminal::suspend(false) {
            tracing::warn!("lictor could not be stopped: {error}");
        }
        self.signal(nix::libc::SIGCONT);
    }

    fn sweep(&self, signal: i32, due: &mut VecDeque<Event>) {
        if self.is_alone() {
            return due.push_back(Event::Alone);
        }
        let name = Name(signal);
        match os::descendants::signal_all(signal) {
            Ok(reached) => tracing::info!("{name} to {reached} processes that the agent has left"),
            Err(error) => {
                tracing::warn!("no {name} for what the agent has left: {error}");
                due.push_back(Event::OutOfReach);
            }
        }
    }

    fn signal(&self, signal: i32) {
        // Between an agent's end and the core's word of it there is nobody to signal.
        let Some((pid, _)) = &self.agent else { return };
        // A stopped process would take a signal that ends it only once it is continued.
        let ends = [nix::libc::SIGTERM, nix::libc::SIGINT].contains(&signal);
        for signal in std::iter::once(signal).chain(ends.then_some(nix::libc::SIGCONT)) {
            if let Err(error) = os::process::signal(*pid, signal) {
                let name = Name(signal);
                tracing::error!("sending {name} to the agent ({pid}) failed: {error}");
            }
        }
    }

    fn ask(&self, question: Question, sources: &Sources) {
        let Some(client) = self.client.clone() else {
            return;
        };
        sources.asks.push(Box::pin(async move {
            Event::Answered(client.ask(question).await)
        }));
    }

    /// Answers somebody at the control socket, or makes an event of what he asks.
    pub(super) fn control(&mut self, control: Control, machine: &Machine) -> Option<Event> {
        match control {
            Control::Status(reply) => {
                let around = Surroundings {
                    started: self.started,
                    command: self.users_command(),
                    http: self.place.clone(),
                    stage: self.staging.report(),
                };
                // Whoever asked may have gone.
                let _ = reply.send(wire::report(&machine.status(), &around));
                None
            }
            Control::Reload(reply) => Some(Event::ReloadAsked(self.audience.wait(reply))),
            Control::Force(reply) => Some(Event::ForceAsked(self.audience.wait(reply))),
            Control::Judge(reply) => Some(Event::JudgementAsked(self.audience.wait(reply))),
            Control::Stop { by, mode, follower } => {
                self.audience.join(follower);
                Some(Event::StopAsked { by, mode })
            }
        }
    }
}

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
