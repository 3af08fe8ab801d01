//! The hosts on which candidates are tried: a server, and pairs of a host whose agent reloads and one whose agent starts.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::{Candidate, Certificates, Error, Row, Said, Start};
use crate::agent::{Agent, Client, Server};
use crate::consul::{self, Version};
use crate::net::{Host, Network};
use crate::process::{Output, Program, Role};
use crate::wait;

/// The services from files, three before the candidate's and two after.
pub const FILE_SERVICES: [&str; 5] = ["s1", "s2", "s3", "s4", "s5"];
/// Those and the two that are registered through the API.
pub const SERVICES: [&str; 7] = ["s1", "s2", "s3", "s4", "s5", "api1", "api2"];

const START: Duration = Duration::from_secs(60);
/// An agent that neither runs nor ends by then does not start.
const HANGS: Duration = Duration::from_secs(30);
/// Longer than the agent needs to tell the server what it has.
const SYNC: Duration = Duration::from_secs(30);
/// The same marker in both versions, up to the line's beginning.
const RUNS: &str = "onsul agent running!";
/// A port that is in use on every host, by the test itself.
const BUSY: u16 = 18500;

const BEFORE: &str = r#"{"services": [
    {"name": "s1", "port": 1001},
    {"name": "s2", "port": 1002, "check": {"ttl": "1h", "status": "passing"}},
    {"name": "s3", "port": 1003, "checks": [{"id": "s3-ttl", "ttl": "1h", "status": "passing"}, {"alias_service": "s2"}]}
]}"#;
const AFTER: &str = r#"{"services": [
    {"name": "s4", "port": 1004},
    {"name": "s5", "port": 1005, "check": {"ttl": "1h", "status": "passing"}}
]}"#;

/// A server, and what all pairs need.
#[derive(Debug)]
pub struct Field {
    version: Version,
    lictor: Option<PathBuf>,
    certificates: Certificates,
    server: Server,
    network: Network,
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

    /// A pair of hosts; `number` tells it from others.
    ///
    /// # Errors
    /// The hosts cannot be made, or the agent does not start.
    pub fn pair(&self, number: usize) -> Result<Pair<'_>, Error> {
        let number = u8::try_from(number).unwrap_or(u8::MAX);
        let reloads = self.host(&format!("r{number}"), 11 + number)?;
        let starts = self.host(&format!("t{number}"), 111 + number)?;
        let busy = [self.busy(&reloads)?, self.busy(&starts)?];
        let agent = self.agent(&reloads)?;
        Ok(Pair {
            field: self,
            reloads,
            starts,
            agent,
            _busy: busy,
        })
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

    fn busy(&self, host: &Host) -> Result<TcpListener, Error> {
        host.listen(SocketAddr::from((Ipv4Addr::UNSPECIFIED, BUSY)))
            .map_err(Error::Listen)
    }

    /// The agent with all its services.
    fn agent(&self, host: &Host) -> Result<Client, Error> {
        let agent = Client::configured(host, self.version)?;
        agent.wait_leader()?;
        for name in ["api1", "api2"] {
            register(&agent, name)?;
        }
        Ok(agent)
    }
}

fn register(agent: &Agent, name: &str) -> Result<(), Error> {
    let service = json!({ "Name": name, "Port": 2000, "Check": { "TTL": "1h" } });
    agent.api().put("/v1/agent/service/register", &service)?;
    // Only a state that was reported outlasts a reload; one that was registered does not.
    let pass = format!("/v1/agent/check/pass/service:{name}");
    agent.api().put(&pass, &Value::Null)?;
    Ok(())
}

/// A host whose agent reloads, and one whose agent starts.
#[derive(Debug)]
pub struct Pair<'a> {
    field: &'a Field,
    reloads: Host,
    starts: Host,
    agent: Client,
    _busy: [TcpListener; 2],
}

