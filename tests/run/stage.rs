//! What the agent reads: a snapshot of the user's configuration, in which Consul finds what it would have found there.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use testbed::agent::{Agent, Api};
use testbed::consul::{self, Version};
use testbed::lictor::{Lictor, Running};
use testbed::net::{Host, Network};
use testbed::process::{Output, Program, Role, cmdline};
use testbed::{TestResult, wait};

use crate::{LICTOR, START, Seed};

pub(crate) const SOON: Duration = Duration::from_secs(20);
/// Enough for an agent of its own.
pub(crate) const ALONE: &str = r#"{"data_dir": "/consul/data", "bind_addr": "127.0.0.1", "disable_update_check": true,
    "node_meta": {"order": "first", "base": "1"}}"#;

/// A host without a network to speak of, for agents that need none.
pub(crate) fn host() -> TestResult<Host> {
    Ok(Network::new()?.host("n1", 11)?)
}

/// Runs a script on the host, in `/consul`.
pub(crate) fn sh(host: &Host, script: &str) -> TestResult {
    host.run(["sh", "-ec", &format!("cd /consul; {script}")])?
        .success()?;
    Ok(())
}

/// The metadata of the agent's node, in which each file of these tests leaves a word.
pub(crate) fn meta(api: &Api) -> TestResult<Value> {
    let get = || api.get("/v1/agent/self");
    Ok(wait::until_ok("an answer", START, get)?["Meta"].clone())
}

/// The command line of the agent below lictor.
pub(crate) fn command(lictor: &Running) -> TestResult<Vec<String>> {
    let agent = wait::until("the agent", SOON, || {
        lictor.children().ok()?.first().copied()
    })?;
    Ok(cmdline(agent).split(' ').map(str::to_owned).collect())
}

pub(crate) fn lictor(host: &Host, version: Version, args: &[&str]) -> Lictor {
    let command = ["consul", "agent"].iter().chain(args).copied();
    let command: Vec<&str> = command.collect();
    Lictor::on(host, LICTOR)
        .consul(version)
        .arg("--no-registration")
        .command(command)
}

