//! What the watch waits for, what it cannot see, and a life without it.

use std::fs;

use nix::sys::signal::Signal;
use testbed::TestResult;
use testbed::consul::{self, Version};
use testbed::lictor::Running;
use testbed::net::Host;
use testbed::process::{Process, Program};

use crate::stage::{ALONE, SOON, host, lictor, meta, sh};
use crate::watch::{has, service};
use crate::{LICTOR, START};

/// The node is called n1, whose place in an hour is near its end.
#[test]
fn with_splay_a_change_waits_for_its_turn_and_a_person_does_not() -> TestResult {
    let host = host()?;
    host.write("/consul/config/0.json", ALONE)?;
    let lictor = lictor(&host, Version::V1_22_5, &["-config-dir=/consul/config"])
        .arg("--splay=1h")
        .start()?;
    meta(&lictor.api())?;
    lictor.wait_phase("Joining", START)?;
    sh(&host, &format!("{} config/a.json", service("a", 1)))?;
    lictor.wait_log("the reload comes in 3455.9 s", SOON)?;
    assert_eq!(lictor.status()?["reload"]["pending"], true);
    assert_eq!(lictor.control("reload", &[])?.success()?, "reloaded\n");
    has(&lictor, "a", Some(1))?;
    let reload = lictor.status()?["reload"].clone();
    assert_eq!(reload["pending"], false, "{reload}");
    assert_eq!(reload["count"], 1, "{reload}");
    Ok(())
}

/// How many inotify instances the program has.
fn instances(lictor: &Running) -> TestResult<usize> {
    let descriptors = fs::read_dir(format!("/proc/{}/fd", lictor.pid()?))?;
    let targets = descriptors
        .flatten()
        .filter_map(|one| fs::read_link(one.path()).ok());
    Ok(targets
        .filter(|target| target.to_string_lossy().contains("inotify"))
        .count())
}

#[test]
fn without_a_watch_nothing_is_noticed_and_whoever_asks_is_served() -> TestResult {
    for (option, expected) in [("--watch", 1), ("--watch=false", 0), ("--no-staging", 0)] {
        let host = host()?;
        host.write("/consul/config/0.json", ALONE)?;
        let lictor = lictor(&host, Version::V1_22_5, &["-config-dir=/consul/config"])
            .arg(option)
            .start()?;
        meta(&lictor.api())?;
        lictor.wait_phase("Joining", START)?;
        assert_eq!(instances(&lictor)?, expected, "{option}");
        sh(&host, &format!("{} config/a.json", service("a", 1)))?;
        assert_eq!(lictor.control("reload", &[])?.success()?, "reloaded\n");
        has(&lictor, "a", Some(1))?;
    }
    Ok(())
}

/// What is mounted by itself is told once, and noticed where it is written in place.
fn a_file_that_is_mounted_is_told(version: Version) -> TestResult {
    let host = host()?;
    host.write("/consul/config/0.json", ALONE)?;
    sh(
        &host,
        &format!("{} mounted.json; touch config/m.json", service("m", 1)),
    )?;
    host.mount(["--bind", "/consul/mounted.json", "/consul/config/m.json"])?;
    let lictor = lictor(&host, version, &["-config-dir=/consul/config"]).start()?;
    meta(&lictor.api())?;
    has(&lictor, "m", Some(1))?;
    sh(&host, &format!("{} mounted.json", service("m", 2)))?;
    has(&lictor, "m", Some(2))?;
    // As an update of a volume is made: the file that is mounted is still the old one.
    sh(
        &host,
        &format!(
            "{} tmp; mv tmp mounted.json; {} config/n.json",
            service("m", 3),
            service("n", 1)
        ),
    )?;
    has(&lictor, "n", Some(1))?;
    has(&lictor, "m", Some(2))?;
    let log = lictor.log();
    let told: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("mounted by itself"))
        .collect();
    assert_eq!(told.len(), 1, "{log}");
    assert!(
        told[0].contains("WARN /consul/config/m.json is"),
        "{told:?}"
    );
    assert!(told[0].contains("mount the whole volume"), "{told:?}");
    Ok(())
}

#[test]
fn a_file_that_is_mounted_is_told_1_8_7() -> TestResult {
    a_file_that_is_mounted_is_told(Version::V1_8_7)
}

#[test]
fn a_file_that_is_mounted_is_told_1_22_5() -> TestResult {
    a_file_that_is_mounted_is_told(Version::V1_22_5)
}

/// A lictor for which the kernel has only so many watches, or instances of them.
fn limited(host: &Host, limit: &str) -> TestResult<Process> {
    let script = format!("echo {limit}; exec \"$@\"");
    let program = Program::new("unshare")
        .args([
            "--user",
            "--map-root-user",
            "sh",
            "-ec",
            &script,
            "sh",
            LICTOR,
            "run",
        ])
        .args([
            "--no-registration",
            "--",
            "consul",
            "agent",
            "-config-dir=/consul/config",
        ])
        .path_first(consul::directory(Version::V1_22_5)?);
    Ok(host.spawn(program)?)
}

#[test]
fn without_enough_watches_lictor_says_so_once_and_goes_on() -> TestResult {
    for (limit, told) in [
        (
            "1 >/proc/sys/user/max_inotify_watches",
            "fs.inotify.max_user_watches",
        ),
        (
            "0 >/proc/sys/user/max_inotify_instances",
            "fs.inotify.max_user_instances",
        ),
    ] {
        let host = host()?;
        host.write("/consul/config/0.json", ALONE)?;
        let lictor = limited(&host, limit)?;
        lictor.wait_log("the agent answers", START)?;
        for number in 0..2 {
            let path = format!("/consul/config/{number}.json");
            host.write(
                path,
                format!(r#"{{"service": {{"name": "s{number}"}}, {}"#, &ALONE[1..]),
            )?;
            lictor.signal(Signal::SIGHUP)?;
            let what = if number == 0 { "changed" } else { "added" };
            lictor.wait_log(&format!("{what} /consul/config/{number}.json"), SOON)?;
        }
        let log = lictor.log();
        assert_eq!(log.matches(told).count(), 1, "{log}");
    }
    Ok(())
}
