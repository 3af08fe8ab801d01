//! After the program's end the terminal is back with whoever shares lictor's process group. A script's shell is one who gives
//! it to nobody and so does not take it back either.

use testbed::TestResult;

use super::{SOON, Scene, expect_answer};

/// A program that reads the terminal while its stdin is something else.
const READS_TERMINAL: &str = "sh -c 'cat; read line </dev/tty; echo got:$line'";

#[test]
fn a_script_may_read_the_terminal_after_lictors_end() -> TestResult {
    let scene = Scene::new("script")?;
    let terminal = scene.script("lictor init -- true; read line; echo got:$line")?;
    expect_answer(&terminal, "script")?;
    assert_eq!(terminal.exit_code(SOON)?, 0);
    Ok(())
}

#[test]
fn a_script_may_read_the_terminal_after_a_program_that_could_not_be_started() -> TestResult {
    let scene = Scene::new("script-failed")?;
    let script = "echo '#!/no/such' >$DIR/broken; chmod +x $DIR/broken; lictor init -- $DIR/broken; echo code:$?; \
                  read line; echo got:$line";
    let terminal = scene.script(script)?;
    terminal.wait_for("code:127\n", SOON)?;
    expect_answer(&terminal, "script")?;
    assert_eq!(terminal.exit_code(SOON)?, 0);
    Ok(())
}

/// lictor, too, has the terminal only as its controlling terminal there: it gives it away when it is asked for.
#[test]
fn a_script_may_read_the_terminal_after_a_program_that_got_it_late() -> TestResult {
    let scene = Scene::new("script-late")?;
    let first = format!("echo piped | lictor init -- {READS_TERMINAL}");
    let terminal = scene.script(&format!("{first}; read line; echo got:$line"))?;
    terminal.wait_for("piped\n", SOON)?;
    expect_answer(&terminal, "program")?;
    expect_answer(&terminal, "script")?;
    assert_eq!(terminal.exit_code(SOON)?, 0);
    Ok(())
}

/// Likewise from an interactive shell, which looks after itself.
#[test]
fn a_program_whose_stdin_is_a_pipe_may_read_the_terminal() -> TestResult {
    let scene = Scene::new("pipe")?;
    let shell = scene.shell()?;
    shell.enter(&format!("echo piped | lictor init -- {READS_TERMINAL}"))?;
    shell.wait_for("\npiped\n")?;
    expect_answer(&shell.terminal, "program")?;
    shell.wait_for(super::PROMPT)?;
    shell.expect_code(0)
}
