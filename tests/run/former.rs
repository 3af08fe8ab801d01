//! What becomes of everything else while a node leaves as what it was.

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use testbed::TestResult;
use testbed::agent::Client;
use testbed::consul::Version;
use testbed::lictor::Running;
use testbed::process::Process;

use crate::identity::{HEARD, is_known, kill, leave, ready, rename};
use crate::{SEED, START, STOP, Seed};

/// A host that was called n1 until its agent was killed, and is n2.
fn renamed(seed: &Seed, version: Version) -> TestResult<Running> {
    let lictor = ready(seed, version, &[])?;
    kill(&lictor)?;
    rename(seed, "n2")?;
    Ok(seed.lictor(version).start()?)
}

fn starts(log: &str) -> usize {
    log.matches("agent started, pid").count()
}

/// The agent runs as n1, to leave.
fn wait_former(lictor: &Running) -> TestResult<Value> {
    let status = lictor.wait_status("an agent that leaves as n1", START, |status| {
        let conditions = status["conditions"].as_array();
        conditions.is_some_and(|conditions| {
            conditions.iter().any(|condition| {
                condition["type"] == "IdentityHeld" && condition["reason"] == "LeavingAsFormer"
            })
        })
    })?;
    Ok(status)
}

/// Whether the stop came in time: on a slow machine it may come only after the other leave.
fn stops_in_time(version: Version) -> TestResult<bool> {
    let seed = Seed::new(version);
    let lictor = renamed(&seed, version)?;
    wait_former(&lictor)?;
    let ready = lictor.is_ready()?;
    leave(&lictor)?;
    let log = lictor.log();
    if log.contains("n1 has left") {
        return Ok(false);
    }
    assert!(!ready, "{log}");
    let catalog = seed.server.catalog();
    catalog.wait_gone("n1", HEARD)?;
    catalog.wait_member("n1", "left", HEARD)?;
    assert_eq!(catalog.node("n2")?, None);
    assert_eq!(starts(&log), 1);
    Ok(true)
}

fn a_stop_while_it_leaves_as_what_it_was_is_a_leave(version: Version) -> TestResult {
    for _ in 0..5 {
        if stops_in_time(version)? {
            return Ok(());
        }
    }
    panic!("no stop came while the agent was leaving as what it was");
}

on_both_versions!(a_stop_while_it_leaves_as_what_it_was_is_a_leave);

/// lictor is told of an API that is nobody's: all that it hears is that the agent has joined.
fn without_an_answer(version: Version) -> TestResult {
    let seed = Seed::new(version);
    let lictor = ready(&seed, version, &[])?;
    kill(&lictor)?;
    rename(&seed, "n2")?;
    let lictor = seed.lictor(version);
    let lictor = lictor.env("CONSUL_HTTP_ADDR", "127.0.0.1:1").start()?;
    lictor.wait_log("n1 has left", HEARD)?;
    let catalog = seed.server.catalog();
    catalog.wait_gone("n1", HEARD)?;
    catalog.wait_member("n1", "left", HEARD)?;
    catalog.wait_member("n2", "alive", HEARD)?;
    lictor.signal(Signal::SIGQUIT)?;
    assert_eq!(lictor.exit(STOP)?, 0);
    Ok(())
}

#[test]
fn one_whose_api_does_not_answer_leaves_by_a_signal_1_8_7() -> TestResult {
    without_an_answer(Version::V1_8_7)
}

#[test]
fn one_whose_api_does_not_answer_leaves_by_a_signal_1_22_5() -> TestResult {
    without_an_answer(Version::V1_22_5)
}

