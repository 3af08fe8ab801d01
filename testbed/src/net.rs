//! Hosts on a switch, made of namespaces.
//!
//! A [`Network`] is a network namespace with a bridge in it. A [`Host`] has a network, a hostname, mounts and a root of
//! its own, and a cable into the bridge. Networks know nothing of each other, so tests that run side by side may use
//! the same addresses. Nothing outside the namespaces is changed, and nothing of them is left when the test process
//! ends: their keepers read a pipe that only the test process holds.

mod files;
mod host;
mod keeper;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::unistd::geteuid;

pub use host::Host;
use keeper::Keeper;

use crate::process;
use crate::wait;

/// Why a network or a host could not be made or changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Namespaces could not be made.
    #[error(
        "make the namespaces of {name}: {reason} (this needs root, or user namespaces for ordinary users)"
    )]
    Namespaces {
        /// Of the network or the host.
        name: String,
        /// What happened.
        reason: String,
    },
    /// A file of a host could not be read or written.
    #[error("{name}:{path}: {source}")]
    File {
        /// The host.
        name: String,
        /// The path as the host sees it.
        path: String,
        /// What happened.
        source: io::Error,
    },
    /// A program that arranges things failed.
    #[error(transparent)]
    Process(#[from] process::Error),
    /// Something did not happen in time.
    #[error(transparent)]
    Timeout(#[from] wait::Timeout),
}

/// A switch that hosts are plugged into.
#[derive(Debug, Clone)]
pub struct Network(Arc<Switch>);

#[derive(Debug)]
pub(crate) struct Switch {
    keeper: Keeper,
    ports: AtomicU32,
}

impl Network {
    /// A switch without hosts.
    ///
    /// # Errors
    /// The machine does not let us make namespaces.
    pub fn new() -> Result<Self, Error> {
        let own_user = !geteuid().is_root();
        let keeper = Keeper::of_switch(own_user)?;
        keeper.ip(["link", "set", "lo", "up"])?;
        // Without snooping, because the bridge's querier would come too late for the first packets.
        keeper.ip([
            "link",
            "add",
            "br0",
            "type",
            "bridge",
            "stp_state",
            "0",
            "forward_delay",
            "0",
            "mcast_snooping",
            "0",
        ])?;
        keeper.ip(["link", "set", "br0", "up"])?;
        Ok(Self(Arc::new(Switch {
            keeper,
            ports: AtomicU32::new(0),
        })))
    }

    /// A host with the address 10.111.67.`number`/24 on its `eth0`.
    ///
    /// # Errors
    /// Its namespaces cannot be made.
    pub fn host(&self, name: &str, number: u8) -> Result<Host, Error> {
        self.host_with(name, &[&format!("10.111.67.{number}/24")])
    }

    /// A host with these addresses (each with its prefix length, IPv4 or IPv6) on its `eth0`, or with none.
    ///
    /// # Errors
    /// Its namespaces cannot be made, or an address is none.
    pub fn host_with(&self, name: &str, addresses: &[&str]) -> Result<Host, Error> {
        Host::on(&self.0, name, addresses)
    }
}

impl Switch {
    /// A name for the switch's end of a cable.
    fn next_port(&self) -> String {
        format!("p{}", self.ports.fetch_add(1, Ordering::Relaxed))
    }
}
