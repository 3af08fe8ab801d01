//! Under an interactive shell, as a job in the background.

use testbed::{TestResult, wait};

use super::{COUNTER, PROMPT, SOON, Scene, Shell, expect_answer};

/// Waits until the shell says that its job, which is lictor, is stopped.
fn wait_stopped(shell: &Shell) -> TestResult {
    wait::until_ok("a stopped job", SOON, || {
        let jobs = shell.run("jobs").unwrap_or_else(|raised| match raised {});
        jobs.contains("Stopped").then_some(()).ok_or(jobs)
    })?;
    Ok(())
}

#[test]
fn bg_lets_the_program_go_on_and_the_shell_keeps_the_terminal() -> TestResult {
    let scene = Scene::new("bg")?;
    let shell = scene.shell()?;
    shell.enter(&format!("lictor init -- {COUNTER}"))?;
    scene.wait_counting()?;
    for _ in 0..2 {
        shell.stop()?;
        shell.run("bg")?;
        scene.wait_counting()?;
        assert_eq!(shell.terminal.foreground()?, shell.group);
        shell.resume()?;
        scene.wait_counting()?;
    }
    shell.stop()?;
    shell.run("bg")?;
    shell.run("kill %1; wait %1")?;
    shell.expect_code(143)
}

#[test]
fn a_program_in_the_background_is_stopped_when_it_reads_and_fg_lets_it() -> TestResult {
    let scene = Scene::new("reads")?;
    let shell = scene.shell()?;
    shell.run("lictor init -- sh -c 'read line; echo got:$line' &")?;
    wait_stopped(&shell)?;
    shell.resume()?;
    expect_answer(&shell.terminal, "line")?;
    shell.wait_for(PROMPT)?;
    shell.expect_code(0)
}

#[test]
fn a_program_in_the_background_is_stopped_when_it_may_not_write_and_fg_lets_it() -> TestResult {
    let scene = Scene::new("writes")?;
    let shell = scene.shell()?;
    shell.run("stty tostop")?;
    shell.run("lictor init -- sh -c 'echo wrote:$((1))' &")?;
    wait_stopped(&shell)?;
    assert!(!shell.terminal.log().contains("wrote:1"));
    shell.enter("fg")?;
    shell.wait_for("wrote:1\n")?;
    shell.wait_for(PROMPT)?;
    shell.expect_code(0)
}
