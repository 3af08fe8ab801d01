//! A disk that was copied: two hosts whose agents have one node id.

use std::time::Duration;

use serde_json::{Value, json};
use testbed::TestResult;
use testbed::consul::Version;
use testbed::lictor::{Lictor, Running};
use testbed::net::Host;
use testbed::wait;

use crate::conflict::{has_reason, identity};
use crate::identity::{COPY, NODE_ID, OWN_ETC, kill, node_id, ready};
use crate::{LICTOR, SEED, START, STOP, Seed};

/// A copy is known for one after 75 s, and an agent looks after its entry each minute or two.
const LONG: Duration = Duration::from_secs(300);

/// A host with another name, address and machine-id, and with the id and all that lictor knew of the first one, as in another boot.
fn copy_of(seed: &Seed) -> TestResult<Host> {
    let host = seed.network.host("n2", 12)?;
    host.write("/consul/config/consul.json", SEED)?;
    own_machine(&host, "fedcba9876543210fedcba9876543210\n")?;
    host.run(["mkdir", "-p", "/consul/data"])?.success()?;
    host.write(NODE_ID, seed.host.read(NODE_ID)?)?;
    let mut copy: Value = serde_json::from_str(&seed.host.read(COPY)?)?;
    copy["boot_id"] = "11111111-2222-4333-8444-555555555555".into();
    host.write(COPY, copy.to_string())?;
    Ok(host)
}

fn own_machine(host: &Host, id: &str) -> TestResult {
    host.run(["sh", "-c", OWN_ETC])?.success()?;
    Ok(host.write("/etc/machine-id", id)?)
}

/// The first host, whose disk is copied while it runs.
fn original(version: Version) -> TestResult<(Seed, Running)> {
    let seed = Seed::new(version);
    own_machine(&seed.host, "0123456789abcdef0123456789abcdef\n")?;
    let lictor = ready(&seed, version, &[])?;
    Ok((seed, lictor))
}

fn start(host: &Host, version: Version, name: &str) -> TestResult<Running> {
    let name = format!("-node={name}");
    let command = ["agent", "-config-dir=/consul/config", &name];
    let lictor = Lictor::on(host, LICTOR).consul(version).command(command);
    Ok(lictor.start()?)
}

/// The catalog has the node under that name with that id and address, and its own service with it.
fn wait_entry(seed: &Seed, name: &str, id: &str, address: &str) -> TestResult {
    let service = format!("consul-{address}");
    wait::until_ok("the node's own entry", LONG, || {
        let found = seed.server.catalog().node(name);
        let found = found.map_err(|error| error.to_string())?;
        let found = found.unwrap_or_default();
        let node = &found["Node"];
        let whole = node["ID"] == id && node["Address"] == address;
        match whole && !found["Services"][&service].is_null() {
            true => Ok(()),
            false => Err(found.to_string()),
        }
    })?;
    Ok(())
}

/// On the same machine and in the same boot the copy could take itself for what the original is: it must not leave as that.
fn a_copy_beside_its_original_does_not_leave_for_it(version: Version) -> TestResult {
    let seed = Seed::new(version);
    let first = ready(&seed, version, &[])?;
    let config = json!({
        "node_name": "n2", "data_dir": "/consul/copy", "client_addr": "127.0.0.1", "bind_addr": "10.111.67.11",
        "ports": { "http": 18500, "dns": -1, "serf_lan": 18301, "server": 18300 },
        "retry_join": ["10.111.67.1:8301"], "retry_interval": "1s",
    });
    seed.host.write("/consul/copy.json", config.to_string())?;
    let copy = ["cp", "-a", "/consul/data", "/consul/copy"];
    seed.host.run(copy)?.success()?;
    let second = Lictor::on(&seed.host, LICTOR).consul(version);
    let second = second.args(["--runtime-dir=/run/copy", "--no-registration"]);
    let second = second.command(["agent", "-config-file=/consul/copy.json"]);
    let second = second.start()?;
    let told = "this node was called n1, and is n2 now; but somebody answers at 10.111.67.11:8301";
    second.wait_log(told, START)?;
    second.wait_log("the agent answers", START)?;
    let log = second.log();
    assert!(
        !log.contains("to leave, before it starts as it is"),
        "{log}"
    );
    let members = seed.server.catalog().members()?;
    assert_eq!(members.get("n1").map(String::as_str), Some("alive"));
    assert_eq!(first.status()?["agent"]["restarts"], 0);
    Ok(())
}

