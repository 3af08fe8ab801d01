//! The states of checks that files define, over a crash and over a stop without a leave.

use std::collections::BTreeMap;
use std::thread;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use testbed::TestResult;
use testbed::agent::{Api, Client, Watch};
use testbed::consul::Version;
use testbed::lictor::{Lictor, Running};
use testbed::wait;

use crate::carry::{End, HELD, OFF, ON, RUN, crash};
use crate::stage::sh;
use crate::{START, STOP, Seed};

const SERVICES: &str = "/consul/config/services.json";
const MORE: &str = "/consul/config/zz.hcl";
/// What a definition may hold that is nobody's business.
const SECRET: &str = "a-secret-of-the-application";
/// The id of each check, and its state.
const CHECKS: [(&str, &str); 8] = [
    ("node", "warning"),
    ("of-hcl", "passing"),
    ("service:broken", "critical"),
    ("service:hcl", "passing"),
    ("service:http", "passing"),
    ("service:several:1", "passing"),
    (TTL, "passing"),
    ("service:several:3", "passing"),
];
/// It has no run of its own: once it is forgotten, it stays critical until somebody comes.
const TTL: &str = "service:several:2";
const CARRIED: &str = "carried the states of 7 checks over: 6 passing, 1 warning";

fn services() -> Value {
    let script = |text: &str| json!({ "args": ["/bin/sh", "-c", text], "interval": "10s" });
    let tcp = json!({ "tcp": "127.0.0.1:8500", "interval": "10s" });
    let mut node = script("echo so so; exit 1");
    node["name"] = json!("node");
    json!({
        "enable_script_checks": true,
        "services": [
            { "name": "http", "check": {
                "http": "http://127.0.0.1:8500/v1/agent/self", "interval": "10s", "header": { "X-Token": [SECRET] },
            } },
            // An agent counts `check` after `checks`.
            { "name": "several", "check": tcp, "checks": [script("echo well"), { "ttl": "90s" }] },
            { "name": "broken", "check": script("echo ill; exit 2") },
        ],
        "check": node,
    })
}

fn more(tag: &str) -> String {
    format!(
        r#"# {{
service {{ name = "hcl" tags = ["{tag}"] check {{ # of a service
    tcp = "127.0.0.1:8500" interval = "10s" }} }}
checks = [{{ id = "of-hcl", name = "an id of its own", service_id = "hcl",
    http = "http://127.0.0.1:8500/v1/agent/self", interval = "10s" }}]
"#
    )
}

/// A cluster with a host that has such files.
struct Bed {
    seed: Seed,
    version: Version,
    /// Kept, since it ends with this.
    _other: Client,
}

impl Bed {
    fn new(version: Version) -> TestResult<Self> {
        let seed = Seed::new(version);
        seed.host.write(SERVICES, services().to_string())?;
        seed.host.write(MORE, more("one"))?;
        // An agent that comes back joins whom it knows before it answers anybody.
        let other = seed.network.host("n2", 12)?;
        let other = Client::start(&other, version, &["10.111.67.1"])?;
        Ok(Self {
            seed,
            version,
            _other: other,
        })
    }

    fn lictor(&self, option: &str) -> Lictor {
        let lictor = self.seed.lictor(self.version);
        // A change waits for who asks for it.
        lictor.args(["--log-level=debug", "--watch=false", option])
    }

