//! What the core must know before anything happens.

use crate::core::Moment;
use crate::core::event::AgentFacts;

/// What SIGTERM and SIGINT to lictor do to the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnStop {
    /// Leave the cluster.
    Leave,
    /// Stop without leaving, so that a quick restart keeps every service in place.
    Stay,
}

impl OnStop {
    /// The name, as `status` prints it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Leave => "leave",
            Self::Stay => "stay",
        }
    }
}

/// What the core must know before anything happens.
#[derive(Debug, Clone)]
pub struct Config {
    /// Whether a missing address ends lictor.
    pub needs_address: bool,
    /// Whether the address may become another one: it was not given.
    pub follows_address: bool,
    /// Whether the agent's arguments hand it the address.
    pub hands_address: bool,
    /// `--address-grace`: how long an address may be gone before that counts.
    pub address_grace: Moment,
    /// Whether the agent has an HTTP API that lictor can ask.
    pub api: bool,
    /// Whether the agent reads a snapshot, which is taken anew before a reload.
    pub staging: bool,
    /// `--watch`: whether changes are to be noticed.
    pub watch: bool,
    /// `--splay`: over how long reloads of many nodes are spread when files have changed.
    pub splay: Moment,
    /// The name the agent will have, until it says so itself.
    pub node_name: String,
    /// Whether the agent's own configuration says that it leaves on SIGTERM; `None` where it says nothing.
    pub leaves_on_terminate: Option<bool>,
    /// The same for SIGINT.
    pub leaves_on_interrupt: Option<bool>,
    /// Whether its command line or its files say that the agent is a server, whose defaults differ.
    pub server: bool,
    /// `--on-stop`, where it was given.
    pub on_stop: Option<OnStop>,
    /// `--stop-timeout`: the budget for all of a stop.
    pub stop_timeout: Moment,
    /// `--drain`: how long the agent is not ready any more before it leaves.
    pub drain: Moment,
    /// `--start-timeout`; `None` waits for ever.
    pub start_timeout: Option<Moment>,
    /// `--restart`: whether a crash of an agent that was once ready is followed by a restart.
    pub restart: bool,
    /// `--restart-limit`: crashes in a row after which lictor gives up.
    pub restart_limit: u32,
    /// `--carry-checks`: whether the states of checks outlive a restart of the agent.
    pub carry_checks: bool,
    /// `--on-unreloadable`: whether a change that no reload applies is followed by a restart.
    pub restart_for_changes: bool,
    /// `--on-conflict`: whether a dead twin is taken out of the catalog.
    pub heals: bool,
    /// `--kill-after`: how long what the agent has left behind may take to end.
    pub kill_after: Moment,
    /// Seeds the jitter.
    pub seed: u64,
}

impl Config {
    /// What is known of the agent until it tells of itself.
    pub(in crate::core) fn facts(&self) -> AgentFacts {
        AgentFacts {
            node_name: self.node_name.clone(),
            leaves_on_terminate: self.leaves_on_terminate,
            leaves_on_interrupt: self.leaves_on_interrupt,
            ..AgentFacts::default()
        }
    }
}
