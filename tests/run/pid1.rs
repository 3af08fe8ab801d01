//! What `lictor run` shares with `lictor init`: signals, reaping, what the agent is given, and what it leaves behind.
//!
//! Where it is not about Consul, the test bed's probe stands where the agent would: it tells what it was given and which
//! signals it got. `tests/init` has the same for `lictor init`.

use std::fs;
use std::time::Duration;

use nix::sys::signal::Signal;
use testbed::consul::Version;
use testbed::lictor::{Lictor, Running};
use testbed::net::{Host, Network};
use testbed::probe::probe;
use testbed::process::{Program, send};
use testbed::{Place, TestResult, wait};

use crate::{LICTOR, START, STOP, Seed};

/// Long enough for anything that is not an agent.
const SOON: Duration = Duration::from_secs(30);

/// lictor over a program that is no agent, on a host of its own.
struct Bare {
    host: Host,
    _network: Network,
}

impl Bare {
    fn new() -> TestResult<Self> {
        let network = Network::new()?;
        let host = network.host("n1", 11)?;
        Ok(Self {
            host,
            _network: network,
        })
    }

    fn lictor(&self, words: &[&str]) -> Lictor {
        Lictor::on(&self.host, LICTOR)
            .no_consul()
            .args(["--no-registration"])
            .command(words.iter().copied())
    }

    fn probe(&self, mode: &str) -> TestResult<Lictor> {
        let probe = probe()?.display().to_string();
        let words: Vec<&str> = std::iter::once(&*probe).chain(mode.split(' ')).collect();
        Ok(self.lictor(&words))
    }
}

fn wait_for(lictor: &Running, number: i32) -> TestResult {
    lictor.wait_log(&format!("\n{number}\n"), SOON)?;
    Ok(())
}

/// lictor's own are TERM, INT, QUIT and HUP; a terminal's stops stop lictor and its agent together; two cannot be caught.
const NOT_PASSED_ON: [i32; 10] = [1, 2, 3, 9, 15, 17, 19, 20, 21, 22];

#[test]
fn every_signal_that_is_not_lictors_own_reaches_the_agent() -> TestResult {
    let bare = Bare::new()?;
    let probe = || bare.probe("signals stay");
    for lictor in [
        probe()?.start()?,
        probe()?
            .not_pid1()
            .arg("--runtime-dir=/run/other")
            .start()?,
    ] {
        lictor.wait_log("ready\n", SOON)?;
        for number in (1..=64).filter(|number| !NOT_PASSED_ON.contains(number)) {
            lictor.signal_number(number)?;
            wait_for(&lictor, number)?;
        }
        assert!(!lictor.has_ended());
        lictor.signal(Signal::SIGQUIT)?;
        assert_eq!(lictor.exit(STOP)?, 0);
    }
    Ok(())
}

#[test]
fn signals_are_rewritten_and_dropped_before_lictor_takes_them() -> TestResult {
    let bare = Bare::new()?;
    let lictor = bare
        .probe("signals stay")?
        .args(["--rewrite", "USR1:USR2,WINCH:0", "-r", "TERM:QUIT"])
        .start()?;
    lictor.wait_log("ready\n", SOON)?;
    for signal in [Signal::SIGWINCH, Signal::SIGUSR1] {
        lictor.signal(signal)?;
    }
    wait_for(&lictor, 12)?;
    assert!(!lictor.log().contains("\n28\n"), "{}", lictor.log());
    lictor.term()?;
    assert_eq!(lictor.exit(STOP)?, 0);
    assert!(lictor.log().contains("stopped without a leave"));
    Ok(())
}

#[test]
fn the_parents_death_is_a_signal() -> TestResult {
    let bare = Bare::new()?;
    let words = ["run", "--no-registration", "--parent-death", "USR1", "--"];
    // The inner shell ends once it has read a line, and the one around it goes on.
    let script = "mkfifo /gate; sh -c '\"$@\" & read line </gate' sh \"$@\"; sleep 1000";
    let shell = Program::from(["sh", "-c", script, "sh"])
        .arg(testbed::lictor::binary_under_test(LICTOR))
        .args(words)
        .arg(probe()?)
        .args(["signals", "stay"]);
    let place = Place::from(&bare.host);
    let process = place.start(testbed::process::Role::Pid1, "shell", &shell)?;
    process.wait_log("ready\n", SOON)?;
    bare.host.write("/gate", "\n")?;
    process.wait_log("\n10\n", SOON)?;
    Ok(())
}

