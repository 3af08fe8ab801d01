//! Two agents of one name, each at its own address: one keeps it, and the other says who has it, and waits.

use nix::sys::signal::Signal;
use serde_json::Value;
use testbed::TestResult;
use testbed::agent::Server;
use testbed::consul::Version;
use testbed::lictor::{Lictor, Running};
use testbed::net::{Host, Network};

use crate::{LICTOR, SEED, START, STOP};

/// Two hosts that both take the name `n1`.
struct Namesakes {
    server: Server,
    first: Host,
    second: Host,
    _network: Network,
}

impl Namesakes {
    fn new(version: Version) -> TestResult<Self> {
        let network = Network::new()?;
        let server = Server::start(&network.host("s1", 1)?, version)?;
        let (first, second) = (network.host("n1", 11)?, network.host("n2", 12)?);
        for host in [&first, &second] {
            host.write("/consul/config/consul.json", SEED)?;
        }
        Ok(Self {
            server,
            first,
            second,
            _network: network,
        })
    }

    fn start(host: &Host, version: Version) -> TestResult<Running> {
        Self::start_at(host, version, "info")
    }

    /// The same with a log of that level.
    fn start_at(host: &Host, version: Version, level: &str) -> TestResult<Running> {
        let level = format!("-log-level={level}");
        let command = ["agent", "-config-dir=/consul/config", "-node=n1", &level];
        let lictor = Lictor::on(host, LICTOR).consul(version).command(command);
        Ok(lictor.start()?)
    }

    fn address_of_the_name(&self) -> TestResult<String> {
        let node = self.server.catalog().node("n1")?.expect("the name is held");
        Ok(node["Node"]["Address"]
            .as_str()
            .unwrap_or_default()
            .to_owned())
    }
}

/// The reason and the message of `IdentityHeld`.
pub(crate) fn identity(status: &Value) -> (String, String) {
    let conditions = status["conditions"].as_array().into_iter().flatten();
    let mut held = conditions.filter(|condition| condition["type"] == "IdentityHeld");
    let text =
        |condition: &Value, key: &str| condition[key].as_str().unwrap_or_default().to_owned();
    held.next()
        .map(|held| (text(held, "reason"), text(held, "message")))
        .unwrap_or_default()
}

pub(crate) fn has_reason(status: &Value, reason: &str) -> bool {
    identity(status).0 == reason
}

fn the_second_one_waits_for_the_name(version: Version) -> TestResult {
    let namesakes = Namesakes::new(version)?;
    let first = Namesakes::start(&namesakes.first, version)?;
    first.wait_phase("Ready", START)?;
    let second = Namesakes::start(&namesakes.second, version)?;
    let status = second.wait_status("who has the name", START, |status| {
        let (reason, message) = identity(status);
        reason == "NameLost" && message.contains("10.111.67.11, which is alive")
    })?;
    assert!(!second.is_ready()?, "{status:#}");
    assert_eq!(second.condition("Joined")?.as_deref(), Some("False"));
    // The first one keeps it, with all that it has.
    assert_eq!(first.condition("IdentityHeld")?.as_deref(), Some("True"));
    assert!(first.is_ready()?, "{}", first.log());
    assert_eq!(namesakes.address_of_the_name()?, "10.111.67.11");

    first.term()?;
    assert_eq!(first.exit(STOP)?, 0, "{}", first.log());
    let status = second.wait_status("the name and readiness", START, |status| {
        has_reason(status, "Held") && status["phase"] == "Ready"
    })?;
    assert_eq!(status["agent"]["restarts"], 1, "{}", second.log());
    assert_eq!(namesakes.address_of_the_name()?, "10.111.67.12");
    second.term()?;
    assert_eq!(second.exit(STOP)?, 0, "{}", second.log());
    Ok(())
}

on_both_versions!(the_second_one_waits_for_the_name);

/// An agent that has lost its name is stopped without a leave, which would be another's. Its port alone tells that it has: it logs errors only.
fn a_stop_does_not_touch_the_other(version: Version) -> TestResult {
    let namesakes = Namesakes::new(version)?;
    let first = Namesakes::start(&namesakes.first, version)?;
    first.wait_phase("Ready", START)?;
    let second = Namesakes::start_at(&namesakes.second, version, "err")?;
    second.wait_status("who has the name", START, |status| {
        let (reason, message) = identity(status);
        reason == "NameLost" && message.contains("10.111.67.11, which is alive")
    })?;
    second.term()?;
    assert_eq!(second.exit(STOP)?, 113, "{}", second.log());
    let log = second.log();
    assert!(log.contains("stopped without a leave"), "{log}");
    assert!(!log.contains("minority in name conflict"), "{log}");
    assert!(!log.contains("asking the agent to leave"), "{log}");
    assert_eq!(namesakes.address_of_the_name()?, "10.111.67.11");
    let members = namesakes.server.catalog().members()?;
    assert_eq!(members.get("n1").map(String::as_str), Some("alive"));
    assert!(first.is_ready()?, "{}", first.log());
    // The one that has it leaves as ever.
    first.term()?;
    assert_eq!(first.exit(STOP)?, 0, "{}", first.log());
    namesakes.server.catalog().wait_gone("n1", START)?;
    namesakes
        .server
        .catalog()
        .wait_member("n1", "left", START)?;
    Ok(())
}

on_both_versions!(a_stop_does_not_touch_the_other);

/// Both are stopped at once, the one that has the name first: it leaves, and the other one leaves nothing behind and takes nothing away.
fn two_that_stop_at_once_leave_once(version: Version) -> TestResult {
    let namesakes = Namesakes::new(version)?;
    let first = Namesakes::start(&namesakes.first, version)?;
    first.wait_phase("Ready", START)?;
    let second = Namesakes::start(&namesakes.second, version)?;
    second.wait_status("who has the name", START, |status| {
        let (reason, message) = identity(status);
        reason == "NameLost" && message.contains("10.111.67.11, which is alive")
    })?;
    first.term()?;
    second.term()?;
    assert_eq!(second.exit(STOP)?, 113, "{}", second.log());
    assert_eq!(first.exit(STOP)?, 0, "{}", first.log());
    let log = second.log();
    assert!(!log.contains("asking the agent to leave"), "{log}");
    let catalog = namesakes.server.catalog();
    catalog.wait_gone("n1", START)?;
    catalog.wait_member("n1", "left", START)?;
    Ok(())
}

on_both_versions!(two_that_stop_at_once_leave_once);

/// One that is killed has the name until its members let it go.
fn a_name_is_taken_up_from_the_dead(version: Version) -> TestResult {
    let namesakes = Namesakes::new(version)?;
    let first = Namesakes::start(&namesakes.first, version)?;
    first.wait_phase("Ready", START)?;
    let second = Namesakes::start(&namesakes.second, version)?;
    second.wait_status("who has the name", START, |status| {
        has_reason(status, "NameLost")
    })?;
    first.signal(Signal::SIGKILL)?;
    second.wait_log("which has failed; its members give it back", 3 * START)?;
    second.wait_status("the name and readiness", 3 * START, |status| {
        has_reason(status, "Held") && status["phase"] == "Ready"
    })?;
    assert_eq!(namesakes.address_of_the_name()?, "10.111.67.12");
    Ok(())
}

on_both_versions!(a_name_is_taken_up_from_the_dead);
