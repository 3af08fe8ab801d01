//! The hand that looks whether the agent still gossips, and what is listened for in its log.

use std::net::{IpAddr, SocketAddr};

use crate::consul::command::AgentConfig;
use crate::consul::words;
use crate::core::event::Trouble;
use crate::os::listening;
use crate::os::output::WORDS;

use super::Effects;

/// What the words of trouble mean, in the order in which they are listened for.
pub(in crate::driver) const TROUBLES: [Trouble; WORDS - 2] = [
    Trouble::NameLost,
    Trouble::Namesake,
    Trouble::Reserved,
    Trouble::ConflictingId,
    Trouble::SharedId,
    Trouble::Denied,
    Trouble::Denied,
];

/// All that is listened for.
pub(super) fn words() -> [&'static str; WORDS] {
    let [
        namesake,
        reserved,
        conflicting,
        shared,
        node_denied,
        service_denied,
    ] = words::TROUBLE;
    [
        words::LEAVES,
        words::RELOAD_FAILED,
        words::NAME_LOST,
        namesake,
        reserved,
        conflicting,
        shared,
        node_denied,
        service_denied,
    ]
}

/// Where the agent listens for the LAN's gossip.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    ip: Option<IpAddr>,
    port: u16,
}

impl Place {
    /// By the agent's configuration.
    pub(super) fn of(config: &AgentConfig) -> Self {
        let (ip, port) = config.gossip();
        Self { ip, port }
    }

    /// By its own word.
    pub(super) fn told(told: SocketAddr) -> Self {
        Self {
            ip: Some(told.ip()).filter(|ip| !ip.is_unspecified()),
            port: told.port(),
        }
    }
}

impl Effects {
    /// Whether the agent listens there; `None` where nobody can tell.
    pub(super) fn gossips(&self) -> Option<bool> {
        let (pid, _) = self.agent.as_ref()?;
        let Place { ip, port } = self.gossip;
        listening::is_listening(*pid, ip, port)
            .inspect_err(|error| {
                tracing::debug!("whether the agent gossips cannot be seen: {error}")
            })
            .ok()
    }
}
