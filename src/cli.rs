//! The command line as it is typed: clap's definitions, raw. [`crate::settings`] makes sense of them.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{Args, CommandFactory, Parser, Subcommand};

use self::values::{check_interval, duration, node_id, positive_duration};

mod address;
mod check;
mod choices;
mod examples;
mod init;
mod parse;
mod values;

pub use address::{AddressArgs, AddressCommand};
pub use check::CheckArgs;
pub use choices::{
    CheckStatus, Family, LogFormat, LogLevel, NodeId, OnConflict, OnRename, OnStop, OnUnreloadable,
    Restart,
};
pub use init::{InitArgs, SignalArgs};
pub use parse::{parse, plain_init};

/// PID 1 for a Consul agent: finds the address, registers, supervises, reloads, leaves.
#[derive(Debug, Parser)]
#[command(name = "lictor", version, max_term_width = 120)]
#[command(
    after_help = "Every option has an environment variable: --stop-timeout is LICTOR_STOP_TIMEOUT."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Supervise a Consul agent: the main job
    #[command(after_help = examples::RUN)]
    Run(Box<RunArgs>),
    /// Be a plain init for any program, as tini and dumb-init are
    #[command(after_help = init::EXAMPLES)]
    Init(InitArgs),
    /// Print the address that `run` would use
    #[command(after_help = examples::ADDRESS)]
    Address(AddressCommand),
    /// Print the registration that `run` would write
    #[command(after_help = examples::RENDER)]
    Render(RenderArgs),
    /// Judge a configuration beyond `consul validate`: 0 when it is good, else 1
    #[command(after_help = check::EXAMPLES)]
    Check(CheckArgs),
    /// Print what the running lictor knows
    #[command(after_help = examples::STATUS)]
    Status(StatusArgs),
    /// Exit with 0 when the agent is ready, else with 1: an exec probe
    Ready(ControlArgs),
    /// Exit with 0 when lictor is alive, else with 1: an exec probe
    Live(ControlArgs),
    /// Ask the running lictor for a reload, and wait for its result
    #[command(after_help = examples::RELOAD)]
    Reload(ReloadArgs),
    /// Have the running lictor leave the cluster and end, and follow it to its end
    #[command(after_help = examples::LEAVE)]
    Leave(ControlArgs),
    /// Have the running lictor stop as SIGTERM does, and follow it to its end
    #[command(after_help = examples::STOP)]
    Stop(StopArgs),
    /// Copy this binary into DIR, for an init container
    Install(InstallArgs),
    /// Print shell completions
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

