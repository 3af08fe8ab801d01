//! As PID 1 with a terminal: `docker run -it`.

use nix::sys::signal::Signal;
use testbed::probe::probe;
use testbed::process::{Program, Role};
use testbed::terminal::Terminal;
use testbed::{Place, TestResult, wait};

use super::{ANSWERS, LASTING, PROMPT, SOON, Scene, UP, expect_answer};

/// What the probe shows of itself, as `lictor init` with these options has started it.
fn shown(test: &str, role: Role, options: &str) -> TestResult<Shown> {
    let scene = Scene::new(test)?;
    let program = Program::from(["lictor", "init"])
        .args(options.split_whitespace())
        .arg("--")
        .arg(probe()?)
        .arg("show");
    let terminal = scene.start(role, program)?;
    let text = terminal.wait_for("ctty yes\n", SOON)?;
    assert_eq!(terminal.exit_code(SOON)?, 0);
    Ok(Shown(text))
}

struct Shown(String);

impl Shown {
    fn get(&self, item: &str) -> &str {
        let mut lines = self.0.lines();
        let found = lines.find_map(|line| line.strip_prefix(item)?.strip_prefix(' '));
        found.unwrap_or_else(|| panic!("no {item} in {:?}", self.0))
    }
}

#[test]
fn the_program_has_the_terminal_to_itself() -> TestResult {
    for role in [Role::Pid1, Place::Here.child_role()] {
        let shown = shown("to-itself", role, "")?;
        for item in ["pgid", "foreground"] {
            assert_eq!(shown.get(item), shown.get("pid"), "{item}");
        }
        // The session is lictor's, which leads it.
        assert_eq!(shown.get("sid"), shown.get("ppid"));
    }
    Ok(())
}

#[test]
fn a_session_of_its_own_has_the_terminal_too() -> TestResult {
    for role in [Role::Pid1, Place::Here.child_role()] {
        let shown = shown("session", role, "--setsid")?;
        for item in ["pgid", "sid", "foreground"] {
            assert_eq!(shown.get(item), shown.get("pid"), "{item}");
        }
    }
    Ok(())
}

/// The kernel tells lictor that it has lost its terminal, and that is not the program's business.
#[test]
fn handing_the_terminal_over_sends_the_program_no_signal() -> TestResult {
    let scene = Scene::new("hand-over")?;
    let program = Program::from(["lictor", "init", "--setsid", "--"])
        .arg(probe()?)
        .args(["signals", "stay"]);
    let terminal = scene.start(Role::Pid1, program)?;
    terminal.wait_for("ready\n", SOON)?;
    terminal.signal(Signal::SIGUSR1)?;
    assert_eq!(terminal.wait_for("10\n", SOON)?, "10\n");
    // Of signals that wait the lower number comes first, so any other one would be there before this one.
    terminal.signal_number(64)?;
    assert_eq!(terminal.wait_for("64\n", SOON)?, "64\n");
    Ok(())
}

/// Nobody could continue what Ctrl-Z stops there.
#[test]
fn ctrl_z_is_survived() -> TestResult {
    let scene = Scene::new("survived")?;
    let terminal = scene.container(&format!("lictor init -vv -- {ANSWERS}"))?;
    expect_answer(&terminal, "one")?;
    for line in ["two", "three"] {
        terminal.press('Z')?;
        terminal.wait_for("was stopped by SIGTSTP", SOON)?;
        expect_answer(&terminal, line)?;
    }
    ends_by_ctrl_d(&terminal)
}

/// The program's group has the terminal before the program runs, which could not know what to do about a stop.
#[test]
fn ctrl_z_before_the_program_runs_is_survived() -> TestResult {
    let scene = Scene::new("survived-early")?;
    for _ in 0..100 {
        let terminal = scene.container("lictor init -- sleep 1000")?;
        wait::until("a child", SOON, || {
            (!terminal.children().ok()?.is_empty()).then_some(())
        })?;
        terminal.press('Z')?;
        terminal.signal(Signal::SIGTERM)?;
        assert_eq!(terminal.exit_code(SOON)?, 128 + 15);
    }
    Ok(())
}

/// Likewise Ctrl-\\, which may end the child, or lictor with it as long as they share their memory; but nobody waits for ever.
#[test]
fn ctrl_backslash_before_the_program_runs_is_an_end() -> TestResult {
    let scene = Scene::new("quit-early")?;
    for _ in 0..100 {
        let terminal = scene.container("lictor init -- sleep 1000")?;
        wait::until("a child", SOON, || {
            (!terminal.children().ok()?.is_empty()).then_some(())
        })?;
        terminal.press('\\')?;
        let code = terminal.exit_code(SOON)?;
        assert!([128 + 3, 128 + 9].contains(&code), "{code}");
    }
    Ok(())
}

/// A stop that has lost its reason: the program has the terminal which it is told to keep its hands off.
#[test]
fn a_program_that_has_the_terminal_does_not_stay_stopped() -> TestResult {
    let scene = Scene::new("own-terminal")?;
    let terminal = scene.container(&format!("lictor init -vv -- {ANSWERS}"))?;
    expect_answer(&terminal, "one")?;
    for signal in [Signal::SIGTTIN, Signal::SIGTTOU] {
        terminal.signal(signal)?;
        terminal.wait_for("was stopped by", SOON)?;
        expect_answer(&terminal, "two")?;
    }
    ends_by_ctrl_d(&terminal)
}

/// Somebody below the program took the terminal and died with it.
#[test]
fn a_terminal_that_nobody_has_is_given_to_the_program() -> TestResult {
    let scene = Scene::new("nobodys")?;
    // An interactive shell takes the terminal for a group of its own, and SIGKILL leaves it no time to give it back.
    let program = "bash --norc -ic 'kill -9 $$'; read line; echo got:$line";
    let terminal = scene.start(
        Role::Pid1,
        Program::from(["lictor", "init", "--", "sh", "-c", program]),
    )?;
    terminal.wait_for("Killed", SOON)?;
    expect_answer(&terminal, "read")?;
    assert_eq!(terminal.exit_code(SOON)?, 0);
    Ok(())
}

#[test]
fn ctrl_z_is_survived_under_other_names() -> TestResult {
    let scene = Scene::new("survived-names")?;
    for name in ["tini", "dumb-init", "lictor init --setsid"] {
        let terminal = scene.container(&format!("{name} -- {ANSWERS}"))?;
        expect_answer(&terminal, "one")?;
        for line in ["two", "three"] {
            terminal.press('Z')?;
            expect_answer(&terminal, line)?;
        }
        ends_by_ctrl_d(&terminal)?;
    }
    Ok(())
}

fn ends_by_ctrl_d(terminal: &Terminal) -> TestResult {
    terminal.press('D')?;
    assert_eq!(terminal.exit_code(SOON)?, 0);
    Ok(())
}

#[test]
fn a_shell_in_a_container_has_job_control() -> TestResult {
    let scene = Scene::new("container-shell")?;
    for name in ["lictor init", "lictor init --setsid", "tini", "dumb-init"] {
        let shell = scene.shell_in_container(&format!("{name} --"))?;
        shell.enter(LASTING)?;
        shell.wait_for(UP)?;
        shell.stop()?;
        shell.resume()?;
        shell.terminal.press('C')?;
        shell.wait_for(PROMPT)?;
        shell.expect_code(130)?;
        shell.enter("exit 7")?;
        assert_eq!(shell.terminal.exit_code(SOON)?, 7, "{name}");
    }
    Ok(())
}