/// It gets SIGCONT behind the SIGTERM of a leave, and tells from its handler that it goes on.
#[test]
fn a_stopped_agent_is_continued_to_leave() -> TestResult {
    let bare = Bare::new()?;
    let lictor = bare.probe("term")?.start()?;
    lictor.wait_log("!", SOON)?;
    send(lictor.children()?[0], Signal::SIGSTOP as i32)?;
    lictor.term()?;
    // No API has confirmed the leave of what is no agent.
    assert_eq!(lictor.exit(STOP)?, 115);
    assert_eq!(lictor.log().matches('!').count(), 2, "{}", lictor.log());
    Ok(())
}

#[test]
fn the_agent_gets_no_descriptor_but_those_that_were_passed_on_purpose() -> TestResult {
    let bare = Bare::new()?;
    let lictor = testbed::lictor::binary_under_test(LICTOR);
    let probe = probe()?;
    let shown = |exports: &str| -> TestResult<String> {
        let script = format!("exec 3</dev/null 4</dev/null 9</dev/null; {exports} exec \"$@\"");
        let program = Program::from(["sh", "-c", &script, "sh"])
            .arg(&lictor)
            .args(["run", "--no-registration", "--log-level=error", "--"])
            .arg(&probe)
            .arg("show");
        Ok(Place::from(&bare.host).run(program)?.success()?)
    };
    let without = shown("")?;
    assert!(without.contains("\nfds 0 1 2\n"), "{without}");
    let with = shown("export LISTEN_FDS=2 LISTEN_PID=$$;")?;
    assert!(with.contains("\nfds 0 1 2 3 4\n"), "{with}");
    let pid = with.lines().find_map(|line| line.strip_prefix("pid "));
    let meant = format!("LISTEN_PID={}\n", pid.unwrap_or_default());
    assert!(with.contains(&meant), "{with}");
    Ok(())
}

#[test]
fn ten_thousand_orphans_at_once_are_reaped() -> TestResult {
    let bare = Bare::new()?;
    let lictor = bare.probe("orphans 10000")?.start()?;
    assert_eq!(lictor.exit(2 * SOON)?, 0);
    Ok(())
}

/// Each run ends at about the same time as eight orphans of its own.
#[test]
fn no_status_is_lost_in_storms() -> TestResult {
    let bare = Bare::new()?;
    let script = "n=0; while [ $n -lt 300 ]; do code=$((n % 251 + 2)); \
         \"$0\" run --no-registration --log-level=error -- \"$1\" storm 8 $code 2>/dev/null; got=$?; \
         [ $got = $code ] || { echo run $n: $got for $code; exit 1; }; n=$((n + 1)); done; echo all";
    let shell = Program::from(["sh", "-c", script])
        .arg(testbed::lictor::binary_under_test(LICTOR))
        .arg(probe()?);
    let place = Place::from(&bare.host);
    let process = place.start(place.child_role(), "storms", &shell)?;
    process.wait(4 * SOON)?;
    assert_eq!(process.log(), "all\n");
    Ok(())
}

#[test]
fn what_the_agent_leaves_behind_is_ended_before_the_exit() -> TestResult {
    let bare = Bare::new()?;
    let script = "(trap 'echo asked; exit' TERM; echo up >/up; while :; do sleep 0.01; done) & \
                  (setsid sleep 1000 & sleep 1000) & \
                  while ! [ -s /up ]; do sleep 0.01; done; exit 7";
    for role in [false, true] {
        let lictor = bare
            .lictor(&["sh", "-c", script])
            .args(["--kill-after", "60s"]);
        let lictor = if role { lictor.not_pid1() } else { lictor }.start()?;
        assert_eq!(lictor.exit(SOON)?, 7);
        assert!(lictor.log().contains("asked"), "{}", lictor.log());
        bare.host.write("/up", "")?;
    }
    let deaf = "(trap '' TERM; echo up >/up; sleep 1000) & while ! [ -s /up ]; do sleep 0.01; done; exit 7";
    let lictor = bare
        .lictor(&["sh", "-c", deaf])
        .args(["--kill-after", "100ms"])
        .start()?;
    assert_eq!(lictor.exit(SOON)?, 7);
    assert!(lictor.log().contains("SIGKILL to"), "{}", lictor.log());
    Ok(())
}

