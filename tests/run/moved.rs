//! The host's address changes while lictor runs, on real links.

use std::time::Duration;

use serde_json::{Value, json};
use testbed::TestResult;
use testbed::agent::{Api, Catalog, Server};
use testbed::consul::{self, Version};
use testbed::lictor::Running;
use testbed::net::{Host, Network};
use testbed::process::Program;
use testbed::wait;

use crate::rollback::{config_good, tls};
use crate::stage::sh;
use crate::{LICTOR, START, STOP, Seed};

/// Long enough for a move, in which an agent leaves, starts and registers.
const MOVE: Duration = Duration::from_secs(90);
/// Long enough for lictor to look.
pub(crate) const SOON: Duration = Duration::from_secs(20);
pub(crate) const QUICK: &str = "--address-grace=500ms";
/// A grace that no test waits for.
pub(crate) const PATIENT: &str = "--address-grace=5m";

pub(crate) const OLD: &str = "10.111.67.11";
pub(crate) const NEW: &str = "10.111.67.12";

fn registered_by_api(api: &Api) -> TestResult {
    let service = json!({ "Name": "by-api", "Port": 81 });
    api.put("/v1/agent/service/register", &service)?;
    Ok(())
}

pub(crate) fn replace(host: &Host, old: &str, new: &str) -> TestResult {
    host.ip(["addr", "del", &format!("{old}/24"), "dev", "eth0"])?;
    host.ip(["addr", "add", &format!("{new}/24"), "dev", "eth0"])?;
    Ok(())
}

/// The ids of the registrations of agents that the catalog has, each with the node's address.
fn registrations(catalog: Catalog<'_>) -> Result<Vec<(String, String)>, String> {
    let services = catalog.service("consul-members");
    let text = |service: &Value, key: &str| service[key].as_str().unwrap_or_default().to_owned();
    Ok(services
        .map_err(|error| error.to_string())?
        .iter()
        .map(|service| (text(service, "ServiceID"), text(service, "Address")))
        .collect())
}

/// Waits until the catalog has n1 with this registration, and no other, at this address.
fn wait_registered(server: &Server, id: &str, node: &str) -> TestResult {
    let wanted = [(id.to_owned(), node.to_owned())];
    let what = format!("{id} at {node}");
    wait::until_ok(&what, MOVE, || match registrations(server.catalog())? {
        found if found == wanted => Ok(()),
        found => Err(format!("{found:?}")),
    })?;
    Ok(())
}

/// Waits until all see n1 at this address only, healthy and with all that it had.
pub(crate) fn wait_moved(server: &Server, lictor: &Running, ip: &str) -> TestResult {
    wait_registered(server, &format!("consul-{ip}"), ip)?;
    server.catalog().wait_member("n1", "alive", SOON)?;
    server.catalog().wait_passing("by-api", 1, MOVE)?;
    let status = lictor.wait_status("Ready at the new address", MOVE, |status| {
        status["phase"] == "Ready" && status["address"]["ip"] == ip
    })?;
    let services = json!([format!("consul-{ip}")]);
    assert_eq!(status["registration"]["services"], services);
    assert_eq!(
        lictor.condition("AddressKnown")?.as_deref(),
        Some("True"),
        "{status:#}"
    );
    assert_eq!(server.catalog().checks("n1")?["serfHealth"], "passing");
    assert_eq!(server.catalog().nodes()?.len(), 2, "s1 and n1");
    Ok(())
}

pub(crate) fn start(seed: &Seed, version: Version, options: &[&str]) -> TestResult<Running> {
    let lictor = seed
        .lictor(version)
        .arg("--log-level=debug")
        .args(options.iter().copied())
        .start()?;
    lictor.wait_phase("Ready", START)?;
    registered_by_api(&lictor.api())?;
    seed.server.catalog().wait_passing("by-api", 1, START)?;
    Ok(lictor)
}

/// The seed's agent is bound to the address that goes.
fn another_address(version: Version) -> TestResult {
    let seed = Seed::new(version);
    let lictor = start(&seed, version, &[QUICK])?;
    replace(&seed.host, OLD, NEW)?;
    wait_moved(&seed.server, &lictor, NEW)?;
    assert_eq!(lictor.status()?["agent"]["restarts"], 1);
    // And back, which is a move like another.
    replace(&seed.host, NEW, OLD)?;
    wait_moved(&seed.server, &lictor, OLD)?;
    lictor.term()?;
    assert_eq!(lictor.exit(STOP)?, 0);
    assert!(seed.server.catalog().node("n1")?.is_none());
    Ok(())
}

#[test]
fn another_address_1_8_7() -> TestResult {
    another_address(Version::V1_8_7)
}

