//! Stops that are asked for over the control socket: `lictor leave`, `lictor stop`, and what they are told.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use testbed::TestResult;
use testbed::consul::Version;
use testbed::lictor::{Lictor, Running};
use testbed::net::{Host, Network};
use testbed::process::{Process, children, send};

use crate::{LICTOR, START, STOP, Seed};

/// An agent that takes a SIGTERM and ends when there is a file.
const GATED: &str = "trap 'while ! [ -e /run/gate ]; do sleep 0.02; done; exit' TERM; echo up; \
                     while :; do sleep 0.02; done";

/// Long enough for anything that is not an agent.
const SOON: Duration = Duration::from_secs(30);

type Shell = fn(&Running, &str, &[&str]) -> Result<Process, testbed::lictor::Error>;

/// What a follower was told is what lictor has said, to the last line.
fn assert_followed(follower: &Process, lictor: &Running) {
    let (told, log) = (follower.log(), lictor.log());
    assert!(told.lines().count() > 1, "{told}");
    for line in told.lines() {
        // The log has its own way to tell that.
        let line = line.strip_prefix("warn: ").unwrap_or(line);
        assert!(log.contains(line), "{line:?} is not in {log}");
    }
    let last = told.lines().last().expect("a line");
    let rest = log.split(last).last().expect("what follows");
    assert_eq!(rest.lines().count(), 2, "{told}\n{log}");
    assert!(rest.contains("exit 0"), "{told}\n{log}");
}

/// `lictor leave` from two shells at once, where SIGTERM would be no leave: both follow the one that there is.
fn left_from_two_shells(version: Version, pid1: bool, shell: Shell) -> TestResult {
    let seed = Seed::new(version);
    let lictor = seed.lictor(version).arg("--on-stop=stay");
    let lictor = if pid1 { lictor } else { lictor.not_pid1() }.start()?;
    lictor.wait_condition("Registered", START)?;
    let shells = [shell(&lictor, "leave", &[])?, shell(&lictor, "leave", &[])?];
    assert_eq!(lictor.exit(STOP)?, 0);
    assert!(seed.server.catalog().node("n1")?.is_none());
    for follower in &shells {
        let code = follower.exit_code(SOON)?;
        assert_eq!(code, 0, "{}", follower.log());
        assert_followed(follower, &lictor);
    }
    Ok(())
}

#[test]
fn left_from_two_shells_within_the_namespace_1_8_7() -> TestResult {
    left_from_two_shells(Version::V1_8_7, true, Running::exec)
}

#[test]
fn left_from_two_shells_within_the_namespace_1_22_5() -> TestResult {
    left_from_two_shells(Version::V1_22_5, true, Running::exec)
}

#[test]
fn left_from_two_shells_outside_of_the_namespace() -> TestResult {
    left_from_two_shells(Version::V1_22_5, true, Running::follow)
}

#[test]
fn left_from_two_shells_where_lictor_is_not_pid_1() -> TestResult {
    left_from_two_shells(Version::V1_8_7, false, Running::exec)
}

#[test]
fn a_stop_that_stays_leaves_the_node_in_the_catalog() -> TestResult {
    let seed = Seed::new(Version::V1_22_5);
    let lictor = seed.lictor(Version::V1_22_5).start()?;
    lictor.wait_condition("Registered", START)?;
    let follower = lictor.exec("stop", &["--stay"])?;
    assert_eq!(lictor.exit(STOP)?, 0);
    assert_eq!(follower.exit_code(SOON)?, 0, "{}", follower.log());
    assert_followed(&follower, &lictor);
    assert!(seed.server.catalog().node("n1")?.is_some(), "it has left");
    Ok(())
}

/// A request by hand; the whole answer comes with the end of the connection.
fn request(lictor: &Running, what: &str) -> TestResult<UnixStream> {
    let socket = format!("/proc/{}/root/run/lictor/control.sock", lictor.pid()?);
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(STOP))?;
    write!(stream, "{what} HTTP/1.0\r\n\r\n")?;
    Ok(stream)
}

fn answer(mut stream: UnixStream) -> TestResult<(String, String)> {
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    Ok((head.to_owned(), body.to_owned()))
}

#[test]
fn the_answer_to_a_leave_is_a_line_of_json_for_each_thing_that_happens() -> TestResult {
    let seed = Seed::new(Version::V1_22_5);
    let lictor = seed.lictor(Version::V1_22_5).start()?;
    lictor.wait_condition("Registered", START)?;
    for (what, status) in [
        ("POST /stop?stya", "400"),
        ("POST /leave?stay", "400"),
        ("GET /leave", "405"),
        ("GET /stop", "405"),
    ] {
        let (head, body) = answer(request(&lictor, what)?)?;
        assert_eq!(head.split(' ').nth(1), Some(status), "{what}: {head}");
        assert!(body.contains("/stop?stay"), "{what}: {body}");
    }
    assert_eq!(lictor.status()?["phase"], "Ready");

    // It asks, too, and never reads.
    let deaf = request(&lictor, "POST /leave")?;
    let (head, body) = answer(request(&lictor, "POST /leave")?)?;
    assert_eq!(lictor.exit(STOP)?, 0);
    drop(deaf);
    assert!(head.contains("application/x-ndjson"), "{head}");
    let lines: Vec<Value> = body
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    let (last, told) = lines.split_last().expect("a line");
    assert_eq!(*last, json!({"exit": {"code": 0, "reason": ""}}));
    assert!(!told.is_empty(), "{body}");
    let log = lictor.log();
    for line in told {
        assert!(line["told"]["level"].is_string(), "{line}");
        let text = line["told"]["text"].as_str().expect("a text");
        assert!(log.contains(text), "{text}");
    }
    Ok(())
}

