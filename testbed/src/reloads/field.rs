//! Where candidates are tried: a server, hosts with a good configuration and seven services, and what is seen of those.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::{Certificates, Error};
use crate::agent::{Api, Server};
use crate::consul::Version;
use crate::net::{Host, Network};

/// The services from files, three before the candidate's and two after.
pub const FILE_SERVICES: [&str; 5] = ["s1", "s2", "s3", "s4", "s5"];
/// Those and the two that are registered through the API.
pub const SERVICES: [&str; 7] = ["s1", "s2", "s3", "s4", "s5", "api1", "api2"];

pub(super) const START: Duration = Duration::from_secs(60);
/// Longer than the agent needs to tell the server what it has.
pub(super) const SYNC: Duration = Duration::from_secs(30);
/// A port that is in use on every host, by the test itself.
const BUSY: u16 = 18500;

// `s1` and `s4` have no check, so that they pass as long as the node does. Those of the others report to nobody for an hour,
// and pass: what runs a check by itself would be between two of its runs when it is looked at.
const BEFORE: &str = r#"{"services": [
    {"name": "s1", "port": 1001},
    {"name": "s2", "port": 1002, "check": {"ttl": "1h", "status": "passing"}},
    {"name": "s3", "port": 1003, "checks": [{"id": "s3-ttl", "ttl": "1h", "status": "passing"}, {"alias_service": "s2"}]}
]}"#;
const AFTER: &str = r#"{"services": [
    {"name": "s4", "port": 1004},
    {"name": "s5", "port": 1005, "check": {"ttl": "1h", "status": "passing"}}
]}"#;

/// A server, and what all hosts need.
#[derive(Debug)]
pub struct Field {
    pub(super) version: Version,
    pub(super) lictor: Option<PathBuf>,
    pub(super) server: Server,
    certificates: Certificates,
    network: Network,
}

/// A service of a node, as the agent or the catalog has it.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) id: String,
    pub(super) name: String,
    /// Whether all of its checks pass; an agent's own services are not asked for that.
    pub(super) passing: bool,
}

impl Field {
    /// Starts the server.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn new(
        version: Version,
        lictor: Option<&Path>,
        certificates: Certificates,
    ) -> Result<Self, Error> {
        let network = Network::new()?;
        let server = Server::start(&network.host("s1", 1)?, version)?;
        Ok(Self {
            version,
            lictor: lictor.map(Path::to_owned),
            certificates,
            server,
            network,
        })
    }

    /// A host with the good configuration, and its busy port.
    pub(super) fn place(&self, name: &str, number: u8) -> Result<(Host, TcpListener), Error> {
        let host = self.host(name, number)?;
        let busy = host
            .listen(SocketAddr::from((Ipv4Addr::UNSPECIFIED, BUSY)))
            .map_err(Error::Listen)?;
        Ok((host, busy))
    }

    fn host(&self, name: &str, number: u8) -> Result<Host, Error> {
        let host = self.network.host(name, number)?;
        self.certificates.write(&host)?;
        host.run(["mkdir", "-p", "/consul/running"])?.success()?;
        let base = json!({
            "datacenter": "dc1",
            "data_dir": "/consul/data",
            "bind_addr": "{{ GetInterfaceIP \"eth0\" }}",
            "retry_join": ["10.111.67.1"],
            "retry_interval": "1s",
            "disable_update_check": true,
        });
        for directory in ["/consul/config", "/consul/running"] {
            host.write(format!("{directory}/a.json"), base.to_string())?;
            host.write(format!("{directory}/b.json"), BEFORE)?;
            host.write(format!("{directory}/z.json"), AFTER)?;
        }
        Ok(host)
    }

    /// The node's services in the server's catalog.
    pub(super) fn catalog(&self, node: &str) -> Result<Vec<Service>, Error> {
        let checks = self.server.get(&format!("/v1/health/node/{node}"))?;
        let bad: Vec<String> = checks
            .as_array()
            .into_iter()
            .flatten()
            .filter(|check| check["Status"] != "passing")
            .map(|check| text(&check["ServiceID"]))
            .collect();
        let entry = self.server.catalog().node(node)?.unwrap_or_default();
        let mut services = services(&entry["Services"]);
        for service in &mut services {
            service.passing = !bad.contains(&service.id);
        }
        Ok(services)
    }
}

impl Service {
    /// Whether it is itself, and passes.
    pub(super) fn is_well(&self) -> bool {
        self.name == self.id && self.passing
    }
}

/// The agent's own services.
pub(super) fn local(agent: &Api) -> Result<Vec<Service>, Error> {
    Ok(services(&agent.get("/v1/agent/services")?))
}

fn services(found: &Value) -> Vec<Service> {
    let found = found.as_object().into_iter().flatten();
    found
        .map(|(id, service)| Service {
            id: id.clone(),
            name: text(&service["Service"]),
            passing: true,
        })
        .collect()
}

/// The two that are not in files.
pub(super) const BY_API: [&str; 2] = ["api1", "api2"];

/// Registers one of them, with a check that passes for an hour.
pub(super) fn register(agent: &Api, name: &str) -> Result<(), Error> {
    let service = json!({ "Name": name, "Port": 2000, "Check": { "TTL": "1h" } });
    agent.put("/v1/agent/service/register", &service)?;
    // Only a state that was reported outlasts a reload; one that was registered does not.
    let pass = format!("/v1/agent/check/pass/service:{name}");
    agent.put(&pass, &Value::Null)?;
    Ok(())
}

/// Those of [`SERVICES`] for which nothing of this holds.
pub(super) fn without(found: &[Service], good: impl Fn(&Service) -> bool) -> Vec<&'static str> {
    SERVICES
        .into_iter()
        .filter(|wanted| {
            !found
                .iter()
                .any(|service| service.id == *wanted && good(service))
        })
        .collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