impl Pair<'_> {
    /// Tries one candidate, and makes everything good again.
    ///
    /// # Errors
    /// It cannot be tried, or the agent does not recover.
    pub fn tries(&mut self, candidate: &'static Candidate) -> Result<Row, Error> {
        self.wait_all()?;
        let path = format!("/consul/config/{}", candidate.file);
        for host in [&self.reloads, &self.starts] {
            host.write(&path, &candidate.text)?;
        }
        let validate = self.consul(&["validate", "/consul/config"])?;
        let check = self.check()?;
        let answer = self.agent.api().request("PUT", "/v1/agent/reload", b"")?;
        let lost = missing(&self.local()?);
        // The catalog follows the agent; it was behind only for as long as that takes.
        let (lost_in_catalog, changed) = self.wait_catalog()?;
        let start = match validate.code {
            0 => self.start()?,
            _ => Start::Refused,
        };
        for host in [&self.reloads, &self.starts] {
            host.run(["rm", "-f", &path])?.success()?;
        }
        self.recover()?;
        Ok(Row {
            candidate,
            version: self.field.version,
            validate,
            check,
            reload: (answer.status, answer.text()),
            lost,
            lost_in_catalog,
            changed,
            start,
        })
    }

    fn consul(&self, arguments: &[&str]) -> Result<Said, Error> {
        let program = Program::new("consul")
            .args(arguments)
            .path_first(consul::directory(self.field.version).map_err(crate::agent::Error::from)?);
        Ok(said(self.reloads.run(program)?))
    }

    /// What `lictor check` finds by itself, without `consul validate`.
    fn check(&self) -> Result<Option<(i32, Vec<Value>)>, Error> {
        let Some(lictor) = &self.field.lictor else {
            return Ok(None);
        };
        let program = Program::new(lictor).args([
            "check",
            "--json",
            "--no-validate",
            "--running=/consul/running",
            "/consul/config",
        ]);
        let output = self.reloads.run(program)?;
        let findings = serde_json::from_str::<Value>(&output.stdout)
            .ok()
            .and_then(|report| report["findings"].as_array().cloned())
            .unwrap_or_default();
        let code = output.status.code().unwrap_or(-1);
        Ok(Some((code, findings)))
    }

    /// The names of the agent's own services by id.
    fn local(&self) -> Result<Vec<(String, String)>, Error> {
        let services = self.agent.get("/v1/agent/services")?;
        Ok(services
            .as_object()
            .into_iter()
            .flatten()
            .map(|(id, service)| (id.clone(), text(&service["Service"])))
            .collect())
    }

    /// Waits until the catalog has what the agent has, and says what it lacks and what is not as it was.
    fn wait_catalog(&self) -> Result<(Vec<&'static str>, Vec<&'static str>), Error> {
        let local = self.local()?;
        let found = wait::until_ok("the catalog to have what the agent has", SYNC, || {
            let catalog = self.catalog().map_err(|error| error.to_string())?;
            let mut ids: Vec<&String> = catalog.iter().map(|(id, ..)| id).collect();
            let mut wanted: Vec<&String> = local.iter().map(|(id, _)| id).collect();
            ids.sort();
            wanted.sort();
            if ids == wanted {
                Ok(catalog)
            } else {
                Err(format!("{ids:?} instead of {wanted:?}"))
            }
        })?;
        let names: Vec<(String, String)> = found
            .iter()
            .map(|(id, name, _)| (id.clone(), name.clone()))
            .collect();
        let changed = SERVICES.into_iter().filter(|wanted| {
            found
                .iter()
                .any(|(id, name, passing)| id == wanted && (name != wanted || !passing))
        });
        Ok((missing(&names), changed.collect()))
    }

    /// The node's services in the server's catalog: id, name, whether all their checks pass.
    fn catalog(&self) -> Result<Vec<(String, String, bool)>, Error> {
        let server = &self.field.server;
        let node = self.reloads.name();
        let checks = server.get(&format!("/v1/health/node/{node}"))?;
        let bad: Vec<String> = checks
            .as_array()
            .into_iter()
            .flatten()
            .filter(|check| check["Status"] != "passing")
            .map(|check| text(&check["ServiceID"]))
            .collect();
        let entry = server.catalog().node(node)?.unwrap_or_default();
        Ok(entry["Services"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(id, service)| (id.clone(), text(&service["Service"]), !bad.contains(id)))
            .collect())
    }

    /// Starts an agent with the candidate on the other host.
    fn start(&self) -> Result<Start, Error> {
        let api = SocketAddr::from((Ipv4Addr::LOCALHOST, 8500));
        let agent = Agent::start(
            &(&self.starts).into(),
            Role::Pid1,
            self.field.version,
            &["agent", "-config-dir=/consul/config"],
            api,
        )?;
        let runs = wait::until("an agent to run, or not", HANGS, || {
            // In this order, so that the last words of an ended process are seen.
            let ended = agent.has_ended();
            let runs = agent.log().contains(RUNS);
            (ended || runs).then_some(runs && !ended)
        });
        let log = agent.log();
        let last = last_words(&log);
        match runs {
            Ok(true) => Ok(Start::Runs),
            Ok(false) => Ok(Start::Ended(agent.exit_code(START)?, last)),
            Err(_) => Ok(Start::Hangs(last)),
        }
    }

    /// The agent with the good configuration and all 7 services again.
    fn recover(&mut self) -> Result<(), Error> {
        if self.agent.has_ended() {
            self.agent = self.field.agent(&self.reloads)?;
            return Ok(());
        }
        self.agent.api().put("/v1/agent/reload", &Value::Null)?;
        // What a file had replaced does not come back.
        for name in ["api1", "api2"] {
            let there = self
                .local()?
                .iter()
                .any(|(id, service)| id == name && service == name);
            if !there {
                register(&self.agent, name)?;
            }
        }
        Ok(())
    }

    fn wait_all(&self) -> Result<(), Error> {
        wait::until_ok("all 7 services to pass", SYNC, || {
            let catalog = self.catalog().map_err(|error| error.to_string())?;
            let good =
                catalog.len() == SERVICES.len() && catalog.iter().all(|(.., passing)| *passing);
            if good {
                Ok(())
            } else {
                Err(format!("{catalog:?}"))
            }
        })?;
        Ok(())
    }
}

/// The last error in a log, or else its last line.
fn last_words(log: &str) -> String {
    let lines = || log.lines().rev().map(str::trim);
    let error = lines().find(|line| line.contains("[ERROR]"));
    let last = error.or_else(|| lines().find(|line| !line.is_empty()));
    last.unwrap_or_default().to_owned()
}

fn missing(found: &[(String, String)]) -> Vec<&'static str> {
    SERVICES
        .into_iter()
        .filter(|wanted| !found.iter().any(|(id, _)| id == wanted))
        .collect()
}

fn said(output: Output) -> Said {
    Said {
        code: output.status.code().unwrap_or(-1),
        text: format!("{}{}", output.stderr, output.stdout)
            .trim()
            .to_owned(),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
