//! What a Consul server knows: its catalog and its list of members, over HTTP.
//!
//! With `curl`, because the server may be in a network that only a command reaches (`in-cluster curl …`).

use super::Error;
use super::command::{self, Prefix};
use super::steps::until;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The service every agent registers for itself.
pub(super) const SERVICE: &str = "consul-members";

/// A server's HTTP API.
pub(super) struct Catalog {
    reach: Prefix,
    base: String,
}

impl Catalog {
    /// The API of the server at an address, for somebody who runs `curl` behind `reach`.
    pub(super) fn new(reach: Prefix, address: &str) -> Self {
        Self {
            reach,
            base: format!("http://{address}:8500/v1"),
        }
    }

    /// Waits until the server has a leader, hence a catalog.
    pub(super) fn await_leader(&self) -> Result<(), Error> {
        until(
            "a leader of the Consul server",
            Duration::from_secs(60),
            || self.leader(),
        )
    }

    /// Whether the server has a leader.
    pub(super) fn leader(&self) -> Result<(), String> {
        let leader = self.get("status/leader")?;
        match leader.as_str() {
            Some("") | None => Err(leader.to_string()),
            Some(_) => Ok(()),
        }
    }

    /// The addresses under which a service is registered.
    pub(super) fn addresses(&self, service: &str) -> Result<BTreeSet<String>, String> {
        let entries = self.get(&format!("catalog/service/{service}"))?;
        Ok(strings(&entries, "ServiceAddress"))
    }

    /// The nodes on which a service is registered.
    pub(super) fn nodes_of(&self, service: &str) -> Result<BTreeSet<String>, String> {
        let entries = self.get(&format!("catalog/service/{service}"))?;
        Ok(strings(&entries, "Node"))
    }

    /// The names of the nodes in the catalog.
    pub(super) fn nodes(&self) -> Result<BTreeSet<String>, String> {
        Ok(strings(&self.get("catalog/nodes")?, "Node"))
    }

    /// The node at an address: its name in the catalog.
    pub(super) fn node_at(&self, address: &str) -> Result<String, String> {
        let nodes = self.get("catalog/nodes")?;
        nodes
            .as_array()
            .into_iter()
            .flatten()
            .find(|node| node["Address"] == address)
            .and_then(|node| node["Node"].as_str())
            .map(str::to_owned)
            .ok_or_else(|| format!("no node at {address} in {}", brief(&nodes)))
    }

    /// The members the server's gossip knows, with their state.
    pub(super) fn members(&self) -> Result<BTreeMap<String, String>, String> {
        let members = self.get("agent/members")?;
        Ok(members
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|member| {
                Some((
                    member["Name"].as_str()?.to_owned(),
                    state(&member["Status"]),
                ))
            })
            .collect())
    }

    /// Waits until exactly these addresses are registered for [`SERVICE`].
    pub(super) fn await_addresses(
        &self,
        wanted: &BTreeSet<String>,
        limit: Duration,
    ) -> Result<(), Error> {
        until(
            &format!("{SERVICE} at {wanted:?} in the catalog"),
            limit,
            || {
                let found = self.addresses(SERVICE)?;
                if found == *wanted {
                    Ok(())
                } else {
                    Err(format!("{found:?}"))
                }
            },
        )
    }

    /// Waits until none of these nodes is in the catalog.
    pub(super) fn await_gone(
        &self,
        names: &BTreeSet<String>,
        limit: Duration,
    ) -> Result<(), Error> {
        until(
            &format!("none of the nodes {names:?} in the catalog"),
            limit,
            || {
                let nodes = self.nodes()?;
                if nodes.is_disjoint(names) {
                    Ok(())
                } else {
                    Err(format!("{nodes:?}"))
                }
            },
        )
    }

    /// Waits until these members have left, by their own word (`failed` is what others say of one that did not).
    pub(super) fn await_left(
        &self,
        names: &BTreeSet<String>,
        limit: Duration,
    ) -> Result<(), Error> {
        until(&format!("the members {names:?} as `left`"), limit, || {
            let members = self.members()?;
            let left = names
                .iter()
                .all(|name| members.get(name).is_some_and(|state| state == "left"));
            if left {
                Ok(())
            } else {
                Err(format!("{members:?}"))
            }
        })
    }

    fn get(&self, path: &str) -> Result<Value, String> {
        let mut curl = self.reach.with("curl");
        curl.args([
            "--silent",
            "--show-error",
            "--fail",
            "--noproxy",
            "*",
            "--max-time",
            "5",
        ])
        .arg(format!("{}/{path}", self.base));
        command::json(&mut curl).map_err(|error| error.to_string())
    }
}

fn strings(entries: &Value, field: &str) -> BTreeSet<String> {
    entries
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|entry| entry[field].as_str().map(str::to_owned))
        .collect()
}

fn brief(nodes: &Value) -> String {
    format!(
        "{:?} at {:?}",
        strings(nodes, "Node"),
        strings(nodes, "Address")
    )
}

/// Serf's number for a member's state, in the words of `consul members`.
fn state(status: &Value) -> String {
    match status.as_u64() {
        Some(1) => "alive".into(),
        Some(2) => "leaving".into(),
        Some(3) => "left".into(),
        Some(4) => "failed".into(),
        _ => format!("status {status}"),
    }
}
