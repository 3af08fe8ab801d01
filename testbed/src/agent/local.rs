//! A server on loopback, for the demo: no namespaces, no rights, no fixed ports.

use std::env;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use super::{Agent, Error, merged};
use crate::consul::Version;
use crate::place::Place;
use crate::process::Role;

/// How often to try with other ports when someone else takes one between our look and the agent's start.
const TRIES: u32 = 3;

/// The one server of a datacenter `dc1` on 127.0.0.1, on free ports that the system has chosen, with its data in a
/// temporary directory. It never meets a Consul that already runs on this machine.
#[derive(Debug)]
pub struct LocalServer {
    // In this order: the agent has to be gone before its directory is.
    agent: Agent,
    ports: Ports,
    _directory: TemporaryDirectory,
}

/// The ports of a local agent, all of them on 127.0.0.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    /// HTTP API.
    pub http: u16,
    /// Gossip; what a client has to join.
    pub serf_lan: u16,
    /// RPC of the servers.
    pub server: u16,
}

impl LocalServer {
    /// Starts it and waits until it is the leader.
    ///
    /// # Errors
    /// It cannot be started, or does not become leader within a minute.
    pub fn start(version: Version) -> Result<Self, Error> {
        let mut tries = 1;
        loop {
            match Self::try_start(version) {
                Err(Error::Process(_)) if tries < TRIES => tries += 1,
                result => return result,
            }
        }
    }

    fn try_start(version: Version) -> Result<Self, Error> {
        let directory = TemporaryDirectory::new()?;
        let ports = Ports::free().map_err(|source| Error::File {
            path: "127.0.0.1".into(),
            source,
        })?;
        let settings = json!({
            "node_name": "local-server",
            "server": true,
            "bootstrap_expect": 1,
            "data_dir": directory.path().join("data"),
            "performance": { "raft_multiplier": 1 },
        });
        let file = directory.path().join("consul.json");
        fs::write(&file, local_config(version, ports, settings).to_string()).map_err(|source| {
            Error::File {
                path: file.clone(),
                source,
            }
        })?;
        let config = format!("-config-file={}", file.display());
        let http = SocketAddr::from((Ipv4Addr::LOCALHOST, ports.http));
        let agent = Agent::start(
            &Place::Here,
            Role::Plain,
            version,
            &["agent", &config],
            http,
        )?;
        agent.wait_leader()?;
        Ok(Self {
            agent,
            ports,
            _directory: directory,
        })
    }

    /// Its ports.
    #[must_use]
    pub fn ports(&self) -> Ports {
        self.ports
    }

    /// The configuration of a client agent beside this server, on free ports of its own, joined to it; `settings` are
    /// added or replace. It needs `data_dir` at least.
    ///
    /// # Errors
    /// No ports are free.
    pub fn client_config(&self, settings: Value) -> Result<(Value, Ports), Error> {
        let ports = Ports::free().map_err(|source| Error::File {
            path: "127.0.0.1".into(),
            source,
        })?;
        let join = json!({ "retry_join": [format!("127.0.0.1:{}", self.ports.serf_lan)], "retry_interval": "1s" });
        Ok((
            local_config(self.agent.version(), ports, merged(join, settings)),
            ports,
        ))
    }
}

impl Deref for LocalServer {
    type Target = Agent;

    fn deref(&self) -> &Agent {
        &self.agent
    }
}

fn local_config(version: Version, ports: Ports, settings: Value) -> Value {
    let mut base = json!({
        "datacenter": "dc1",
        "bind_addr": "127.0.0.1",
        "client_addr": "127.0.0.1",
        "disable_update_check": true,
        "ports": {
            "http": ports.http, "serf_lan": ports.serf_lan, "server": ports.server,
            "serf_wan": -1, "dns": -1, "grpc": -1,
        },
    });
    if version >= Version::V1_22_5 {
        // A server listens here by default, at a fixed port; 1.8.7 does not know the name.
        base["ports"]["grpc_tls"] = json!(-1);
    }
    merged(base, settings)
}

impl Ports {
    fn free() -> std::io::Result<Self> {
        // All are held until all are found, so that they differ. Gossip needs the same port for TCP and UDP.
        let tcp = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let (http, server, serf) = (tcp()?, tcp()?, tcp()?);
        let serf_lan = serf.local_addr()?.port();
        let _udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, serf_lan))?;
        Ok(Self {
            http: http.local_addr()?.port(),
            server: server.local_addr()?.port(),
            serf_lan,
        })
    }
}

/// A directory that is removed in the end.
#[derive(Debug)]
struct TemporaryDirectory(PathBuf);

impl TemporaryDirectory {
    fn new() -> Result<Self, Error> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("testbed-{}-{number}", std::process::id()));
        fs::create_dir(&path).map_err(|source| Error::File {
            path: path.clone(),
            source,
        })?;
        Ok(Self(path))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TemporaryDirectory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
