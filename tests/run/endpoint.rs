//! Where the agent's API may be, and what is left where there is none.

use std::time::Duration;

use serde_json::{Value, json};
use testbed::TestResult;
use testbed::consul::{self, Version};
use testbed::lictor::Running;
use testbed::process::Program;

use crate::{START, STOP, Seed};

/// Puts settings of Consul's beside the seed's configuration.
fn also(seed: &Seed, settings: &Value) -> TestResult {
    Ok(seed
        .host
        .write("/consul/config/more.json", settings.to_string())?)
}

/// All that needs the API: readiness, a reload, a leave that is confirmed.
fn lives(seed: &Seed, lictor: &Running, http: &str) -> TestResult {
    let status = lictor.wait_condition("Registered", START)?;
    assert_eq!(status["agent"]["http"], http);
    assert_eq!(lictor.control("reload", &[])?.success()?, "reloaded\n");
    lictor.wait_phase("Ready", START)?;
    lictor.term()?;
    assert_eq!(lictor.exit(STOP)?, 0);
    assert!(seed.server.catalog().node("n1")?.is_none());
    Ok(())
}

/// A CA, and a certificate for the agent's API and its clients, made by Consul itself.
fn certificates(seed: &Seed, version: Version) -> TestResult {
    let script = "mkdir -p /consul/tls && cd /consul/tls && consul tls ca create && \
                  consul tls cert create -client && chmod 644 *.pem";
    let program = Program::from(["sh", "-c", script]).path_first(consul::directory(version)?);
    seed.host.run(program)?.success()?;
    Ok(())
}

fn https_only(version: Version) -> TestResult {
    let seed = Seed::new(version);
    certificates(&seed, version)?;
    also(
        &seed,
        &json!({
            "ports": { "http": -1, "https": 8501 },
            "ca_file": "/consul/tls/consul-agent-ca.pem",
            "cert_file": "/consul/tls/dc1-client-consul-0.pem",
            "key_file": "/consul/tls/dc1-client-consul-0-key.pem",
            "verify_incoming_https": true,
        }),
    )?;
    let lictor = seed
        .lictor(version)
        .env("CONSUL_CACERT", "/consul/tls/consul-agent-ca.pem")
        .env("CONSUL_CLIENT_CERT", "/consul/tls/dc1-client-consul-0.pem")
        .env(
            "CONSUL_CLIENT_KEY",
            "/consul/tls/dc1-client-consul-0-key.pem",
        )
        .env("CONSUL_TLS_SERVER_NAME", "client.dc1.consul")
        .start()?;
    lives(&seed, &lictor, "https://127.0.0.1:8501")
}

#[test]
fn https_only_1_8_7() -> TestResult {
    https_only(Version::V1_8_7)
}

#[test]
fn https_only_1_22_5() -> TestResult {
    https_only(Version::V1_22_5)
}

#[test]
fn a_unix_socket() -> TestResult {
    let seed = Seed::new(Version::V1_22_5);
    also(
        &seed,
        &json!({ "addresses": { "http": "unix:///run/consul.sock" } }),
    )?;
    let lictor = seed.lictor(Version::V1_22_5).start()?;
    lives(&seed, &lictor, "unix:///run/consul.sock")
}

/// Without an API the agent's own notification says that it is ready, signals do the rest, and a leave that nobody
/// could watch is not called confirmed.
#[test]
fn no_api_at_all() -> TestResult {
    let seed = Seed::new(Version::V1_8_7);
    also(&seed, &json!({ "ports": { "http": -1 } }))?;
    // The usual check would ask the API that is off, and be critical from its first run on.
    let lictor = seed
        .lictor(Version::V1_8_7)
        .args(["--check-http=", "--watch=false"])
        .start()?;
    lictor.wait_condition("Ready", START)?;
    seed.server
        .catalog()
        .wait_passing("consul-members", 1, START)?;
    seed.host.write(
        "/consul/config/later.json",
        json!({ "service": { "name": "later" } }).to_string(),
    )?;
    lictor.hup()?;
    seed.server.catalog().wait_passing("later", 1, START)?;
    lictor.term()?;
    assert_eq!(lictor.exit(STOP)?, 115);
    assert!(lictor.log().contains("not confirmed"), "{}", lictor.log());
    seed.server
        .catalog()
        .wait_gone("n1", Duration::from_secs(10))?;
    Ok(())
}
