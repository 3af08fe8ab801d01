//! Changes that look like a loss, or were one, and are wanted.

use std::collections::BTreeSet;

use serde_json::json;
use testbed::TestResult;
use testbed::consul::{self, Version};
use testbed::process::Program;

use crate::START;
use crate::rollback::{
    BY_API, CANDIDATE, FROM_FILES, config_good, has, has_all, registered, start, tls, with_services,
};
use crate::stage::{SOON, sh};

/// A Secret comes after the ConfigMap that names it, and nobody edits anything more; and what is wrongly rejected can be forced.
fn what_comes_late_is_taken_and_what_is_wanted_is_forced(version: Version) -> TestResult {
    let seed = with_services(version)?;
    let ca = "cd /consul; mkdir tls later; cd later; consul tls ca create >/dev/null; mv consul-agent-ca.pem ca.pem";
    let program = Program::new("sh").args(["-ec", ca]);
    let made = seed
        .host
        .run(program.path_first(consul::directory(version)?));
    made?.success()?;
    let lictor = seed.lictor(version).start()?;
    registered(&seed, &lictor)?;
    let candidate = tls(version, &json!({ "ca_file": "/consul/tls/ca.pem" }));
    seed.host.write(CANDIDATE, candidate.to_string())?;
    lictor.wait_status("a rejection", SOON, |status| {
        config_good(status)["reason"] == "Rejected"
    })?;
    sh(&seed.host, "cp later/ca.pem tls")?;
    lictor.wait_log("reload: reloaded: added", START)?;
    has_all(&seed, &lictor)?;
    assert_eq!(lictor.condition("ConfigGood")?.as_deref(), Some("True"));

    // The judge is right here, and so is the way back.
    sh(
        &seed.host,
        "rm tls/ca.pem; echo '{\"node_meta\": {\"a\": \"b\"}}' >config/z.json",
    )?;
    lictor.wait_status("a rejection", SOON, |status| {
        config_good(status)["reason"] == "Rejected"
    })?;
    let forced = lictor.control("reload", &["--force"])?;
    assert_eq!(forced.status.code(), Some(1), "{}", forced.stdout);
    let told = format!("{}{}", forced.stdout, forced.stderr);
    assert!(
        told.contains("going back did not help") && told.contains("ca.pem"),
        "{told}"
    );
    sh(&seed.host, "cp later/ca.pem tls")?;
    let told = lictor.control("reload", &["--force"])?.success()?;
    assert!(told.starts_with("reloaded: "), "{told}");
    Ok(())
}

#[test]
fn what_comes_late_is_taken_and_what_is_wanted_is_forced_1_8_7() -> TestResult {
    what_comes_late_is_taken_and_what_is_wanted_is_forced(Version::V1_8_7)
}

#[test]
fn what_comes_late_is_taken_and_what_is_wanted_is_forced_1_22_5() -> TestResult {
    what_comes_late_is_taken_and_what_is_wanted_is_forced(Version::V1_22_5)
}

fn a_service_that_is_removed_on_purpose_goes(version: Version) -> TestResult {
    let seed = with_services(version)?;
    let lictor = start(&seed, version)?;
    let mut left: BTreeSet<String> = FROM_FILES
        .iter()
        .chain(&BY_API)
        .map(|id| (*id).to_owned())
        .collect();
    for (edit, gone) in [
        ("rm config/a.json", vec!["a"]),
        ("rm config/e.hcl", vec!["e"]),
        (
            "echo 'service { name = \"o\" id = \"o-1\" }' >config/o.hcl",
            vec![],
        ),
        ("rm config/o.hcl", vec![]),
        (
            "echo '{\"service\": {\"name\": \"d\"}}' >config/d.json",
            vec!["d-sidecar-proxy"],
        ),
        ("rm config/b.json config/d.json", vec!["b", "d"]),
    ] {
        sh(&seed.host, edit)?;
        let told = lictor.control("reload", &[])?.success()?;
        assert!(told.starts_with("reloaded: "), "{told}");
        left.retain(|id| !gone.contains(&id.as_str()));
        has(&seed, &lictor, &left)?;
        assert_eq!(lictor.condition("ConfigGood")?.as_deref(), Some("True"));
    }
    Ok(())
}

#[test]
fn a_service_that_is_removed_on_purpose_goes_1_8_7() -> TestResult {
    a_service_that_is_removed_on_purpose_goes(Version::V1_8_7)
}

#[test]
fn a_service_that_is_removed_on_purpose_goes_1_22_5() -> TestResult {
    a_service_that_is_removed_on_purpose_goes(Version::V1_22_5)
}
