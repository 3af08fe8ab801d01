//! What is no other address: one that comes back in time, one that comes beside, one that an agent cannot be moved from.

use serde_json::json;
use testbed::TestResult;
use testbed::consul::Version;
use testbed::lictor::Running;
use testbed::wait;

use crate::moved::{NEW, OLD, PATIENT, QUICK, SOON, replace, start, wait_moved};
use crate::{START, STOP, Seed};

/// The agent was neither restarted nor reloaded, and has the address that it had.
fn nothing_has_happened(lictor: &Running) -> TestResult {
    let status = lictor.status()?;
    assert_eq!(status["address"]["ip"], OLD, "{status:#}");
    assert_eq!(status["agent"]["restarts"], 0, "{status:#}");
    assert_eq!(status["reload"]["count"], 0, "{status:#}");
    Ok(())
}

/// An interface that goes and returns.
fn within_the_grace(version: Version) -> TestResult {
    let seed = Seed::new(version);
    let lictor = start(&seed, version, &[PATIENT])?;
    seed.host.ip(["link", "set", "eth0", "down"])?;
    lictor.wait_log("address 10.111.67.11 is gone", SOON)?;
    seed.host.ip(["link", "set", "eth0", "up"])?;
    lictor.wait_log("within --address-grace", SOON)?;
    assert_eq!(lictor.condition("AddressKnown")?.as_deref(), Some("True"));
    replace(&seed.host, OLD, NEW)?;
    replace(&seed.host, NEW, OLD)?;
    nothing_has_happened(&lictor)?;
    lictor.wait_phase("Ready", START)?;
    seed.server.catalog().wait_passing("by-api", 1, START)?;
    nothing_has_happened(&lictor)
}

#[test]
fn an_address_that_returns_in_time_was_never_gone_1_8_7() -> TestResult {
    within_the_grace(Version::V1_8_7)
}

#[test]
fn an_address_that_returns_in_time_was_never_gone_1_22_5() -> TestResult {
    within_the_grace(Version::V1_22_5)
}

/// Without an address the agent is of no use, and with it again it is what it was.
fn after_the_grace(version: Version) -> TestResult {
    let seed = Seed::new(version);
    let lictor = start(&seed, version, &[QUICK])?;
    let net = format!("{OLD}/24");
    seed.host.ip(["addr", "del", &net, "dev", "eth0"])?;
    let gone = lictor.wait_status("no address", SOON, |status| {
        let conditions = status["conditions"].as_array().into_iter().flatten();
        let mut known = conditions.filter(|condition| condition["type"] == "AddressKnown");
        known.any(|condition| condition["status"] == "False" && condition["reason"] == "Gone")
    })?;
    assert_eq!(
        lictor.condition("Ready")?.as_deref(),
        Some("False"),
        "{gone:#}"
    );
    seed.host.ip(["addr", "add", &net, "dev", "eth0"])?;
    lictor.wait_condition("AddressKnown", SOON)?;
    lictor.wait_condition("Ready", START)?;
    nothing_has_happened(&lictor)?;
    // The same with the interface, and then it has another one.
    seed.host.ip(["link", "set", "eth0", "down"])?;
    lictor.wait_log("not ready: 10.111.67.11 is gone", SOON)?;
    replace(&seed.host, OLD, NEW)?;
    seed.host.ip(["link", "set", "eth0", "up"])?;
    wait_moved(&seed.server, &lictor, NEW)
}

#[test]
fn without_an_address_it_is_not_ready_1_8_7() -> TestResult {
    after_the_grace(Version::V1_8_7)
}

#[test]
fn without_an_address_it_is_not_ready_1_22_5() -> TestResult {
    after_the_grace(Version::V1_22_5)
}

/// Whoever asks meanwhile is told: `status` that it is gone, and `reload` that nobody may hear of it.
#[test]
fn what_is_asked_within_the_grace_is_answered_truly() -> TestResult {
    let version = Version::V1_22_5;
    let seed = Seed::new(version);
    let lictor = start(&seed, version, &[PATIENT])?;
    let net = format!("{OLD}/24");
    seed.host.ip(["addr", "del", &net, "dev", "eth0"])?;
    let status = lictor.wait_status("the address gone", SOON, |status| {
        status["conditions"][0]["reason"] == "Gone"
    })?;
    let known = &status["conditions"][0];
    assert_eq!(known["type"], "AddressKnown", "{status:#}");
    assert_eq!(known["status"], "Unknown", "{status:#}");
    let said = known["message"].to_string();
    assert!(said.contains("--address-grace, 300.0 s"), "{said}");
    assert_eq!(lictor.condition("Ready")?.as_deref(), Some("True"));
    let why = "address 10.111.67.11 has been gone for";
    // Its bind_addr is a template, and names no address now.
    let failed = lictor.control("reload", &[])?.stderr;
    let both = format!("bind_addr cannot be empty; {why}");
    assert!(failed.contains(&both), "{failed}");
    let bind = json!({ "bind_addr": OLD }).to_string();
    seed.host.write("/consul/config/z.json", bind)?;
    let text = lictor.control("reload", &["--force"])?.success()?;
    assert!(text.contains(&format!("warning: {why}")), "{text}");
    let json = lictor
        .control("reload", &["--force", "--json"])?
        .success()?;
    let report: serde_json::Value = serde_json::from_str(&json)?;
    assert!(report["warnings"].to_string().contains(why), "{report:#}");
    Ok(())
}

