//! A host or a node that is renamed while lictor lives, whose agent dies alone.

use nix::sys::signal::Signal;
use testbed::TestResult;
use testbed::agent::Client;
use testbed::consul::Version;

use crate::identity::{crash, is_known, kill, leave, node_id, ready, rename};
use crate::{START, Seed};

/// Only the agent dies: its name is for a start of lictor's to change.
fn a_host_renamed_while_lictor_lives(version: Version, options: &[&str]) -> TestResult {
    let seed = Seed::new(version);
    let lictor = ready(&seed, version, options)?;
    let id = node_id(&lictor)?;
    rename(&seed, "n2")?;
    for times in 1..3 {
        crash(&lictor, times)?;
    }
    // Somebody else joins meanwhile.
    let other = seed.network.host("n3", 13)?;
    let other = Client::start(&other, version, &["10.111.67.1"])?;
    other.wait_leader()?;
    is_known(&seed, "n1", "10.111.67.11", "n2")?;
    assert_eq!(node_id(&lictor)?, id);
    let log = lictor.log();
    let told = "this node is n1, and its host is called n2 now; it stays n1";
    assert_eq!(log.matches(told).count(), 1, "{log}");
    // The next one adopts it, and none of the others minds.
    kill(&lictor)?;
    let lictor = ready(&seed, version, &[])?;
    is_known(&seed, "n2", "10.111.67.11", "n1")?;
    assert!(lictor.log().contains("n1 has left"), "{}", lictor.log());
    for log in [log, lictor.log(), other.log(), seed.server.log()] {
        assert!(!log.contains("conflicting node ID"), "{log}");
    }
    leave(&lictor)
}

#[test]
fn a_host_renamed_while_lictor_lives_stays_what_it_is_1_8_7() -> TestResult {
    a_host_renamed_while_lictor_lives(Version::V1_8_7, &["--on-rename=refuse"])
}

#[test]
fn a_host_renamed_while_lictor_lives_stays_what_it_is_1_22_5() -> TestResult {
    a_host_renamed_while_lictor_lives(Version::V1_22_5, &[])
}

/// Its configuration calls it something else, which a reload does not apply.
#[test]
fn a_new_name_of_a_file_waits_for_the_next_start() -> TestResult {
    let version = Version::V1_22_5;
    let seed = Seed::new(version);
    let name = "/consul/config/name.hcl";
    seed.host.write(name, "node_name = \"first\"")?;
    let lictor = ready(&seed, version, &["--watch=false"])?;
    seed.host.write(name, "node_name = \"second\"")?;
    lictor.signal(Signal::SIGHUP)?;
    lictor.wait_status("a name that no reload applies", START, |status| {
        status["conditions"].to_string().contains("RestartNeeded")
    })?;
    crash(&lictor, 1)?;
    is_known(&seed, "first", "10.111.67.11", "second")?;
    let told = "this node is first, and its configuration calls it second now; it stays first";
    assert!(lictor.log().contains(told), "{}", lictor.log());
    kill(&lictor)?;
    let lictor = ready(&seed, version, &[])?;
    is_known(&seed, "second", "10.111.67.11", "first")?;
    leave(&lictor)
}
