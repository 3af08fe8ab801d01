//! `lictor run` on real Consul agents, each host a network namespace of its own.

use std::time::Duration;

use testbed::agent::Server;
use testbed::consul::Version;
use testbed::lictor::Lictor;
use testbed::net::{Host, Network};

/// Runs a scenario with each version of Consul, as `NAME::v1_8_7` and `NAME::v1_22_5`.
macro_rules! on_both_versions {
    ($scenario:ident) => {
        mod $scenario {
            #[test]
            fn v1_8_7() -> testbed::TestResult {
                super::$scenario(testbed::consul::Version::V1_8_7)
            }

            #[test]
            fn v1_22_5() -> testbed::TestResult {
                super::$scenario(testbed::consul::Version::V1_22_5)
            }
        }
    };
}

mod acl;
mod asked;
mod auto_reload;
mod bad_input;
mod carry;
mod carry_acl;
mod carry_files;
mod conflict;
mod copied;
mod endpoint;
mod former;
mod identity;
mod kept;
mod life;
mod moved;
mod node_id;
mod owner;
mod pid1;
mod reload_signal;
mod renamed;
mod renewal;
mod restage;
mod restart;
mod rollback;
mod stage;
mod stop;
mod twins;
mod unstaged;
mod wanted;
mod watch;
mod watch_limits;

/// The seed's configuration, byte for byte.
const SEED: &str = include_str!("../fixtures/seed/consul.json");
/// The binary under test.
const LICTOR: &str = env!("CARGO_BIN_EXE_lictor");
/// Long enough for a start on a busy machine.
const START: Duration = Duration::from_secs(60);
/// Longer than any leave: the default budget is 25 s.
const STOP: Duration = Duration::from_secs(40);

/// What `lictor reload` says where the files are what they were.
const UNCHANGED: &str = "unchanged; the agent has read the same again\n";

/// A network with the seed's first server at its address, and a host with the seed's configuration.
struct Seed {
    server: Server,
    host: Host,
    network: Network,
}

impl Seed {
    fn new(version: Version) -> Self {
        let network = Network::new().expect("a network");
        let server = Server::start(&network.host("s1", 1).expect("a host"), version);
        let host = network.host("n1", 11).expect("a host");
        host.write("/consul/config/consul.json", SEED)
            .expect("written");
        Self {
            server: server.expect("a server"),
            host,
            network,
        }
    }

    fn lictor(&self, version: Version) -> Lictor {
        Lictor::on(&self.host, LICTOR).consul(version)
    }
}
