//! What an agent's API answers, as far as the core wants to know it.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::core::checks::Health;

/// What the agent's API said. There is one answer to each [`crate::core::action::Question`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// `GET /v1/agent/self`.
    Agent(Result<Box<AgentFacts>, Refusal>),
    /// `GET /v1/agent/self`, of which only this counts.
    Membership(Result<Membership, Refusal>),
    /// `GET /v1/status/leader`: the leader's address, or none.
    Leader(Result<Option<String>, Refusal>),
    /// `GET /v1/catalog/node/<name>`.
    Catalog(Result<CatalogNode, Refusal>),
    /// What is known of the node of a name.
    Node(Result<Box<NodeView>, Refusal>),
    /// `GET /v1/catalog/nodes` with an address: the names and ids of the nodes that carry it.
    Neighbours(Result<Vec<Neighbour>, Refusal>),
    /// `GET /v1/agent/services`: the ids of those that the agent has.
    Services(Result<BTreeSet<String>, Refusal>),
    /// `PUT /v1/agent/reload`.
    Reload(Result<(), Refusal>),
    /// `PUT /v1/agent/leave`.
    Leave(Result<(), Refusal>),
    /// `PUT /v1/agent/force-leave/<name>`.
    ForceLeave(Result<(), Refusal>),
    /// `PUT /v1/catalog/deregister`.
    Deregister(Result<(), Refusal>),
    /// `PUT /v1/txn`: whether the node had no such check yet, and has it now.
    Vouched(Result<bool, Refusal>),
    /// `PUT /v1/txn`: whether the node was still what it was, and is gone.
    Removed(Result<bool, Refusal>),
}

/// What an agent tells of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AgentFacts {
    /// The name under which it is in the catalog.
    pub node_name: String,
    /// Its node id.
    pub node_id: String,
    /// Its datacenter.
    pub datacenter: String,
    /// Its admin partition; empty where it has none.
    pub partition: String,
    /// Where its API was asked: a URL, or `unix://` and a path; empty where it was not.
    pub api: String,
    /// Its version.
    pub version: String,
    /// The address it advertises in the LAN.
    pub advertise: Option<IpAddr>,
    /// The addresses it listens on, but for those that mean all of them.
    pub listens: Vec<IpAddr>,
    /// Where it listens for the LAN's gossip.
    pub gossip: Option<SocketAddr>,
    /// What it takes itself for in the LAN.
    pub membership: Membership,
    /// Its data directory; empty where it has none, or does not say.
    pub data_dir: String,
    /// Whether it is a server, where it says so.
    pub server: Option<bool>,
    /// Whether it leaves on SIGTERM, where it says so.
    pub leaves_on_terminate: Option<bool>,
    /// Whether it leaves on SIGINT, where it says so.
    pub leaves_on_interrupt: Option<bool>,
}

/// What an agent says of its own membership in the LAN (`agent/self`, `.Member.Status`).
///
/// It is `Leaving` within 3 ms of a leave's beginning and `Left` once the leave was told to others (0.4 s), on 1.8.7 and on
/// 1.22.5 alike; the API answers for some 3 s more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Membership {
    /// It was not asked, or did not say.
    #[default]
    Unknown,
    /// A member like others.
    Alive,
    /// A leave has begun.
    Leaving,
    /// It has left.
    Left,
}

impl Membership {
    /// Whether a leave has begun.
    pub fn is_leaving(self) -> bool {
        matches!(self, Self::Leaving | Self::Left)
    }
}

/// What the catalog holds under our name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CatalogNode {
    /// The index of this answer, for a blocking query after it.
    pub index: u64,
    /// Whether the node is there at all.
    pub present: bool,
    /// At which index the entry was made: one that went and came back has another. 0 where it is not said.
    pub created: u64,
    /// At which index the entry was changed last. 0 where it is not said.
    pub modified: u64,
    /// Its node id.
    pub id: String,
    /// Its address.
    pub address: String,
    /// Whether somebody has registered it for what has no agent, as its metadata says.
    pub external: bool,
    /// The ids of its services.
    pub services: Vec<String>,
}

/// What the catalog and the agent's own members say of one name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NodeView {
    /// The catalog's entry.
    pub entry: CatalogNode,
    /// The state of the check that the servers make of an agent's membership; `None` where there is none, as for what has no agent.
    pub serf: Option<Health>,
    /// The member of that name, as our own agent knows it.
    pub member: Option<Member>,
}

/// A member of the LAN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its address.
    pub address: String,
    /// Its gossip port.
    pub port: u16,
    /// Its node id.
    pub id: String,
    /// What it is in the LAN.
    pub state: MemberState,
}

/// What others are in the LAN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberState {
    /// A member, also one that has begun to leave.
    Alive,
    /// It has left.
    Left,
    /// It does not answer any more.
    Failed,
}

/// A node of the catalog that carries our address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// Its name.
    pub name: String,
    /// Its node id.
    pub id: String,
}

/// Why a question was not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Nobody answers there: the question was not put.
    Unreachable(String),
    /// The question was put, and the connection ended without an answer.
    Lost(String),
    /// The token, or its absence, does not allow it.
    Denied(String),
    /// An answer that says it did not work.
    Failed(String),
    /// No answer in time.
    TimedOut(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(what) => write!(f, "the agent's API cannot be reached: {what}"),
            Self::Lost(what) => write!(f, "the agent's API broke the connection: {what}"),
            Self::Denied(what) => write!(f, "the agent's API denied it: {what}"),
            Self::Failed(what) => write!(f, "the agent answered: {what}"),
            Self::TimedOut(what) => write!(f, "no answer in time: {what}"),
        }
    }
}
