//! The host's address comes, or becomes another one: how soon the catalog has the registration for it, and what is missing there
//! meanwhile.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use testbed::agent::{Client, Look, Watch, during};
use testbed::lictor::Running;
use testbed::net::Host;
use testbed::wait;

use super::figures::Durations;
use super::{Bed, Result};

const START: Duration = Duration::from_secs(60);
/// Longer than any move.
const MOVE: Duration = Duration::from_secs(120);
/// How long the bare agent is given.
const BARE: Duration = Duration::from_secs(30);
/// The default of `--address-grace`, for which an address must have been gone.
const GRACE: Duration = Duration::from_secs(5);
/// One that an agent may have beside them.
const OTHER: &str = "10.111.67.31";

/// How an agent has the address.
struct Case {
    what: &'static str,
    /// What is added to the seed's configuration.
    config: &'static str,
    options: &'static [&'static str],
}

const CASES: [Case; 3] = [
    Case {
        what: "only the registration has it: the agent is bound to another and advertises that",
        config: r#"{"bind_addr": "10.111.67.31"}"#,
        options: &["--interface=eth0"],
    },
    Case {
        what: "the agent advertises it, and is bound to 0.0.0.0",
        config: r#"{"bind_addr": "0.0.0.0"}"#,
        options: &["--interface=eth0", "--advertise"],
    },
    Case {
        what: "the agent is bound to it (the seed)",
        config: "{}",
        options: &["--interface=eth0"],
    },
];

/// What is measured of a case.
#[derive(Default)]
struct Figures {
    registered: Durations,
    without_node: Durations,
    without_service: Durations,
}

/// Measures each case `runs` times.
pub(super) fn run(bed: &Bed, runs: usize) -> Result<()> {
    println!("\nthe address comes after lictor's start → registration in the catalog");
    println!("  {}", late(bed, runs)?);
    println!(
        "\nanother address → its registration in the catalog, of which {} s are --address-grace; and for how long the catalog \
         lacks the node, or a service registered through the API",
        GRACE.as_secs()
    );
    for (number, case) in (21..).zip(&CASES) {
        let figures = moves(bed, case, number, runs)?;
        println!("{}", case.what);
        println!("  registered after {}", figures.registered);
        println!("  without the node {}", figures.without_node);
        println!("  without the service {}", figures.without_service);
    }
    bare(bed)
}

/// Two that change places, for one host alone: what another one had a moment ago leads others to that one until they have asked anew.
fn addresses(number: u8) -> [String; 2] {
    [0, 1].map(|which| format!("10.111.67.{}", 2 * number + which))
}

fn net(ip: &str) -> String {
    format!("{ip}/24")
}

fn id(ip: &str) -> String {
    format!("consul-{ip}")
}

/// Waits until the catalog has this registration of the node, and no other.
fn wait_registered(bed: &Bed, node: &str, wanted: &str) -> Result<()> {
    let what = format!("{wanted} of {node}");
    wait::until_ok(&what, MOVE, || {
        let found = bed.server.catalog().node(node);
        let found = found
            .map_err(|error| error.to_string())?
            .unwrap_or_default();
        let services = found["Services"].as_object();
        let ids: Vec<&String> = services.iter().flat_map(|them| them.keys()).collect();
        let ours = ids.iter().filter(|id| id.starts_with("consul-")).count();
        match ours == 1 && ids.iter().any(|id| *id == wanted) {
            true => Ok(()),
            false => Err(format!("{ids:?}")),
        }
    })?;
    Ok(())
}

/// Since when the catalog has had this registration for good: what leaves under the old address may have told it before.
fn since(looks: &[Look], wanted: &str, (begin, end): (Instant, Instant)) -> Duration {
    let lacks = |look: &Look| !look.states.contains_key(wanted);
    let last = looks.iter().rposition(lacks).map_or(0, |last| last + 1);
    // A watch may end before it has seen the last change, which was seen all the same.
    let at = looks.get(last).map_or(end, |look| look.at);
    at.saturating_duration_since(begin)
}

/// A host that gets its address once lictor waits for it.
fn late(bed: &Bed, runs: usize) -> Result<Durations> {
    let mut took = Durations::default();
    let host = bed.network.host_with("late", &[])?;
    host.write("/consul/config/consul.json", super::SEED)?;
    let addresses = addresses(20);
    for run in 0..runs {
        let ip = addresses[run % 2].as_str();
        let lictor = bed.lictor(&host).arg("--log-level=debug").start()?;
        lictor.wait_log("action FindAddress", START)?;
        let watch = Watch::services(bed.server.api(), "late")?;
        let begin = Instant::now();
        host.ip(["addr", "add", &net(ip), "dev", "eth0"])?;
        wait_registered(bed, "late", &id(ip))?;
        let end = Instant::now();
        took.push(since(&watch.end()?, &id(ip), (begin, end)));
        stop(&lictor)?;
        host.ip(["addr", "del", &net(ip), "dev", "eth0"])?;
    }
    Ok(took)
}

