//! The real tini and dumb-init can be had, and lictor under their names is not taken for one of them.

use std::fs;

use testbed::process::Program;
use testbed::{Place, TestResult, peers};

#[test]
fn both_are_had_in_the_version_that_is_wanted() -> TestResult {
    let said = Place::Here.run(Program::new(peers::tini()?).arg("--version"))?;
    assert!(said.stdout.starts_with("tini version 0.19.0"), "{said:?}");
    let said = Place::Here.run(Program::new(peers::dumb_init()?).arg("--version"))?;
    assert_eq!(said.stderr, "dumb-init v1.2.5\n", "{said:?}");
    for path in [peers::tini()?, peers::dumb_init()?] {
        assert!(path.is_absolute(), "{}", path.display());
        let program = fs::read(&path)?;
        let ours = program.windows(6).any(|bytes| bytes == b"lictor");
        assert!(!ours, "{}", path.display());
    }
    Ok(())
}