/// It crashes before it has left: the agent starts as it is all the same.
#[test]
fn a_crash_meanwhile_is_told_and_the_agent_starts_as_it_is() -> TestResult {
    let version = Version::V1_22_5;
    let seed = Seed::new(version);
    let lictor = ready(&seed, version, &[])?;
    kill(&lictor)?;
    rename(&seed, "n2")?;
    // It has nobody to join, so it is there for a while.
    seed.server.signal(Signal::SIGKILL)?;
    let lictor = seed.lictor(version).start()?;
    wait_former(&lictor)?;
    lictor.wait_log("agent started, pid", START)?;
    for agent in lictor.children()? {
        nix::sys::signal::kill(agent, Signal::SIGKILL)?;
    }
    lictor.wait_log("the leave as n1 is not confirmed", START)?;
    lictor.wait_log("the agent answers: Consul 1.22.5 as node n2", START)?;
    assert_eq!(starts(&lictor.log()), 2);
    lictor.signal(Signal::SIGQUIT)?;
    assert_eq!(lictor.exit(STOP)?, 0);
    Ok(())
}

fn what_the_api_registered_is_there_under_the_new_name(version: Version) -> TestResult {
    let seed = Seed::new(version);
    let lictor = ready(&seed, version, &[])?;
    let api = lictor.api();
    api.put(
        "/v1/agent/service/register",
        &json!({ "ID": "web", "Name": "web", "Port": 80 }),
    )?;
    let check = json!({
        "ID": "up", "Name": "up", "ServiceID": "web", "TCP": "127.0.0.1:8500", "Interval": "1s",
    });
    api.put("/v1/agent/check/register", &check)?;
    let catalog = seed.server.catalog();
    catalog.wait_passing("web", 1, HEARD)?;
    kill(&lictor)?;
    rename(&seed, "n2")?;
    let lictor = ready(&seed, version, &[])?;
    is_known(&seed, "n2", "10.111.67.11", "n1")?;
    let found = catalog.wait_passing("web", 1, HEARD)?;
    assert_eq!(found[0]["Node"]["Node"], "n2");
    assert!(catalog.checks("n2")?.contains_key("up"));
    leave(&lictor)
}

on_both_versions!(what_the_api_registered_is_there_under_the_new_name);

/// Only Serf's own snapshot knows what it was.
fn an_agent_that_ran_without_lictor_leaves_as_what_it_was(version: Version) -> TestResult {
    let seed = Seed::new(version);
    seed.host.write(
        "/consul/config/quiet.json",
        r#"{"disable_update_check": true}"#,
    )?;
    let agent = Client::configured(&seed.host, version)?;
    agent.wait_leader()?;
    seed.server.catalog().wait_member("n1", "alive", HEARD)?;
    // It keeps a line for half a second before it writes it.
    let known = "grep -q 'alive: n1 ' /consul/data/serf/local.snapshot";
    testbed::wait::until("n1 in Serf's snapshot", HEARD, || {
        let looked = seed.host.run(["sh", "-c", known]).ok()?;
        looked.status.success().then_some(())
    })?;
    let process: &Process = agent.process();
    process.signal(Signal::SIGKILL)?;
    assert_eq!(process.exit_code(STOP)?, 137);
    rename(&seed, "n2")?;
    let lictor = ready(&seed, version, &[])?;
    assert!(lictor.log().contains("n1 has left"), "{}", lictor.log());
    is_known(&seed, "n2", "10.111.67.11", "n1")?;
    leave(&lictor)
}

on_both_versions!(an_agent_that_ran_without_lictor_leaves_as_what_it_was);

/// Neither an option nor `-hcl` nor a file that says what the node is called and where is in the way of what it was.
#[test]
fn a_new_name_of_the_configuration_is_a_new_name() -> TestResult {
    let version = Version::V1_8_7;
    let seed = Seed::new(version);
    seed.host
        .write("/consul/config/name.hcl", "node_name = \"first\"")?;
    let lictor = ready(&seed, version, &[])?;
    is_known(&seed, "first", "10.111.67.11", "n1")?;
    kill(&lictor)?;
    // What HCL calls it is what it was.
    let lictor = ready(&seed, version, &["--on-rename=refuse"])?;
    assert_eq!(starts(&lictor.log()), 1);
    kill(&lictor)?;
    seed.host
        .write("/consul/config/name.hcl", "node_name = \"unused\"")?;
    let lictor = seed
        .lictor(version)
        .command([
            "agent",
            "-config-dir=/consul/config",
            "-node=unused",
            "-hcl=node_name = \"second\"",
            "-hcl=advertise_addr_ipv4 = \"10.111.67.11\"",
        ])
        .start()?;
    lictor.wait_phase("Ready", START)?;
    is_known(&seed, "second", "10.111.67.11", "first")?;
    let log = lictor.log();
    assert!(log.contains("first has left"), "{log}");
    leave(&lictor)
}

