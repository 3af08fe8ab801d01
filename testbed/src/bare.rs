//! A bare agent that has the registration lictor would have written for it: what lictor is measured against.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use crate::agent::{self, Agent};
use crate::consul::Version;
use crate::lictor::Lictor;
use crate::net::Host;
use crate::process::Role;

/// Writes the registration; `options` are lictor's, the address included.
///
/// # Errors
/// lictor does not tell it, or it cannot be written.
pub(crate) fn register<'a>(
    host: &Host,
    lictor: &Path,
    options: impl IntoIterator<Item = &'a str>,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let registration = Lictor::on(host, lictor)
        .no_consul()
        .args(options)
        .run("render")?
        .success()?;
    host.run(["mkdir", "-p", "/consul/registration"])?
        .success()?;
    host.write("/consul/registration/registration.json", registration)?;
    Ok(())
}

/// Starts the agent as PID 1, as in a container, with the host's configuration, the registration and `arguments`.
///
/// # Errors
/// It cannot be started.
pub(crate) fn start(
    host: &Host,
    version: Version,
    arguments: &[&str],
) -> Result<Agent, agent::Error> {
    let directories = [
        "agent",
        "-config-dir=/consul/config",
        "-config-dir=/consul/registration",
    ];
    let words: Vec<_> = directories.iter().chain(arguments).copied().collect();
    let api = SocketAddr::from((Ipv4Addr::LOCALHOST, 8500));
    Agent::start(&host.into(), Role::Pid1, version, &words, api)
}
