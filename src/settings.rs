//! What was typed, made into what lictor works with: validated, completed, and free of clap.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::address::choose::{Family, Wanted};
use crate::cli;
use crate::consul::command::{self, AgentConfig};
use crate::core::machine::{Config, OnStop};
use crate::core::signal::Rewrite;
use crate::identity::judge::OnRename;
use crate::os;
use crate::registration::default::Parts;
use crate::registration::sources::Source;

pub mod init;
pub mod names;

/// The settings of `run`.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which address.
    pub wanted: Wanted,
    /// How long to wait for it.
    pub address_timeout: Duration,
    /// `--address-grace`.
    pub address_grace: Duration,
    /// What to register.
    pub registration: Source,
    /// Where it is written.
    pub registration_dir: PathBuf,
    /// lictor's own directory.
    pub runtime_dir: PathBuf,
    /// Whether the agent reads a snapshot of its configuration rather than the user's own directories.
    pub staging: bool,
    /// Whether changes of what is staged are noticed.
    pub watch: bool,
    /// `--splay`.
    pub splay: Duration,
    /// COMMAND, completed; never empty.
    pub command: Vec<OsString>,
    /// Which of the agent's options get the address.
    pub handed: Handed,
    /// `--node-id`.
    pub node_id: cli::NodeId,
    /// `--on-rename`.
    pub on_rename: OnRename,
    /// `--start-timeout`.
    pub start_timeout: Option<Duration>,
    /// Whether crashes are followed by restarts.
    pub restart: bool,
    /// `--restart-limit`.
    pub restart_limit: u32,
    /// `--on-stop`, where it was given.
    pub on_stop: Option<OnStop>,
    /// `--stop-timeout`.
    pub stop_timeout: Duration,
    /// `--drain`.
    pub drain: Duration,
    /// `--on-unreloadable`: whether what no reload applies is followed by a restart.
    pub restart_for_changes: bool,
    /// `--on-conflict`: whether a dead twin is taken out of the catalog.
    pub heals: bool,
    /// `--carry-checks`.
    pub carry_checks: bool,
    /// What signals to lictor become.
    pub rewrite: Rewrite,
    /// What lictor is sent when its parent ends.
    pub parent_death: Option<i32>,
    /// `--kill-after`.
    pub kill_after: Duration,
    /// `--termination-log`, where there is one.
    pub termination_log: Option<PathBuf>,
}

/// The agent's options that get the address.
#[derive(Debug, Clone, Copy, Default)]
pub struct Handed {
    /// `-bind`.
    pub bind: bool,
    /// `-advertise`.
    pub advertise: bool,
    /// `-client`.
    pub client: bool,
}

impl Handed {
    /// Whether any of them does.
    pub fn any(self) -> bool {
        self.bind || self.advertise || self.client
    }
}

/// Where Kubernetes reads the reason of a container's end.
const TERMINATION_LOG: &str = "/dev/termination-log";

impl Settings {
    /// Makes sense of the arguments of `run`.
    pub fn new(args: cli::RunArgs) -> Self {
        let runtime_dir = args.control.runtime_dir;
        Self {
            wanted: wanted(&args.address),
            address_timeout: args.address_timeout,
            address_grace: args.address_grace,
            registration: source(args.registration),
            registration_dir: args
                .registration_dir
                .unwrap_or_else(|| runtime_dir.join("registration")),
            runtime_dir,
            staging: !args.no_staging,
            watch: args.watch && !args.no_staging,
            splay: args.splay,
            command: command::complete(&args.command),
            handed: Handed {
                bind: args.bind,
                advertise: args.advertise,
                client: args.client,
            },
            node_id: args.node_id,
            on_rename: match args.on_rename {
                cli::OnRename::Keep => OnRename::Keep,
                cli::OnRename::Adopt => OnRename::Adopt,
                cli::OnRename::Refuse => OnRename::Refuse,
            },
            start_timeout: Some(args.start_timeout).filter(|timeout| !timeout.is_zero()),
            restart: args.restart == cli::Restart::OnFailure,
            restart_limit: args.restart_limit,
            on_stop: args.on_stop.map(|on_stop| match on_stop {
                cli::OnStop::Leave => OnStop::Leave,
                cli::OnStop::Stay => OnStop::Stay,
            }),
            stop_timeout: args.stop_timeout,
            drain: args.drain,
            restart_for_changes: args.on_unreloadable == cli::OnUnreloadable::Restart,
            heals: args.on_conflict == cli::OnConflict::Heal,
            carry_checks: args.carry_checks,
            rewrite: init::rewrite(&args.signals.rewrite),
            parent_death: args.signals.parent_death,
            kill_after: args.signals.kill_after,
            termination_log: termination_log(args.termination_log),
        }
    }

