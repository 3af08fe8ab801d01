//! Under an interactive shell, as a job in the foreground.

use testbed::TestResult;

use super::{ANSWERS, COUNTER, LASTING, PROMPT, Scene, UP, expect_answer};

fn stops_and_goes_on(test: &str, name: &str) -> TestResult {
    let scene = Scene::new(test)?;
    let shell = scene.shell()?;
    shell.enter(&format!("{name} -- {ANSWERS}"))?;
    expect_answer(&shell.terminal, "one")?;
    for line in ["two", "three"] {
        shell.stop()?;
        shell.resume()?;
        expect_answer(&shell.terminal, line)?;
    }
    shell.terminal.press('D')?;
    shell.wait_for(PROMPT)?;
    shell.expect_code(0)
}

#[test]
fn ctrl_z_stops_the_job_and_fg_continues_it() -> TestResult {
    stops_and_goes_on("ctrl-z", "lictor init")
}

#[test]
fn ctrl_z_stops_dumb_init_and_fg_continues_it() -> TestResult {
    stops_and_goes_on("ctrl-z-dumb-init", "dumb-init")
}

#[test]
fn ctrl_z_stops_tini_and_fg_continues_it() -> TestResult {
    stops_and_goes_on("ctrl-z-tini", "tini")
}

/// As a shell's own `suspend` does it: the terminal must not be left to a program that does not go on.
#[test]
fn a_program_that_stops_itself_stops_the_job() -> TestResult {
    let scene = Scene::new("suspends-itself")?;
    let shell = scene.shell()?;
    shell.enter("lictor init -- sh -c 'kill -STOP $$; echo up:$((1)); exit 6'")?;
    shell.wait_for("Stopped")?;
    shell.wait_for(PROMPT)?;
    shell.enter("fg")?;
    shell.wait_for(UP)?;
    shell.wait_for(PROMPT)?;
    shell.expect_code(6)
}

/// The program has no controlling terminal then, for that stays with the shell's session: lictor stops it.
#[test]
fn a_session_of_its_own_stops_with_lictor() -> TestResult {
    let scene = Scene::new("setsid-stops")?;
    let shell = scene.shell()?;
    shell.enter(&format!("lictor init --setsid -- {COUNTER}"))?;
    scene.wait_counting()?;
    for _ in 0..2 {
        shell.stop()?;
        shell.resume()?;
        scene.wait_counting()?;
    }
    shell.terminal.press('C')?;
    shell.wait_for(PROMPT)?;
    shell.expect_code(130)
}

#[test]
fn ctrl_c_and_ctrl_backslash_end_the_program_alone_by_their_signals() -> TestResult {
    let scene = Scene::new("ctrl-c")?;
    let shell = scene.shell()?;
    shell.run("ulimit -c 0")?;
    for (key, code) in [('C', 130), ('\\', 131)] {
        shell.enter(&format!("lictor init -- {LASTING}"))?;
        shell.wait_for(UP)?;
        shell.terminal.press(key)?;
        shell.wait_for(PROMPT)?;
        shell.expect_code(code)?;
    }
    Ok(())
}

/// lictor is in the background of its own program there, and a terminal with `tostop` stops whoever writes from there.
#[test]
fn lictors_own_lines_do_not_stop_it() -> TestResult {
    let scene = Scene::new("tostop")?;
    let shell = scene.shell()?;
    shell.run("stty tostop")?;
    shell.enter(&format!("lictor init -vv -- {ANSWERS}"))?;
    expect_answer(&shell.terminal, "one")?;
    shell.terminal.press('Z')?;
    shell.wait_for("was stopped by SIGTSTP")?;
    shell.wait_for("Stopped")?;
    shell.wait_for(PROMPT)?;
    shell.resume()?;
    expect_answer(&shell.terminal, "two")?;
    shell.terminal.press('D')?;
    shell.wait_for("the program exited")?;
    shell.wait_for(PROMPT)?;
    shell.expect_code(0)
}
