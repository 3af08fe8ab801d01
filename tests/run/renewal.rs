//! Changes that no reload applies: they are told, or the agent is restarted for them with every service in place.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use testbed::TestResult;
use testbed::agent::Watch;
use testbed::consul::Version;
use testbed::lictor::Running;

use crate::rollback::{has_all, start_meddled_with, with_services};
use crate::stage::SOON;
use crate::{START, Seed};

const RESTART: &str = "--on-unreloadable=restart";
const CHANGE: &str = "/consul/config/z.json";

/// A seed without scripts, and with a service from a file.
fn without_scripts(version: Version) -> TestResult<Seed> {
    let seed = Seed::new(version);
    let off = r#"{"enable_local_script_checks": false}"#;
    seed.host.write("/consul/config/y.json", off)?;
    let service = r#"{"service": {"name": "from-file", "port": 80}}"#;
    seed.host.write("/consul/config/service.json", service)?;
    Ok(seed)
}

fn start(seed: &Seed, version: Version, options: &[&str]) -> TestResult<Running> {
    let lictor = seed.lictor(version).args(options.iter().copied()).start()?;
    lictor.wait_condition("Registered", START)?;
    let check = json!({ "HTTP": "http://127.0.0.1:8500/v1/status/leader", "Interval": "5s", "Status": "passing" });
    let service = json!({ "Name": "by-api", "Port": 81, "Check": check });
    lictor.api().put("/v1/agent/service/register", &service)?;
    Ok(lictor)
}

fn has_services(lictor: &Running) -> TestResult {
    let services = lictor.api().get("/v1/agent/services")?;
    for id in ["from-file", "by-api"] {
        assert!(
            services.get(id).is_some(),
            "{id}: {services}\n{}",
            lictor.log()
        );
    }
    Ok(())
}

fn json(output: &str) -> TestResult<Value> {
    Ok(serde_json::from_str(output)?)
}

fn what_no_reload_applies_is_told(version: Version) -> TestResult {
    let seed = without_scripts(version)?;
    let lictor = start(&seed, version, &[])?;
    let on = r#"{"enable_local_script_checks": true, "node_meta": {"rack": "7"}}"#;
    seed.host.write(CHANGE, on)?;
    let report = json(&lictor.control("reload", &["--json"])?.success()?)?;
    assert_eq!(report["outcome"], "reloaded", "{report}");
    let key = format!("enable_local_script_checks ({CHANGE})");
    assert_eq!(report["needs_restart"], json!([key]), "{report}");
    assert_eq!(report["restarted"], false);
    let changed =
        |name: &str, change: &str| json!({ "kind": "key", "name": name, "change": change });
    assert_eq!(
        report["changes"],
        json!([
            changed("enable_local_script_checks", "changed"),
            changed("node_meta.rack", "added")
        ])
    );
    let good = lictor.status()?["conditions"].to_string();
    assert!(good.contains("RestartNeeded"), "{good}");
    // It is told again, for as long as it is so.
    let told = lictor.control("reload", &[])?.success()?;
    assert!(
        told.starts_with("unchanged; ") && told.contains(&key),
        "{told}"
    );
    // What would need it is not taken before.
    let script =
        json!({ "service": { "name": "s", "check": { "args": ["true"], "interval": "9s" } } });
    seed.host
        .write("/consul/config/zz.json", script.to_string())?;
    let refused = lictor.control("reload", &[])?;
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        refused.stdout.contains("service.check.args: "),
        "{}",
        refused.stdout
    );
    has_services(&lictor)?;
    assert_eq!(lictor.status()?["agent"]["restarts"], 0);
    Ok(())
}

#[test]
fn what_no_reload_applies_is_told_1_8_7() -> TestResult {
    what_no_reload_applies_is_told(Version::V1_8_7)
}

#[test]
fn what_no_reload_applies_is_told_1_22_5() -> TestResult {
    what_no_reload_applies_is_told(Version::V1_22_5)
}

