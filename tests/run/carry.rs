//! A restart that nobody notices: the states of checks over a crash and over a stop without a leave.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use serde_json::{Value, json};
use testbed::TestResult;
use testbed::agent::{Api, Client, Look, Watch};
use testbed::consul::Version;
use testbed::lictor::{Lictor, Running};
use testbed::wait;

use crate::{START, STOP, Seed};

/// How long each check may take to its first run, with an interval of 10 s.
pub(crate) const RUN: Duration = Duration::from_secs(40);
pub(crate) const ON: &str = "--carry-checks";
pub(crate) const OFF: &str = "--carry-checks=false";
/// What lictor says when it has the states: all of them, since an agent that reloads tells of some only.
const SEEN: &str = r#"event Checks(Seen(Some({"broken": Critical, "http": Passing, "script": Passing, "service:consul-10.111.67.11": Passing, "tcp": Passing"#;
/// The checks that run by themselves, of which Consul would forget the state.
const RUNNING: [&str; 3] = ["http", "tcp", "script"];

/// A cluster with a host on which every kind of check is registered through the API, all of them passing but `broken`.
///
/// Another client makes it a real one: an agent that comes back joins whom it knows before it answers anybody, and has told
/// the servers what it has before anybody could register anything.
struct Bed {
    seed: Seed,
    version: Version,
    /// Kept, since it ends with this.
    _other: Client,
}

impl Bed {
    fn new(version: Version) -> Self {
        let seed = Seed::new(version);
        let config = r#"{"enable_script_checks": true}"#;
        let path = "/consul/config/scripts.json";
        seed.host.write(path, config).expect("written");
        let other = seed.network.host("n2", 12).expect("a host");
        let other = Client::start(&other, version, &["10.111.67.1"]).expect("another client");
        Self {
            seed,
            version,
            _other: other,
        }
    }

    fn lictor(&self) -> Lictor {
        self.seed.lictor(self.version).arg("--log-level=debug")
    }

    /// Starts lictor and registers the checks, each with its state as the initial one.
    fn start(&self, option: &str) -> TestResult<Running> {
        self.start_as(self.lictor(), option)
    }

    fn start_as(&self, lictor: Lictor, option: &str) -> TestResult<Running> {
        let lictor = lictor.arg(option).start()?;
        lictor.wait_phase("Ready", START)?;
        // From there anybody may write.
        let at = SocketAddr::from(([10, 111, 67, 11], 8500));
        let api = Api::at(&self.seed.host, at).with_token("a-token-of-its-own");
        for (name, check, status) in [
            (
                "http",
                json!({ "HTTP": "http://127.0.0.1:8500/v1/status/leader", "Header": { "X-A": ["1", "2"] } }),
                "passing",
            ),
            ("tcp", json!({ "TCP": "127.0.0.1:8500" }), "passing"),
            (
                "script",
                json!({ "Args": ["/bin/sh", "-c", "echo well"] }),
                "passing",
            ),
            (
                "broken",
                json!({ "Args": ["/bin/sh", "-c", "echo ill; exit 2"] }),
                "critical",
            ),
            ("ttl", json!({ "TTL": "90s" }), "passing"),
            ("without", Value::Null, ""),
        ] {
            let service = json!({ "Name": name, "ID": name });
            api.put("/v1/agent/service/register", &service)?;
            if let Value::Object(mut check) = check {
                if name != "ttl" {
                    check.insert("Interval".to_owned(), json!("10s"));
                }
                check.insert("ID".to_owned(), json!(name));
                check.insert("Name".to_owned(), json!(name));
                check.insert("ServiceID".to_owned(), json!(name));
                check.insert("Status".to_owned(), json!(status));
                api.put("/v1/agent/check/register", &Value::Object(check))?;
            }
        }
        api.put("/v1/agent/check/pass/ttl", &Value::Null)?;
        let catalog = self.seed.server.catalog();
        wait::until_ok("the checks in the catalog", START, || {
            match catalog.checks("n1") {
                Ok(checks) if as_registered(&checks) => Ok(()),
                Ok(checks) => Err(format!("{checks:?}")),
                Err(error) => Err(error.to_string()),
            }
        })?;
        // A reload is followed by a look at the states, which comes by itself within a minute.
        lictor.control("reload", &[])?.success()?;
        if option != OFF {
            lictor.wait_log(SEEN, START)?;
        }
        Ok(lictor)
    }

