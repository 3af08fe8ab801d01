//! The states of checks over a crash where every request needs a token: each check is registered again with its own.

use std::collections::BTreeMap;

use serde_json::json;
use testbed::TestResult;
use testbed::agent::{Api, Watch};
use testbed::consul::Version;
use testbed::lictor::Lictor;
use testbed::net::Network;
use testbed::wait;

use crate::acl::Guarded;
use crate::carry::crash;
use crate::{LICTOR, SEED, START};

fn register(api: &Api, id: &str) -> TestResult {
    api.put(
        "/v1/agent/service/register",
        &json!({ "ID": id, "Name": id }),
    )?;
    let check = json!({
        "ID": id, "Name": id, "ServiceID": id, "TCP": "127.0.0.1:8500", "Interval": "10s", "Status": "passing",
    });
    api.put("/v1/agent/check/register", &check)?;
    Ok(())
}

fn each_with_its_own_token(version: Version) -> TestResult {
    let network = Network::new()?;
    let guarded = Guarded::new(&network, version)?;
    let servers = guarded.api();
    let (agent, _) = guarded.token(
        "agent",
        r#"node_prefix "" { policy = "write" } service_prefix "" { policy = "read" }"#,
    )?;
    let write = |name: &str| format!(r#"service "{name}" {{ policy = "write" }}"#);
    let (kept, _) = guarded.token("kept", &write("kept"))?;
    let (revoked, accessor) = guarded.token("revoked", &write("revoked"))?;

    let host = network.host("n1", 11)?;
    host.write("/consul/config/consul.json", SEED)?;
    guarded.give(&host, &json!({ "agent": agent, "default": agent }))?;
    let lictor = Lictor::on(&host, LICTOR)
        .consul(version)
        .arg("--no-registration")
        .arg("--log-level=debug")
        .env("CONSUL_HTTP_TOKEN", &guarded.all)
        .start()?;
    lictor.wait_phase("Ready", START)?;
    register(&lictor.api().with_token(&kept), "kept")?;
    register(&lictor.api().with_token(&revoked), "revoked")?;
    let wanted = |checks: &BTreeMap<String, String>| {
        let passes = |id: &str| checks.get(id).is_some_and(|state| state == "passing");
        passes("kept") && passes("revoked")
    };
    wait::until_ok("the checks in the catalog", START, || {
        match servers.catalog().checks("n1") {
            Ok(checks) if wanted(&checks) => Ok(()),
            Ok(checks) => Err(format!("{checks:?}")),
            Err(error) => Err(error.to_string()),
        }
    })?;
    lictor.control("reload", &[])?.success()?;
    lictor.wait_log(
        r#"event Checks(Seen(Some({"kept": Passing, "revoked": Passing"#,
        START,
    )?;

    let path = format!("/v1/acl/token/{accessor}");
    assert_eq!(servers.request("DELETE", &path, b"")?.status, 200);
    let watch = Watch::begin(&servers, "n1")?;
    crash(&lictor)?;
    lictor.wait_log("carried the state of 1 check over: 1 passing", START)?;
    let log = lictor.wait_log("1 check could not be registered anew", START)?;
    assert!(
        log.contains("check revoked: the agent's API denied it"),
        "{log}"
    );
    // The agent has both again, each with its token.
    let definitions = wait::until("both definitions", START, || {
        let script = "test ! -e /consul/data/checks.lictor && cat /consul/data/checks/*[0-9a-f]";
        let text = host.run(["sh", "-c", script]).ok()?.stdout;
        (text.contains(&kept) && text.contains(&revoked)).then_some(text)
    })?;
    assert_eq!(definitions.matches(r#""TCP":"127.0.0.1:8500""#).count(), 2);
    let kept_on = |checks: &BTreeMap<String, String>| {
        checks.get("kept").is_some_and(|state| state == "passing")
    };
    for look in watch.end()? {
        assert!(kept_on(&look.states), "{look:?}\n{}", lictor.log());
    }
    Ok(())
}

#[test]
fn a_check_is_registered_again_with_its_own_token_1_8_7() -> TestResult {
    each_with_its_own_token(Version::V1_8_7)
}

#[test]
fn a_check_is_registered_again_with_its_own_token_1_22_5() -> TestResult {
    each_with_its_own_token(Version::V1_22_5)
}
