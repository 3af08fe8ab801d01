//! Changed files: noticed however they change, and a reload of their own.

use std::fs;

use nix::sys::signal::{Signal, kill};
use serde_json::Value;
use testbed::consul::Version;
use testbed::lictor::Running;
use testbed::{TestResult, wait};

use crate::restage::{self, SWAP, generations, with_volume};
use crate::rollback::{config_good, has_all, with_services};
use crate::stage::{ALONE, SOON, host, lictor, meta, sh};
use crate::{START, Seed};

/// How lictor tells that files have changed, at log level debug.
const NOTICED: &str = "files of the configuration have changed";

/// Writes the definition of a service to where a shell is told to.
pub(crate) fn service(name: &str, version: u32) -> String {
    format!(r#"echo '{{"service": {{"name": "{name}", "meta": {{"v": "{version}"}}}}}}' >"#)
}

/// Waits until the agent has that version of the service, or none of it.
pub(crate) fn has(lictor: &Running, name: &str, version: Option<u32>) -> TestResult {
    let wanted = version.map(|version| version.to_string());
    wait::until_ok(&format!("{name} as {wanted:?}"), SOON, || {
        let services = lictor.api().get("/v1/agent/services");
        let found = services.map(|services| services.get(name).map(|one| one["Meta"]["v"].clone()));
        match found {
            Ok(found) if found.as_ref().and_then(Value::as_str) == wanted.as_deref() => Ok(()),
            Ok(found) => Err(format!("{found:?}\n{}", lictor.log())),
            Err(error) => Err(error.to_string()),
        }
    })?;
    Ok(())
}

fn reloads(lictor: &Running) -> TestResult<u64> {
    Ok(lictor.status()?["reload"]["count"]
        .as_u64()
        .expect("a count"))
}

fn not_staged(lictor: &Running) -> TestResult {
    lictor.wait_status("a configuration that is not good", SOON, |status| {
        config_good(status)["reason"] == "NotStaged"
    })?;
    Ok(())
}

fn whatever_changes_is_reloaded(version: Version) -> TestResult {
    let host = host()?;
    host.write("/consul/config/0.json", ALONE)?;
    let a = |version| format!("{} config/a.json", service("a", version));
    let linked = |version| format!("{} away/l.json", service("l", version));
    let below =
        |directory: &str, version| format!("{} {directory}/conf/b.json", service("b", version));
    let single = |version| {
        format!(
            "{} single.tmp; mv single.tmp single.json",
            service("s", version)
        )
    };
    sh(
        &host,
        &format!(
            "mkdir -p away one/conf two/conf; ln -s one link; ln -s /consul/away/l.json config/l.json; {}; {}; {}; {}; {}",
            a(1),
            linked(1),
            below("one", 1),
            below("two", 2),
            single(1)
        ),
    )?;
    let args = [
        "-config-dir=/consul/config",
        "-config-dir=/consul/link/conf",
        "-config-file=/consul/single.json",
    ];
    let lictor = lictor(&host, version, &args).start()?;
    meta(&lictor.api())?;
    for name in ["a", "l", "b", "s"] {
        has(&lictor, name, Some(1))?;
    }

    // A file in a directory.
    sh(&host, &a(2))?;
    has(&lictor, "a", Some(2))?;
    let writer = format!(
        "exec 3>config/a.json; {}&3; exec sleep 600",
        service("a", 3)
    );
    let _writer = host.spawn(["sh", "-ec", &format!("cd /consul; {writer}")])?;
    has(&lictor, "a", Some(3))?;
    let editor = format!(
        "{} config/.a.json.new; mv config/.a.json.new config/a.json",
        service("a", 4)
    );
    sh(&host, &editor)?;
    has(&lictor, "a", Some(4))?;
    sh(&host, "mv config/a.json config/a.off")?;
    has(&lictor, "a", None)?;
    sh(&host, "mv config/a.off config/a.json")?;
    has(&lictor, "a", Some(4))?;
    sh(&host, "rm config/a.json")?;
    has(&lictor, "a", None)?;
    sh(&host, &a(5))?;
    has(&lictor, "a", Some(5))?;

    // What links lead to.
    sh(&host, &linked(2))?;
    has(&lictor, "l", Some(2))?;
    sh(
        &host,
        &format!(
            "{} other.json; ln -sfn /consul/other.json config/l.json",
            service("l", 3)
        ),
    )?;
    has(&lictor, "l", Some(3))?;
    sh(&host, "ln -s two tmp; mv -T tmp link")?;
    has(&lictor, "b", Some(2))?;
    sh(&host, &below("two", 3))?;
    has(&lictor, "b", Some(3))?;

    // A file by itself.
    sh(&host, &single(2))?;
    has(&lictor, "s", Some(2))?;

    // Directories that go and come.
    sh(&host, "rm -r two/conf")?;
    not_staged(&lictor)?;
    has(&lictor, "b", Some(3))?;
    sh(&host, &format!("mkdir two/conf; {}", below("two", 4)))?;
    has(&lictor, "b", Some(4))?;
    sh(&host, "mv two three; mv one two")?;
    has(&lictor, "b", Some(1))?;
    sh(
        &host,
        &format!("rm -r two; mkdir -p two/conf; {}", below("two", 5)),
    )?;
    has(&lictor, "b", Some(5))?;
    assert_eq!(lictor.condition("ConfigGood")?.as_deref(), Some("True"));
    Ok(())
}

#[test]
fn whatever_changes_is_reloaded_1_8_7() -> TestResult {
    whatever_changes_is_reloaded(Version::V1_8_7)
}

#[test]
fn whatever_changes_is_reloaded_1_22_5() -> TestResult {
    whatever_changes_is_reloaded(Version::V1_22_5)
}

/// More than the kernel keeps, all of it before lictor can look: it is one change.
fn a_burst_is_one_reload(version: Version) -> TestResult {
    let host = host()?;
    host.write("/consul/config/0.json", ALONE)?;
    let lictor = lictor(&host, version, &["-config-dir=/consul/config"]).start()?;
    meta(&lictor.api())?;
    let limit = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events")?;
    for changes in [200, limit.trim().parse::<u32>()?] {
        let before = reloads(&lictor)?;
        lictor.signal(Signal::SIGSTOP)?;
        let write = format!("{} config/burst.json", service("burst", changes));
        let burst = format!(
            "n=0; while [ $n -lt {changes} ]; do : >config/x.json; : >config/burst.json; n=$((n + 1)); done"
        );
        sh(&host, &format!("{burst}; {write}; rm config/x.json"))?;
        lictor.signal(Signal::SIGCONT)?;
        has(&lictor, "burst", Some(changes))?;
        lictor.wait_status("the reload's end", SOON, |status| {
            status["reload"]["pending"] == false && status["phase"] != "Reloading"
        })?;
        assert_eq!(reloads(&lictor)?, before + 1, "{}", lictor.log());
    }
    Ok(())
}

#[test]
fn a_burst_is_one_reload_1_8_7() -> TestResult {
    a_burst_is_one_reload(Version::V1_8_7)
}

#[test]
fn a_burst_is_one_reload_1_22_5() -> TestResult {
    a_burst_is_one_reload(Version::V1_22_5)
}

/// A volume that is swapped again and again: nobody asks for a reload, and none that comes is of two generations.
fn two_hundred_swaps_end_on_the_last(version: Version) -> TestResult {
    let seed = with_volume(version)?;
    let lictor = restage::start(&seed, version, "--watch")?;
    lictor.wait_condition("Registered", START)?;
    let script = format!(
        "cd /consul/volume; {SWAP} n=1; while [ $n -le 200 ]; do swap $n; sleep 0.01; n=$((n + 1)); done"
    );
    let swaps = seed.host.spawn(["sh", "-ec", &script])?;
    let last = wait::until("the last of them", START, || {
        let found = generations(&lictor).ok()?;
        assert!(found.iter().all(|one| *one == found[0]), "{found:?}");
        (found[0] == "200").then_some(found)
    })?;
    assert_eq!(last, ["200"; 5]);
    assert_eq!(swaps.exit_code(SOON)?, 0, "{}", swaps.log());
    Ok(())
}

#[test]
fn two_hundred_swaps_end_on_the_last_1_8_7() -> TestResult {
    two_hundred_swaps_end_on_the_last(Version::V1_8_7)
}

#[test]
fn two_hundred_swaps_end_on_the_last_1_22_5() -> TestResult {
    two_hundred_swaps_end_on_the_last(Version::V1_22_5)
}

fn a_change_that_changes_nothing_asks_nobody(version: Version) -> TestResult {
    let seed = Seed::new(version);
    let lictor = seed.lictor(version).arg("--log-level=debug").start()?;
    lictor.wait_condition("Registered", START)?;
    // What lictor writes itself is no change.
    assert!(!lictor.log().contains(NOTICED), "{}", lictor.log());
    sh(&seed.host, "touch config/consul.json")?;
    lictor.wait_log("the configuration is what it was", SOON)?;
    assert_eq!(reloads(&lictor)?, 0);
    let log = lictor.log();
    assert!(!log.contains("asking the agent to reload"), "{log}");
    Ok(())
}

#[test]
fn a_change_that_changes_nothing_asks_nobody_1_8_7() -> TestResult {
    a_change_that_changes_nothing_asks_nobody(Version::V1_8_7)
}

#[test]
fn a_change_that_changes_nothing_asks_nobody_1_22_5() -> TestResult {
    a_change_that_changes_nothing_asks_nobody(Version::V1_22_5)
}

/// The agent ends, and before another is there a file changes.
fn a_change_during_back_off_is_for_the_next_agent(version: Version) -> TestResult {
    let seed = Seed::new(version);
    let lictor = seed.lictor(version).start()?;
    lictor.wait_condition("Registered", START)?;
    let agent = lictor.children()?[0];
    lictor.signal(Signal::SIGSTOP)?;
    kill(agent, Signal::SIGKILL)?;
    sh(&seed.host, &format!("{} config/a.json", service("a", 1)))?;
    lictor.signal(Signal::SIGCONT)?;
    lictor.wait_status("a restarted agent that is ready", START, |status| {
        status["agent"]["restarts"] == 1 && status["phase"] == "Ready"
    })?;
    has(&lictor, "a", Some(1))
}

#[test]
fn a_change_during_back_off_is_for_the_next_agent_1_8_7() -> TestResult {
    a_change_during_back_off_is_for_the_next_agent(Version::V1_8_7)
}

#[test]
fn a_change_during_back_off_is_for_the_next_agent_1_22_5() -> TestResult {
    a_change_during_back_off_is_for_the_next_agent(Version::V1_22_5)
}

fn a_change_that_breaks_the_reload_is_rolled_back(version: Version) -> TestResult {
    let seed = with_services(version)?;
    let lictor = seed.lictor(version).start()?;
    lictor.wait_condition("Registered", START)?;
    for name in ["api-1", "api-2"] {
        let service = serde_json::json!({ "Name": name, "Port": 81 });
        lictor.api().put("/v1/agent/service/register", &service)?;
    }
    has_all(&seed, &lictor)?;
    sh(&seed.host, "echo '{\"service\": {}}' >config/b-bad.json")?;
    let status = lictor.wait_status("a configuration that is not good", SOON, |status| {
        config_good(status)["status"] == "False"
    })?;
    let message = config_good(&status)["message"].to_string();
    assert!(message.contains("name missing"), "{status}");
    has_all(&seed, &lictor)?;
    sh(&seed.host, "rm config/b-bad.json")?;
    lictor.wait_condition("ConfigGood", SOON)?;
    has_all(&seed, &lictor)
}

#[test]
fn a_change_that_breaks_the_reload_is_rolled_back_1_8_7() -> TestResult {
    a_change_that_breaks_the_reload_is_rolled_back(Version::V1_8_7)
}

#[test]
fn a_change_that_breaks_the_reload_is_rolled_back_1_22_5() -> TestResult {
    a_change_that_breaks_the_reload_is_rolled_back(Version::V1_22_5)
}