    /// The definitions by the checks' ids: those that are set aside, and of the others what the agent has.
    fn definitions(&self) -> TestResult<BTreeMap<String, Value>> {
        let script = "cd /consul/data; \
                      for f in checks/* checks.lictor/*; do test ! -f $f || { cat $f; echo; }; done";
        let text = self.seed.host.run(["sh", "-c", script])?.success()?;
        let mut found = BTreeMap::new();
        for line in text.lines().filter(|line| !line.is_empty()) {
            let file: Value = serde_json::from_str(line)?;
            let id = file["Check"]["CheckID"].as_str().unwrap_or_default();
            found.insert(id.to_owned(), file.clone());
        }
        Ok(found)
    }

    /// How many definitions are set aside.
    fn aside(&self) -> TestResult<usize> {
        self.count("ls /consul/data/checks.lictor 2>/dev/null | wc -l")
    }

    fn stand_ins(&self) -> TestResult<usize> {
        self.count("grep -l '\"TTL\":60000000019' /consul/data/checks/* 2>/dev/null | wc -l")
    }

    fn count(&self, script: &str) -> TestResult<usize> {
        let count = self.seed.host.run(["sh", "-c", script])?.success()?;
        Ok(count.trim().parse()?)
    }
}

fn as_registered(checks: &BTreeMap<String, String>) -> bool {
    let state = |id: &str| checks.get(id).map(String::as_str);
    RUNNING.iter().all(|id| state(id) == Some("passing"))
        && state("ttl") == Some("passing")
        && state("broken") == Some("critical")
}

