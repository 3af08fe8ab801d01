//! What has this node's name or address in the catalog and is not this node: the dead are taken away, and nobody else.

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use testbed::TestResult;
use testbed::consul::Version;
use testbed::lictor::{Lictor, Running};
use testbed::net::{Host, Network};
use testbed::wait;

use crate::acl::Guarded;
use crate::conflict::{has_reason, identity};
use crate::{LICTOR, SEED, START, Seed};

fn kill(lictor: &Running) -> TestResult {
    lictor.signal(Signal::SIGKILL)?;
    lictor.exit(START)?;
    Ok(())
}

/// The agent's data are lost, and with them its id.
fn lose_data(host: &Host) -> TestResult {
    let script = "rm -rf /consul/data/*";
    host.run(["sh", "-c", script])?.success()?;
    Ok(())
}

/// A node whose agent was killed, and whose data are lost: its id as it was.
fn killed(seed: &Seed, version: Version) -> TestResult<String> {
    let lictor = seed.lictor(version).start()?;
    let status = lictor.wait_phase("Ready", START)?;
    kill(&lictor)?;
    lose_data(&seed.host)?;
    Ok(status["agent"]["node_id"]
        .as_str()
        .unwrap_or_default()
        .to_owned())
}

fn id_of(seed: &Seed, node: &str) -> TestResult<Value> {
    let node = seed.server.catalog().node(node)?.unwrap_or_default();
    Ok(node["Node"]["ID"].clone())
}

fn serf_health(seed: &Seed) -> TestResult<String> {
    let checks = seed.server.catalog().checks("n1")?;
    Ok(checks.get("serfHealth").cloned().unwrap_or_default())
}