/// Another node sees no service go, and none that is not passing.
fn a_restart_applies_it_and_nobody_notices(version: Version) -> TestResult {
    let seed = without_scripts(version)?;
    let lictor = start(&seed, version, &[RESTART, "--log-level=debug"])?;
    // The states that are carried over are seen each minute, and after each reload.
    lictor.control("reload", &[])?.success()?;
    lictor.wait_log(
        r#"event Checks(Seen(Some({"service:by-api": Passing"#,
        START,
    )?;
    let watch = Watch::begin(seed.server.api(), "n1")?;
    // One without the other could not be.
    let both = json!({
        "enable_local_script_checks": true,
        "service": { "name": "s", "check": { "args": ["true"], "interval": "9s", "status": "passing" } },
    });
    seed.host.write(CHANGE, both.to_string())?;
    let told = lictor.control("reload", &[])?.success()?;
    assert!(
        told.contains("the agent was restarted for enable_local_script_checks"),
        "{told}"
    );
    has_services(&lictor)?;
    let status = lictor.status()?;
    assert_eq!(status["agent"]["restarts"], 1);
    assert_eq!(lictor.condition("ConfigGood")?.as_deref(), Some("True"));
    for look in watch.end()? {
        let passing: BTreeMap<_, _> = look
            .states
            .iter()
            .filter(|(_, s)| *s != "passing")
            .collect();
        assert!(passing.is_empty(), "{look:?}\n{}", lictor.log());
    }
    // And that is all: what the agent runs is what it reads.
    let told = lictor.control("reload", &[])?.success()?;
    assert_eq!(told, "unchanged; the agent has read the same again\n");
    Ok(())
}

#[test]
fn a_restart_applies_it_and_nobody_notices_1_8_7() -> TestResult {
    a_restart_applies_it_and_nobody_notices(Version::V1_8_7)
}

#[test]
fn a_restart_applies_it_and_nobody_notices_1_22_5() -> TestResult {
    a_restart_applies_it_and_nobody_notices(Version::V1_22_5)
}

/// What is good when it is judged may stop a start all the same: a directory gets in the way.
fn an_agent_that_does_not_come_back_gets_what_it_had(version: Version) -> TestResult {
    let seed = with_services(version)?;
    let lictor = start_meddled_with(&seed, version, &[RESTART])?;
    seed.host
        .write("/consul/meddle", "mkdir -p /consul/pid/x")?;
    let change = json!({ "pid_file": "/consul/pid" });
    seed.host.write(CHANGE, change.to_string())?;
    let output = lictor.control("reload", &[])?;
    let told = format!("{}{}", output.stdout, output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(
        told.contains("rolled back") && told.contains("/consul/pid"),
        "{told}\n{}",
        lictor.log()
    );
    lictor.wait_status("a ready agent", START, |status| {
        status["agent"]["restarts"] == 2 && status["phase"] == "Ready"
    })?;
    has_all(&seed, &lictor)?;
    assert_eq!(lictor.condition("ConfigGood")?.as_deref(), Some("False"));
    let rejected = lictor.status()?["stage"]["rejected"].clone();
    let rejected = rejected.as_str().expect("it is kept");
    assert_eq!(
        seed.host.read(format!("{rejected}/0{CHANGE}"))?,
        change.to_string()
    );
    seed.host.run(["rm", CHANGE])?.success()?;
    lictor.control("reload", &[])?.success()?;
    lictor.wait_log("reload: unchanged", SOON)?;
    assert_eq!(lictor.condition("ConfigGood")?.as_deref(), Some("True"));
    Ok(())
}

#[test]
fn an_agent_that_does_not_come_back_gets_what_it_had_1_8_7() -> TestResult {
    an_agent_that_does_not_come_back_gets_what_it_had(Version::V1_8_7)
}

#[test]
fn an_agent_that_does_not_come_back_gets_what_it_had_1_22_5() -> TestResult {
    an_agent_that_does_not_come_back_gets_what_it_had(Version::V1_22_5)
}