/// The seed's agent is bound to the address that goes, so that no other one could be started to finish its leave.
fn a_stop_without_an_address(version: Version) -> TestResult {
    let seed = Seed::new(version);
    let lictor = start(&seed, version, &[PATIENT, "--stop-timeout=15s"])?;
    let net = format!("{OLD}/24");
    seed.host.ip(["addr", "del", &net, "dev", "eth0"])?;
    lictor.wait_log("address 10.111.67.11 is gone", SOON)?;
    lictor.term()?;
    assert_eq!(lictor.exit(STOP)?, 115, "{}", lictor.log());
    let log = lictor.log();
    let why = "address 10.111.67.11, to which the agent is bound, has been gone for";
    assert!(log.contains(why), "{log}");
    assert_eq!(log.matches("DEBUG action Spawn").count(), 1, "{log}");
    Ok(())
}

#[test]
fn a_stop_without_an_address_1_8_7() -> TestResult {
    a_stop_without_an_address(Version::V1_8_7)
}

#[test]
fn a_stop_without_an_address_1_22_5() -> TestResult {
    a_stop_without_an_address(Version::V1_22_5)
}

/// Waits until lictor has looked once more than before.
fn looks(lictor: &Running, change: impl FnOnce() -> TestResult) -> TestResult {
    let count = || lictor.log().matches("event Looked(").count();
    let before = count();
    change()?;
    wait::until("a look", SOON, || (count() > before).then_some(()))?;
    Ok(())
}

/// What comes beside the address changes nothing, even where nobody could choose any more.
#[test]
fn an_address_that_comes_changes_nothing() -> TestResult {
    let version = Version::V1_22_5;
    let seed = Seed::new(version);
    let lictor = start(&seed, version, &[QUICK])?;
    looks(&lictor, || {
        seed.host
            .ip(["addr", "add", "10.111.67.200/32", "dev", "eth0"])?;
        Ok(())
    })?;
    looks(&lictor, || {
        seed.host
            .add_link("eth1", &["10.111.67.31/24"])
            .map_err(Into::into)
    })?;
    looks(&lictor, || {
        seed.host
            .ip(["addr", "del", "10.111.67.200/32", "dev", "eth0"])?;
        Ok(())
    })?;
    // It may move to another interface, as long as that is one that is wanted.
    seed.host
        .ip(["addr", "del", "10.111.67.31/24", "dev", "eth1"])?;
    looks(&lictor, || {
        replace(&seed.host, OLD, "10.111.67.31")?;
        seed.host
            .ip(["addr", "add", "10.111.67.11/24", "dev", "eth1"])?;
        Ok(())
    })?;
    lictor.wait_status("its interface", SOON, |status| {
        status["address"]["interface"] == "eth1"
    })?;
    nothing_has_happened(&lictor)?;
    seed.server.catalog().wait_passing("by-api", 1, START)?;
    Ok(())
}

/// On a router they change all the time. Where the kernel told of them, each second of this would have been a look.
#[test]
fn routes_that_decide_nothing_are_not_looked_into() -> TestResult {
    let version = Version::V1_22_5;
    let seed = Seed::new(version);
    let lictor = start(&seed, version, &[QUICK])?;
    let route = |what: &str, net: &str| seed.host.ip(["route", what, net, "dev", "eth0"]);
    let changes = || lictor.log().matches("event AddressesChanged").count();
    // What the links have still had to say is said.
    looks(&lictor, || {
        route("add", "default")?;
        Ok(())
    })?;
    let before = changes();
    for number in 0..40 {
        let net = format!("10.200.{number}.0/24");
        route("add", &net)?;
        route("del", &net)?;
    }
    // Word comes in the order in which things happen.
    looks(&lictor, || {
        route("del", "default")?;
        Ok(())
    })?;
    assert_eq!(changes(), before + 1, "{}", lictor.log());
    nothing_has_happened(&lictor)
}

/// An agent whose own files name the address that is gone could not be started with another one.
#[test]
fn an_agent_whose_files_name_its_address_is_not_moved() -> TestResult {
    let version = Version::V1_8_7;
    let seed = Seed::new(version);
    let bind = json!({ "bind_addr": OLD }).to_string();
    seed.host.write("/consul/config/z.json", bind)?;
    let lictor = start(&seed, version, &[QUICK])?;
    replace(&seed.host, OLD, NEW)?;
    lictor.wait_log(
        "not ready: 10.111.67.11 is gone, and 10.111.67.12 is there: the agent's own configuration has bind_addr",
        SOON,
    )?;
    assert_eq!(lictor.condition("AddressKnown")?.as_deref(), Some("False"));
    nothing_has_happened(&lictor)?;
    replace(&seed.host, NEW, OLD)?;
    lictor.wait_condition("AddressKnown", SOON)?;
    lictor.wait_condition("Ready", START)?;
    nothing_has_happened(&lictor)
}
