//! Reloads that Consul breaks off, or cuts services in: everything that the agent had is there again.

use std::collections::BTreeSet;

use nix::sys::signal::{Signal, kill};
use serde_json::{Value, json};
use testbed::consul::{self, Version};
use testbed::lictor::Running;
use testbed::process::{Output, Program};
use testbed::{TestResult, wait};

use crate::stage::{SOON, sh};
use crate::{SEED, START, STOP, Seed};

/// From files, in the order in which Consul loads them; `e` is HCL, and `d` has a sidecar.
pub(crate) const FROM_FILES: [&str; 6] = ["a", "b", "c", "d", "d-sidecar-proxy", "e"];
pub(crate) const BY_API: [&str; 2] = ["api-1", "api-2"];
/// Where a candidate is put: some services are loaded before it, and others after it.
pub(crate) const CANDIDATE: &str = "/consul/config/b-candidate.json";

/// A seed without scripts, with services.
pub(crate) fn with_services(version: Version) -> TestResult<Seed> {
    let seed = Seed::new(version);
    let mut config: Value = serde_json::from_str(SEED)?;
    let fields = config.as_object_mut().expect("an object");
    fields.remove("enable_local_script_checks");
    let host = &seed.host;
    host.write("/consul/config/consul.json", config.to_string())?;
    for name in ["a", "b", "c", "d"] {
        let mut service = json!({ "name": name, "port": 80 });
        if name == "d" {
            service["connect"] = json!({ "sidecar_service": {} });
        }
        let path = format!("/consul/config/{name}.json");
        host.write(path, json!({ "service": service }).to_string())?;
    }
    host.write("/consul/config/e.hcl", "service {\n  name = \"e\"\n}\n")?;
    Ok(seed)
}

pub(crate) fn start(seed: &Seed, version: Version) -> TestResult<Running> {
    // What is done with a change is the same however it was noticed.
    let lictor = seed.lictor(version).arg("--watch=false").start()?;
    registered(seed, &lictor)?;
    Ok(lictor)
}

/// The agent is there, and has all its services.
pub(crate) fn registered(seed: &Seed, lictor: &Running) -> TestResult {
    lictor.wait_condition("Registered", START)?;
    for name in BY_API {
        let service = json!({ "Name": name, "Port": 81 });
        lictor.api().put("/v1/agent/service/register", &service)?;
    }
    has_all(seed, lictor)
}

/// Those of the services above that an answer of Consul's has.
fn known(services: &Value) -> BTreeSet<String> {
    let all = FROM_FILES.iter().chain(&BY_API);
    all.filter(|id| services.get(id).is_some())
        .map(|id| (*id).to_owned())
        .collect()
}

/// The agent has these at once, and the catalog soon.
pub(crate) fn has(seed: &Seed, lictor: &Running, wanted: &BTreeSet<String>) -> TestResult {
    let services = lictor.api().get("/v1/agent/services")?;
    assert_eq!(known(&services), *wanted, "{services}\n{}", lictor.log());
    wait::until_ok("the services in the catalog", SOON, || {
        let node = seed
            .server
            .catalog()
            .node("n1")
            .map_err(|e| e.to_string())?;
        let found = known(&node.unwrap_or_default()["Services"]);
        (found == *wanted).then_some(()).ok_or(format!("{found:?}"))
    })?;
    Ok(())
}

pub(crate) fn has_all(seed: &Seed, lictor: &Running) -> TestResult {
    let all = FROM_FILES.iter().chain(&BY_API);
    has(seed, lictor, &all.map(|id| (*id).to_owned()).collect())
}

pub(crate) fn config_good(status: &Value) -> Value {
    let conditions = status["conditions"].as_array();
    let mut found = conditions.into_iter().flatten();
    found
        .find(|condition| condition["type"] == "ConfigGood")
        .cloned()
        .unwrap_or_default()
}

