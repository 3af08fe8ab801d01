//! What is not for the stage, or has none, and what nobody but the agent gets to see of it.

use serde_json::Value;
use testbed::TestResult;
use testbed::consul::Version;

use crate::stage::{ALONE, SOON, command, host, lictor, meta, sh};

#[test]
fn what_cannot_be_staged_is_named_with_its_fix() -> TestResult {
    let host = host()?;
    host.write("/consul/config/a.json", ALONE)?;
    let fails = |args: &[&str], parts: &[&str]| -> TestResult {
        host.write("/dev/termination-log", "")?;
        let lictor = lictor(&host, Version::V1_22_5, args).start()?;
        assert_eq!(lictor.exit(SOON)?, 111, "{}", lictor.log());
        let reason = host.read("/dev/termination-log")?;
        for part in parts {
            assert!(reason.contains(part), "{reason} lacks {part}");
        }
        assert!(!lictor.log().contains("agent started"), "{}", lictor.log());
        Ok(())
    };
    fails(
        &["-config-dir=/nope"],
        &["-config-dir names /nope", "mount it"],
    )?;
    fails(&["-config-dir", ""], &["-config-dir", "give it a path"])?;
    fails(&["-config-file"], &["-config-file", "give it a path"])?;
    sh(&host, "ln -s gone config/d.tmp")?;
    let config = "-config-dir=/consul/config";
    fails(
        &[config],
        &["/consul/config/d.tmp", "gone", "remove the link"],
    )?;
    // Nobody waits for the other end of it.
    sh(&host, "rm config/d.tmp; mkfifo config/p.json")?;
    fails(&[config], &["/consul/config/p.json", "a named pipe"])?;
    sh(&host, "rm config/p.json; truncate -s 17M config/big.json")?;
    fails(
        &[config],
        &["/consul/config/big.json", "16 MiB", "--no-staging"],
    )?;
    sh(&host, "rm config/big.json; mkdir /small")?;
    host.mount(["-t", "tmpfs", "-o", "size=64k", "none", "/small"])?;
    sh(
        &host,
        "head -c 100000 /dev/zero | tr '\\0' ' ' >config/c.json",
    )?;
    host.write("/dev/termination-log", "")?;
    let lictor = lictor(&host, Version::V1_22_5, &[config])
        .arg("--runtime-dir=/small/lictor")
        .start()?;
    assert_eq!(lictor.exit(SOON)?, 111);
    let reason = host.read("/dev/termination-log")?;
    assert!(reason.contains("No space left"), "{reason}");
    assert!(reason.contains("--runtime-dir"), "{reason}");
    Ok(())
}

#[test]
fn secrets_are_for_the_agent_alone() -> TestResult {
    const SECRET: &str = "5ec3e7aa-0000-4000-8000-00000000cafe";
    let host = host()?;
    host.write("/consul/config/a.json", ALONE)?;
    let token = format!(r#"{{"acl": {{"tokens": {{"agent": "{SECRET}"}}}}}}"#);
    host.write("/consul/config/token.json", &token)?;
    let lictor = lictor(&host, Version::V1_22_5, &["-config-dir=/consul/config"])
        .arg("--log-level=debug")
        .start()?;
    meta(&lictor.api())?;
    lictor.control("reload", &[])?.success()?;
    let staged = host
        .run(["find", "/run/lictor/stage", "-type", "f"])?
        .success()?;
    assert_eq!(staged.lines().count(), 2, "{staged}");
    let find = [
        "find",
        "/run/lictor/stage",
        "-not",
        "-type",
        "l",
        "-perm",
        "/077",
    ];
    assert_eq!(host.run(find)?.success()?, "");
    assert!(!lictor.log().contains(SECRET), "{}", lictor.log());
    assert!(!lictor.status()?.to_string().contains(SECRET));
    Ok(())
}

fn without_staging_the_agent_reads_the_users_own_files(version: Version) -> TestResult {
    let host = host()?;
    host.write("/consul/config/a.json", ALONE)?;
    let lictor = lictor(&host, version, &["-config-dir=/consul/config"])
        .arg("--no-staging")
        .start()?;
    lictor.wait_log("without staging the agent reads", SOON)?;
    meta(&lictor.api())?;
    let command = command(&lictor)?;
    assert!(
        command.contains(&"-config-dir=/consul/config".to_owned()),
        "{command:?}"
    );
    assert!(!host.list("/run/lictor")?.contains(&"stage".to_owned()));
    assert_eq!(lictor.status()?["stage"], Value::Null);
    host.write("/consul/config/b.json", r#"{"service": {"name": "later"}}"#)?;
    lictor.api().put("/v1/agent/reload", &Value::Null)?;
    let services = lictor.api().get("/v1/agent/services")?;
    assert!(services.get("later").is_some(), "{services}");
    Ok(())
}

#[test]
fn without_staging_the_agent_reads_the_users_own_files_1_8_7() -> TestResult {
    without_staging_the_agent_reads_the_users_own_files(Version::V1_8_7)
}

#[test]
fn without_staging_the_agent_reads_the_users_own_files_1_22_5() -> TestResult {
    without_staging_the_agent_reads_the_users_own_files(Version::V1_22_5)
}
