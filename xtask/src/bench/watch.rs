//! Changed files: how soon the agent is asked to reload, and what it costs to notice.

use std::process::Command;
use std::thread;
use std::time::Duration;

use testbed::lictor::Running;
use testbed::net::Host;
use testbed::wait;

use super::figures::Durations;
use super::inspect;
use super::{Bed, Result};

const START: Duration = Duration::from_secs(60);
/// How long files must be at rest, which is part of what is measured.
const REST: Duration = Duration::from_millis(200);
/// How long the system calls are counted.
const WINDOW: Duration = Duration::from_secs(10);
/// What lictor says when it asks.
const ASKS: &str = "asking the agent to reload";

/// Ways in which files change, as scripts that are given a number.
const WAYS: [(&str, &str); 3] = [
    (
        "written in place",
        r#"echo "{\"service\": {\"name\": \"w\", \"meta\": {\"v\": \"$1\"}}}" >config/w.json"#,
    ),
    (
        "renamed over",
        r#"echo "{\"service\": {\"name\": \"w\", \"meta\": {\"v\": \"r$1\"}}}" >config/w.tmp; mv config/w.tmp config/w.json"#,
    ),
    (
        "a ConfigMap is swapped",
        r#"mkdir volume/..$1; echo "{\"service\": {\"name\": \"v\", \"meta\": {\"v\": \"$1\"}}}" >volume/..$1/v.json;
           ln -s ..$1 volume/..data_tmp; old=$(readlink volume/..data); mv -T volume/..data_tmp volume/..data; rm -r volume/$old"#,
    ),
];

/// Changes files in each way `runs` times, and counts what lictor does while nothing changes.
pub(super) fn run(bed: &Bed, runs: usize) -> Result<()> {
    let host = bed.host("n1", 11)?;
    let volume = "mkdir -p volume/..0; echo '{}' >volume/..0/v.json; ln -s ..0 volume/..data; ln -s ..data/v.json volume/v.json";
    shell(&host, volume, 0)?;
    println!(
        "\nsystem calls of lictor in {} idle seconds (strace -f -c), beside an agent that logs nothing",
        WINDOW.as_secs()
    );
    for option in ["--watch=false", "--watch"] {
        let lictor = start(bed, &host, option)?;
        // So that the agent's first moments are no part of it.
        thread::sleep(WINDOW);
        println!("{option}");
        print!("{}", inspect::system_calls(&[lictor.pid()?], WINDOW)?);
        stop(&lictor)?;
    }
    println!(
        "file changed → agent asked to reload, the {REST:?} in which it must be at rest included"
    );
    let lictor = start(bed, &host, "--watch")?;
    let mut number = 0;
    for (what, script) in WAYS {
        let mut took = Durations::default();
        for _ in 0..runs {
            number += 1;
            took.push(once(&host, &lictor, script, number)?);
        }
        let over = took.median().saturating_sub(REST);
        println!(
            "  {what}: {took}; {:.1} ms over the rest",
            over.as_secs_f64() * 1000.0
        );
    }
    stop(&lictor)
}

fn start(bed: &Bed, host: &Host, watch: &str) -> Result<Running> {
    let command = [
        "agent",
        "-log-level=err",
        "-config-dir=/consul/config",
        "-config-dir=/consul/volume",
    ];
    let lictor = bed.lictor(host).arg(watch).command(command).start()?;
    lictor.wait_condition("Registered", START)?;
    lictor.wait_phase("Ready", START)?;
    Ok(lictor)
}

fn stop(lictor: &Running) -> Result<()> {
    lictor.term()?;
    lictor.exit(START)?;
    Ok(())
}

/// From the end of a change to the time in lictor's log.
fn once(host: &Host, lictor: &Running, script: &str, number: usize) -> Result<Duration> {
    let asked = |log: &str| log.lines().filter(|line| line.contains(ASKS)).count();
    let before = asked(&lictor.log());
    let begin = shell(host, script, number)?;
    let log = wait::until("a reload", START, || {
        Some(lictor.log()).filter(|log| asked(log) > before)
    })?;
    lictor.wait_status("the reload's end", START, |status| {
        status["phase"] == "Ready" && status["reload"]["pending"] == false
    })?;
    let line = log
        .lines()
        .rfind(|line| line.contains(ASKS))
        .unwrap_or_default();
    Ok(time_of(line)?.saturating_sub(begin))
}

/// Runs a script in `/consul`, and returns the time at its end, as bash itself knows it.
fn shell(host: &Host, script: &str, number: usize) -> Result<Duration> {
    let number = number.to_string();
    let script = format!("cd /consul; {script}; echo $EPOCHREALTIME");
    let told = host.run(["bash", "-ec", &script, "bash", &number])?;
    epoch(&told.success()?)
}

/// The time of a line of lictor's log.
fn time_of(line: &str) -> Result<Duration> {
    let time = line.split_whitespace().next().unwrap_or_default();
    let told = Command::new("date").args(["-d", time, "+%s.%N"]).output()?;
    epoch(&String::from_utf8(told.stdout)?)
}

/// Seconds since 1970, with a point.
fn epoch(text: &str) -> Result<Duration> {
    let (seconds, rest) = text
        .trim()
        .split_once('.')
        .ok_or("find a point in the time")?;
    let nanoseconds = format!("{rest:0<9}").parse()?;
    Ok(Duration::new(seconds.parse()?, nanoseconds))
}
