//! `lictor check` as a command: what it prints, and its exit code.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use testbed::consul::{self, Version};
use testbed::lictor::binary_under_test;
use testbed::process::{Output, Program};
use testbed::{Place, TestResult};

use crate::LICTOR;

/// A directory of this test's own, with these files.
fn directory(name: &str, files: &[(&str, &str)]) -> TestResult<PathBuf> {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("check-{name}"));
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory)?;
    for (name, text) in files {
        fs::write(directory.join(name), text)?;
    }
    Ok(directory)
}

/// Runs `lictor check` with Consul 1.22.5 in its PATH, or without any.
fn check(consul: bool, arguments: &[&str]) -> TestResult<Output> {
    let program = Program::new(binary_under_test(LICTOR))
        .arg("check")
        .args(arguments.iter().copied());
    let program = match consul {
        true => program.path_first(consul::directory(Version::V1_22_5)?),
        false => program.env("PATH", "/nonexistent"),
    };
    Ok(Place::Here.run(program)?)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

const GOOD: &str =
    r#"{"data_dir": "/tmp/lictor-check-data", "bind_addr": "127.0.0.1", "service": {"name": "a"}}"#;

#[test]
fn a_good_configuration_is_0() -> TestResult {
    let path = directory(
        "good",
        &[("a.json", GOOD), ("b.hcl", "service { name = \"b\" }")],
    )?;
    let output = check(true, &[text(&path)])?;
    let said = output.success()?;
    assert_eq!(
        said,
        "consul validate: valid\n2 files: 0 errors, 0 warnings\n"
    );
    Ok(())
}

#[test]
fn a_fault_is_a_line_with_file_key_and_fix() -> TestResult {
    let path = directory(
        "fault",
        &[("a.json", GOOD), ("b.hcl", "service {\n  id = \"b\"\n}\n")],
    )?;
    let output = check(true, &[text(&path)])?;
    assert_eq!(output.status.code(), Some(1));
    let file = path.join("b.hcl");
    let line = format!(
        "{}: service.name: the service has no name; give it one; an id alone is not enough\n",
        text(&file)
    );
    assert!(output.stdout.starts_with(&line), "{}", output.stdout);
    assert!(
        output.stdout.contains("consul validate: valid\n"),
        "{}",
        output.stdout
    );
    assert_eq!(output.stderr, "");
    Ok(())
}

#[test]
fn what_only_consul_knows_is_1_and_told() -> TestResult {
    let path = directory(
        "unknown",
        &[("a.json", GOOD), ("b.json", r#"{"colour": "red"}"#)],
    )?;
    let output = check(true, &[text(&path)])?;
    assert_eq!(output.status.code(), Some(1));
    let file = path.join("b.json");
    let line = format!(
        "consul validate: {}: invalid config key colour\n",
        file.display()
    );
    assert!(output.stdout.contains(&line), "{}", output.stdout);

    // Without it, that cannot be known, and is said.
    let output = check(false, &[text(&path)])?;
    assert_eq!(output.status.code(), Some(0));
    assert!(
        output
            .stdout
            .contains("consul validate: left out, consul was not found"),
        "{}",
        output.stdout
    );
    let output = check(true, &["--no-validate", text(&path)])?;
    assert_eq!(output.status.code(), Some(0));
    assert!(
        output
            .stdout
            .contains("consul validate: left out, by --no-validate\n"),
        "{}",
        output.stdout
    );
    Ok(())
}

/// What the command line sets counts for both judges, and its paths are judged where none are given.
#[test]
fn the_agents_command_line_counts() -> TestResult {
    let script = r#"{"service": {"name": "a", "check": {"args": ["true"], "interval": "10s"}}}"#;
    let path = directory("flags", &[("a.json", script)])?;
    let option = format!("-config-dir={}", text(&path));
    let command = [
        "--",
        "consul",
        "agent",
        &option,
        "-data-dir",
        "/tmp/lictor-check-data",
        "-bind=127.0.0.1",
    ];
    let output = check(true, &command)?;
    assert_eq!(output.status.code(), Some(1));
    assert!(
        output.stdout.contains("service.check.args: it is a script"),
        "{}",
        output.stdout
    );
    assert!(
        output.stdout.contains("consul validate: valid\n"),
        "{}",
        output.stdout
    );
    let command = [&command[..], &["-enable-local-script-checks"]].concat();
    check(true, &command)?.success()?;
    Ok(())
}

/// A pipeline has the files and not the machine; what runs is what it compares with.
#[test]
fn a_pipeline_judges_for_another_machine() -> TestResult {
    let tls = r#"{"ca_file": "/nowhere/ca.pem", "log_file": "/nowhere/", "node_meta": {"a": "b"}}"#;
    let old = directory("old", &[("a.json", GOOD)])?;
    let new = directory("new", &[("a.json", GOOD), ("b.json", tls)])?;
    let here = check(false, &["--json", text(&new)])?;
    assert_eq!(here.status.code(), Some(1));
    let report: Value = serde_json::from_str(&here.stdout)?;
    assert_eq!(report["good"], false);
    assert_eq!(report["validate"]["valid"], Value::Null);
    let findings = report["findings"].as_array().expect("a list");
    let named = |key: &str, effect: &str| {
        findings
            .iter()
            .any(|one| one["key"] == key && one["effect"] == effect)
    };
    assert!(
        named("ca_file", "loses") && named("log_file", "stops_start"),
        "{findings:?}"
    );

    let old = format!("--running={}", text(&old));
    let elsewhere = check(false, &["--elsewhere", &old, text(&new)])?;
    assert_eq!(elsewhere.status.code(), Some(0), "{}", elsewhere.stdout);
    let file = new.join("b.json");
    let line = format!(
        "warning: {}: log_file: it is new, and a reload does not apply it; restart the agent\n",
        text(&file)
    );
    assert!(elsewhere.stdout.contains(&line), "{}", elsewhere.stdout);
    assert!(
        !elsewhere.stdout.contains("node_meta"),
        "{}",
        elsewhere.stdout
    );
    Ok(())
}

#[test]
fn what_cannot_be_read_is_a_fault() -> TestResult {
    let path = directory("unreadable", &[("a.json", GOOD)])?;
    std::os::unix::fs::symlink("nobody", path.join("z.json"))?;
    let output = check(false, &[text(&path), "/nowhere/at-all"])?;
    assert_eq!(output.status.code(), Some(1));
    for name in [
        "z.json: it cannot be read",
        "/nowhere/at-all: it cannot be read",
    ] {
        assert!(output.stdout.contains(name), "{}", output.stdout);
    }
    Ok(())
}
