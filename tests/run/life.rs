//! The seed's setup from its start to its leave.

use std::time::Duration;

use nix::sys::signal::Signal;
use testbed::TestResult;
use testbed::consul::Version;
use testbed::wait;

use crate::{START, STOP, Seed};

fn the_seeds_life(version: Version) -> TestResult {
    let seed = Seed::new(version);
    let lictor = seed.lictor(version).start()?;
    let status = lictor.wait_phase("Ready", START)?;
    assert_eq!(status["address"]["ip"], "10.111.67.11");
    assert_eq!(status["registration"]["services"][0], "consul-10.111.67.11");
    assert_eq!(status["reload"]["count"], 0, "no reload is needed");
    for kind in [
        "AddressKnown",
        "ConfigGood",
        "AgentRunning",
        "Joined",
        "IdentityHeld",
        "Registered",
        "Ready",
    ] {
        assert_eq!(
            lictor.condition(kind)?.as_deref(),
            Some("True"),
            "{kind}: {status:#}"
        );
    }
    assert_eq!(lictor.control("ready", &[])?.success()?, "ready\n");
    lictor.control("live", &[])?.success()?;

    let services = seed.server.catalog().service("consul-members")?;
    let services = format!("{services:?}");
    assert!(services.contains("10.111.67.11"), "{services}");

    assert_eq!(lictor.control("reload", &[])?.success()?, crate::UNCHANGED);
    lictor.hup()?;
    lictor.wait_status("the second reload", Duration::from_secs(20), |status| {
        status["reload"]["count"] == 2
    })?;
    lictor.wait_condition("Registered", START)?;

    // A leave that more signals cannot break.
    lictor.term()?;
    lictor.wait_log("asking the agent to leave", Duration::from_secs(10))?;
    lictor.signal(Signal::SIGTERM)?;
    lictor.signal(Signal::SIGINT)?;
    lictor.hup()?;
    assert_eq!(lictor.exit(STOP)?, 0);
    assert!(seed.server.catalog().node("n1")?.is_none());
    seed.server
        .catalog()
        .wait_member("n1", "left", Duration::from_secs(5))?;
    assert_eq!(lictor.log().matches("asking the agent to leave").count(), 1);
    Ok(())
}

#[test]
fn the_seeds_life_1_8_7() -> TestResult {
    the_seeds_life(Version::V1_8_7)
}

#[test]
fn the_seeds_life_1_22_5() -> TestResult {
    the_seeds_life(Version::V1_22_5)
}

/// A SIGHUP in an agent's first moments would end it; lictor keeps it until it can be taken.
fn early_hangups(version: Version) -> TestResult {
    let seed = Seed::new(version);
    let lictor = seed.lictor(version).start()?;
    // Whatever has happened by then: the process exists, and its signals are blocked or read.
    lictor.hup()?;
    lictor.wait_log("agent started", Duration::from_secs(20))?;
    lictor.hup()?;
    let status = lictor.wait_status("a reload and readiness", START, |status| {
        status["phase"] == "Ready" && status["reload"]["count"].as_u64() >= Some(1)
    })?;
    assert_eq!(status["agent"]["restarts"], 0);
    assert_eq!(status["reload"]["last"], crate::UNCHANGED.trim());
    Ok(())
}

#[test]
fn early_hangups_1_8_7() -> TestResult {
    early_hangups(Version::V1_8_7)
}

#[test]
fn early_hangups_1_22_5() -> TestResult {
    early_hangups(Version::V1_22_5)
}

/// Not as PID 1 it becomes a subreaper: the agent's orphans end up with lictor, and as PID 1 just the same.
#[test]
fn orphans_are_reaped_whether_pid_1_or_not() -> TestResult {
    for pid1 in [true, false] {
        let seed = Seed::new(Version::V1_8_7);
        let script =
            "(sh -c 'sleep 0.2; exit 3' &) ; exec consul agent -config-dir=/consul/config \"$@\"";
        let lictor = seed
            .lictor(Version::V1_8_7)
            .arg("--log-level=debug")
            .command(["sh", "-c", script, "agent"]);
        let lictor = if pid1 { lictor } else { lictor.not_pid1() }.start()?;
        lictor.wait_log("which exited with 3", START)?;
        lictor.wait_phase("Ready", START)?;
        wait::until(
            "only the agent left below lictor",
            Duration::from_secs(10),
            || {
                lictor
                    .children()
                    .ok()
                    .filter(|children| children.len() == 1)
            },
        )?;
    }
    Ok(())
}
