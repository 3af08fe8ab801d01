//! Reloads by SIGHUP, where the API denies them or is off: what fails or loses services is taken back, and what cannot be seen is said.

use std::collections::BTreeSet;

use nix::sys::signal::{Signal, kill};
use serde_json::{Value, json};
use testbed::agent::Api;
use testbed::consul::Version;
use testbed::lictor::{Lictor, Running};
use testbed::net::{Host, Network};
use testbed::reloads::Certificates;
use testbed::{TestResult, wait};

use crate::acl::Guarded;
use crate::stage::{SOON, sh};
use crate::{LICTOR, SEED, START, STOP};

/// What Consul reads and lictor does not, since it ends in a comma. So nothing of it is judged beforehand.
const UNJUDGED: &str = "/consul/config/b-candidate.hcl";
/// It is refused when everything has been unloaded.
const BROKEN: &str =
    r#"{"service": {"name": "f", "check": {"args": ["/bin/true"], "interval": "10s"}},}"#;

/// A host with services from files in a datacenter that wants tokens.
struct Bed {
    guarded: Guarded,
    host: Host,
    agent: String,
    version: Version,
    _network: Network,
}

impl Bed {
    fn new(version: Version, settings: &Value) -> TestResult<Self> {
        let network = Network::new()?;
        let guarded = Guarded::new(&network, version)?;
        let (agent, _) = guarded.token(
            "agent",
            r#"node_prefix "" { policy = "write" } service_prefix "" { policy = "write" }"#,
        )?;
        let host = network.host("n1", 11)?;
        let mut config: Value = serde_json::from_str(SEED)?;
        let fields = config.as_object_mut().expect("an object");
        fields.remove("enable_local_script_checks");
        fields.extend(settings.as_object().cloned().unwrap_or_default());
        host.write("/consul/config/consul.json", config.to_string())?;
        let bed = Self {
            guarded,
            host,
            agent,
            version,
            _network: network,
        };
        bed.write("a")?;
        bed.write("c")?;
        Ok(bed)
    }

    /// A service in a file of its own. It has the agent's token, where that has no other for it.
    fn write(&self, name: &str) -> TestResult {
        let service = json!({ "service": { "name": name, "token": self.agent } });
        let path = format!("/consul/config/{name}.json");
        Ok(self.host.write(path, service.to_string())?)
    }

    fn lictor(&self) -> Lictor {
        Lictor::on(&self.host, LICTOR)
            .consul(self.version)
            .args(["--no-registration", "--watch=false"])
    }

    /// The catalog has these, and no other.
    fn has(&self, wanted: &[&str]) -> TestResult {
        let wanted: BTreeSet<String> = wanted.iter().map(|id| (*id).to_owned()).collect();
        wait::until_ok("the services in the catalog", SOON, || {
            let node = self.guarded.api().catalog().node("n1");
            let node = node.map_err(|error| error.to_string())?.unwrap_or_default();
            let services = node["Services"].as_object().cloned().unwrap_or_default();
            let found: BTreeSet<String> = services.keys().cloned().collect();
            (found == wanted).then_some(()).ok_or(format!("{found:?}"))
        })?;
        Ok(())
    }

    /// The agent has these, and no other.
    fn loaded(&self, api: &Api, wanted: &[&str]) -> TestResult {
        let services = api
            .with_token(&self.guarded.all)
            .get("/v1/agent/services")?;
        let found = services.as_object().cloned().unwrap_or_default();
        let found: Vec<String> = found.keys().cloned().collect();
        assert_eq!(found, wanted);
        Ok(())
    }
}

fn reload(lictor: &Running) -> TestResult<(Option<i32>, String)> {
    let output = lictor.control("reload", &[])?;
    let told = format!("{}{}", output.stdout, output.stderr);
    Ok((output.status.code(), told))
}

fn config_good(lictor: &Running) -> TestResult<(String, String)> {
    let status = lictor.status()?;
    let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
    let mut found = conditions.into_iter();
    let good = found.find(|condition| condition["type"] == "ConfigGood");
    let good = good.unwrap_or_default();
    let text = |key: &str| good[key].as_str().unwrap_or_default().to_owned();
    Ok((text("reason"), text("message")))
}

