//! `cargo xtask bench`: what lictor costs, each figure beside a bare agent in the same run.
//!
//! Everything runs on real Consul agents in network namespaces, on the static release binary and the seed's own
//! configuration. A figure here is a report and never fails a build; what must hold is a test.

mod figures;
mod hangups;
mod idle;
mod life;

use std::path::PathBuf;

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
    /// How many runs of each kind
    #[arg(long, default_value_t = 10)]
    runs: usize,
    /// The Consul to run
    #[arg(long, default_value = "1.8.7")]
    consul: Consul,
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
}

/// Runs the benchmarks.
pub(crate) fn run(args: &Args) -> Result<()> {
    let binary = match &args.binary {
        Some(binary) => binary.clone(),
        None => dist::build(&[])?,
    };
    let version = args.consul.version();
    let all = [What::Life, What::Idle, What::Hangups];
    let wanted = if args.what.is_empty() {
        &all[..]
    } else {
        &args.what
    };
    println!("lictor: {} · Consul {version}", binary.display());
    for what in wanted {
        let bed = Bed::new(version, &binary)?;
        match what {
            What::Life => life::run(&bed, args.runs)?,
            What::Idle => idle::run(&bed)?,
            What::Hangups => hangups::run(&bed, args.runs)?,
        }
    }
    Ok(())
}

/// The seed's cluster: a server at its first address, and room for hosts.
struct Bed {
    version: Version,
    binary: PathBuf,
    server: Server,
    network: Network,
}

impl Bed {
    fn new(version: Version, binary: &std::path::Path) -> Result<Self> {
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
