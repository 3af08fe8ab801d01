//! A cluster for many situations at once: a server or two, an agent that watches, and room for hosts.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Result;
use super::situation::Cluster;
use super::view::{Entry, Look};
use crate::agent::{Api, Client, Server};
use crate::consul::Version;
use crate::net::{Host, Network};
use crate::wait;

/// The token that may read everything. It is written down here because its cluster ends with the test.
const TOKEN: &str = "8d9d3f8e-2f0c-4d43-9d8f-6f5b0b6d7a11";
/// How long the word of a leave may take to reach the others.
const GOSSIP: Duration = Duration::from_secs(2);
/// Generous, for a machine that runs many agents.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running cluster.
#[derive(Debug)]
pub(super) struct Field {
    version: Version,
    cluster: Cluster,
    servers: Vec<(Host, Server)>,
    observer: Client,
    network: Network,
}

impl Field {
    /// Starts one.
    pub(super) fn of(cluster: Cluster, version: Version) -> Result<Self> {
        let network = Network::new()?;
        let hosts = match cluster {
            Cluster::TwoServers => vec![network.host("s1", 1)?, network.host("s2", 2)?],
            _ => vec![network.host("s1", 1)?],
        };
        let join = match cluster {
            Cluster::TwoServers => vec![Self::address(1), Self::address(2)],
            _ => vec![Self::address(1)],
        };
        let settings = json!({ "bootstrap_expect": hosts.len(), "retry_join": join, "retry_interval": "1s",
            "acl": acl(cluster, version) });
        // Two of them wait for each other.
        let servers = thread::scope(|scope| {
            let starts: Vec<_> = hosts
                .iter()
                .map(|host| scope.spawn(|| Server::start_with(host, version, settings.clone())))
                .collect();
            starts
                .into_iter()
                .map(|start| {
                    start
                        .join()
                        .map_err(|_| "start a server")?
                        .map_err(Into::into)
                })
                .collect::<Result<Vec<_>>>()
        })?;
        let watching = json!({ "retry_join": join, "retry_interval": "1s",
            "acl": acl(cluster, version) });
        let observer = Client::start_with(&network.host("watcher", 9)?, version, watching)?;
        Ok(Self {
            version,
            cluster,
            servers: hosts.into_iter().zip(servers).collect(),
            observer,
            network,
        })
    }

    /// The version of Consul that all of it runs.
    pub(super) fn version(&self) -> Version {
        self.version
    }

    /// A new host on its network; numbers from 11 to 250 are free.
    pub(super) fn host(&self, number: u8) -> Result<Host> {
        Ok(self.network.host(&Self::node(number), number)?)
    }

    /// The name of a host, and of its node.
    pub(super) fn node(number: u8) -> String {
        format!("n{number}")
    }

    /// The address of a host.
    pub(super) fn address(number: u8) -> String {
        format!("10.111.67.{number}")
    }

    /// What a configuration on this cluster needs besides the usual.
    pub(super) fn acl(&self) -> Value {
        match self.cluster {
            Cluster::Acl => json!({ "enabled": true, "default_policy": "deny" }),
            _ => json!({}),
        }
    }

    /// Looks at a node now.
    pub(super) fn look(&self, node: &str) -> Look {
        let state = |api: &Api| match api.catalog().members() {
            Ok(members) => members.get(node).cloned().unwrap_or("none".to_owned()),
            Err(_) => "?".to_owned(),
        };
        // The catalog first, which has to be right at once.
        let catalog = self.entry(node);
        Look {
            observer: state(&self.may_read(self.observer.api())),
            server: state(&self.server()),
            waited: Duration::ZERO,
            late: false,
            catalog,
        }
    }

    /// Looks at a node's catalog entry now, and lets the word of its leave spread for a moment.
    pub(super) fn look_at_end(&self, node: &str) -> Look {
        let begin = Instant::now();
        let catalog = self.entry(node);
        let mut last = self.look(node);
        let _ = wait::until("the word of the leave", GOSSIP, || {
            last = self.look(node);
            last.has_left().then_some(())
        });
        Look {
            waited: begin.elapsed(),
            catalog,
            ..last
        }
    }

    /// Waits until the node and so many services of it are seen by all.
    pub(super) fn settled(&self, node: &str, count: usize) -> Result<()> {
        wait::until_ok(&format!("all to see {node}"), PATIENCE, || {
            let look = self.look(node);
            let there = match &look.catalog {
                Entry::Node { services, .. } => services.len() == count,
                _ => false,
            };
            match there && look.observer == "alive" && look.server == "alive" {
                true => Ok(()),
                false => Err(look.to_string()),
            }
        })?;
        Ok(())
    }

    /// Cuts one of two servers off, and waits until the other one knows that it has no leader.
    pub(super) fn lose_leader(&self) -> Result<()> {
        let (host, _) = self.servers.last().ok_or("find a server")?;
        host.cut()?;
        wait::until_ok("no leader", PATIENCE, || {
            match self.server().get("/v1/status/leader") {
                Ok(Value::String(leader)) if leader.is_empty() => Ok(()),
                Ok(leader) => Err(leader.to_string()),
                Err(error) => Err(error.to_string()),
            }
        })?;
        Ok(())
    }

    /// Mends what [`Field::lose_leader`] has broken.
    pub(super) fn mend(&self) -> Result<()> {
        if self.cluster == Cluster::TwoServers {
            for (host, _) in &self.servers {
                host.mend()?;
            }
            // By themselves they try to find each other again only now and then.
            wait::until_ok("the two servers to meet again", PATIENCE, || {
                let path = format!("/v1/agent/join/{}", Self::address(2));
                self.server().put(&path, &Value::Null).map(drop)
            })?;
        }
        Ok(())
    }

    fn entry(&self, node: &str) -> Entry {
        let api = self.server();
        let catalog = api.catalog();
        match catalog.node(node) {
            Ok(None) => Entry::Nothing,
            Ok(Some(found)) => Entry::Node {
                services: found["Services"]
                    .as_object()
                    .map(|services| services.keys().cloned().collect())
                    .unwrap_or_default(),
                serf_health: catalog
                    .checks(node)
                    .ok()
                    .and_then(|checks| checks.get("serfHealth").cloned()),
            },
            Err(_) => Entry::Unreadable,
        }
    }

    /// The first server's API, which is cut off by nothing.
    fn server(&self) -> Api {
        self.may_read(self.servers[0].1.api())
    }

    fn may_read(&self, api: &Api) -> Api {
        match self.cluster {
            Cluster::Acl => api.with_token(TOKEN),
            _ => api.clone(),
        }
    }
}

/// The ACLs of the servers and of the watching agent.
fn acl(cluster: Cluster, version: Version) -> Value {
    let name = if version >= Version::V1_22_5 {
        "initial_management"
    } else {
        "master"
    };
    match cluster {
        Cluster::Acl => {
            let tokens = json!({ name: TOKEN, "default": TOKEN });
            json!({ "enabled": true, "default_policy": "deny", "tokens": tokens })
        }
        _ => json!({}),
    }
}