/// Options of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Which address.
    #[command(flatten)]
    pub address: AddressArgs,
    /// How long to wait for an address
    #[arg(long, env = "LICTOR_ADDRESS_TIMEOUT", value_name = "DURATION", default_value = "60s", value_parser = duration, help_heading = "Address")]
    pub address_timeout: Duration,
    /// How long the address may be gone, while lictor runs, before that counts and another one takes its place
    #[arg(long, env = "LICTOR_ADDRESS_GRACE", value_name = "DURATION", default_value = "5s", value_parser = duration, help_heading = "Address")]
    pub address_grace: Duration,
    /// What to register.
    #[command(flatten)]
    pub registration: RegistrationArgs,
    /// How to log.
    #[command(flatten)]
    pub log: LogArgs,
    /// Where lictor's own files are.
    #[command(flatten)]
    pub control: ControlArgs,

    /// Let the agent read your configuration itself, half-written files too, instead of a snapshot of it
    #[arg(long, env = "LICTOR_NO_STAGING", value_parser = BoolishValueParser::new(), help_heading = "Agent")]
    pub no_staging: bool,
    /// Reload when the files of your configuration change
    #[arg(long, env = "LICTOR_WATCH", value_name = "BOOL", default_value = "true", default_missing_value = "true", num_args = 0..=1, value_parser = BoolishValueParser::new(), action = clap::ArgAction::Set, help_heading = "Agent")]
    pub watch: bool,
    /// Spread the reloads that --watch makes over this time, each node at its own moment, so that a fleet does not reload at once
    #[arg(long, env = "LICTOR_SPLAY", value_name = "DURATION", default_value = "0", value_parser = duration, help_heading = "Agent")]
    pub splay: Duration,
    /// Hand the address to the agent as -bind
    #[arg(long, env = "LICTOR_BIND", value_parser = BoolishValueParser::new(), help_heading = "Agent")]
    pub bind: bool,
    /// Hand the address to the agent as -advertise
    #[arg(long, env = "LICTOR_ADVERTISE", value_parser = BoolishValueParser::new(), help_heading = "Agent")]
    pub advertise: bool,
    /// Hand the address to the agent as -client
    #[arg(long, env = "LICTOR_CLIENT", value_parser = BoolishValueParser::new(), help_heading = "Agent")]
    pub client: bool,

    /// Which id the node has: keep, machine (it follows from the host's machine-id, so that a lost disk comes back as the same node), or ID
    #[arg(long, env = "LICTOR_NODE_ID", value_name = "keep|machine|ID", default_value = "keep", value_parser = node_id, help_heading = "Identity")]
    pub node_id: NodeId,
    /// What to do when the host, or the node by its configuration, has another name than at its last run
    #[arg(
        long,
        env = "LICTOR_ON_RENAME",
        default_value = "adopt",
        help_heading = "Identity"
    )]
    pub on_rename: OnRename,

    /// Write the registration here instead of RUNTIME_DIR/registration
    #[arg(
        long,
        env = "LICTOR_REGISTRATION_DIR",
        value_name = "DIR",
        help_heading = "Registration"
    )]
    pub registration_dir: Option<PathBuf>,

    /// Give up (112) when the agent is not ready by then; 0 waits for ever
    #[arg(long, env = "LICTOR_START_TIMEOUT", value_name = "DURATION", default_value = "0", value_parser = duration, help_heading = "Life")]
    pub start_timeout: Duration,
    /// Whether an agent that crashes after it was once ready is started again
    #[arg(
        long,
        env = "LICTOR_RESTART",
        default_value = "on-failure",
        help_heading = "Life"
    )]
    pub restart: Restart,
    /// Restart at most so often in a row, without a good run (60 s) in between; the next crash is the end (114)
    #[arg(
        long,
        env = "LICTOR_RESTART_LIMIT",
        value_name = "N",
        default_value_t = 5,
        help_heading = "Life"
    )]
    pub restart_limit: u32,
    /// What SIGTERM and SIGINT do [default: leave for a client, stay for a server]
    #[arg(long, env = "LICTOR_ON_STOP", help_heading = "Life")]
    pub on_stop: Option<OnStop>,
    /// The budget for all of a stop; the agent is killed at its end
    #[arg(long, env = "LICTOR_STOP_TIMEOUT", value_name = "DURATION", default_value = "25s", value_parser = positive_duration, help_heading = "Life")]
    pub stop_timeout: Duration,
    /// How long the agent is not ready any more before it leaves, for load balancers; part of --stop-timeout
    #[arg(long, env = "LICTOR_DRAIN", value_name = "DURATION", default_value = "0", value_parser = duration, help_heading = "Life")]
    pub drain: Duration,
    /// What to do about a change that no reload applies
    #[arg(
        long,
        env = "LICTOR_ON_UNRELOADABLE",
        default_value = "warn",
        help_heading = "Life"
    )]
    pub on_unreloadable: OnUnreloadable,
    /// What to do about a dead twin of this node, which has its address in the catalog under another id or name
    #[arg(
        long,
        env = "LICTOR_ON_CONFLICT",
        default_value = "heal",
        help_heading = "Life"
    )]
    pub on_conflict: OnConflict,
    /// Carry the states of checks over a crash, and over a stop without a leave
    #[arg(long, env = "LICTOR_CARRY_CHECKS", value_name = "BOOL", default_value = "true", default_missing_value = "true", num_args = 0..=1, value_parser = BoolishValueParser::new(), action = clap::ArgAction::Set, help_heading = "Life")]
    pub carry_checks: bool,
    /// Write the reason of an exit other than 0 here [default: /dev/termination-log where it exists]
    #[arg(
        long,
        env = "LICTOR_TERMINATION_LOG",
        value_name = "FILE",
        help_heading = "Life"
    )]
    pub termination_log: Option<PathBuf>,

    /// How signals come to lictor.
    #[command(flatten)]
    pub signals: SignalArgs,

    /// The agent's command
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

/// Options of `render`.
#[derive(Debug, Args)]
pub struct RenderArgs {
    /// Which address.
    #[command(flatten)]
    pub address: AddressArgs,
    /// What to register.
    #[command(flatten)]
    pub registration: RegistrationArgs,
    /// The agent's command, which may name the node
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

/// Options of `status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Where lictor's own files are.
    #[command(flatten)]
    pub control: ControlArgs,
    /// All of it as JSON
    #[arg(long, env = "LICTOR_JSON", value_parser = BoolishValueParser::new())]
    pub json: bool,
}