/// lictor may read everything, and write nothing.
fn what_can_be_read_is_verified(version: Version) -> TestResult {
    let bed = Bed::new(version, &json!({}))?;
    bed.guarded.give(
        &bed.host,
        &json!({ "agent": bed.agent, "default": bed.agent }),
    )?;
    let rules = ["agent", "node", "service"]
        .map(|kind| format!(r#"{kind}_prefix "" {{ policy = "read" }}"#));
    let (reader, _) = bed.guarded.token("reader", &rules.join(" "))?;
    let lictor = bed
        .lictor()
        .arg("--log-level=debug")
        .env("CONSUL_HTTP_TOKEN", &reader)
        .start()?;
    lictor.wait_phase("Ready", START)?;
    let all = lictor.api().with_token(&bed.guarded.all);
    all.put("/v1/agent/service/register", &json!({ "Name": "api" }))?;
    bed.has(&["a", "api", "c"])?;
    // An old agent denies everything in its first second.
    let shown = lictor.api().with_token(&reader);
    wait::until("services that may be read", SOON, || {
        let services = shown.get("/v1/agent/services").ok()?;
        services.get("api").map(drop)
    })?;

    bed.write("d")?;
    let (code, told) = reload(&lictor)?;
    assert_eq!(code, Some(0), "{told}");
    assert!(
        told.starts_with("reloaded: added /consul/config/d.json"),
        "{told}"
    );
    let log = lictor.log();
    assert!(
        log.contains("using SIGHUP") && log.contains("signal=hangup"),
        "{log}"
    );
    bed.loaded(&all, &["a", "api", "c", "d"])?;

    bed.host.write(UNJUDGED, BROKEN)?;
    let (code, told) = reload(&lictor)?;
    assert_eq!(code, Some(1), "{told}");
    assert!(
        told.contains("rolled back") && told.contains("cripts"),
        "{told}"
    );
    bed.loaded(&all, &["a", "api", "c", "d"])?;
    let (reason, message) = config_good(&lictor)?;
    assert_eq!(reason, "RolledBack", "{message}");
    assert!(message.contains(r#"service "f""#), "{message}");
    bed.has(&["a", "api", "c", "d"])?;

    // Nothing is said of a reload that hangs; then it goes on.
    Certificates::new()?.write(&bed.host)?;
    sh(&bed.host, "mkfifo ca.pem")?;
    bed.host
        .write(UNJUDGED, r#"{"ca_file": "/consul/ca.pem",}"#)?;
    let looks = || lictor.log().matches("action Ask(Services)").count();
    let before = looks();
    let asked = lictor.follow("reload", &[])?;
    wait::until("looks in vain", SOON, || {
        (looks() > before + 2).then_some(())
    })?;
    bed.loaded(&all, &[])?;
    let writer = "while :; do cat /consul/tls/ca.pem >/consul/ca.pem; done";
    let _writer = bed.host.spawn(["sh", "-c", writer])?;
    assert_eq!(asked.exit_code(SOON)?, 0, "{}", asked.log());
    let told = asked.log();
    assert!(
        told.contains("cannot be judged by lictor") && told.contains("\nreloaded: "),
        "{told}"
    );
    bed.loaded(&all, &["a", "api", "c", "d"])?;

    lictor.term()?;
    assert_eq!(lictor.exit(STOP)?, 0);
    Ok(())
}

#[test]
fn what_can_be_read_is_verified_1_8_7() -> TestResult {
    what_can_be_read_is_verified(Version::V1_8_7)
}

#[test]
fn what_can_be_read_is_verified_1_22_5() -> TestResult {
    what_can_be_read_is_verified(Version::V1_22_5)
}

/// lictor has no token, and the agent none for who has none: it shows an empty list of services.
fn what_is_filtered_is_not_taken_for_seen(version: Version) -> TestResult {
    let bed = Bed::new(version, &json!({ "log_json": true }))?;
    bed.guarded
        .give(&bed.host, &json!({ "agent": bed.agent }))?;
    let lictor = bed.lictor().start()?;
    lictor.wait_phase("Ready", START)?;
    bed.has(&["a", "c"])?;
    assert_eq!(lictor.api().get("/v1/agent/services")?, json!({}));

    bed.write("d")?;
    let (code, told) = reload(&lictor)?;
    assert_eq!(code, Some(0), "{told}");
    for part in [
        "by SIGHUP",
        "heard of no failure",
        "added /consul/config/d.json",
        "shows none",
    ] {
        assert!(told.contains(part), "{told}");
    }
    assert_eq!(config_good(&lictor)?.0, "Signaled");
    bed.has(&["a", "c", "d"])?;

    bed.host.write(UNJUDGED, BROKEN)?;
    let (code, told) = reload(&lictor)?;
    assert_eq!(code, Some(1), "{told}");
    for part in [
        "rolled back",
        r#"service "f": Scripts are disabled"#,
        "shows none",
    ] {
        assert!(told.contains(part), "{told}");
    }
    bed.loaded(&lictor.api(), &["a", "c", "d"])?;
    bed.has(&["a", "c", "d"])?;
    Ok(())
}

#[test]
fn what_is_filtered_is_not_taken_for_seen_1_8_7() -> TestResult {
    what_is_filtered_is_not_taken_for_seen(Version::V1_8_7)
}

#[test]
fn what_is_filtered_is_not_taken_for_seen_1_22_5() -> TestResult {
    what_is_filtered_is_not_taken_for_seen(Version::V1_22_5)
}

/// Its log says nothing but errors.
fn an_agent_without_an_api_is_listened_to(version: Version) -> TestResult {
    let settings = json!({ "ports": { "http": -1 }, "log_level": "err" });
    let bed = Bed::new(version, &settings)?;
    bed.guarded.give(
        &bed.host,
        &json!({ "agent": bed.agent, "default": bed.agent }),
    )?;
    let lictor = bed.lictor().start()?;
    lictor.wait_phase("Ready", START)?;
    bed.has(&["a", "c"])?;
    bed.write("d")?;
    let (code, told) = reload(&lictor)?;
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("its API is off"), "{told}");
    bed.has(&["a", "c", "d"])?;

    bed.host.write(UNJUDGED, BROKEN)?;
    let (code, told) = reload(&lictor)?;
    assert_eq!(code, Some(1), "{told}");
    assert!(
        told.contains("rolled back") && told.contains("cripts"),
        "{told}"
    );
    bed.has(&["a", "c", "d"])?;
    Ok(())
}

#[test]
fn an_agent_without_an_api_is_listened_to_1_8_7() -> TestResult {
    an_agent_without_an_api_is_listened_to(Version::V1_8_7)
}

#[test]
fn an_agent_without_an_api_is_listened_to_1_22_5() -> TestResult {
    an_agent_without_an_api_is_listened_to(Version::V1_22_5)
}

/// Somebody else sends the SIGHUP, over a file that has gone since lictor looked.
fn a_failure_of_somebody_elses_reload_is_told(version: Version) -> TestResult {
    let bed = Bed::new(version, &json!({ "ca_file": "/consul/tls/ca.pem" }))?;
    Certificates::new()?.write(&bed.host)?;
    bed.guarded.give(
        &bed.host,
        &json!({ "agent": bed.agent, "default": bed.agent }),
    )?;
    let lictor = bed
        .lictor()
        .env("CONSUL_HTTP_TOKEN", &bed.guarded.all)
        .start()?;
    lictor.wait_phase("Ready", START)?;
    bed.has(&["a", "c"])?;
    sh(&bed.host, "mv tls/ca.pem tls/away")?;
    kill(lictor.children()?[0], Signal::SIGHUP)?;
    lictor.wait_log("a reload failed which lictor has not under way", SOON)?;
    let (reason, message) = config_good(&lictor)?;
    assert_eq!(reason, "ReloadFailed");
    assert!(message.contains("/consul/tls/ca.pem"), "{message}");

    sh(&bed.host, "mv tls/away tls/ca.pem")?;
    let (code, told) = reload(&lictor)?;
    assert_eq!(code, Some(0), "{told}");
    bed.loaded(&lictor.api(), &["a", "c"])?;
    assert_eq!(lictor.condition("ConfigGood")?.as_deref(), Some("True"));
    Ok(())
}

#[test]
fn a_failure_of_somebody_elses_reload_is_told_1_8_7() -> TestResult {
    a_failure_of_somebody_elses_reload_is_told(Version::V1_8_7)
}

#[test]
fn a_failure_of_somebody_elses_reload_is_told_1_22_5() -> TestResult {
    a_failure_of_somebody_elses_reload_is_told(Version::V1_22_5)
}
