//! `cargo xtask bench`: what lictor costs, each figure beside a bare agent or other inits in the same run.
//!
//! Everything runs on the static release binary: as an agent's PID 1 on real Consul agents in network namespaces, with the
//! seed's own configuration, and as a plain init beside other inits. A figure here is a report and never fails a build;
//! what must hold is a test.

mod address;
mod figures;
mod hangups;
mod identity;
mod idle;
mod init;
mod inspect;
mod leaves;
mod life;
mod reloads;
mod restarts;
mod watch;

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use testbed::agent::Server;
use testbed::consul::Version;
use testbed::lictor::Lictor;
use testbed::net::{Host, Network};

use crate::consul::Consul;
use crate::dist;

pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The seed's configuration, byte for byte.
const SEED: &str = include_str!("../../../tests/fixtures/seed/consul.json");
/// The service that the default registration names.
const SERVICE: &str = "consul-members";

/// What to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to measure; all of it if nothing is named
    what: Vec<What>,
    /// How many runs of each kind [default: 10, 20 for watch, 200 for init, and 1 for leaves and identity]
    #[arg(long)]
    runs: Option<usize>,
    /// Compare only these inits (init); try only fragments or situations with one of these in their name (reloads, identity)
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    only: Vec<String>,
    /// Try no more than so many fragments, spread over the table (reloads)
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,
    /// The Consul to run, or several, one after the other (all but init)
    #[arg(
        long,
        visible_alias = "versions",
        default_value = "1.8.7",
        value_delimiter = ','
    )]
    consul: Vec<Consul>,
    /// Measure this binary instead of a freshly built target/dist/lictor
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
}

/// A benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// exec → service in the server's catalog, and SIGTERM → gone, against a bare agent, alternating
    Life,
    /// Binary size, memory and system calls beside a ready agent
    Idle,
    /// SIGHUP 0, 20, 50 and 100 ms after the start: does the agent live, is the reload done
    Hangups,
    /// Every situation of a disturbed stop, with lictor and the seed's way: exit code, time, and what the cluster sees (8 minutes)
    Leaves,
    /// A crash, and a stop without a leave, each with its restart: for how long checks do not pass, against a bare agent
    Restarts,
    /// What a reload does to a node's services, fragment by fragment: a bare agent's, and under lictor (12 minutes)
    Reloads,
    /// A changed file → the agent asked to reload; and system calls with the watch on, beside none
    Watch,
    /// The address comes late, or becomes another one → its registration in the catalog, and what is missing there meanwhile
    Address,
    /// A host that comes back with another id, name or address, or meets a namesake: a bare agent's, and under lictor (10 minutes)
    Identity,
    /// The plain init beside other inits: start, stop, early SIGTERMs, memory, idle, orphans. Needs root
    Init,
}

/// Runs the benchmarks.
pub(crate) fn run(args: &Args) -> Result<()> {
    let all = [
        What::Life,
        What::Idle,
        What::Hangups,
        What::Leaves,
        What::Restarts,
        What::Reloads,
        What::Watch,
        What::Address,
        What::Identity,
        What::Init,
    ];
    let wanted = if args.what.is_empty() {
        &all[..]
    } else {
        &args.what
    };
    let agents = wanted.iter().any(|what| *what != What::Init);
    let inits = match wanted.contains(&What::Init) {
        true => init::names(&args.only)?,
        false => Vec::new(),
    };
    // Other inits can be compared without a lictor.
    let binary = match &args.binary {
        Some(binary) => Some(binary.clone()),
        None if agents || init::Name::needs_lictor(&inits) => Some(dist::build(&[])?),
        None => None,
    };
    if let Some(binary) = &binary {
        println!("lictor: {}", binary.display());
    }
    for consul in &args.consul {
        if agents {
            println!("Consul {}", consul.version());
        }
        for what in wanted.iter().filter(|what| **what != What::Init) {
            let binary = binary.as_deref().ok_or("find a lictor to measure")?;
            one(*what, args, consul.version(), binary)?;
        }
    }
    if wanted.contains(&What::Init) {
        init::run(&inits, args.runs.unwrap_or(200), binary.as_deref())?;
    }
    Ok(())
}

/// One benchmark of those with agents, on a cluster of its own.
fn one(what: What, args: &Args, version: Version, binary: &Path) -> Result<()> {
    let bed = || Bed::new(version, binary);
    let runs = args.runs.unwrap_or(10);
    match what {
        What::Life => life::run(&bed()?, runs),
        What::Idle => idle::run(&bed()?),
        What::Hangups => hangups::run(&bed()?, runs),
        What::Leaves => leaves::run(version, binary, args.runs.unwrap_or(1)),
        What::Restarts => restarts::run(&bed()?, runs),
        What::Reloads => reloads::run(version, binary, &args.only, args.limit),
        What::Watch => watch::run(&bed()?, args.runs.unwrap_or(20)),
        What::Address => address::run(&bed()?, runs),
        What::Identity => identity::run(version, binary, &args.only, args.runs.unwrap_or(1)),
        // There is no agent in it.
        What::Init => Ok(()),
    }
}

/// The seed's cluster: a server at its first address, and room for hosts.
struct Bed {
    version: Version,
    binary: PathBuf,
    server: Server,
    network: Network,
}

impl Bed {
    fn new(version: Version, binary: &Path) -> Result<Self> {
        let network = Network::new()?;
        let server = Server::start(&network.host("s1", 1)?, version)?;
        Ok(Self {
            version,
            binary: binary.to_owned(),
            server,
            network,
        })
    }

    /// A host with the seed's configuration.
    fn host(&self, name: &str, number: u8) -> Result<Host> {
        let host = self.network.host(name, number)?;
        host.write("/consul/config/consul.json", SEED)?;
        Ok(host)
    }

    fn lictor(&self, host: &Host) -> Lictor {
        Lictor::on(host, &self.binary).consul(self.version)
    }
}