/// The configuration is not good for that reason, and is kept to be looked at.
fn is_bad(
    seed: &Seed,
    lictor: &Running,
    word: &str,
    reason: &str,
    candidate: &Value,
) -> TestResult {
    let status = lictor.status()?;
    let good = config_good(&status);
    assert_eq!(good["status"], "False", "{candidate}: {good}");
    assert_eq!(good["reason"], word, "{candidate}: {good}");
    let message = good["message"].as_str().unwrap_or_default();
    assert!(message.contains(reason), "{candidate}: {good}");
    let rejected = status["stage"]["rejected"].as_str().expect("one");
    let kept = format!("{rejected}/0{CANDIDATE}");
    assert_eq!(seed.host.read(kept)?, candidate.to_string());
    Ok(())
}

/// A Consul that, asked to validate, lets somebody meddle first: that is after lictor's own judgement and before the reload.
pub(crate) fn start_meddled_with(
    seed: &Seed,
    version: Version,
    options: &[&str],
) -> TestResult<Running> {
    let real = consul::directory(version)?;
    let script = format!(
        "#!/bin/sh\nif [ \"$1\" = validate ]; then cd /consul/tls && sh /consul/meddle; fi\nexec {}/consul \"$@\"\n",
        real.display()
    );
    sh(&seed.host, "mkdir bin")?;
    seed.host.write("/consul/bin/consul", script)?;
    let create = "chmod +x bin/consul; mkdir tls; cd tls; consul tls ca create >/dev/null; \
                  consul tls cert create -client >/dev/null; mv consul-agent-ca.pem ca.pem; \
                  mv dc1-client-consul-0.pem cert.pem; mv dc1-client-consul-0-key.pem key.pem; mkdir good; cp *.pem good";
    let program = Program::new("sh")
        .args(["-ec", &format!("cd /consul; {create}")])
        .path_first(real);
    seed.host.run(program)?.success()?;
    let command = ["/consul/bin/consul", "agent", "-config-dir=/consul/config"];
    let options = options.iter().copied();
    let lictor = seed
        .lictor(version)
        .args(options)
        .command(command)
        .start()?;
    registered(seed, &lictor)?;
    Ok(lictor)
}

fn validate(seed: &Seed, version: Version) -> TestResult<Output> {
    let program = Program::new("consul")
        .args(["validate", "/consul/config"])
        .path_first(consul::directory(version)?);
    Ok(seed.host.run(program)?)
}

/// These settings for TLS, by the keys of this version.
pub(crate) fn tls(version: Version, settings: &Value) -> Value {
    match version {
        Version::V1_8_7 => settings.clone(),
        Version::V1_22_5 => json!({ "tls": { "defaults": settings } }),
    }
}

/// Candidates that `consul validate` calls valid, and what lictor says of each: its key first.
fn candidates(version: Version) -> Vec<(Value, &'static str)> {
    let tls = |settings: Value| tls(version, &settings);
    let script = json!({ "args": ["/bin/true"], "interval": "10s" });
    let with_script = json!({ "name": "f", "check": script });
    let mut candidates = vec![
        // These wipe all services.
        (
            tls(json!({ "ca_file": "/consul/no-ca.pem" })),
            "ca_file: /consul/no-ca.pem",
        ),
        (
            tls(json!({ "cert_file": "/consul/no-cert.pem", "key_file": "/consul/no-key.pem" })),
            "cert_file: /consul/no-cert.pem",
        ),
        (
            tls(json!({ "verify_outgoing": true })),
            "verify_outgoing: it verifies",
        ),
        // These cut off what comes after them.
        (json!({ "service": with_script }), "service.check.args: "),
        (
            json!({ "service": with_script, "enable_local_script_checks": true }),
            "service.check.args: ",
        ),
        (json!({ "service": {} }), "service.name: "),
        (
            json!({ "service": { "id": "a-new-one" } }),
            "service.name: ",
        ),
        // These leave the services, and the reload incomplete.
        (
            json!({ "check": { "name": "of nobody", "ttl": "10s", "service_id": "nobody" } }),
            "check.service_id: ",
        ),
        (
            json!({ "watches": [{ "type": "key", "handler_type": "http" }] }),
            "watches[0]",
        ),
    ];
    if version == Version::V1_8_7 {
        let both = json!({ "ttl": "10s", "http": "http://127.0.0.1/", "interval": "10s" });
        candidates.push((
            json!({ "service": { "name": "f", "check": both } }),
            "service.check.ttl: ",
        ));
        candidates.push((
            json!({ "service": { "name": "f", "check": { "name": "no type" } } }),
            "service.check: ",
        ));
    }
    candidates
}