/// The address was literally the one that has gone.
#[test]
fn an_address_that_was_bound_to_is_left_from_another_one() -> TestResult {
    let version = Version::V1_22_5;
    let seed = Seed::new(version);
    let lictor = ready(&seed, version, &["--bind", "--advertise"])?;
    kill(&lictor)?;
    seed.host
        .ip(["addr", "flush", "dev", "eth0", "scope", "global"])?;
    seed.host
        .ip(["addr", "add", "10.111.67.12/24", "dev", "eth0"])?;
    let lictor = ready(&seed, version, &["--bind", "--advertise"])?;
    is_known(&seed, "n1", "10.111.67.12", "n1")?;
    assert!(
        lictor.log().contains("the node at 10.111.67.11 has left"),
        "{}",
        lictor.log()
    );
    leave(&lictor)
}

/// There is room for nothing, and the id is the same.
fn a_disk_that_is_full_costs_no_identity(version: Version) -> TestResult {
    let seed = Seed::new(version);
    seed.host.run(["mkdir", "-p", "/consul/data"])?.success()?;
    seed.host
        .mount(["-t", "tmpfs", "-o", "size=256k", "none", "/consul/data"])?;
    assert!(SEED.contains("/consul/data"));
    let lictor = ready(&seed, version, &[])?;
    let id = seed.host.read("/consul/data/node-id")?;
    leave(&lictor)?;
    let fill =
        "rm /consul/data/node-id; dd if=/dev/zero of=/consul/data/full bs=4k 2> /dev/null; true";
    seed.host.run(["sh", "-c", fill])?.success()?;
    let lictor = ready(&seed, version, &[])?;
    let log = lictor.log();
    let told = format!("the agent gets its id as -node-id={id}");
    assert!(log.contains(&told), "{log}");
    let agent = lictor.api().get("/v1/agent/self")?;
    assert_eq!(agent["Config"]["NodeID"], id);
    leave(&lictor)
}

on_both_versions!(a_disk_that_is_full_costs_no_identity);

/// Whom it knew is all that tells it whom to join, and a leave would have forgotten that.
fn one_that_was_joined_by_hand_still_knows_whom_to_join(version: Version) -> TestResult {
    let seed = Seed::new(version);
    let config = json!({
        "data_dir": "/consul/data",
        "bind_addr": "{{ GetInterfaceIP \"eth0\" }}",
        "disable_update_check": true,
    });
    seed.host
        .write("/consul/config/consul.json", config.to_string())?;
    let lictor = seed.lictor(version).start()?;
    lictor.wait_log("the agent answers", START)?;
    lictor
        .api()
        .put("/v1/agent/join/10.111.67.1", &Value::Null)?;
    lictor.wait_phase("Ready", START)?;
    // It writes what it has learned of one member when it learns of the next.
    let other = seed.network.host("n3", 13)?;
    let other = Client::start(&other, version, &["10.111.67.1"])?;
    other.wait_leader()?;
    let known = "grep -q 'alive: s1' /consul/data/serf/local.snapshot";
    testbed::wait::until("the server in Serf's snapshot", HEARD, || {
        let looked = seed.host.run(["sh", "-c", known]).ok()?;
        looked.status.success().then_some(())
    })?;
    kill(&lictor)?;
    rename(&seed, "n2")?;
    let lictor = ready(&seed, version, &[])?;
    assert!(lictor.log().contains("n1 has left"), "{}", lictor.log());
    is_known(&seed, "n2", "10.111.67.11", "n1")?;
    leave(&lictor)
}

on_both_versions!(one_that_was_joined_by_hand_still_knows_whom_to_join);
