//! Who the node is from one run to the next: its id, its name, its address.

use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;
use testbed::TestResult;
use testbed::agent::Client;
use testbed::consul::Version;
use testbed::lictor::Running;
use testbed::wait;

use crate::{START, STOP, Seed};

const NODE_ID: &str = "/consul/data/node-id";
const COPY: &str = "/consul/data/node-id.lictor";
/// How soon members hear of each other, on a busy machine.
const HEARD: Duration = Duration::from_secs(30);

fn ready(seed: &Seed, version: Version, options: &[&str]) -> TestResult<Running> {
    let lictor = seed.lictor(version).args(options.iter().copied()).start()?;
    lictor.wait_phase("Ready", START)?;
    Ok(lictor)
}

/// Kills lictor, and its agent with it, as a power cut would.
fn kill(lictor: &Running) -> TestResult {
    lictor.signal(Signal::SIGKILL)?;
    assert_eq!(lictor.exit(STOP)?, 137);
    Ok(())
}

fn leave(lictor: &Running) -> TestResult {
    lictor.term()?;
    assert_eq!(lictor.exit(STOP)?, 0);
    Ok(())
}

fn rename(seed: &Seed, name: &str) -> TestResult {
    seed.host.run(["hostname", name])?.success()?;
    Ok(())
}

fn node_id(lictor: &Running) -> TestResult<String> {
    let agent = lictor.api().get("/v1/agent/self")?;
    Ok(text(&agent["Config"]["NodeID"]))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The catalog has the node with that address, and it is a member; nothing is left of `old`.
fn is_known(seed: &Seed, name: &str, address: &str, old: &str) -> TestResult {
    let catalog = seed.server.catalog();
    wait::until_ok("the node as it is", HEARD, || {
        let node = catalog.node(name).map_err(|error| error.to_string())?;
        let members = catalog.members().map_err(|error| error.to_string())?;
        let node = node.unwrap_or_default();
        let alive = members.get(name).is_some_and(|status| status == "alive");
        let there = text(&node["Node"]["Address"]) == address;
        let gone = old == name || members.get(old).is_none_or(|status| status == "left");
        match alive && there && gone {
            true => Ok(()),
            false => Err(format!("{node} of {members:?}")),
        }
    })?;
    if old != name {
        catalog.wait_gone(old, HEARD)?;
    }
    catalog.wait_passing("consul-members", 1, HEARD)?;
    Ok(())
}

fn a_host_renamed_after_a_kill(version: Version) -> TestResult {
    let seed = Seed::new(version);
    let lictor = ready(&seed, version, &[])?;
    let id = node_id(&lictor)?;
    kill(&lictor)?;
    rename(&seed, "n2")?;
    let lictor = seed.lictor(version).start()?;
    // Somebody else joins meanwhile.
    let other = seed.network.host("n3", 13)?;
    let other = Client::start(&other, version, &["10.111.67.1"])?;
    other.wait_leader()?;
    lictor.wait_phase("Ready", START)?;
    is_known(&seed, "n2", "10.111.67.11", "n1")?;
    assert_eq!(node_id(&lictor)?, id);
    let log = lictor.log();
    assert!(log.contains("n1 has left"), "{log}");
    for log in [log, other.log(), seed.server.log()] {
        assert!(!log.contains("conflicting node ID"), "{log}");
    }
    leave(&lictor)
}

#[test]
fn a_host_renamed_after_a_kill_is_in_nobodys_way_1_8_7() -> TestResult {
    a_host_renamed_after_a_kill(Version::V1_8_7)
}

#[test]
fn a_host_renamed_after_a_kill_is_in_nobodys_way_1_22_5() -> TestResult {
    a_host_renamed_after_a_kill(Version::V1_22_5)
}

fn a_host_with_a_new_address_after_a_kill(version: Version) -> TestResult {
    let seed = Seed::new(version);
    let lictor = ready(&seed, version, &[])?;
    let id = node_id(&lictor)?;
    kill(&lictor)?;
    seed.host
        .ip(["addr", "add", "10.111.67.12/24", "dev", "eth0"])?;
    seed.host
        .ip(["addr", "del", "10.111.67.11/24", "dev", "eth0"])?;
    seed.host
        .ip(["addr", "replace", "10.111.67.12/24", "dev", "eth0"])?;
    let lictor = ready(&seed, version, &[])?;
    is_known(&seed, "n1", "10.111.67.12", "n1")?;
    assert_eq!(node_id(&lictor)?, id);
    let log = lictor.log();
    assert!(log.contains("the node at 10.111.67.11 has left"), "{log}");
    assert!(!log.contains("name conflict"), "{log}");
    leave(&lictor)
}

#[test]
fn a_host_with_a_new_address_after_a_kill_is_no_zombie_1_8_7() -> TestResult {
    a_host_with_a_new_address_after_a_kill(Version::V1_8_7)
}

#[test]
fn a_host_with_a_new_address_after_a_kill_is_no_zombie_1_22_5() -> TestResult {
    a_host_with_a_new_address_after_a_kill(Version::V1_22_5)
}
