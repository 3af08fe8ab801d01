//! What becomes of an agent that ends by itself.

use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use testbed::TestResult;
use testbed::consul::Version;
use testbed::lictor::Running;

use crate::{START, STOP, Seed};

/// Sends the agent a signal from outside, as the kernel's OOM killer or somebody's shell would.
fn signal_the_agent(lictor: &Running, signal: Signal) -> TestResult {
    let children = lictor.children()?;
    assert_eq!(children.len(), 1, "the agent is lictor's only child");
    Ok(kill(children[0], signal)?)
}

#[test]
fn a_crashed_agent_is_restarted_in_place() -> TestResult {
    let seed = Seed::new(Version::V1_22_5);
    let lictor = seed.lictor(Version::V1_22_5).start()?;
    lictor.wait_phase("Ready", START)?;
    signal_the_agent(&lictor, Signal::SIGKILL)?;
    let status = lictor.wait_status("a restarted agent that is ready", START, |status| {
        status["agent"]["restarts"] == 1 && status["phase"] == "Ready"
    })?;
    assert_eq!(status["address"]["ip"], "10.111.67.11");
    lictor.term()?;
    assert_eq!(lictor.exit(STOP)?, 0);
    Ok(())
}

#[test]
fn without_restarts_the_agents_code_is_passed_on() -> TestResult {
    let seed = Seed::new(Version::V1_8_7);
    seed.host.write("/dev/termination-log", "")?;
    let lictor = seed
        .lictor(Version::V1_8_7)
        .arg("--restart=never")
        .start()?;
    lictor.wait_phase("Ready", START)?;
    signal_the_agent(&lictor, Signal::SIGKILL)?;
    assert_eq!(lictor.exit(STOP)?, 137);
    let reason = seed.host.read("/dev/termination-log")?;
    assert!(reason.contains("was ended by signal 9"), "{reason}");
    Ok(())
}

#[test]
fn an_agent_that_was_asked_to_leave_by_hand_ends_lictor_with_0() -> TestResult {
    let seed = Seed::new(Version::V1_8_7);
    let lictor = seed.lictor(Version::V1_8_7).start()?;
    lictor.wait_phase("Ready", START)?;
    lictor
        .api()
        .put("/v1/agent/leave", &serde_json::Value::Null)?;
    assert_eq!(lictor.exit(STOP)?, 0);
    Ok(())
}

#[test]
fn a_bad_configuration_ends_lictor_with_the_agents_code_and_last_words() -> TestResult {
    let seed = Seed::new(Version::V1_22_5);
    seed.host.write("/dev/termination-log", "")?;
    seed.host
        .write("/consul/config/bad.json", r#"{"no_such_key": 1}"#)?;
    let lictor = seed.lictor(Version::V1_22_5).start()?;
    assert_eq!(lictor.exit(START)?, 1);
    let reason = seed.host.read("/dev/termination-log")?;
    assert!(reason.contains("no_such_key"), "{reason}");
    let file = "failed to parse /consul/config/bad.json";
    assert!(reason.contains(file), "by the user's name of it: {reason}");
    assert!(reason.contains("never ready"), "{reason}");
    Ok(())
}

#[test]
fn an_agent_without_servers_ends_at_the_start_timeout() -> TestResult {
    let seed = Seed::new(Version::V1_8_7);
    seed.host.cut()?;
    let lictor = seed
        .lictor(Version::V1_8_7)
        .args(["--start-timeout=3s", "--address=10.111.67.11"])
        .start()?;
    assert_eq!(lictor.exit(Duration::from_secs(30))?, 112);
    assert!(lictor.log().contains("--start-timeout"), "{}", lictor.log());
    Ok(())
}
