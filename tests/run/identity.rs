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

pub(crate) const NODE_ID: &str = "/consul/data/node-id";
pub(crate) const COPY: &str = "/consul/data/node-id.lictor";
/// How soon members hear of each other, on a busy machine.
pub(crate) const HEARD: Duration = Duration::from_secs(60);

pub(crate) fn ready(seed: &Seed, version: Version, options: &[&str]) -> TestResult<Running> {
    let lictor = seed.lictor(version).args(options.iter().copied()).start()?;
    lictor.wait_phase("Ready", START)?;
    Ok(lictor)
}

/// Kills lictor, and its agent with it, as a power cut would.
pub(crate) fn kill(lictor: &Running) -> TestResult {
    lictor.signal(Signal::SIGKILL)?;
    assert_eq!(lictor.exit(STOP)?, 137);
    Ok(())
}

/// Kills the agent alone, for the so-manieth time, and waits for the next one.
pub(crate) fn crash(lictor: &Running, times: u64) -> TestResult {
    for agent in lictor.children()? {
        nix::sys::signal::kill(agent, Signal::SIGKILL)?;
    }
    lictor.wait_status("another agent", START, |status| {
        status["agent"]["restarts"] == times && status["phase"] == "Ready"
    })?;
    Ok(())
}

pub(crate) fn leave(lictor: &Running) -> TestResult {
    lictor.term()?;
    assert_eq!(lictor.exit(STOP)?, 0);
    Ok(())
}

pub(crate) fn rename(seed: &Seed, name: &str) -> TestResult {
    seed.host.run(["hostname", name])?.success()?;
    Ok(())
}

