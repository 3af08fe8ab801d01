//! Bare Consul agents: no lictor around them.
//!
//! [`Server`] and [`Client`] run on hosts, [`LocalServer`] on loopback without any rights. All of them are an
//! [`Agent`], which is a process, its HTTP API, and the catalog as it sees it. Every agent is started with
//! `disable_update_check`, except where the caller supplies the whole configuration.

mod api;
mod catalog;
mod local;
mod watch;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Deref;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

pub use api::Api;
pub use catalog::Catalog;
pub(crate) use catalog::status;
pub use local::LocalServer;
pub use watch::{Look, Watch, during};

use crate::consul::{self, Version};
use crate::http;
use crate::net::{self, Host};
use crate::place::Place;
use crate::process::{self, Output, Process, Program, Role};
use crate::wait;

/// How long an agent may take to answer over HTTP, and a single server to become leader, on a busy machine.
const START: Duration = Duration::from_secs(60);

/// Why an agent could not be started or asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Consul itself cannot be had.
    #[error(transparent)]
    Consul(#[from] consul::Error),
    /// Its process could not be started or watched.
    #[error(transparent)]
    Process(#[from] process::Error),
    /// Its files could not be written.
    #[error(transparent)]
    Host(#[from] net::Error),
    /// Its API did not answer as expected.
    #[error(transparent)]
    Http(#[from] http::Error),
    /// The API cannot be reached.
    #[error("connect to {address} on {place}: {source}")]
    Connect {
        /// The API's address.
        address: SocketAddr,
        /// From where.
        place: String,
        /// What happened.
        source: io::Error,
    },
    /// Files of a local agent could not be written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file or directory.
        path: PathBuf,
        /// What happened.
        source: io::Error,
    },
    /// Something did not happen in time.
    #[error(transparent)]
    Timeout(#[from] wait::Timeout),
}

/// A running agent. It derefs to its [`Process`], for signals, its log and its end.
#[derive(Debug)]
pub struct Agent {
    process: Process,
    api: Api,
    version: Version,
}

impl Agent {
    /// Starts `consul ARGUMENTS…` as a bare agent, and does not wait for anything.
    ///
    /// # Errors
    /// Consul cannot be had or started.
    pub fn start(
        place: &Place,
        role: Role,
        version: Version,
        arguments: &[&str],
        api: SocketAddr,
    ) -> Result<Self, Error> {
        let program = Program::new("consul")
            .args(arguments)
            .path_first(consul::directory(version)?);
        let name = format!("bare consul {version}@{}", place.name());
        let process = Process::start(place, role, &name, &program)?;
        Ok(Self {
            process,
            api: Api::at(place, api),
            version,
        })
    }

    /// Its HTTP API.
    #[must_use]
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// Its process.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// The JSON of a GET on its API.
    ///
    /// # Errors
    /// As for [`Api::get`].
    pub fn get(&self, path: &str) -> Result<Value, Error> {
        self.api.get(path)
    }

    /// The catalog, members and health as this agent sees them.
    #[must_use]
    pub fn catalog(&self) -> Catalog<'_> {
        self.api.catalog()
    }

    /// Runs the `consul` command line program of the agent's version beside it, pointed at its API.
    ///
    /// # Errors
    /// It cannot be started, or runs for more than a minute.
    pub fn consul(&self, arguments: &[&str]) -> Result<Output, Error> {
        let program = Program::new("consul")
            .args(arguments)
            .path_first(consul::directory(self.version)?)
            .env("CONSUL_HTTP_ADDR", self.api.address().to_string());
        Ok(self.process.place().run(program)?)
    }

    /// Waits until the API answers.
    ///
    /// # Errors
    /// It does not within a minute, or the agent has ended.
    pub fn wait_http(&self) -> Result<(), Error> {
        self.wait_for("its API", |agent| agent.get("/v1/agent/self").map(drop))
    }

    /// Waits until the agent knows a leader.
    ///
    /// # Errors
    /// It does not within a minute, or the agent has ended.
    pub fn wait_leader(&self) -> Result<(), Error> {
        self.wait_for("a leader", |agent| {
            match agent.get("/v1/status/leader")? {
                Value::String(leader) if leader.is_empty() => Err(Error::Timeout(wait::Timeout {
                    what: "a leader".to_owned(),
                    waited: Duration::ZERO,
                    last: Some("no leader elected".to_owned()),
                })),
                _ => Ok(()),
            }
        })
    }

    fn wait_for(&self, what: &str, look: impl Fn(&Self) -> Result<(), Error>) -> Result<(), Error> {
        wait::until_ok(
            &format!("{what} of {}", self.process.name()),
            START,
            || match look(self) {
                Ok(()) => Ok(Ok(())),
                // There is no point in waiting for an agent that has ended.
                Err(_) if self.process.has_ended() => Ok(Err(self.process.ended())),
                Err(error) => Err(error),
            },
        )??;
        Ok(())
    }
}

impl Deref for Agent {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}

/// The one server of a datacenter `dc1`, on a host of its own, with the host's name and address.
#[derive(Debug)]
pub struct Server(Agent);

impl Server {
    /// Starts it and waits until it is the leader.
    ///
    /// # Errors
    /// It cannot be started, or does not become leader within a minute.
    pub fn start(host: &Host, version: Version) -> Result<Self, Error> {
        Self::start_with(host, version, json!({}))
    }

    /// Like [`Server::start`], with settings of Consul's configuration added or replaced.
    ///
    /// # Errors
    /// As for [`Server::start`].
    pub fn start_with(host: &Host, version: Version, settings: Value) -> Result<Self, Error> {
        let base = json!({
            "server": true,
            "bootstrap_expect": 1,
            "performance": { "raft_multiplier": 1 },
        });
        let agent = start_on(host, version, merged(base, settings))?;
        agent.wait_leader()?;
        Ok(Self(agent))
    }
}

impl Deref for Server {
    type Target = Agent;

    fn deref(&self) -> &Agent {
        &self.0
    }
}

/// A bare client agent on a host.
#[derive(Debug)]
pub struct Client(Agent);

impl Client {
    /// Starts it with a plain configuration that joins `join`, and waits until its API answers.
    ///
    /// # Errors
    /// It cannot be started, or its API does not answer within a minute.
    pub fn start(host: &Host, version: Version, join: &[&str]) -> Result<Self, Error> {
        Self::start_with(
            host,
            version,
            json!({ "retry_join": join, "retry_interval": "1s" }),
        )
    }

    /// Like [`Client::start`], with the given settings of Consul's configuration added or replaced.
    ///
    /// # Errors
    /// As for [`Client::start`].
    pub fn start_with(host: &Host, version: Version, settings: Value) -> Result<Self, Error> {
        let agent = start_on(host, version, settings)?;
        agent.wait_http()?;
        Ok(Self(agent))
    }

    /// Runs `consul agent -config-dir=/consul/config` on what the caller has put there, and waits until its API
    /// answers on 127.0.0.1:8500.
    ///
    /// # Errors
    /// It cannot be started, or its API does not answer within a minute.
    pub fn configured(host: &Host, version: Version) -> Result<Self, Error> {
        let agent = Agent::start(
            &host.into(),
            Role::Pid1,
            version,
            &["agent", "-config-dir=/consul/config"],
            SocketAddr::from((Ipv4Addr::LOCALHOST, 8500)),
        )?;
        agent.wait_http()?;
        Ok(Self(agent))
    }
}

impl Deref for Client {
    type Target = Agent;

    fn deref(&self) -> &Agent {
        &self.0
    }
}

fn start_on(host: &Host, version: Version, settings: Value) -> Result<Agent, Error> {
    let base = json!({
        "datacenter": "dc1",
        "data_dir": "/consul/data",
        "bind_addr": "{{ GetInterfaceIP \"eth0\" }}",
        "client_addr": "0.0.0.0",
        "disable_update_check": true,
    });
    host.write(
        "/consul/config/testbed.json",
        merged(base, settings).to_string(),
    )?;
    Agent::start(
        &host.into(),
        Role::Pid1,
        version,
        &["agent", "-config-dir=/consul/config"],
        SocketAddr::from((Ipv4Addr::LOCALHOST, 8500)),
    )
}

/// `base` with the top-level settings of `other` put over it.
fn merged(mut base: Value, other: Value) -> Value {
    if let (Value::Object(base), Value::Object(other)) = (&mut base, other) {
        base.extend(other);
    }
    base
}
