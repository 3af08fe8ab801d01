//! The probe can be compiled, and does what its users count on.

use std::process::{Command, Output};

use testbed::TestResult;
use testbed::probe::probe;

fn run(arguments: &[&str]) -> TestResult<Output> {
    Ok(Command::new(probe()?).args(arguments).output()?)
}

#[test]
fn it_exits_as_told() -> TestResult {
    assert_eq!(run(&["exit", "7"])?.status.code(), Some(7));
    assert_eq!(run(&["true"])?.status.code(), Some(0));
    Ok(())
}

#[test]
fn it_shows_what_it_inherits() -> TestResult {
    let shown = run(&["show"])?;
    let text = String::from_utf8(shown.stdout)?;
    for item in ["blocked ", "ignored ", "pid ", "cwd ", "fds ", "ctty "] {
        assert!(text.lines().any(|line| line.starts_with(item)), "{text}");
    }
    Ok(())
}

#[test]
fn it_says_why_it_cannot() -> TestResult {
    let refused = run(&["exit", "seven"])?;
    assert_eq!(refused.status.code(), Some(125));
    assert!(String::from_utf8(refused.stderr)?.contains("seven"));
    Ok(())
}