fn stop(lictor: &Running) -> Result<()> {
    lictor.term()?;
    lictor.exit(START)?;
    Ok(())
}

/// Two addresses in turn, under one lictor.
fn moves(bed: &Bed, case: &Case, number: u8, runs: usize) -> Result<Figures> {
    let name = format!("n{number}");
    let addresses = addresses(number);
    let host = bed.network.host_with(&name, &[&net(&addresses[0])])?;
    host.write("/consul/config/consul.json", super::SEED)?;
    host.write("/consul/config/z.json", case.config)?;
    host.add_link("eth1", &[&net(OTHER)])?;
    let lictor = bed
        .lictor(&host)
        .args(case.options.iter().copied())
        .start()?;
    lictor.wait_phase("Ready", START)?;
    let service = json!({ "Name": "by-api", "Port": 81 });
    lictor.api().put("/v1/agent/service/register", &service)?;
    let mut figures = Figures::default();
    for run in 0..runs {
        let [old, new] = [run, run + 1].map(|run| addresses[run % 2].as_str());
        settled(bed, &lictor, &name, old)?;
        let watch = Watch::services(bed.server.api(), &name)?;
        let begin = Instant::now();
        replace(&host, old, new)?;
        wait_registered(bed, &name, &id(new))?;
        settled(bed, &lictor, &name, new)?;
        let end = Instant::now();
        let looks = watch.end()?;
        figures
            .registered
            .push(since(&looks, &id(new), (begin, end)));
        let none = during(&looks, (begin, end), |states| states.is_empty());
        figures.without_node.push(none);
        let lacks = during(&looks, (begin, end), |states| {
            !states.contains_key("by-api")
        });
        figures.without_service.push(lacks);
    }
    stop(&lictor)?;
    Ok(figures)
}

fn replace(host: &Host, old: &str, new: &str) -> Result<()> {
    host.ip(["addr", "del", &net(old), "dev", "eth0"])?;
    host.ip(["addr", "add", &net(new), "dev", "eth0"])?;
    Ok(())
}

/// All is as it should be with this address, and lictor knows it.
fn settled(bed: &Bed, lictor: &Running, node: &str, ip: &str) -> Result<()> {
    wait_registered(bed, node, &id(ip))?;
    lictor.wait_status("readiness at the address", MOVE, |status| {
        status["phase"] == "Ready" && status["address"]["ip"] == ip
    })?;
    wait::until("the service", MOVE, || {
        let node = bed.server.catalog().node(node).ok()??;
        node["Services"].get("by-api").map(|_| ())
    })?;
    bed.server.catalog().wait_member(node, "alive", MOVE)?;
    Ok(())
}

/// The seed's way: the registration is written once, by a script after the start.
fn bare(bed: &Bed) -> Result<()> {
    let [old, new] = addresses(30);
    let (old, new) = (old.as_str(), new.as_str());
    let host = bed.network.host_with("bare", &[&net(old)])?;
    host.write("/consul/config/consul.json", super::SEED)?;
    let service = json!({ "id": id(old), "name": super::SERVICE, "address": old, "port": 8500 });
    let written = json!({ "service": service }).to_string();
    host.write("/consul/config/registration.json", written)?;
    let agent = Client::configured(&host, bed.version)?;
    wait_registered(bed, "bare", &id(old))?;
    replace(&host, old, new)?;
    thread::sleep(BARE);
    let health = bed.server.catalog().checks("bare")?;
    let node = bed.server.catalog().node("bare")?.unwrap_or_default();
    let ids = node["Services"].as_object().map(|them| {
        let ids: Vec<&str> = them.keys().map(String::as_str).collect();
        ids.join(", ")
    });
    println!(
        "a bare agent with the seed's script, bound to it: {} s later the catalog has {} at {}, its serfHealth {}",
        BARE.as_secs(),
        ids.unwrap_or_default(),
        node["Node"]["Address"].as_str().unwrap_or("nothing"),
        health.get("serfHealth").map_or("gone", String::as_str)
    );
    drop(agent);
    Ok(())
}