fn what_would_break_is_rejected(version: Version) -> TestResult {
    let seed = with_services(version)?;
    let lictor = start(&seed, version)?;
    for (candidate, reason) in candidates(version) {
        seed.host.write(CANDIDATE, candidate.to_string())?;
        let valid = validate(&seed, version)?;
        assert!(valid.status.success(), "{candidate}: {}", valid.stderr);

        let output = lictor.control("reload", &["--check"])?;
        let judged = format!("{}{}", output.stdout, output.stderr);
        assert_eq!(output.status.code(), Some(1), "{candidate}: {judged}");
        assert_eq!(
            config_good(&lictor.status()?)["status"],
            "True",
            "only judged"
        );
        let output = lictor.control("reload", &[])?;
        let told = format!("{}{}", output.stdout, output.stderr);
        assert_eq!(output.status.code(), Some(1), "{candidate}: {told}");
        assert_eq!(told, judged);
        assert!(
            told.contains("rejected") && told.contains(reason) && told.contains(CANDIDATE),
            "{candidate}: {told}"
        );
        has_all(&seed, &lictor)?;
        is_bad(&seed, &lictor, "Rejected", reason, &candidate)?;

        // Somebody who reloads behind lictor's back gets what is staged.
        lictor.api().put("/v1/agent/reload", &Value::Null)?;
        has_all(&seed, &lictor)?;

        seed.host.run(["rm", CANDIDATE])?.success()?;
        lictor.control("reload", &[])?.success()?;
        let status = lictor.status()?;
        assert_eq!(config_good(&status)["status"], "True", "{candidate}");
        assert_eq!(status["stage"]["rejected"], Value::Null);
    }
    has_all(&seed, &lictor)?;
    lictor.term()?;
    assert_eq!(lictor.exit(STOP)?, 0);
    Ok(())
}

#[test]
fn what_would_break_is_rejected_1_8_7() -> TestResult {
    what_would_break_is_rejected(Version::V1_8_7)
}

#[test]
fn what_would_break_is_rejected_1_22_5() -> TestResult {
    what_would_break_is_rejected(Version::V1_22_5)
}

/// What is good when it is judged may not be when the agent reads it.
fn a_reload_that_breaks_is_rolled_back(version: Version) -> TestResult {
    let seed = with_services(version)?;
    let lictor = start_meddled_with(&seed, version, &[])?;
    let ca = json!({ "ca_file": "/consul/tls/ca.pem" });
    let pair = json!({ "cert_file": "/consul/tls/cert.pem", "key_file": "/consul/tls/key.pem" });
    for (settings, meddle, reason) in [
        (&ca, "rm ca.pem", "ca.pem"),
        (&ca, "echo x >ca.pem", "PEM"),
        (&pair, "rm key.pem", "key.pem"),
        (&pair, "cp ca.pem cert.pem", "private key"),
    ] {
        let candidate = tls(version, settings);
        seed.host.write(CANDIDATE, candidate.to_string())?;
        seed.host.write("/consul/meddle", meddle)?;
        let output = lictor.control("reload", &[])?;
        let told = format!("{}{}", output.stdout, output.stderr);
        assert_eq!(output.status.code(), Some(1), "{candidate}: {told}");
        assert!(
            told.contains("rolled back") && told.contains(reason),
            "{candidate}, {meddle}: {told}"
        );
        has_all(&seed, &lictor)?;
        is_bad(&seed, &lictor, "RolledBack", reason, &candidate)?;
        lictor.api().put("/v1/agent/reload", &Value::Null)?;
        has_all(&seed, &lictor)?;

        // With the files as they were it is taken, which clears it.
        seed.host.write("/consul/meddle", "true")?;
        sh(&seed.host, "cp tls/good/* tls")?;
        let told = lictor.control("reload", &[])?.success()?;
        assert!(told.starts_with("reloaded: added"), "{told}");
        let status = lictor.status()?;
        assert_eq!(config_good(&status)["status"], "True", "{candidate}");
        assert_eq!(status["stage"]["rejected"], Value::Null);
        has_all(&seed, &lictor)?;
        seed.host.run(["rm", CANDIDATE])?.success()?;
        lictor.control("reload", &[])?.success()?;
    }
    lictor.term()?;
    assert_eq!(lictor.exit(STOP)?, 0);
    Ok(())
}