/// Each word of a file that names itself: `{"node_meta": {"NAME": "1"}}`.
fn itself(host: &Host, path: &str, key: &str) -> TestResult {
    Ok(host.write(path, format!(r#"{{"node_meta": {{"{key}": "1"}}}}"#))?)
}

fn sources_are_of_every_kind_and_in_their_order(version: Version) -> TestResult {
    let host = host()?;
    host.write("/consul/config/a.json", ALONE)?;
    sh(&host, "mkdir hcl json")?;
    host.write(
        "/consul/one.hcl",
        r#"node_meta { order = "one" one = "1" }"#,
    )?;
    host.write(
        "/consul/hcl/b.hcl",
        r#"node_meta { order = "hcl" hcl = "1" }"#,
    )?;
    host.write(
        "/consul/json/c.json",
        r#"{"node_meta": {"order": "last", "json": "1"}}"#,
    )?;
    let all = [
        "-config-dir=/consul/config",
        "-config-file",
        "/consul/one.hcl",
        "--config-dir=consul/hcl",
        "--config-file",
        "/consul/hcl/../json",
    ];
    let (rest, first) = (&all[1..], &all[..1]);
    for (args, last) in [(all.to_vec(), "last"), ([rest, first].concat(), "first")] {
        let lictor = lictor(&host, version, &args).start()?;
        let meta = meta(&lictor.api())?;
        assert_eq!(meta["order"], last, "{meta}");
        for key in ["base", "one", "hcl", "json"] {
            assert_eq!(meta[key], "1", "{key}: {meta}");
        }
        let command = command(&lictor)?;
        let named = |place: &str| {
            let path = format!("/run/lictor/stage/current/{place}");
            command.iter().any(|word| word.ends_with(&path))
        };
        assert!(
            named("0/consul/config") || named("3/consul/config"),
            "{command:?}"
        );
        assert!(
            named("3/consul/json") || named("2/consul/json"),
            "{command:?}"
        );
        // A person reads what was typed.
        let status = lictor.status()?;
        let shown: Vec<&str> = status["agent"]["command"]
            .as_array()
            .expect("a command")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        assert_eq!(shown[2..], args, "{status}");
        assert_eq!(status["stage"]["path"], "/run/lictor/stage/current");
        let generation = if last == "last" { 1 } else { 2 };
        assert_eq!(status["stage"]["generation"], generation);
        lictor.kill();
        lictor.wait(SOON)?;
    }
    Ok(())
}

#[test]
fn sources_are_of_every_kind_and_in_their_order_1_8_7() -> TestResult {
    sources_are_of_every_kind_and_in_their_order(Version::V1_8_7)
}

#[test]
fn sources_are_of_every_kind_and_in_their_order_1_22_5() -> TestResult {
    sources_are_of_every_kind_and_in_their_order(Version::V1_22_5)
}

/// Names of every sort: what a bare agent loads of them is what it loads by way of the stage.
fn the_stage_is_what_consul_would_have_read(version: Version) -> TestResult {
    for format in [None, Some("-config-format=json")] {
        let [bare, staged] = [host()?, host()?];
        for host in [&bare, &staged] {
            host.write("/consul/config/0.json", ALONE)?;
            let files = [
                "a.json",
                ".h.json",
                "x.JSON",
                "x.yaml",
                "plain",
                "z.json.tmp",
                "._y.json",
            ];
            for (number, name) in files.iter().enumerate() {
                itself(
                    host,
                    &format!("/consul/config/{name}"),
                    &format!("f{number}"),
                )?;
            }
            sh(
                host,
                "mkdir config/sub config/sub.json real config/..2026_1; touch config/e.hcl",
            )?;
            itself(host, "/consul/config/sub/s.json", "sub")?;
            itself(host, "/consul/config/..2026_1/d.json", "data")?;
            itself(host, "/consul/real/y.json", "linked")?;
            itself(host, "/consul/real/plain", "plain")?;
            let link = "ln -s ..2026_1 config/..data; ln -s ..data/d.json config/d.json; ln -s ../real/y.json config/b; \
                        ln -s ../real/plain config/c.json";
            sh(host, link)?;
        }
        let args: Vec<&str> = std::iter::once("-config-dir=/consul/config")
            .chain(format)
            .collect();
        let command: Vec<&str> = std::iter::once("agent")
            .chain(args.iter().copied())
            .collect();
        let address = "127.0.0.1:8500".parse()?;
        let agent = Agent::start(&(&bare).into(), Role::Pid1, version, &command, address)?;
        let lictor = lictor(&staged, version, &args).start()?;
        let [by_itself, by_stage] = [meta(agent.api())?, meta(&lictor.api())?];
        assert_eq!(by_itself, by_stage, "{format:?}");
        let keys: BTreeSet<&str> = by_stage
            .as_object()
            .expect("metadata")
            .keys()
            .map(String::as_str)
            .collect();
        let hidden = ["data", "f0", "f1", "f6", "linked"];
        assert!(hidden.iter().all(|key| keys.contains(key)), "{keys:?}");
        assert_eq!(keys.contains("f3"), format.is_some(), "{keys:?}");
        // What Consul would have skipped with a word of its own is told by lictor.
        let told = lictor
            .log()
            .contains("/consul/config/x.yaml: Consul loads only");
        assert_eq!(told, format.is_none());
    }
    Ok(())
}

#[test]
fn the_stage_is_what_consul_would_have_read_1_8_7() -> TestResult {
    the_stage_is_what_consul_would_have_read(Version::V1_8_7)
}

#[test]
fn the_stage_is_what_consul_would_have_read_1_22_5() -> TestResult {
    the_stage_is_what_consul_would_have_read(Version::V1_22_5)
}

fn validate(host: &Host, version: Version, args: &[&str]) -> TestResult<Output> {
    let program = Program::new("consul")
        .arg("validate")
        .args(args.iter().copied())
        .path_first(consul::directory(version)?);
    Ok(host.run(program)?)
}

/// Each of these alone keeps Consul from starting, and none of them can have been meant.
fn what_an_editor_leaves_breaks_nothing(version: Version) -> TestResult {
    const JSON: &str = "-config-format=json";
    let host = host()?;
    host.write("/consul/config/a.json", ALONE)?;
    for (make, name, format) in [
        ("ln -s me@host.7:99 config/.#a.json", ".#a.json", None),
        ("echo me@host.7:99 >config/.#a.json", ".#a.json", None),
        (
            r"printf '\000\005\026\007\000' >config/._a.json",
            "._a.json",
            None,
        ),
        (
            "printf '{\"node' >config/.ansible_tmp1a.json",
            ".ansible_tmp1a.json",
            None,
        ),
        (
            "printf '{\"node' >config/.chef-a1.json",
            ".chef-a1.json",
            None,
        ),
        (
            "printf b0VIM >config/.a.json.swp",
            ".a.json.swp",
            Some(JSON),
        ),
        ("printf b0VIM >config/4913", "4913", Some(JSON)),
        ("printf '{\"node' >config/a.json~", "a.json~", Some(JSON)),
        (
            "printf '{\"node' >'config/#a.json#'",
            "#a.json#",
            Some(JSON),
        ),
        (
            "printf x >config/.goutputstream-1",
            ".goutputstream-1",
            Some(JSON),
        ),
    ] {
        sh(&host, make)?;
        let mut args = vec!["/consul/config"];
        args.extend(format);
        args.reverse();
        let bare = validate(&host, version, &args)?;
        // It reads no swap file either way, where the name alone decides.
        assert!(
            !bare.status.success(),
            "{name} is no trouble: {}",
            bare.stdout
        );
        let mut args = vec!["-config-dir=/consul/config"];
        args.extend(format);
        let lictor = lictor(&host, version, &args).start()?;
        assert_eq!(meta(&lictor.api())?["base"], "1");
        let told = format!("left out of the configuration: /consul/config/{name}: ");
        assert!(lictor.log().contains(&told), "{}", lictor.log());
        lictor.kill();
        lictor.wait(SOON)?;
        sh(&host, "find config ! -name a.json -mindepth 1 -delete")?;
    }
    Ok(())
}

#[test]
fn what_an_editor_leaves_breaks_nothing_1_8_7() -> TestResult {
    what_an_editor_leaves_breaks_nothing(Version::V1_8_7)
}

#[test]
fn what_an_editor_leaves_breaks_nothing_1_22_5() -> TestResult {
    what_an_editor_leaves_breaks_nothing(Version::V1_22_5)
}

/// A mounted configuration that nobody can write to, and beside it a single file that is mounted for itself.
fn a_read_only_configuration_and_a_mounted_file(version: Version) -> TestResult {
    let seed = Seed::new(version);
    let host = &seed.host;
    sh(host, "mkdir sub; touch sub/one.json")?;
    host.write("/consul/one.json", r#"{"service": {"name": "one"}}"#)?;
    host.mount(["--bind", "/consul/one.json", "/consul/sub/one.json"])?;
    host.read_only("/consul/config")?;
    let command = [
        "agent",
        "-config-dir=/consul/config",
        "-config-dir=/consul/sub",
    ];
    let lictor = seed.lictor(version).command(command).start()?;
    lictor.wait_condition("Registered", START)?;
    let services = || lictor.api().get("/v1/agent/services");
    assert!(services()?.get("one").is_some(), "{}", services()?);
    // Written in place it is another one, here as in the container of whoever writes it.
    host.write("/consul/one.json", r#"{"service": {"name": "two"}}"#)?;
    lictor.control("reload", &[])?.success()?;
    assert!(services()?.get("one").is_none(), "{}", services()?);
    assert!(services()?.get("two").is_some(), "{}", services()?);
    Ok(())
}

#[test]
fn a_read_only_configuration_and_a_mounted_file_1_8_7() -> TestResult {
    a_read_only_configuration_and_a_mounted_file(Version::V1_8_7)
}

#[test]
fn a_read_only_configuration_and_a_mounted_file_1_22_5() -> TestResult {
    a_read_only_configuration_and_a_mounted_file(Version::V1_22_5)
}