#[test]
fn another_address_1_22_5() -> TestResult {
    another_address(Version::V1_22_5)
}

/// lictor hands the address on, its API's too.
fn handed(version: Version) -> TestResult {
    let seed = Seed::new(version);
    let config = json!({
        "data_dir": "/consul/data", "bind_addr": "0.0.0.0", "retry_join": ["10.111.67.1"],
        "disable_update_check": true,
    });
    seed.host
        .write("/consul/config/consul.json", config.to_string())?;
    let lictor = seed
        .lictor(version)
        .args([QUICK, "--advertise", "--client"])
        .start()?;
    lictor.wait_phase("Ready", START)?;
    registered_by_api(&Api::at(&seed.host, format!("{OLD}:8500").parse()?))?;
    replace(&seed.host, OLD, NEW)?;
    wait_moved(&seed.server, &lictor, NEW)?;
    assert_eq!(
        lictor.status()?["agent"]["http"],
        format!("http://{NEW}:8500")
    );
    Ok(())
}

#[test]
fn what_lictor_hands_to_the_agent_is_handed_anew_1_8_7() -> TestResult {
    handed(Version::V1_8_7)
}

#[test]
fn what_lictor_hands_to_the_agent_is_handed_anew_1_22_5() -> TestResult {
    handed(Version::V1_22_5)
}

/// An agent that advertises another address than lictor found is told so, and reloads where only the registration changes.
fn registration_alone(version: Version) -> TestResult {
    let seed = Seed::new(version);
    seed.host.add_link("eth1", &["10.111.67.31/24"])?;
    // Bound to it, so that no connection of the agent's begins at the address that goes.
    let other = r#"{"bind_addr": "10.111.67.31"}"#;
    seed.host.write("/consul/config/z.json", other)?;
    let lictor = start(&seed, version, &[QUICK, "--interface=eth0"])?;
    let told = lictor.status()?["conditions"].to_string();
    assert!(told.contains("AgentAdvertisesAnother"), "{told}");
    assert!(told.contains("--address 10.111.67.31"), "{told}");
    wait_registered(&seed.server, &format!("consul-{OLD}"), "10.111.67.31")?;
    // What is wrong with the user's files does not hold it up.
    seed.host.write("/consul/config/broken.json", "{")?;
    lictor.wait_log("reload: rejected", SOON)?;
    replace(&seed.host, OLD, NEW)?;
    wait_registered(&seed.server, &format!("consul-{NEW}"), "10.111.67.31")?;
    let status = lictor.wait_status("the new registration", SOON, |status| {
        status["registration"]["services"] == json!([format!("consul-{NEW}")])
    })?;
    assert_eq!(status["agent"]["restarts"], 0, "{status:#}");
    seed.server.catalog().wait_passing("by-api", 1, SOON)?;
    Ok(())
}

#[test]
fn where_the_agent_has_another_address_it_only_reloads_1_8_7() -> TestResult {
    registration_alone(Version::V1_8_7)
}

#[test]
fn where_the_agent_has_another_address_it_only_reloads_1_22_5() -> TestResult {
    registration_alone(Version::V1_22_5)
}

/// What the agent could not load is loaded once it can be, though nobody asks for it.
fn a_registration_that_is_not_taken(version: Version) -> TestResult {
    let seed = Seed::new(version);
    seed.host.add_link("eth1", &["10.111.67.31/24"])?;
    let ca = "cd /consul; consul tls ca create >/dev/null; mv consul-agent-ca.pem ca.pem";
    let program = Program::new("sh").args(["-ec", ca]);
    let program = program.path_first(consul::directory(version)?);
    seed.host.run(program)?.success()?;
    let files = [
        ("y", tls(version, &json!({ "ca_file": "/consul/ca.pem" }))),
        ("z", json!({ "bind_addr": "10.111.67.31" })),
    ];
    for (name, config) in files {
        let path = format!("/consul/config/{name}.json");
        seed.host.write(path, config.to_string())?;
    }
    // A file that the configuration names is watched like it.
    let lictor = start(
        &seed,
        version,
        &[QUICK, "--interface=eth0", "--watch=false"],
    )?;
    wait_registered(&seed.server, &format!("consul-{OLD}"), "10.111.67.31")?;
    sh(&seed.host, "mv ca.pem ca.away")?;
    replace(&seed.host, OLD, NEW)?;
    lictor.wait_log(&format!("the agent has no registration for {NEW}"), SOON)?;
    let good = config_good(&lictor.status()?);
    assert_eq!(good["status"], "False", "{good}");
    sh(&seed.host, "mv ca.away ca.pem")?;
    wait_registered(&seed.server, &format!("consul-{NEW}"), "10.111.67.31")?;
    lictor.wait_condition("ConfigGood", SOON)?;
    assert_eq!(lictor.status()?["agent"]["restarts"], 0);
    Ok(())
}

