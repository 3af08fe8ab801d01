//! `lictor run` on a terminal: Ctrl-Z is lictor's, and its program stops and goes on with it.

use testbed::net::{Host, Network};
use testbed::process::{Program, Role};
use testbed::{Place, TestResult};

use super::{COUNTER, PROMPT, SOON, Scene};

/// Its program is no agent: there is nothing to leave, so that it is stopped without a leave.
const RUN: &str = "lictor run --no-registration --on-stop stay --runtime-dir $DIR/run --";

/// A host of its own, because lictor asks for the agent's API where an agent of this machine might have its.
fn host() -> TestResult<(Network, Host)> {
    let network = Network::new()?;
    let host = network.host("n1", 11)?;
    Ok((network, host))
}

#[test]
fn ctrl_z_stops_both_and_fg_continues_both() -> TestResult {
    let (_network, host) = host()?;
    let scene = Scene::at(Place::from(&host), "run")?;
    let shell = scene.shell()?;
    shell.enter(&format!("{RUN} {COUNTER}"))?;
    scene.wait_counting()?;
    for _ in 0..2 {
        shell.stop()?;
        shell.resume()?;
        scene.wait_counting()?;
    }
    shell.terminal.press('C')?;
    shell.wait_for(PROMPT)?;
    shell.expect_code(0)
}

#[test]
fn ctrl_z_as_pid_1_is_survived() -> TestResult {
    let (_network, host) = host()?;
    let scene = Scene::at(Place::from(&host), "run-pid1")?;
    let script = format!("exec {RUN} {COUNTER}");
    let terminal = scene.start(Role::Pid1, Program::from(["sh", "-c", &script]))?;
    scene.wait_counting()?;
    for _ in 0..2 {
        terminal.press('Z')?;
        terminal.wait_for("^Z", SOON)?;
        scene.wait_counting()?;
    }
    terminal.press('C')?;
    assert_eq!(terminal.exit_code(SOON)?, 0);
    Ok(())
}
