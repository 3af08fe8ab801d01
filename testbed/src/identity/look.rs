//! What a server says of the hosts in question, and whether that is one node.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Instant;

use serde_json::Value;

use crate::agent::status;

/// What the server said at a moment.
#[derive(Debug, Clone)]
pub struct Look {
    /// When.
    pub at: Instant,
    /// The catalog's nodes but for the server and the bystander.
    pub nodes: Vec<Node>,
    /// The members likewise.
    pub members: Vec<Member>,
}

/// A node of the catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: String,
    /// Its address.
    pub address: String,
    /// The state of `serfHealth`, which a ghost does not have.
    pub health: Option<String>,
    /// Its services by their ids, and whether all of their own checks pass.
    pub services: BTreeMap<String, bool>,
}

/// A member of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: String,
    /// `alive`, `leaving`, `left` or `failed`.
    pub status: &'static str,
}

/// The one node that should be there.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) name: String,
    pub(super) address: String,
    /// What its agent says that its id is; none as long as it does not answer.
    pub(super) id: Option<String>,
}

impl Wanted {
    pub(super) fn service(&self) -> String {
        format!("consul-{}", self.address)
    }
}

impl Look {
    /// Whether there is one node, one id and one name, and its service passes.
    pub(super) fn is(&self, wanted: &Wanted) -> bool {
        let [node] = &self.nodes[..] else {
            return false;
        };
        let there: Vec<_> = self.members.iter().filter(|m| m.status != "left").collect();
        let [member] = &there[..] else {
            return false;
        };
        self.passes(wanted)
            && node.services.len() == 1
            && node.health.is_some()
            && (member.name == wanted.name && member.address == wanted.address)
            && member.status == "alive"
    }

    /// Whether the catalog has the node, alone or not, and its service passes, as who asks for passing ones is told: without
    /// `serfHealth`, which the leader adds within a minute where it knew the member before, it does.
    pub(super) fn passes(&self, wanted: &Wanted) -> bool {
        self.nodes.iter().any(|node| {
            node.name == wanted.name
                && node.address == wanted.address
                && Some(&node.id) == wanted.id.as_ref()
                && node
                    .health
                    .as_deref()
                    .is_none_or(|health| health == "passing")
                && node.services.get(&wanted.service()) == Some(&true)
        })
    }

    /// Whether the catalog holds more than one name.
    pub(super) fn holds_several(&self) -> bool {
        self.nodes.len() > 1
    }

    /// The same but for its moment.
    pub(super) fn same(&self, other: &Self) -> bool {
        self.nodes == other.nodes && self.members == other.members
    }

    /// What is there, in few words, beside what should be.
    pub(super) fn told(&self, wanted: &Wanted) -> String {
        let nodes: Vec<_> = self.nodes.iter().map(|node| node.told(wanted)).collect();
        let nodes = match nodes.is_empty() {
            true => "no node".to_owned(),
            false => nodes.join(" + "),
        };
        let members: Vec<_> = self
            .members
            .iter()
            .filter(|member| member.status != "left")
            .map(ToString::to_string)
            .collect();
        match &members[..] {
            [] => format!("{nodes}; no member"),
            [one] if *one == format!("{} alive", wanted.name) => nodes,
            _ => format!("{nodes}; members {}", members.join(", ")),
        }
    }
}

impl Node {
    /// `n11 (another id, critical, no service)`
    fn told(&self, wanted: &Wanted) -> String {
        let mut words = Vec::new();
        if self.address != wanted.address {
            words.push(format!("at {}", self.address));
        }
        if wanted.id.as_ref().is_some_and(|id| *id != self.id) {
            words.push("another id".to_owned());
        }
        match self.health.as_deref() {
            Some("passing") => {}
            Some(health) => words.push(health.to_owned()),
            None => words.push("no serfHealth".to_owned()),
        }
        if self.services.is_empty() {
            words.push("no service".to_owned());
        }
        for (id, passing) in &self.services {
            let own = *id == wanted.service();
            match (own, passing) {
                (true, true) => {}
                (true, false) => words.push("service not passing".to_owned()),
                (false, _) => words.push(format!("service {id}")),
            }
        }
        match words.is_empty() {
            true => self.name.clone(),
            false => format!("{} ({})", self.name, words.join(", ")),
        }
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.status)
    }
}

/// The nodes of `/v1/internal/ui/nodes`, which is the one question that is answered with nodes, services and checks of one moment.
pub(super) fn nodes(answer: &Value, others: &[&str]) -> Vec<Node> {
    let all = answer.as_array().into_iter().flatten();
    let mut nodes: Vec<_> = all
        .map(node)
        .filter(|node| !others.contains(&node.name.as_str()))
        .collect();
    nodes.sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
    nodes
}

fn node(value: &Value) -> Node {
    let checks = || value["Checks"].as_array().into_iter().flatten();
    let services = value["Services"].as_array().into_iter().flatten();
    let passing = |id: &str| {
        let mut own = checks().filter(|check| check["ServiceID"] == id);
        own.all(|check| check["Status"] == "passing")
    };
    Node {
        name: text(&value["Node"]),
        id: text(&value["ID"]),
        address: text(&value["Address"]),
        health: checks()
            .find(|check| check["CheckID"] == "serfHealth")
            .map(|check| text(&check["Status"])),
        services: services
            .map(|service| text(&service["ID"]))
            .map(|id| (id.clone(), passing(&id)))
            .collect(),
    }
}

/// The members of `/v1/agent/members`.
pub(super) fn members(answer: &Value, others: &[&str]) -> Vec<Member> {
    let all = answer.as_array().into_iter().flatten();
    let mut members: Vec<_> = all
        .map(|member| Member {
            name: text(&member["Name"]),
            address: text(&member["Addr"]),
            status: status(member),
        })
        .filter(|member| !others.contains(&member.name.as_str()))
        .collect();
    members.sort_by(|one, other| (&one.name, &one.address).cmp(&(&other.name, &other.address)));
    members
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
