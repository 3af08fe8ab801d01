//! The subcommands that need no agent: `install`, `completions`, `man`, and what `--help` says.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use testbed::lictor::binary_under_test;
use testbed::process::{Output, Program};
use testbed::{Place, TestResult};

fn lictor<const N: usize>(arguments: [&str; N]) -> TestResult<Output> {
    let binary = binary_under_test(env!("CARGO_BIN_EXE_lictor"));
    Ok(Place::Here.run(Program::new(binary).args(arguments))?)
}

/// A directory of this test's own, empty.
fn scratch(name: &str) -> TestResult<std::path::PathBuf> {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory)?;
    Ok(directory)
}

#[test]
fn install_puts_a_working_copy_there_and_replaces_an_old_one() -> TestResult {
    let directory = scratch("install")?;
    let installed = directory.join("lictor");
    fs::write(&installed, "an older one")?;
    lictor(["install", &directory.to_string_lossy()])?.success()?;
    let version = Place::Here
        .run(Program::new(&installed).arg("--version"))?
        .success()?;
    assert_eq!(version, format!("lictor {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(
        fs::metadata(&installed)?.permissions().mode() & 0o777,
        0o755
    );
    assert_eq!(fs::read_dir(&directory)?.count(), 1, "nothing half-written");

    let missing = directory.join("missing");
    let refused = lictor(["install", &missing.to_string_lossy()])?;
    assert!(!refused.status.success());
    assert!(
        refused.stderr.contains(&*missing.to_string_lossy()),
        "{}",
        refused.stderr
    );
    Ok(())
}

#[test]
fn completions_and_the_manual_know_every_subcommand() -> TestResult {
    for shell in ["bash", "zsh", "fish"] {
        let text = lictor(["completions", shell])?.success()?;
        assert!(text.contains("stop-timeout"), "{shell}: {text}");
    }
    let manual = lictor(["man"])?.success()?;
    for command in lictor::cli::definition().get_subcommands() {
        assert!(
            manual.contains(command.get_name()),
            "{}",
            command.get_name()
        );
    }
    Ok(())
}

#[test]
fn help_shows_examples() -> TestResult {
    for command in [
        "run", "address", "render", "check", "status", "leave", "stop",
    ] {
        let help = lictor([command, "--help"])?.success()?;
        assert!(help.contains("Examples:"), "{help}");
    }
    Ok(())
}

#[test]
fn a_variable_that_says_false_excludes_nothing() -> TestResult {
    let binary = binary_under_test(env!("CARGO_BIN_EXE_lictor"));
    let ask = |value: &str| {
        let program = Program::new(&binary)
            .args(["address", "--explain", "--address=127.0.0.1"])
            .env("LICTOR_JSON", value);
        Place::Here.run(program)
    };
    assert!(ask("false")?.success()?.contains("127.0.0.1"));
    assert_eq!(ask("true")?.status.code(), Some(2));
    Ok(())
}
