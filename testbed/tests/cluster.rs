//! Bare agents on hosts find each other, and the seed's configuration runs as it is.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use testbed::TestResult;
use testbed::agent::{Client, Server};
use testbed::consul::Version;
use testbed::net::Network;

const JOIN: Duration = Duration::from_secs(40);

fn seed(name: &str) -> std::io::Result<String> {
    fs::read_to_string(
        PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("../tests/fixtures/seed")
            .join(name),
    )
}

#[test]
fn the_seed_config_is_the_block_of_the_config_map() -> TestResult {
    let map = seed("consul-client-configmap.yaml")?;
    let block = map
        .lines()
        .skip_while(|line| *line != "  consul.json: |")
        .skip(1);
    let block = block
        .map_while(|line| line.strip_prefix("    "))
        .fold(String::new(), |text, line| text + line + "\n");
    assert_eq!(seed("consul.json")?, block);
    Ok(())
}

fn two_clients_join(version: Version) -> TestResult {
    let network = Network::new()?;
    let server = Server::start(&network.host("s1", 1)?, version)?;
    let clients = [
        Client::start(&network.host("n1", 11)?, version, &["10.111.67.1"])?,
        Client::start(&network.host("n2", 12)?, version, &["10.111.67.1"])?,
    ];
    for (client, name) in clients.iter().zip(["n1", "n2"]) {
        server.catalog().wait_member(name, "alive", JOIN)?;
        client.catalog().wait_member("s1", "alive", JOIN)?;
    }
    let members = server.consul(&["members"])?.success()?;
    for name in ["s1", "n1", "n2"] {
        assert!(members.contains(name), "{members}");
    }
    let [first, _second] = clients;
    first.signal(nix::sys::signal::Signal::SIGTERM)?;
    assert_eq!(first.exit_code(Duration::from_secs(20))?, 0);
    // That is all a bare agent promises: its services may come back after such a leave.
    server.catalog().wait_member("n1", "left", JOIN)?;
    Ok(())
}

#[test]
fn two_clients_join_1_8_7() -> TestResult {
    two_clients_join(Version::V1_8_7)
}

#[test]
fn two_clients_join_1_22_5() -> TestResult {
    two_clients_join(Version::V1_22_5)
}

fn seed_config_runs(version: Version) -> TestResult {
    let network = Network::new()?;
    let server = Server::start(&network.host("s1", 1)?, version)?;
    let host = network.host("n1", 11)?;
    host.write("/consul/config/consul.json", seed("consul.json")?)?;
    let agent = Client::configured(&host, version)?;
    server.catalog().wait_member("n1", "alive", JOIN)?;
    assert_eq!(host.read("/var/run/consul.pid")?.trim(), "1");
    assert!(
        host.list("/var/log")?
            .iter()
            .any(|name| name.starts_with("consul"))
    );
    assert_eq!(
        agent.get("/v1/agent/self")?["Member"]["Addr"],
        "10.111.67.11"
    );
    Ok(())
}

#[test]
fn seed_config_runs_1_8_7() -> TestResult {
    seed_config_runs(Version::V1_8_7)
}

#[test]
fn seed_config_runs_1_22_5() -> TestResult {
    seed_config_runs(Version::V1_22_5)
}