/// Waits until each check that runs by itself has run: only a run has output.
fn all_have_run(api: &Api) -> TestResult {
    wait::until_ok("a run of each check", RUN, || {
        let checks = api.get("/v1/agent/checks").map_err(|e| e.to_string())?;
        let ran = |id: &str| checks[id]["Output"].as_str().is_some_and(|o| !o.is_empty());
        match RUNNING.iter().chain(&["broken"]).all(|id| ran(id)) {
            true => Ok(()),
            false => Err(checks.to_string()),
        }
    })?;
    Ok(())
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum End {
    /// The agent is killed, and restarted in place.
    Crash,
    /// SIGQUIT, and another lictor on the same host.
    Stay,
}

pub(crate) fn crash(lictor: &Running) -> TestResult {
    let children = lictor.children()?;
    assert_eq!(children.len(), 1, "the agent is lictor's only child");
    Ok(kill(children[0], Signal::SIGKILL)?)
}

fn nobody_notices(version: Version, end: End) -> TestResult {
    let bed = Bed::new(version);
    let mut lictor = bed.start(ON)?;
    let before = bed.definitions()?;
    assert_eq!(before.len(), 5, "{before:#?}");
    assert_eq!(before["http"]["Token"], "a-token-of-its-own");

    let watch = Watch::begin(bed.seed.server.api(), "n1")?;
    match end {
        End::Crash => {
            crash(&lictor)?;
            lictor.wait_status("a restarted agent", START, |status| {
                status["agent"]["restarts"] == 1 && status["phase"] == "Ready"
            })?;
        }
        End::Stay => {
            lictor.signal(Signal::SIGQUIT)?;
            assert_eq!(lictor.exit(STOP)?, 0);
            // Another Pod has a runtime directory of its own.
            let next = bed.lictor().arg("--runtime-dir=/run/another");
            lictor = next.start()?;
            lictor.wait_phase("Ready", START)?;
        }
    }
    all_have_run(&lictor.api())?;
    let seen = watch.end()?;
    for look in &seen {
        assert!(
            as_registered(&look.states),
            "{version} {end:?}: {seen:#?}\n{}",
            lictor.log()
        );
    }
    assert_eq!(bed.definitions()?, before);
    assert_eq!(bed.aside()?, 0);
    let carried = "carried the states of 3 checks over: 3 passing";
    assert!(lictor.log().contains(carried), "{}", lictor.log());
    Ok(())
}

#[test]
fn no_server_sees_a_restart() {
    thread::scope(|scope| {
        for version in Version::ALL {
            for end in [End::Crash, End::Stay] {
                scope.spawn(move || nobody_notices(version, end).expect("a row"));
            }
        }
    });
}

/// Whether the server sees a check critical over a crash, the `count`th of this agent, which is passing otherwise.
fn noticed_crash(bed: &Bed, lictor: &Running, count: u32) -> TestResult<bool> {
    let watch = Watch::begin(bed.seed.server.api(), "n1")?;
    crash(lictor)?;
    lictor.wait_status("a restarted agent", START, |status| {
        status["agent"]["restarts"] == count && status["phase"] == "Ready"
    })?;
    all_have_run(&lictor.api())?;
    let is_critical = |look: &Look, id: &str| look.states.get(id).is_some_and(|s| s == "critical");
    let seen = watch.end()?;
    let critical = |look: &Look| RUNNING.iter().any(|id| is_critical(look, id));
    Ok(seen.iter().any(critical))
}

/// With `--carry-checks=false` a crash is what it is with Consul alone, and no file is touched.
fn left_alone(version: Version) -> TestResult {
    let bed = Bed::new(version);
    let lictor = bed.start(OFF)?;
    let before = bed.definitions()?;
    // An agent that synchronizes for the first time when each check has run already shows nobody that it had forgotten them.
    let mut crashes = 1..=3;
    let noticed = crashes.any(|count| noticed_crash(&bed, &lictor, count).expect("a crash"));
    assert!(noticed, "nothing to carry over");
    assert!(!lictor.log().contains("carried"), "{}", lictor.log());
    assert_eq!(bed.definitions()?, before);
    lictor.signal(Signal::SIGQUIT)?;
    assert_eq!(lictor.exit(STOP)?, 0);
    let note = bed
        .seed
        .host
        .run(["test", "-e", "/consul/data/check-states.lictor"])?;
    assert!(!note.status.success(), "a note was left");
    Ok(())
}

/// Starts an agent, unless there is a file `/consul/held`: then something that never answers.
pub(crate) const HELD: &str =
    r#"if [ -e /consul/held ]; then exec sleep 600; fi; exec consul "$@""#;

/// lictor is killed when the definitions are set aside and the agent has not answered yet: nothing is lost, with the next
/// lictor nor with one that carries nothing over.
fn killed_between(version: Version, next: &str) -> TestResult {
    let bed = Bed::new(version);
    let agent = [
        "sh",
        "-c",
        HELD,
        "consul",
        "agent",
        "-config-dir=/consul/config",
    ];
    let lictor = bed.start_as(bed.lictor().command(agent), ON)?;
    let before = bed.definitions()?;
    bed.seed.host.write("/consul/held", "")?;
    crash(&lictor)?;
    wait::until("definitions that are set aside", START, || {
        bed.aside().ok().filter(|count| *count > 0)
    })?;
    lictor.signal(Signal::SIGKILL)?;
    lictor.exit(STOP)?;
    assert_eq!(bed.definitions()?, before);
    assert!(bed.aside()? > 0, "it was too late");

    let lictor = bed.lictor().arg(next).start()?;
    lictor.wait_phase("Ready", START)?;
    assert_eq!(bed.aside()?, 0);
    assert_eq!(bed.definitions()?, before);
    let checks = lictor.api().get("/v1/agent/checks")?;
    let there = |id: &&String| checks[id.as_str()].is_object();
    assert_eq!(before.keys().filter(there).count(), before.len());
    Ok(())
}

/// The agent takes no registration from lictor: it has its checks again all the same, and nobody has seen them gone.
fn refused(version: Version) -> TestResult {
    let bed = Bed::new(version);
    let config = r#"{"http_config": {"allow_write_http_from": ["10.111.67.0/24"]}}"#;
    bed.seed.host.write("/consul/config/writers.json", config)?;
    let lictor = bed.start(ON)?;
    let before = bed.definitions()?;
    let watch = Watch::begin(bed.seed.server.api(), "n1")?;
    crash(&lictor)?;
    lictor.wait_log("3 checks could not be registered anew", START)?;
    wait::until_ok("the agent's own definitions", START, || {
        match (bed.aside(), bed.stand_ins()) {
            (Ok(0), Ok(0)) => Ok(()),
            left => Err(format!("{left:?}")),
        }
    })?;
    all_have_run(&lictor.api())?;
    for look in watch.end()? {
        assert!(as_registered(&look.states), "{look:?}\n{}", lictor.log());
    }
    assert_eq!(bed.definitions()?, before);
    Ok(())
}

#[test]
fn what_is_not_to_be_carried_over_is_left_alone_and_nothing_is_ever_lost() {
    thread::scope(|scope| {
        for (version, next) in Version::ALL.into_iter().zip([ON, OFF]) {
            scope.spawn(move || left_alone(version).expect("a row"));
            scope.spawn(move || refused(version).expect("a row"));
            scope.spawn(move || killed_between(version, next).expect("a row"));
        }
    });
}
