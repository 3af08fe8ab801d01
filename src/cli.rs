//! The command line as it is typed: clap's definitions, raw. [`crate::settings`] makes sense of them.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{Args, CommandFactory, Parser, Subcommand};
use ipnet::IpNet;

use self::values::{check_interval, duration, pattern, positive_duration};

mod check;
mod choices;
mod init;
mod parse;
mod values;

pub use check::CheckArgs;
pub use choices::{CheckStatus, Family, LogFormat, LogLevel, OnStop, Restart};
pub use init::{InitArgs, SignalArgs};
pub use parse::{parse, plain_init};

const RUN_EXAMPLES: &str = "\
Examples:
  As a container's command, over /consul/config:
    lictor run
  With the agent's own options; a COMMAND that begins with `agent` gets `consul` in front:
    lictor run -- agent -config-dir=/consul/config -retry-join=10.0.0.1
  Bind and advertise the address of the second network card:
    lictor run --interface eth1 --bind -- consul agent -data-dir=/consul/data
  A registration of your own:
    lictor run --registration /etc/lictor/agent.json

Signals: TERM and INT do what --on-stop says, once, whatever arrives meanwhile; HUP reloads; QUIT stops without a leave.
Exit codes: 0 stopped as asked (a leave was seen in the catalog), or the agent ended by itself with 0; otherwise the agent's
own, or 128+n if it was never ready or is not restarted; 2 usage; 126, 127 COMMAND; 110 address;
111 registration, stage or runtime directory; 112 start timeout; 114 restarted too often; 115 leave not confirmed.";

const ADDRESS_EXAMPLES: &str = "\
Examples:
  lictor address                          10.0.0.5
  lictor address --explain                each candidate and why it lost
  lictor address --interface 'en*' --json";

const RENDER_EXAMPLES: &str = "\
Examples:
  lictor render                                       the default registration
  lictor render --registration agent.json | jq .      your own, with its placeholders filled in
Placeholders: ${ADDRESS} ${NODE_NAME} ${HOSTNAME} ${env:NAME} ${env:NAME:-default}; \"${env:PORT|int}\" becomes a number.";

const STATUS_EXAMPLES: &str = "\
Examples:
  lictor status
  lictor status --json | jq '.conditions[] | select(.status != \"True\")'
  kubectl exec consul-client-x7k2p -- /lictor/lictor status";

const LEAVE_EXAMPLES: &str = "\
Examples:
  lictor leave
  kubectl exec consul-client-x7k2p -- /lictor/lictor leave

It is the one stop there is, so that a SIGTERM or a second `lictor leave` meanwhile changes nothing. What lictor says is printed as
it happens. The exit code is lictor's own: 0 when the leave was seen in the catalog, 115 when it is not confirmed; 1 when no lictor
answers, or when it was killed meanwhile. Ctrl-C ends only this command; the leave goes on.";

const STOP_EXAMPLES: &str = "\
Examples:
  lictor stop           a leave, unless --on-stop or a server's default says otherwise
  lictor stop --stay    no leave: an agent that soon comes back finds every service in place

It prints and ends as `lictor leave` does: with lictor's own exit code, or with 1.";

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
    #[command(after_help = RUN_EXAMPLES)]
    Run(Box<RunArgs>),
    /// Be a plain init for any program, as tini and dumb-init are
    #[command(after_help = init::EXAMPLES)]
    Init(InitArgs),
    /// Print the address that `run` would use
    #[command(after_help = ADDRESS_EXAMPLES)]
    Address(AddressCommand),
    /// Print the registration that `run` would write
    #[command(after_help = RENDER_EXAMPLES)]
    Render(RenderArgs),
    /// Judge a configuration beyond `consul validate`: 0 when it is good, else 1
    #[command(after_help = check::EXAMPLES)]
    Check(CheckArgs),
    /// Print what the running lictor knows
    #[command(after_help = STATUS_EXAMPLES)]
    Status(StatusArgs),
    /// Exit with 0 when the agent is ready, else with 1: an exec probe
    Ready(ControlArgs),
    /// Exit with 0 when lictor is alive, else with 1: an exec probe
    Live(ControlArgs),
    /// Ask the running lictor for a reload, and wait for its result
    Reload(ControlArgs),
    /// Have the running lictor leave the cluster and end, and follow it to its end
    #[command(after_help = LEAVE_EXAMPLES)]
    Leave(ControlArgs),
    /// Have the running lictor stop as SIGTERM does, and follow it to its end
    #[command(after_help = STOP_EXAMPLES)]
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
    /// Hand the address to the agent as -bind
    #[arg(long, env = "LICTOR_BIND", value_parser = BoolishValueParser::new(), help_heading = "Agent")]
    pub bind: bool,
    /// Hand the address to the agent as -advertise
    #[arg(long, env = "LICTOR_ADVERTISE", value_parser = BoolishValueParser::new(), help_heading = "Agent")]
    pub advertise: bool,
    /// Hand the address to the agent as -client
    #[arg(long, env = "LICTOR_CLIENT", value_parser = BoolishValueParser::new(), help_heading = "Agent")]
    pub client: bool,

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

/// Options of `address`.
#[derive(Debug, Args)]
pub struct AddressCommand {
    /// Which address.
    #[command(flatten)]
    pub address: AddressArgs,
    /// Say why, candidate by candidate
    #[arg(long, env = "LICTOR_EXPLAIN", value_parser = BoolishValueParser::new())]
    pub explain: bool,
    /// All of it as JSON
    #[arg(long, env = "LICTOR_JSON", value_parser = BoolishValueParser::new())]
    pub json: bool,
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

/// Which address.
#[derive(Debug, Args)]
#[command(next_help_heading = "Address")]
pub struct AddressArgs {
    /// Take this address and look for none
    #[arg(long, env = "LICTOR_ADDRESS", value_name = "IP")]
    pub address: Option<IpAddr>,
    /// Interfaces by pattern; the first pattern that yields an address decides
    #[arg(
        long, env = "LICTOR_INTERFACE", value_name = "GLOB", value_delimiter = ',',
        default_value = "eth*,em*,en*,bond*", value_parser = pattern
    )]
    pub interface: Vec<glob::Pattern>,
    /// Only addresses within this network
    #[arg(long, env = "LICTOR_CIDR", value_name = "CIDR")]
    pub cidr: Option<IpNet>,
    /// The address family
    #[arg(long, env = "LICTOR_FAMILY", default_value = "4")]
    pub family: Family,
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