    /// The agent's arguments, with all that lictor adds to them. They name the user's own directories, not the stage.
    pub fn agent_args(&self, address: Option<IpAddr>) -> Vec<OsString> {
        let mut args: Vec<OsString> = self.command[1..].to_vec();
        if let Some(address) = address {
            let handed = [
                (self.handed.bind, "-bind"),
                (self.handed.advertise, "-advertise"),
                (self.handed.client, "-client"),
            ];
            for (_, option) in handed.into_iter().filter(|(wanted, _)| *wanted) {
                args.push(format!("{option}={address}").into());
            }
        }
        if !matches!(self.registration, Source::None) {
            let mut option = OsString::from("-config-dir=");
            option.push(&self.registration_dir);
            args.push(option);
        }
        args
    }

    /// Whether anything would be missing without an address.
    pub fn needs_address(&self) -> bool {
        self.handed.any() || !matches!(self.registration, Source::None)
    }

    /// What the core must know.
    pub fn core(&self, agent: &AgentConfig, api: bool) -> Config {
        let server = agent.server();
        Config {
            needs_address: self.needs_address(),
            follows_address: self.wanted.address.is_none(),
            hands_address: self.handed.any(),
            address_grace: self.address_grace,
            api,
            staging: self.staging,
            watch: self.watch,
            splay: self.splay,
            node_name: node_name(agent),
            leaves_on_terminate: agent.bool(&["leave_on_terminate"]),
            leaves_on_interrupt: agent.bool(&["skip_leave_on_interrupt"]).map(|skips| !skips),
            server,
            on_stop: self.on_stop,
            stop_timeout: self.stop_timeout,
            drain: self.drain,
            start_timeout: self.start_timeout,
            restart: self.restart,
            restart_limit: self.restart_limit,
            restart_for_changes: self.restart_for_changes,
            heals: self.heals,
            carry_checks: self.carry_checks,
            kill_after: self.kill_after,
            seed: fastrand::u64(..),
        }
    }
}

/// The name the agent will have: its own configuration's, else the host's.
pub fn node_name(agent: &AgentConfig) -> String {
    agent
        .node_name()
        .map_or_else(os::process::host_name, str::to_owned)
}

/// Which address is wanted.
pub fn wanted(args: &cli::AddressArgs) -> Wanted {
    Wanted {
        address: args.address,
        interfaces: args.interface.clone(),
        cidr: args.cidr,
        family: match args.family {
            cli::Family::V4 => Family::V4,
            cli::Family::V6 => Family::V6,
        },
    }
}

/// What is registered.
pub fn source(args: cli::RegistrationArgs) -> Source {
    if args.no_registration {
        Source::None
    } else if args.registration.is_empty() {
        Source::Default(Parts {
            name: args.service_name,
            id: args.service_id,
            tags: args
                .service_tag
                .into_iter()
                .filter(|tag| !tag.is_empty())
                .collect(),
            port: args.service_port,
            check_http: args.check_http,
            check_interval: args.check_interval,
            check_status: match args.check_status {
                cli::CheckStatus::Passing => "passing",
                cli::CheckStatus::Warning => "warning",
                cli::CheckStatus::Critical => "critical",
            }
            .to_owned(),
        })
    } else {
        Source::Files(args.registration)
    }
}

fn termination_log(given: Option<PathBuf>) -> Option<PathBuf> {
    given.or_else(|| {
        let usual = Path::new(TERMINATION_LOG);
        usual.exists().then(|| usual.to_owned())
    })
}