#[test]
fn a_registration_that_is_not_taken_is_tried_again_1_8_7() -> TestResult {
    a_registration_that_is_not_taken(Version::V1_8_7)
}

#[test]
fn a_registration_that_is_not_taken_is_tried_again_1_22_5() -> TestResult {
    a_registration_that_is_not_taken(Version::V1_22_5)
}

/// An agent whose address is gone cannot tell anybody that it leaves; another one tells it from the new one.
fn a_stop_before_the_move(version: Version) -> TestResult {
    let seed = Seed::new(version);
    let lictor = start(&seed, version, &[PATIENT])?;
    replace(&seed.host, OLD, NEW)?;
    lictor.wait_log("address 10.111.67.11 is gone", SOON)?;
    lictor.term()?;
    assert_eq!(lictor.exit(STOP)?, 0, "{}", lictor.log());
    assert!(seed.server.catalog().node("n1")?.is_none());
    seed.server.catalog().wait_member("n1", "left", SOON)?;
    Ok(())
}

#[test]
fn a_stop_before_the_move_1_8_7() -> TestResult {
    a_stop_before_the_move(Version::V1_8_7)
}

#[test]
fn a_stop_before_the_move_1_22_5() -> TestResult {
    a_stop_before_the_move(Version::V1_22_5)
}

/// Two addresses change places, and only one of the interfaces is wanted.
fn swapped(version: Version) -> TestResult {
    let seed = Seed::new(version);
    let eth1 = |what: &str, net: &str| seed.host.ip(["addr", what, net, "dev", "eth1"]);
    seed.host.add_link("eth1", &["10.111.67.12/24"])?;
    let lictor = start(&seed, version, &[QUICK, "--interface=eth0"])?;
    eth1("del", "10.111.67.12/24")?;
    replace(&seed.host, OLD, NEW)?;
    eth1("add", "10.111.67.11/24")?;
    wait_moved(&seed.server, &lictor, NEW)
}

#[test]
fn two_addresses_that_change_places_1_8_7() -> TestResult {
    swapped(Version::V1_8_7)
}

#[test]
fn two_addresses_that_change_places_1_22_5() -> TestResult {
    swapped(Version::V1_22_5)
}

fn another_subnet(version: Version) -> TestResult {
    let seed = Seed::new(version);
    let lictor = start(&seed, version, &[QUICK])?;
    let server = seed.server.process().place();
    server
        .run(["ip", "route", "add", "10.112.0.0/24", "dev", "eth0"])?
        .success()?;
    seed.host.ip(["addr", "flush", "dev", "eth0"])?;
    seed.host
        .ip(["addr", "add", "10.112.0.5/24", "dev", "eth0"])?;
    seed.host
        .ip(["route", "add", "10.111.67.0/24", "dev", "eth0"])?;
    wait_moved(&seed.server, &lictor, "10.112.0.5")
}

#[test]
fn another_subnet_1_8_7() -> TestResult {
    another_subnet(Version::V1_8_7)
}

#[test]
fn another_subnet_1_22_5() -> TestResult {
    another_subnet(Version::V1_22_5)
}

fn ipv6(version: Version) -> TestResult {
    let network = Network::new()?;
    let server = network.host_with("s1", &["fd00::1/64"])?;
    let server = Server::start_with(&server, version, json!({ "bind_addr": "fd00::1" }))?;
    let host = network.host_with("n1", &["fd00::11/64"])?;
    let config = json!({
        "data_dir": "/consul/data", "retry_join": ["[fd00::1]"], "disable_update_check": true,
    });
    host.write("/consul/config/consul.json", config.to_string())?;
    let lictor = testbed::lictor::Lictor::on(&host, LICTOR)
        .consul(version)
        .args([QUICK, "--family=6", "--bind"])
        .start()?;
    lictor.wait_phase("Ready", START)?;
    registered_by_api(&lictor.api())?;
    host.ip(["addr", "del", "fd00::11/64", "dev", "eth0"])?;
    host.ip(["addr", "add", "fd00::12/64", "dev", "eth0", "nodad"])?;
    wait_moved(&server, &lictor, "fd00::12")
}

#[test]
fn ipv6_only_1_8_7() -> TestResult {
    ipv6(Version::V1_8_7)
}

#[test]
fn ipv6_only_1_22_5() -> TestResult {
    ipv6(Version::V1_22_5)
}