pub(crate) fn node_id(lictor: &Running) -> TestResult<String> {
    let agent = lictor.api().get("/v1/agent/self")?;
    Ok(text(&agent["Config"]["NodeID"]))
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The catalog has the node with that address, and it is a member; nothing is left of `old`.
pub(crate) fn is_known(seed: &Seed, name: &str, address: &str, old: &str) -> TestResult {
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

fn a_host_renamed_after_a_kill_is_in_nobodys_way(version: Version) -> TestResult {
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

on_both_versions!(a_host_renamed_after_a_kill_is_in_nobodys_way);

fn a_host_with_a_new_address_after_a_kill_is_no_zombie(version: Version) -> TestResult {
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

on_both_versions!(a_host_with_a_new_address_after_a_kill_is_no_zombie);

fn an_id_that_is_lost_comes_back(version: Version) -> TestResult {
    let seed = Seed::new(version);
    let lictor = ready(&seed, version, &[])?;
    let id = node_id(&lictor)?;
    kill(&lictor)?;
    let cut = id[..20].to_owned();
    for (content, what) in [
        ("", "is empty"),
        ("garbage", "holds no id"),
        (&cut, "holds no id"),
    ] {
        seed.host.write(NODE_ID, content)?;
        let lictor = ready(&seed, version, &[])?;
        assert_eq!(node_id(&lictor)?, id);
        assert_eq!(seed.host.read(NODE_ID)?, id);
        let told = format!("node-id {what}; it gets {id} again, from node-id.lictor");
        assert!(lictor.log().contains(&told), "{}", lictor.log());
        kill(&lictor)?;
    }
    seed.host.run(["rm", NODE_ID])?.success()?;
    let lictor = ready(&seed, version, &[])?;
    assert_eq!(node_id(&lictor)?, id);
    is_known(&seed, "n1", "10.111.67.11", "n1")?;
    // Lost while it runs, it is back before the agent is started again.
    seed.host.run(["rm", NODE_ID])?.success()?;
    crash(&lictor, 1)?;
    assert_eq!(node_id(&lictor)?, id);
    // With all there is beside it, too: lictor remembers it.
    seed.host.run(["rm", "-r", "/consul/data"])?.success()?;
    crash(&lictor, 2)?;
    assert_eq!(node_id(&lictor)?, id);
    assert_eq!(seed.host.read(NODE_ID)?, id);
    let copy: Value = serde_json::from_str(&seed.host.read(COPY)?)?;
    assert_eq!(text(&copy["id"]), id);
    assert_eq!(text(&copy["node_name"]), "n1");
    let told = format!("node-id was lost; it gets {id} again, from what lictor remembers");
    assert!(lictor.log().contains(&told), "{}", lictor.log());
    is_known(&seed, "n1", "10.111.67.11", "n1")?;
    leave(&lictor)
}

on_both_versions!(an_id_that_is_lost_comes_back);

#[test]
fn an_id_that_nobody_knows_any_more_is_made_anew() -> TestResult {
    let version = Version::V1_22_5;
    let seed = Seed::new(version);
    seed.host.run(["mkdir", "-p", "/consul/data"])?.success()?;
    seed.host.write(NODE_ID, "")?;
    seed.host.write(COPY, "{\"id\": \"9e2d")?;
    let lictor = ready(&seed, version, &[])?;
    let log = lictor.log();
    assert!(log.contains("counts for nothing"), "{log}");
    assert!(log.contains("the node gets a new id"), "{log}");
    assert_eq!(seed.host.read(NODE_ID)?, node_id(&lictor)?);
    let copy: Value = serde_json::from_str(&seed.host.read(COPY)?)?;
    assert_eq!(text(&copy["id"]), node_id(&lictor)?);
    assert_eq!(copy["left"], false);
    leave(&lictor)?;
    let copy: Value = serde_json::from_str(&seed.host.read(COPY)?)?;
    assert_eq!(copy["left"], true);
    Ok(())
}

/// Nothing can be written beside it, and the agent gets the id all the same.
#[test]
fn an_id_that_cannot_be_written_is_an_option() -> TestResult {
    let version = Version::V1_22_5;
    let seed = Seed::new(version);
    let lictor = ready(&seed, version, &[])?;
    let id = node_id(&lictor)?;
    leave(&lictor)?;
    // A directory in its place can neither be read nor replaced.
    seed.host.run(["rm", NODE_ID])?.success()?;
    seed.host.run(["mkdir", NODE_ID])?.success()?;
    let lictor = ready(&seed, version, &[])?;
    assert_eq!(node_id(&lictor)?, id);
    let told = format!("the agent gets its id as -node-id={id}");
    assert!(lictor.log().contains(&told), "{}", lictor.log());
    leave(&lictor)
}

#[test]
fn a_data_directory_that_is_read_only_is_told_with_its_reason() -> TestResult {
    let version = Version::V1_8_7;
    let seed = Seed::new(version);
    let lictor = ready(&seed, version, &[])?;
    leave(&lictor)?;
    seed.host.run(["rm", NODE_ID])?.success()?;
    seed.host.read_only("/consul/data")?;
    let lictor = seed.lictor(version).start()?;
    assert_ne!(lictor.exit(STOP)?, 0);
    let log = lictor.log();
    assert!(log.contains("node-id cannot be written"), "{log}");
    Ok(())
}

#[test]
fn a_host_renamed_after_a_leave_just_starts() -> TestResult {
    let version = Version::V1_22_5;
    let seed = Seed::new(version);
    let lictor = ready(&seed, version, &[])?;
    leave(&lictor)?;
    rename(&seed, "n2")?;
    let lictor = ready(&seed, version, &[])?;
    is_known(&seed, "n2", "10.111.67.11", "n1")?;
    let log = lictor.log();
    assert!(log.contains("it has left since"), "{log}");
    assert!(!log.contains("once more as n1"), "{log}");
    leave(&lictor)
}

/// And is another's, by the configuration.
#[test]
fn a_name_is_kept_or_refused() -> TestResult {
    let version = Version::V1_22_5;
    let seed = Seed::new(version);
    let lictor = ready(&seed, version, &[])?;
    kill(&lictor)?;
    rename(&seed, "n2")?;
    let lictor = seed.lictor(version).arg("--on-rename=refuse").start()?;
    assert_eq!(lictor.exit(STOP)?, 113);
    let log = lictor.log();
    assert!(
        log.contains("this node was n1, and its host is called n2 now"),
        "{log}"
    );
    // As often as it is started.
    for _ in 0..2 {
        let lictor = ready(&seed, version, &["--on-rename=keep"])?;
        is_known(&seed, "n1", "10.111.67.11", "n2")?;
        assert!(!lictor.log().contains("once more as"));
        kill(&lictor)?;
    }
    let lictor = seed
        .lictor(version)
        .arg("--on-rename=keep")
        .command(["agent", "-config-dir=/consul/config", "-node=n3"])
        .start()?;
    lictor.wait_phase("Ready", START)?;
    is_known(&seed, "n3", "10.111.67.11", "n1")?;
    leave(&lictor)
}

/// Makes the host's `/etc` its own, and hides the other place of a machine-id: a host of a test shares both with the machine.
pub(crate) const OWN_ETC: &str = "cp -a /etc /consul/etc 2> /dev/null; mount --bind /consul/etc /etc && \
                       { test ! -d /var/lib/dbus || mount -t tmpfs none /var/lib/dbus; } && \
                       rm -f /etc/machine-id && touch /etc/own";

/// The disk is lost after a kill, and the node is the same one again.
#[test]
fn an_id_of_the_machine_outlives_the_disk() -> TestResult {
    let version = Version::V1_22_5;
    let seed = Seed::new(version);
    seed.host.run(["sh", "-c", OWN_ETC])?.success()?;
    assert!(!std::path::Path::new("/etc/own").exists());
    seed.host.write("/etc/machine-id", "uninitialized\n")?;
    let lictor = seed.lictor(version).arg("--node-id=machine").start()?;
    assert_eq!(lictor.exit(STOP)?, 2);
    let log = lictor.log();
    assert!(log.contains("/etc/machine-id:/etc/machine-id:ro"), "{log}");
    let told = "exit 2: failed to derive the node id from this host's machine-id";
    assert!(log.contains(told), "{log}");
    seed.host
        .write("/etc/machine-id", "0123456789abcdef0123456789abcdef\n")?;
    let lictor = ready(&seed, version, &["--node-id=machine"])?;
    let id = node_id(&lictor)?;
    kill(&lictor)?;
    seed.host.run(["rm", "-r", "/consul/data"])?.success()?;
    let lictor = ready(&seed, version, &["--node-id=machine"])?;
    assert_eq!(node_id(&lictor)?, id);
    is_known(&seed, "n1", "10.111.67.11", "n1")?;
    leave(&lictor)
}

/// What was a node of another id leaves as that, so that its name is not reserved for it.
#[test]
fn an_id_that_is_given_takes_the_place_of_the_old_one() -> TestResult {
    let version = Version::V1_22_5;
    let seed = Seed::new(version);
    let lictor = ready(&seed, version, &[])?;
    kill(&lictor)?;
    let id = "11111111-2222-4333-8444-555555555555";
    let lictor = ready(&seed, version, &[&format!("--node-id={id}")])?;
    assert_eq!(node_id(&lictor)?, id);
    is_known(&seed, "n1", "10.111.67.11", "n1")?;
    let node = seed.server.catalog().node("n1")?.unwrap_or_default();
    assert_eq!(text(&node["Node"]["ID"]), id);
    leave(&lictor)
}