/// Options of `reload`.
#[derive(Debug, Args)]
pub struct ReloadArgs {
    /// Where lictor's own files are.
    #[command(flatten)]
    pub control: ControlArgs,
    /// Only judge what a reload would have the agent read; nothing changes
    #[arg(long, env = "LICTOR_CHECK", value_parser = BoolishValueParser::new())]
    pub check: bool,
    /// Have the agent read it whatever speaks against it; what then breaks is still rolled back
    #[arg(long, env = "LICTOR_FORCE", value_parser = BoolishValueParser::new(), conflicts_with = "check")]
    pub force: bool,
    /// All of it as JSON
    #[arg(long, env = "LICTOR_JSON", value_parser = BoolishValueParser::new())]
    pub json: bool,
}

/// Options of `stop`.
#[derive(Debug, Args)]
pub struct StopArgs {
    /// Where lictor's own files are.
    #[command(flatten)]
    pub control: ControlArgs,
    /// Do not leave the cluster, whatever --on-stop says
    #[arg(long, env = "LICTOR_STAY", value_parser = BoolishValueParser::new())]
    pub stay: bool,
}

/// Options of `install`.
#[derive(Debug, Args)]
pub struct InstallArgs {
    /// The directory, which must exist
    pub dir: PathBuf,
}

/// Where lictor's own files are.
#[derive(Debug, Args)]
pub struct ControlArgs {
    /// lictor's own directory: the control socket, the registration and the stage
    #[arg(
        long,
        env = "LICTOR_RUNTIME_DIR",
        value_name = "DIR",
        default_value = "/run/lictor"
    )]
    pub runtime_dir: PathBuf,
}

/// What to register.
#[derive(Debug, Args)]
#[command(next_help_heading = "Registration")]
pub struct RegistrationArgs {
    /// A registration of your own, JSON with placeholders (repeatable)
    #[arg(
        long,
        env = "LICTOR_REGISTRATION",
        value_name = "FILE",
        value_delimiter = ','
    )]
    pub registration: Vec<PathBuf>,
    /// Register nothing
    #[arg(long, env = "LICTOR_NO_REGISTRATION", value_parser = BoolishValueParser::new())]
    pub no_registration: bool,
    /// The service's name
    #[arg(
        long,
        env = "LICTOR_SERVICE_NAME",
        value_name = "NAME",
        default_value = "consul-members"
    )]
    pub service_name: String,
    /// The service's id
    #[arg(
        long,
        env = "LICTOR_SERVICE_ID",
        value_name = "ID",
        default_value = "consul-${ADDRESS}"
    )]
    pub service_id: String,
    /// The service's tags
    #[arg(
        long,
        env = "LICTOR_SERVICE_TAG",
        value_name = "TAG",
        value_delimiter = ',',
        default_value = "prometheus,client,consul-client"
    )]
    pub service_tag: Vec<String>,
    /// The service's port
    #[arg(
        long,
        env = "LICTOR_SERVICE_PORT",
        value_name = "PORT",
        default_value_t = 8500
    )]
    pub service_port: u16,
    /// What the check asks; empty for no check
    #[arg(
        long,
        env = "LICTOR_CHECK_HTTP",
        value_name = "URL",
        default_value = "http://127.0.0.1:8500"
    )]
    pub check_http: String,
    /// How often it asks
    #[arg(long, env = "LICTOR_CHECK_INTERVAL", value_name = "DURATION", default_value = "60s", value_parser = check_interval)]
    pub check_interval: String,
    /// The check's status until it first runs
    #[arg(long, env = "LICTOR_CHECK_STATUS", default_value = "passing")]
    pub check_status: CheckStatus,
}

/// How to log.
#[derive(Debug, Args)]
#[command(next_help_heading = "Log")]
pub struct LogArgs {
    /// How much lictor says
    #[arg(long, env = "LICTOR_LOG_LEVEL", default_value = "info")]
    pub log_level: LogLevel,
    /// How it says it
    #[arg(long, env = "LICTOR_LOG_FORMAT", default_value = "text")]
    pub log_format: LogFormat,
}

/// The whole command line, for completions and the manual page.
pub fn definition() -> clap::Command {
    Cli::command()
}