    /// Waits until the server knows each check's state by a run.
    fn settle(&self, lictor: &Running) -> TestResult {
        lictor.wait_phase("Ready", START)?;
        let api = lictor.api();
        all_have_run(&api)?;
        api.put(&format!("/v1/agent/check/pass/{TTL}"), &Value::Null)?;
        let catalog = self.seed.server.catalog();
        wait::until_ok("the checks in the catalog", START, || {
            match catalog.checks("n1") {
                Ok(checks) if is_as_it_was(&checks) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })?;
        Ok(())
    }

    /// Whether what the agent reads is what the user's files were at the start: of one generation, and no other is left.
    fn stage_is_own(&self) -> TestResult<bool> {
        let generation = self
            .seed
            .host
            .read("/run/lictor/stage/current/0/consul/config/zz.hcl")?;
        let stage = self.seed.host.list("/run/lictor/stage")?;
        let is_number = |name: &&String| name.bytes().all(|byte| byte.is_ascii_digit());
        let one = stage.iter().filter(is_number).count() == 1;
        Ok(generation == more("one") && one && !stage.contains(&"lender".to_owned()))
    }
}

fn is_as_it_was(checks: &BTreeMap<String, String>) -> bool {
    let state = |id: &str| checks.get(id).map(String::as_str);
    CHECKS.iter().all(|(id, wanted)| state(id) == Some(*wanted))
}

/// Waits until each check that runs by itself has run: only a run has output.
fn all_have_run(api: &Api) -> TestResult {
    wait::until_ok("a run of each check", RUN, || {
        let checks = api.get("/v1/agent/checks").map_err(|e| e.to_string())?;
        let ran = |id: &str| checks[id]["Output"].as_str().is_some_and(|o| !o.is_empty());
        let mut running = CHECKS.iter().filter(|(id, _)| *id != TTL);
        match running.all(|(id, _)| ran(id)) {
            true => Ok(()),
            false => Err(checks.to_string()),
        }
    })?;
    Ok(())
}

/// Waits until lictor has seen the states, all of them: an agent that reloads tells of some only.
fn wait_seen(lictor: &Running) -> TestResult {
    let name = |health: &str| format!("{}{}", health[..1].to_uppercase(), &health[1..]);
    let registration = ("service:consul-10.111.67.11", "passing");
    let all: BTreeMap<&str, &str> = CHECKS.into_iter().chain([registration]).collect();
    let all: Vec<String> = all
        .into_iter()
        .map(|(id, health)| format!("{id:?}: {}", name(health)))
        .collect();
    // It is followed by a look, which comes by itself within a minute.
    lictor.control("reload", &[])?.success()?;
    let seen = format!("event Checks(Seen(Some({{{}}})))", all.join(", "));
    lictor.wait_log(&seen, START)?;
    Ok(())
}

/// The tags of a service that the agent has.
fn tags(lictor: &Running) -> TestResult<Value> {
    Ok(lictor.api().get("/v1/agent/services")?["hcl"]["Tags"].clone())
}

/// Starts an agent, unless there is a file `/consul/once`: then it takes that away and fails.
const ONCE: &str = r#"if [ -e /consul/once ]; then rm /consul/once; exit 1; fi; exec consul "$@""#;

/// An agent that is started by a script.
fn by(script: &str) -> [&str; 6] {
    [
        "sh",
        "-c",
        script,
        "consul",
        "agent",
        "-config-dir=/consul/config",
    ]
}

/// `in_vain` is how often an agent that crashed does not come up at first.
fn nobody_notices(version: Version, end: End, in_vain: u32) -> TestResult {
    let bed = Bed::new(version)?;
    let mut lictor = bed.lictor(ON).command(by(ONCE)).start()?;
    bed.settle(&lictor)?;
    wait_seen(&lictor)?;
    let generation = lictor.status()?["stage"]["generation"].clone();

    let watch = Watch::begin(bed.seed.server.api(), "n1")?;
    // It is the next lictor's, or the next reload's.
    match end {
        End::Crash => {
            if in_vain > 0 {
                bed.seed.host.write("/consul/once", "")?;
            }
            crash(&lictor)?;
            bed.seed.host.write(MORE, more("two"))?;
            lictor.wait_status("a restarted agent", START, |status| {
                status["agent"]["restarts"] == 1 + in_vain && status["phase"] == "Ready"
            })?;
            assert_eq!(lictor.status()?["stage"]["generation"], generation);
            assert!(bed.stage_is_own()?, "{}", lictor.log());
            assert_eq!(tags(&lictor)?, json!(["one"]));
            // The checks have their states still, most of them without a run, and keep them.
            lictor.control("reload", &[])?.success()?;
        }
        End::Stay => {
            lictor.signal(Signal::SIGQUIT)?;
            assert_eq!(lictor.exit(STOP)?, 0);
            bed.seed.host.write(MORE, more("two"))?;
            // Another Pod has a runtime directory of its own.
            let next = bed.lictor(ON).arg("--runtime-dir=/run/another");
            lictor = next.start()?;
            lictor.wait_phase("Ready", START)?;
        }
    }
    assert_eq!(tags(&lictor)?, json!(["two"]));
    all_have_run(&lictor.api())?;
    let seen = watch.end()?;
    for look in &seen {
        assert!(
            is_as_it_was(&look.states),
            "{version} {end:?}: {seen:#?}\n{}",
            lictor.log()
        );
    }
    assert!(lictor.log().contains(CARRIED), "{}", lictor.log());
    assert!(!lictor.log().contains(SECRET), "{}", lictor.log());
    Ok(())
}

#[test]
fn no_server_sees_a_restart_in_the_checks_of_files() {
    thread::scope(|scope| {
        for version in Version::ALL {
            for (end, in_vain) in [(End::Crash, 0), (End::Crash, 1), (End::Stay, 0)] {
                scope.spawn(move || nobody_notices(version, end, in_vain).expect("a row"));
            }
        }
    });
}

/// Without it a crash is what it is with Consul alone.
fn left_alone(version: Version, option: &str) -> TestResult {
    let bed = Bed::new(version)?;
    let lictor = bed.lictor(option).start()?;
    bed.settle(&lictor)?;
    lictor.control("reload", &[])?.success()?;
    crash(&lictor)?;
    lictor.wait_status("a restarted agent", START, |status| {
        status["agent"]["restarts"] == 1 && status["phase"] == "Ready"
    })?;
    // Nobody comes.
    let catalog = bed.seed.server.catalog();
    wait::until_ok("a forgotten state", START, || match catalog.checks("n1") {
        Ok(checks) if checks.get(TTL).is_some_and(|state| state == "critical") => Ok(()),
        other => Err(format!("{other:?}")),
    })?;
    let log = lictor.log();
    assert!(
        !log.contains("carried") && !log.contains("Checks(Seen"),
        "{log}"
    );
    Ok(())
}

/// lictor is killed while the agent's configuration is lent to it: the next one, and whoever looks, finds the user's own.
fn killed_between(version: Version) -> TestResult {
    let bed = Bed::new(version)?;
    let lictor = bed.lictor(ON).command(by(HELD)).start()?;
    bed.settle(&lictor)?;
    wait_seen(&lictor)?;
    let host = &bed.seed.host;
    host.write("/consul/held", "")?;
    crash(&lictor)?;
    let is_lent = || {
        host.list("/run/lictor/stage")
            .ok()?
            .contains(&"lender".to_owned())
            .then_some(())
    };
    wait::until("a configuration that is lent", START, is_lent)?;
    wait::until("one that is lent whole", START, || {
        let lent = host
            .read("/run/lictor/stage/current/0/consul/config/zz.hcl")
            .ok()?;
        lent.contains("check { status = \"passing\"").then_some(())
    })?;
    // A reload that is asked for waits for the agent.
    lictor.hup()?;
    lictor.wait_log("reload kept until the agent can take it", START)?;
    assert!(is_lent().is_some(), "it was too late");
    lictor.signal(Signal::SIGKILL)?;
    lictor.exit(STOP)?;
    assert!(is_lent().is_some(), "it was too late");

    sh(host, "rm held")?;
    let lictor = bed.lictor(ON).start()?;
    lictor.wait_phase("Ready", START)?;
    assert!(bed.stage_is_own()?, "{}", lictor.log());
    assert!(!lictor.log().contains("carried"), "{}", lictor.log());
    let checks = lictor.api().get("/v1/agent/checks")?;
    for (id, _) in CHECKS {
        assert!(checks[id].is_object(), "{id}: {checks}");
    }
    Ok(())
}

/// The agent does not come up at first, and lictor is stopped meanwhile, as ever.
fn stopped_between(version: Version) -> TestResult {
    let bed = Bed::new(version)?;
    let lictor = bed.lictor(ON).command(by(HELD)).start()?;
    bed.settle(&lictor)?;
    wait_seen(&lictor)?;
    bed.seed.host.write("/consul/held", "")?;
    crash(&lictor)?;
    let lent = || {
        bed.seed
            .host
            .list("/run/lictor/stage")
            .ok()?
            .contains(&"lender".to_owned())
            .then_some(())
    };
    wait::until("a configuration that is lent", START, lent)?;
    lictor.signal(Signal::SIGQUIT)?;
    lictor.exit(STOP)?;
    assert!(bed.stage_is_own()?, "{}", lictor.log());
    Ok(())
}

#[test]
fn what_is_lent_is_given_back_whatever_happens() {
    thread::scope(|scope| {
        for (version, option) in Version::ALL.into_iter().zip([OFF, "--no-staging"]) {
            scope.spawn(move || left_alone(version, option).expect("a row"));
            scope.spawn(move || killed_between(version).expect("a row"));
            scope.spawn(move || stopped_between(version).expect("a row"));
        }
    });
}