fn a_dead_twin_is_taken_away(version: Version) -> TestResult {
    let seed = Seed::new(version);
    let before = killed(&seed, version)?;
    let lictor = seed.lictor(version).start()?;
    let status = lictor.wait_status("a node of its own", START, |status| {
        has_reason(status, "Held") && status["phase"] == "Ready" && status["agent"]["healed"] == 1
    })?;
    lictor.wait_condition("Registered", START)?;
    let id = &status["agent"]["node_id"];
    assert_ne!(*id, json!(before));
    assert_eq!(id_of(&seed, "n1")?, *id);
    let log = lictor.log();
    let told = format!(
        "took the dead twin n1 ({before} at 10.111.67.11) out of the catalog, with its services consul-10.111.67.11"
    );
    assert!(log.contains(&told), "{log}");
    // The servers watch over it again, and the leader takes that check for its own.
    lictor.wait_log("the servers' check of n1 (serfHealth)", START)?;
    assert_eq!(serf_health(&seed)?, "passing");
    kill(&lictor)?;
    wait::until_ok("the death in the catalog", START, || {
        match serf_health(&seed) {
            Ok(state) if state == "critical" => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })?;
    Ok(())
}

#[test]
fn a_dead_twin_is_taken_away_1_8_7() -> TestResult {
    a_dead_twin_is_taken_away(Version::V1_8_7)
}

#[test]
fn a_dead_twin_is_taken_away_1_22_5() -> TestResult {
    a_dead_twin_is_taken_away(Version::V1_22_5)
}

/// Killed, and back under another id and another name: one address under two names.
fn a_dead_name_is_taken_away(version: Version) -> TestResult {
    let seed = Seed::new(version);
    killed(&seed, version)?;
    let command = ["agent", "-config-dir=/consul/config", "-node=n2"];
    let lictor = seed.lictor(version).command(command).start()?;
    lictor.wait_status("the other name", START, |status| {
        has_reason(status, "AddressUnderTwoNames")
    })?;
    lictor.wait_status("one name", 3 * START, |status| {
        has_reason(status, "Held") && status["agent"]["healed"] == 1
    })?;
    assert!(seed.server.catalog().node("n1")?.is_none());
    assert!(seed.server.catalog().node("n2")?.is_some());
    // The members know it no more as one that has failed, and might come back.
    seed.server.catalog().wait_member("n1", "left", START)?;
    seed.server.catalog().wait_member("n2", "alive", START)?;
    Ok(())
}

#[test]
fn a_dead_name_is_taken_away_1_8_7() -> TestResult {
    a_dead_name_is_taken_away(Version::V1_8_7)
}

#[test]
fn a_dead_name_is_taken_away_1_22_5() -> TestResult {
    a_dead_name_is_taken_away(Version::V1_22_5)
}

fn a_dead_twin_is_only_reported(version: Version) -> TestResult {
    let seed = Seed::new(version);
    let before = killed(&seed, version)?;
    let lictor = seed.lictor(version).arg("--on-conflict=report").start()?;
    let status = lictor.wait_status("the twin", START, |status| {
        has_reason(status, "ReservedByDeadTwin")
    })?;
    let (_, message) = identity(&status);
    assert!(
        message.contains(r#"-d '{"Datacenter":"dc1","Node":"n1"}'"#),
        "{message}"
    );
    assert_eq!(status["agent"]["healed"], 0);
    assert_eq!(id_of(&seed, "n1")?, json!(before));
    Ok(())
}

#[test]
fn a_dead_twin_is_only_reported_1_8_7() -> TestResult {
    a_dead_twin_is_only_reported(Version::V1_8_7)
}

#[test]
fn a_dead_twin_is_only_reported_1_22_5() -> TestResult {
    a_dead_twin_is_only_reported(Version::V1_22_5)
}

/// A token that may not take nodes away: the operator is told how.
fn what_is_denied_is_told(version: Version) -> TestResult {
    let network = Network::new()?;
    let guarded = Guarded::new(&network, version)?;
    let (agent, _) = guarded.token(
        "agent",
        r#"node_prefix "" { policy = "write" } service_prefix "" { policy = "write" }"#,
    )?;
    let (reader, _) = guarded.token(
        "reader",
        r#"node_prefix "" { policy = "read" } service_prefix "" { policy = "read" } agent_prefix "" { policy = "read" }"#,
    )?;
    let host = network.host("n1", 11)?;
    host.write("/consul/config/consul.json", SEED)?;
    host.write("/consul/config/ports.json", r#"{"ports": {"http": 8555}}"#)?;
    guarded.give(&host, &json!({ "agent": agent, "default": agent }))?;
    let start = || {
        let lictor = Lictor::on(&host, LICTOR).consul(version);
        lictor.env("CONSUL_HTTP_TOKEN", &reader).start()
    };
    let lictor = start()?;
    lictor.wait_condition("Registered", START)?;
    kill(&lictor)?;
    lose_data(&host)?;
    let lictor = start()?;
    let status = lictor.wait_status("the denial", START, |status| {
        has_reason(status, "HealingDenied")
    })?;
    let (_, message) = identity(&status);
    let (_, command) = message.split_once("an operator can: ").expect("a command");
    // What a shell makes of it.
    let script = format!("curl() {{ printf '%s\\n' \"$@\"; }}; {command}");
    let words = host.run(["sh", "-c", &script])?.success()?;
    let words: Vec<&str> = words.lines().collect();
    for word in [
        r#"{"Datacenter":"dc1","Node":"n1"}"#,
        "http://127.0.0.1:8555/v1/catalog/deregister",
    ] {
        assert!(words.contains(&word), "{command}");
    }
    assert_eq!(words.len(), 7, "{command}");
    assert_eq!(status["agent"]["healed"], 0);
    assert!(guarded.api().catalog().node("n1")?.is_some());
    Ok(())
}

#[test]
fn what_is_denied_is_told_1_8_7() -> TestResult {
    what_is_denied_is_told(Version::V1_8_7)
}

#[test]
fn what_is_denied_is_told_1_22_5() -> TestResult {
    what_is_denied_is_told(Version::V1_22_5)
}

/// A token that may take nodes away, and may not force them to leave.
fn a_name_that_may_not_be_told_to_have_left_is_told(version: Version) -> TestResult {
    let network = Network::new()?;
    let guarded = Guarded::new(&network, version)?;
    let rules = r#"node_prefix "" { policy = "write" } service_prefix "" { policy = "write" } agent_prefix "" { policy = "read" }"#;
    let (agent, _) = guarded.token("agent", rules)?;
    let host = network.host("n1", 11)?;
    host.write("/consul/config/consul.json", SEED)?;
    guarded.give(&host, &json!({ "agent": agent, "default": agent }))?;
    let start = |name: &str| {
        let name = format!("-node={name}");
        let command = ["agent", "-config-dir=/consul/config", &name];
        let lictor = Lictor::on(&host, LICTOR).consul(version).command(command);
        lictor.env("CONSUL_HTTP_TOKEN", &agent).start()
    };
    let lictor = start("n1")?;
    lictor.wait_condition("Registered", START)?;
    kill(&lictor)?;
    lose_data(&host)?;
    let lictor = start("n2")?;
    lictor.wait_log(
        "an operator can: consul force-leave n1 # operator:write",
        3 * START,
    )?;
    let status = lictor.wait_condition("IdentityHeld", START)?;
    assert_eq!(status["agent"]["healed"], 1);
    assert!(guarded.api().catalog().node("n1")?.is_none());
    let members = guarded.api().catalog().members()?;
    assert_eq!(members.get("n1").map(String::as_str), Some("failed"));
    Ok(())
}

#[test]
fn a_name_that_may_not_be_told_to_have_left_is_told_1_22_5() -> TestResult {
    a_name_that_may_not_be_told_to_have_left_is_told(Version::V1_22_5)
}

/// Nothing of the registration comes to the catalog, and the agent's log alone says why.
fn a_registration_that_acls_block_is_named(version: Version) -> TestResult {
    let network = Network::new()?;
    let guarded = Guarded::new(&network, version)?;
    let rules = r#"node_prefix "" { policy = "write" } service_prefix "" { policy = "read" }"#;
    let (agent, _) = guarded.token("agent", rules)?;
    let host = network.host("n1", 11)?;
    host.write("/consul/config/consul.json", SEED)?;
    guarded.give(&host, &json!({ "agent": agent, "default": agent }))?;
    let lictor = Lictor::on(&host, LICTOR).consul(version);
    let lictor = lictor.env("CONSUL_HTTP_TOKEN", &guarded.all).start()?;
    lictor.wait_status("the denial", START, |status| {
        let conditions = status["conditions"].as_array().into_iter().flatten();
        let mut registered = conditions.filter(|condition| condition["type"] == "Registered");
        registered.any(|condition| condition["reason"] == "RegistrationDenied")
    })?;
    Ok(())
}

#[test]
fn a_registration_that_acls_block_is_named_1_8_7() -> TestResult {
    a_registration_that_acls_block_is_named(Version::V1_8_7)
}

#[test]
fn a_registration_that_acls_block_is_named_1_22_5() -> TestResult {
    a_registration_that_acls_block_is_named(Version::V1_22_5)
}

/// A second agent at the same address, and a node that somebody has registered there by hand.
fn what_lives_or_was_registered_by_hand_stays(version: Version) -> TestResult {
    let seed = Seed::new(version);
    let beside = json!({
        "node_name": "beside", "data_dir": "/consul/beside", "client_addr": "127.0.0.1",
        "ports": { "http": 18500, "dns": -1, "serf_lan": 18301, "server": 18300 },
        "retry_join": ["10.111.67.1:8301"], "retry_interval": "1s", "bind_addr": "10.111.67.11",
    });
    seed.host.write("/consul/beside.json", beside.to_string())?;
    let api = "127.0.0.1:18500".parse()?;
    let arguments = ["agent", "-config-file=/consul/beside.json"];
    let place = (&seed.host).into();
    let _beside = testbed::agent::Agent::start(
        &place,
        testbed::process::Role::Child,
        version,
        &arguments,
        api,
    )?;
    let by_hand = json!({ "Node": "by-hand", "Address": "10.111.67.11", "NodeMeta": { "external-node": "true" } });
    seed.server.api().put("/v1/catalog/register", &by_hand)?;
    wait::until_ok("the other agent in the catalog", START, || {
        match seed.server.catalog().node("beside") {
            Ok(Some(_)) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })?;

    let lictor = seed.lictor(version).start()?;
    lictor.wait_log(
        "another agent shares our address at another port, beside",
        START,
    )?;
    lictor.wait_log("somebody has registered it by hand", START)?;
    let status = lictor.wait_condition("IdentityHeld", START)?;
    assert_eq!(status["agent"]["healed"], 0);
    for node in ["n1", "beside", "by-hand"] {
        assert!(seed.server.catalog().node(node)?.is_some(), "{node}");
    }
    Ok(())
}

#[test]
fn what_lives_or_was_registered_by_hand_stays_1_8_7() -> TestResult {
    what_lives_or_was_registered_by_hand_stays(Version::V1_8_7)
}

#[test]
fn what_lives_or_was_registered_by_hand_stays_1_22_5() -> TestResult {
    what_lives_or_was_registered_by_hand_stays(Version::V1_22_5)
}
