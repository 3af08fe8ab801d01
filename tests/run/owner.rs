//! A data directory of another user's, as the images of Consul have it.

use nix::unistd::geteuid;
use serde_json::Value;
use testbed::TestResult;
use testbed::consul::Version;

use crate::Seed;
use crate::identity::{COPY, NODE_ID, is_known, kill, leave, node_id, ready};

/// The user that Consul's images have. Where the tests run without root there is one user only.
fn user() -> &'static str {
    match geteuid().is_root() {
        true => "100:1000",
        false => "0:0",
    }
}

fn owner(seed: &Seed, path: &str) -> TestResult<String> {
    let told = seed.host.run(["stat", "-c", "%u:%g", path])?.success()?;
    Ok(told.trim().to_owned())
}

/// Both files of the id serve there as anywhere else, and one that is written anew is its user's.
fn a_directory_of_another_user_keeps_the_id(version: Version) -> TestResult {
    let seed = Seed::new(version);
    let give = format!("mkdir -p /consul/data && chown {} /consul/data", user());
    seed.host.run(["sh", "-c", &give])?.success()?;
    let lictor = ready(&seed, version, &[])?;
    let id = node_id(&lictor)?;
    leave(&lictor)?;
    let copy: Value = serde_json::from_str(&seed.host.read(COPY)?)?;
    assert_eq!(copy["id"], id);
    assert_eq!(copy["left"], true);
    assert_eq!(owner(&seed, "/consul/data")?, user());

    // Missing, it comes back for the directory's user; empty, for its own.
    seed.host.run(["rm", NODE_ID])?.success()?;
    let lictor = ready(&seed, version, &[])?;
    assert_eq!(node_id(&lictor)?, id);
    assert_eq!(owner(&seed, NODE_ID)?, user());
    kill(&lictor)?;
    let empty = format!(": > {NODE_ID}");
    seed.host.run(["sh", "-c", &empty])?.success()?;
    let lictor = ready(&seed, version, &[])?;
    assert_eq!(node_id(&lictor)?, id);
    assert_eq!(seed.host.read(NODE_ID)?, id);
    assert_eq!(owner(&seed, NODE_ID)?, user());
    is_known(&seed, "n1", "10.111.67.11", "n1")?;
    leave(&lictor)
}

on_both_versions!(a_directory_of_another_user_keeps_the_id);