/// A lictor over something that is no agent, and its host.
fn over(script: &str) -> TestResult<(Lictor, Host)> {
    let host = Network::new()?.host("n1", 11)?;
    let lictor = Lictor::on(&host, LICTOR)
        .no_consul()
        .arg("--no-registration")
        .command(["sh", "-c", script]);
    Ok((lictor, host))
}

/// The first thing a follower is told is that it was heard.
fn heard(follower: &Process) -> TestResult {
    follower.wait_log("lictor leave: ", SOON)?;
    Ok(())
}

#[test]
fn a_follower_who_goes_or_does_not_end_changes_nothing() -> TestResult {
    let (lictor, host) = over(GATED)?;
    let lictor = lictor.start()?;
    lictor.wait_log("up\n", SOON)?;
    let [goes, frozen, stays] = ["leave"; 3].map(|leave| lictor.exec(leave, &[]));
    let [goes, frozen, stays] = [goes?, frozen?, stays?];
    for follower in [&goes, &frozen, &stays] {
        heard(follower)?;
    }
    let inner = |follower: &Process| -> TestResult<_> { Ok(children(follower.pid()?)[0]) };
    send(inner(&goes)?, Signal::SIGINT as i32)?;
    assert_eq!(goes.exit_code(SOON)?, 130);
    send(inner(&frozen)?, Signal::SIGSTOP as i32)?;
    host.write("/run/gate", "")?;
    lictor.wait_log("exit 115", STOP)?;
    // Its nsenter has stopped with it, and would not take its status.
    send(frozen.pid()?, Signal::SIGCONT as i32)?;
    // Nobody has confirmed the leave of what is no agent.
    assert_eq!(lictor.exit(STOP)?, 115);
    assert_eq!(stays.exit_code(SOON)?, 115);
    let told = stays.log();
    assert!(
        told.contains("lictor: the leave is not confirmed"),
        "{told}"
    );
    // It could not end, and went with its namespace.
    assert_eq!(frozen.exit_code(SOON)?, 137);
    Ok(())
}

#[test]
fn a_stop_of_what_never_ran_has_followers_too() -> TestResult {
    let (lictor, _) = over("exit 3")?;
    let lictor = lictor.args(["--bind", "--interface=nosuch*"]).start()?;
    lictor.wait_phase("Addressing", SOON)?;
    let follower = lictor.exec("stop", &[])?;
    assert_eq!(lictor.exit(SOON)?, 0);
    assert_eq!(follower.exit_code(SOON)?, 0, "{}", follower.log());
    assert!(follower.log().contains("stopping"), "{}", follower.log());
    Ok(())
}

#[test]
fn a_lictor_that_is_killed_has_not_told_its_end() -> TestResult {
    let (lictor, _) = over(GATED)?;
    let lictor = lictor.not_pid1().start()?;
    lictor.wait_log("up\n", SOON)?;
    let follower = lictor.follow("leave", &[])?;
    heard(&follower)?;
    lictor.signal(Signal::SIGKILL)?;
    assert_eq!(follower.exit_code(SOON)?, 1);
    let told = follower.log();
    assert!(told.contains("it was killed"), "{told}");
    let nobody = lictor.control("leave", &[])?;
    assert_eq!(nobody.status.code(), Some(1));
    assert!(nobody.stderr.contains("reach a lictor"), "{nobody:?}");
    Ok(())
}

/// There is no agent to wait for, so the stop ends as it begins; lictor is PID 1, and its follower is in its namespace.
#[test]
fn a_leave_between_a_crash_and_a_restart_is_followed_to_its_end() -> TestResult {
    let seed = Seed::new(Version::V1_22_5);
    let lictor = seed
        .lictor(Version::V1_22_5)
        .arg("--restart-limit=1000")
        .start()?;
    lictor.wait_phase("Ready", START)?;
    // With that it does not start again.
    let spoil = "rm -r /consul/data && touch /consul/data";
    seed.host.run(["sh", "-c", spoil])?.success()?;
    send(lictor.children()?[0], Signal::SIGKILL as i32)?;
    // By then a back-off takes seconds.
    lictor.wait_status("a back-off", START, |status| {
        status["phase"] == "Backoff" && status["agent"]["restarts"].as_u64() >= Some(4)
    })?;
    let follower = lictor.exec("leave", &[])?;
    // Nobody takes its node out of the catalog.
    assert_eq!(lictor.exit(STOP)?, 115);
    assert_eq!(follower.exit_code(SOON)?, 115, "{}", follower.log());
    heard(&follower)
}