/// Two names: the servers know either of the two at a time, both agents say why, and who does as is said has two nodes.
fn a_copied_id_is_told_by_both(version: Version) -> TestResult {
    let (seed, first) = original(version)?;
    let id = node_id(&first)?;
    let host = copy_of(&seed)?;
    let second = start(&host, version, "n2")?;
    for one in [&first, &second] {
        one.wait_status("whose id is another's, too", LONG, |status| {
            has_reason(status, "IdShared")
        })?;
        let log = one.log();
        assert!(log.contains("another member has our node id"), "{log}");
    }
    let log = second.log();
    for told in [
        "the data directory was last used on another machine, n1",
        "remove node-id and node-id.lictor from the copy",
        "whether that was here is not certain, so it does not leave as that first",
    ] {
        assert!(log.contains(told), "{told}: {log}");
    }
    // Nobody is told to leave, or taken out of the catalog, and neither agent is started anew.
    for one in [&first, &second] {
        let status = one.status()?;
        assert_eq!(status["agent"]["healed"], 0, "{}", one.log());
        assert_eq!(status["agent"]["restarts"], 0, "{}", one.log());
        assert_eq!(node_id(one)?, id);
    }
    assert!(first.is_ready()?, "{}", first.log());
    let members = seed.server.catalog().members()?;
    assert_eq!(members.get("n1").map(String::as_str), Some("alive"));

    kill(&second)?;
    host.run(["rm", NODE_ID, COPY])?.success()?;
    let second = start(&host, version, "n2")?;
    second.wait_phase("Ready", LONG)?;
    let own = node_id(&second)?;
    assert_ne!(own, id);
    wait_entry(&seed, "n2", &own, "10.111.67.12")?;
    wait_entry(&seed, "n1", &id, "10.111.67.11")?;
    for one in [&first, &second] {
        one.wait_status("an id of its own", LONG, |status| {
            has_reason(status, "Held")
        })?;
    }
    Ok(())
}

on_both_versions!(a_copy_beside_its_original_does_not_leave_for_it);
on_both_versions!(a_copied_id_is_told_by_both);

/// One name, too: the copy loses the name, and its agent is ended, so that it writes no more over the other's entry.
fn a_copied_id_and_name_are_the_first_ones(version: Version) -> TestResult {
    let (seed, first) = original(version)?;
    let id = node_id(&first)?;
    let host = copy_of(&seed)?;
    let second = start(&host, version, "n1")?;
    second.wait_log("a member of the same node id is alive", LONG)?;
    second.wait_log("the next one is started in", LONG)?;
    let status = second.status()?;
    let (reason, message) = identity(&status);
    assert_eq!(reason, "NameLost", "{message}");
    let told = "/consul/data was copied from there; remove its file node-id and give this agent another name";
    assert!(message.contains(told), "{message}");
    assert_eq!(status["phase"], "Backoff");
    assert!(!second.is_ready()?, "{status:#}");
    wait_entry(&seed, "n1", &id, "10.111.67.11")?;
    let status = first.wait_status("its own entry", LONG, |status| has_reason(status, "Held"))?;
    assert_eq!(status["agent"]["restarts"], 0);
    assert!(first.is_ready()?, "{}", first.log());

    second.term()?;
    assert_eq!(second.exit(STOP)?, 113, "{}", second.log());
    let log = second.log();
    assert!(log.contains("stopped without a leave"), "{log}");
    wait_entry(&seed, "n1", &id, "10.111.67.11")?;
    let members = seed.server.catalog().members()?;
    assert_eq!(members.get("n1").map(String::as_str), Some("alive"));
    first.term()?;
    assert_eq!(first.exit(STOP)?, 0, "{}", first.log());
    seed.server.catalog().wait_gone("n1", START)?;
    Ok(())
}

on_both_versions!(a_copied_id_and_name_are_the_first_ones);
