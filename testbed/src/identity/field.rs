//! A cluster for one situation: a server, a bystander, and room for hosts.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Result;
use super::bystander::Bystander;
use super::look::{self, Look, Wanted};
use crate::agent::{Api, Server};
use crate::consul::Version;
use crate::net::{Host, Network};
use crate::wait;

/// The name of the host in question.
pub(super) const NAME: &str = "n11";
/// The name that its host is given later.
pub(super) const NEW_NAME: &str = "n11-new";
/// Its number, which is the last part of its address.
pub(super) const NUMBER: u8 = 11;
/// The number that it moves to, and that of a namesake.
pub(super) const NEW_NUMBER: u8 = 12;
const BYSTANDER: &str = "bystander";
const SERVER: &str = "s1";
/// How long the server keeps a question while nothing changes.
const WAIT: &str = "300ms";
/// Between two looks at least.
const PAUSE: Duration = Duration::from_millis(50);
/// Generous, for a machine that runs many agents.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running cluster.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) server: Server,
    /// Where that runs.
    pub(super) server_host: Host,
    pub(super) bystander: Bystander,
    network: Network,
}

impl Field {
    /// Starts one.
    pub(super) fn new(version: Version) -> Result<Self> {
        let network = Network::new()?;
        let server_host = network.host(SERVER, 1)?;
        let server = Server::start(&server_host, version)?;
        let bystander = Bystander::start(network.host(BYSTANDER, 9)?, version)?;
        server
            .catalog()
            .wait_member(BYSTANDER, "alive", PATIENCE)
            .map(|()| Self {
                server,
                server_host,
                bystander,
                network,
            })
            .map_err(Into::into)
    }

    /// A host of that name with the agent's configuration.
    pub(super) fn host(&self, name: &str, number: u8) -> Result<Host> {
        let host = self.network.host(name, number)?;
        host.write("/consul/config/consul.json", config().to_string())?;
        Ok(host)
    }

    /// The address of a host.
    pub(super) fn address(number: u8) -> String {
        format!("10.111.67.{number}")
    }

    /// What the server says now.
    pub(super) fn look(&self) -> Result<Look> {
        Ok(self.look_after(0)?.0)
    }

    /// What the server says as soon as its catalog is another than at that index, or a moment later.
    fn look_after(&self, index: u64) -> Result<(Look, u64)> {
        let api = self.server.api();
        let path = format!("/v1/internal/ui/nodes?wait={WAIT}&index={index}");
        let answer = api.request("GET", &path, b"")?;
        let next = answer.header("x-consul-index");
        let next = next.and_then(|index| index.parse().ok()).unwrap_or(0);
        let others = [SERVER, BYSTANDER];
        let look = Look {
            at: Instant::now(),
            nodes: look::nodes(&answer.json()?, &others),
            members: look::members(&api.get("/v1/agent/members")?, &others),
        };
        Ok((look, next))
    }

    /// Looks again and again until `enough` has been seen, or until `limit`; each look is another than the one before it. `enough`
    /// is asked of each that is taken, so that it may depend on the time as well.
    pub(super) fn watch(&self, limit: Instant, mut enough: impl FnMut(&Look) -> bool) -> Vec<Look> {
        let (mut looks, mut index) = (Vec::<Look>::new(), 0);
        while Instant::now() < limit {
            // A question that is not answered, by a server that has too much to do, is asked again.
            if let Ok((look, next)) = self.look_after(index) {
                index = next;
                let over = enough(&look);
                if looks.last().is_none_or(|last| !last.same(&look)) {
                    looks.push(look);
                }
                if over {
                    return looks;
                }
            }
            wait::let_pass(Instant::now() + PAUSE);
        }
        looks
    }

    /// Waits until the one node is there, and its service passes.
    pub(super) fn settled(&self, host: &Host, wanted: &Wanted) -> Result<Wanted> {
        let what = format!("{} with its service", wanted.name);
        Ok(wait::until_ok(&what, PATIENCE, || -> Result<Wanted> {
            let wanted = Wanted {
                id: own_id(host),
                ..wanted.clone()
            };
            let look = self.look()?;
            match look.is(&wanted) {
                true => Ok(wanted),
                false => Err(look.told(&wanted).into()),
            }
        })?)
    }
}

/// The id that the agent of a host says it has.
pub(super) fn own_id(host: &Host) -> Option<String> {
    let answer = Api::on(host).get("/v1/agent/self").ok()?;
    answer["Config"]["NodeID"].as_str().map(str::to_owned)
}

/// Joined to the one server, with no service of its own.
fn config() -> Value {
    json!({
        "datacenter": "dc1",
        "data_dir": "/consul/data",
        "bind_addr": "{{ GetInterfaceIP \"eth0\" }}",
        "client_addr": "0.0.0.0",
        "disable_update_check": true,
        "retry_join": [Field::address(1)],
        "retry_interval": "1s",
    })
}