/// A script check that starts something in the background leaves it to PID 1: Consul reaps nothing that is not its own child.
fn script_checks_leave_no_zombies(version: Version) -> TestResult {
    let seed = Seed::new(version);
    let check = serde_json::json!({
        "enable_local_script_checks": true,
        "check": {
            "id": "litter", "name": "litter", "interval": "1s", "timeout": "5s",
            "args": ["/bin/sh", "-c", "(sleep 0.2 & exec sleep 0.1) & echo x >> /checks"],
        },
    });
    seed.host
        .write("/consul/config/check.json", check.to_string())?;
    let lictor = seed.lictor(version).start()?;
    lictor.wait_phase("Ready", START)?;
    let runs = || {
        seed.host
            .read("/checks")
            .unwrap_or_default()
            .lines()
            .count()
    };
    wait::until("five runs of the check", START, || {
        (runs() >= 5).then_some(())
    })?;
    let parent = lictor.pid()?;
    // One may just have ended, and is a zombie until lictor has taken its turn: it is another one the next time.
    let mut before: Option<Vec<i32>> = None;
    wait::until("no zombie that stays", SOON, || {
        let zombies = zombies_below(parent.as_raw());
        let stayed = before
            .as_ref()
            .is_none_or(|before| zombies.iter().any(|pid| before.contains(pid)));
        before = Some(zombies);
        (!stayed).then_some(())
    })?;
    lictor.term()?;
    assert_eq!(lictor.exit(STOP)?, 0);
    Ok(())
}

fn zombies_below(parent: i32) -> Vec<i32> {
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    all.filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        let (_, rest) = stat.rsplit_once(')')?;
        let mut fields = rest.split_ascii_whitespace();
        let is_zombie = fields.next()? == "Z" && fields.next()?.parse() == Ok(parent);
        is_zombie.then_some(pid)
    })
    .collect()
}

#[test]
fn script_checks_leave_no_zombies_1_8_7() -> TestResult {
    script_checks_leave_no_zombies(Version::V1_8_7)
}

#[test]
fn script_checks_leave_no_zombies_1_22_5() -> TestResult {
    script_checks_leave_no_zombies(Version::V1_22_5)
}

/// A limit that is set on a running lictor.
fn limit(lictor: &Running, limit: &str) -> TestResult {
    let prlimit = ["prlimit", "--pid", &lictor.pid()?.to_string(), limit];
    Place::Here.run(Program::from(prlimit))?.success()?;
    Ok(())
}

/// The whole of a leave, seen in the catalog, without a byte more from the kernel.
#[test]
fn a_leave_needs_no_more_memory() -> TestResult {
    let seed = Seed::new(Version::V1_22_5);
    let lictor = seed.lictor(Version::V1_22_5).start()?;
    lictor.wait_condition("Registered", START)?;
    for what in ["--as=0", "--data=0"] {
        limit(&lictor, what)?;
    }
    // There is no room for a judge either, which is told.
    let told = lictor.control("reload", &[])?.success()?;
    assert!(told.ends_with(crate::UNCHANGED), "{told}");
    lictor.term()?;
    assert_eq!(lictor.exit(STOP)?, 0);
    Ok(())
}

/// Without descriptors the API cannot be asked, so nothing confirms the leave; it takes place all the same.
#[test]
fn a_leave_needs_no_more_descriptors() -> TestResult {
    let seed = Seed::new(Version::V1_22_5);
    let lictor = seed.lictor(Version::V1_22_5).start()?;
    lictor.wait_condition("Registered", START)?;
    limit(&lictor, "--nofile=0")?;
    lictor.term()?;
    let code = lictor.exit(STOP)?;
    assert!([0, 115].contains(&code), "{code}");
    seed.server
        .catalog()
        .wait_member("n1", "left", Duration::from_secs(5))?;
    Ok(())
}

/// With ever fewer descriptors lictor cannot start, and says so, or starts its program: at the edge without pipes.
#[test]
fn without_descriptors_for_pipes_the_program_has_lictors_own_streams() -> TestResult {
    let bare = Bare::new()?;
    let mut without_pipes = 0;
    for descriptors in 5..25 {
        let script = format!("ulimit -n {descriptors}; exec \"$@\"");
        let program = Program::from(["sh", "-c", &script, "sh"])
            .arg(testbed::lictor::binary_under_test(LICTOR))
            .args([
                "run",
                "--no-registration",
                "--",
                "sh",
                "-c",
                "echo hello; exit 7",
            ]);
        let output = Place::from(&bare.host).run(program)?;
        match output.status.code() {
            Some(7) => assert_eq!(output.stdout, "hello\n", "{descriptors}: {output:?}"),
            code => assert!(
                output.stderr.contains("failed to"),
                "{descriptors}: {code:?} {output:?}"
            ),
        }
        without_pipes += u32::from(output.stderr.contains("lictor's own streams"));
    }
    assert!(without_pipes > 0, "no limit was at the edge");
    Ok(())
}