#[test]
fn a_reload_that_breaks_is_rolled_back_1_8_7() -> TestResult {
    a_reload_that_breaks_is_rolled_back(Version::V1_8_7)
}

#[test]
fn a_reload_that_breaks_is_rolled_back_1_22_5() -> TestResult {
    a_reload_that_breaks_is_rolled_back(Version::V1_22_5)
}

/// The swap is made, and then the agent is told by somebody else: it reads the stage, which has nothing of it.
fn a_reload_by_hand_right_after_the_edit_loses_nothing(version: Version) -> TestResult {
    let seed = with_services(version)?;
    let lictor = start(&seed, version)?;
    for (candidate, _) in candidates(version) {
        seed.host.write(CANDIDATE, candidate.to_string())?;
        lictor.api().put("/v1/agent/reload", &Value::Null)?;
        has_all(&seed, &lictor)?;
    }
    Ok(())
}

#[test]
fn a_reload_by_hand_right_after_the_edit_loses_nothing_1_8_7() -> TestResult {
    a_reload_by_hand_right_after_the_edit_loses_nothing(Version::V1_8_7)
}

#[test]
fn a_reload_by_hand_right_after_the_edit_loses_nothing_1_22_5() -> TestResult {
    a_reload_by_hand_right_after_the_edit_loses_nothing(Version::V1_22_5)
}

/// Where the CA is a pipe that nobody writes to, an agent hangs in its reload, and in its start.
fn an_agent_that_ends_in_a_reload_starts_with_what_was_good(version: Version) -> TestResult {
    let seed = with_services(version)?;
    let lictor = start_meddled_with(&seed, version, &[])?;
    seed.host
        .write("/consul/meddle", "rm ca.pem; mkfifo ca.pem")?;
    let candidate = tls(version, &json!({ "ca_file": "/consul/tls/ca.pem" }));
    seed.host.write(CANDIDATE, candidate.to_string())?;
    let reload = lictor.follow("reload", &[])?;
    lictor.wait_log("asking the agent to reload", SOON)?;
    let agent = lictor.children()?[0];
    kill(agent, Signal::SIGKILL)?;
    assert_eq!(reload.exit_code(SOON)?, 1, "{}", reload.log());
    let told = "the next one starts with what it read before";
    assert!(reload.log().contains(told), "{}", reload.log());
    let status = lictor.wait_status("a restarted agent that is ready", START, |status| {
        status["agent"]["restarts"] == 1 && status["phase"] == "Ready"
    })?;
    has_all(&seed, &lictor)?;
    assert_eq!(config_good(&status)["reason"], "RolledBack", "{status}");

    seed.host.run(["rm", CANDIDATE])?.success()?;
    lictor.control("reload", &[])?.success()?;
    assert_eq!(lictor.condition("ConfigGood")?.as_deref(), Some("True"));
    has_all(&seed, &lictor)
}

#[test]
fn an_agent_that_ends_in_a_reload_starts_with_what_was_good_1_8_7() -> TestResult {
    an_agent_that_ends_in_a_reload_starts_with_what_was_good(Version::V1_8_7)
}

#[test]
fn an_agent_that_ends_in_a_reload_starts_with_what_was_good_1_22_5() -> TestResult {
    an_agent_that_ends_in_a_reload_starts_with_what_was_good(Version::V1_22_5)
}
