//! Stops without a leave, and a stop of what registers nothing.

use std::time::Duration;

use nix::sys::signal::Signal;
use testbed::TestResult;
use testbed::consul::{self, Version};
use testbed::lictor::binary_under_test;
use testbed::process::{Process, Program, Role};
use testbed::wait;

use crate::{START, STOP, Seed};

/// SIGQUIT, or `--on-stop stay`: the node stays in the catalog, and a start under the same identity finds it there.
fn stays(version: Version, arguments: &[&str], signal: Signal) -> TestResult {
    let seed = Seed::new(version);
    let start = || seed.lictor(version).args(arguments.iter().copied()).start();
    let lictor = start()?;
    let status = lictor.wait_condition("Registered", START)?;
    let on_stop = if arguments.is_empty() {
        "leave"
    } else {
        "stay"
    };
    assert_eq!(status["on_stop"], on_stop, "{status:#}");
    let id = status["agent"]["node_id"].clone();
    assert!(id.is_string(), "{status:#}");
    lictor.signal(signal)?;
    assert_eq!(lictor.exit(STOP)?, 0);
    assert!(
        lictor.log().contains("stopped without a leave"),
        "{}",
        lictor.log()
    );
    let catalog = seed.server.catalog();
    assert!(catalog.node("n1")?.is_some(), "it has left");

    let lictor = start()?;
    let status = lictor.wait_condition("Registered", START)?;
    assert_eq!(status["agent"]["node_id"], id);
    catalog.wait_member("n1", "alive", Duration::from_secs(10))?;
    assert_eq!(catalog.service("consul-members")?.len(), 1);
    Ok(())
}

#[test]
fn sigquit_stays_1_8_7() -> TestResult {
    stays(Version::V1_8_7, &[], Signal::SIGQUIT)
}

#[test]
fn on_stop_stay_1_22_5() -> TestResult {
    stays(Version::V1_22_5, &["--on-stop=stay"], Signal::SIGTERM)
}

#[test]
fn without_a_registration_the_node_alone_is_waited_for_and_leaves() -> TestResult {
    let seed = Seed::new(Version::V1_22_5);
    let lictor = seed
        .lictor(Version::V1_22_5)
        .arg("--no-registration")
        .start()?;
    lictor.wait_phase("Ready", START)?;
    wait::until_ok(
        "the node in the catalog",
        Duration::from_secs(20),
        || match seed.server.catalog().node("n1") {
            Ok(Some(node)) => Ok(node),
            Ok(None) => Err("no such node".to_owned()),
            Err(error) => Err(error.to_string()),
        },
    )?;
    assert!(seed.server.catalog().service("consul-members")?.is_empty());
    assert_eq!(
        lictor
            .control("status", &["--json"])?
            .success()?
            .matches("consul-members")
            .count(),
        0
    );
    lictor.term()?;
    assert_eq!(lictor.exit(STOP)?, 0);
    assert!(seed.server.catalog().node("n1")?.is_none());
    Ok(())
}

/// A reader of lictor's output who has stopped reading delays neither the agent nor its leave.
#[test]
fn a_full_output_does_not_hold_up_the_leave() -> TestResult {
    let seed = Seed::new(Version::V1_8_7);
    // The pipe is full from the start, and whoever holds its other end never reads.
    let script = "mkfifo /run/full && { sleep 600 < /run/full & } && exec > /run/full 2>&1 && \
                  head -c 65536 /dev/zero && exec \"$@\"";
    let program = Program::from(["sh", "-c", script, "sh"])
        .arg(binary_under_test(crate::LICTOR))
        .arg("run")
        .path_first(consul::directory(Version::V1_8_7)?);
    let lictor = Process::start(&(&seed.host).into(), Role::Pid1, "lictor", &program)?;
    seed.server
        .catalog()
        .wait_passing("consul-members", 1, START)?;
    lictor.signal(Signal::SIGTERM)?;
    assert_eq!(lictor.exit_code(STOP)?, 0);
    assert!(seed.server.catalog().node("n1")?.is_none());
    Ok(())
}
