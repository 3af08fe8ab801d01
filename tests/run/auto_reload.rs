//! Consul's own `auto_reload_config` beside lictor's reload: two that load the same files.

use nix::sys::signal::{Signal, kill};
use serde_json::{Value, json};
use testbed::agent::Client;
use testbed::consul::Version;
use testbed::lictor::Running;
use testbed::{TestResult, wait};

use crate::stage::{ALONE, SOON, command, host, lictor};
use crate::{START, Seed};

const V: Version = Version::V1_22_5;
/// What an agent says, at DEBUG, once in each reload that is good.
const LOADED: &str = "Cache options have not been modified";
/// What it says where it reloads by itself.
const BY_ITSELF: &str = "auto-reload config triggered";
const IS_ON: &str = "auto_reload_config is on";

/// A bare agent with the option on: what it needs for a change of its files is enough for every other agent that would load its own.
struct Bare {
    agent: Client,
    host: testbed::net::Host,
    changes: u32,
}

impl Bare {
    fn start(seed: &Seed) -> TestResult<Self> {
        let host = seed.network.host("n2", 12)?;
        let settings = json!({ "auto_reload_config": true, "log_level": "debug" });
        let agent = Client::start_with(&host, V, settings)?;
        Ok(Self {
            agent,
            host,
            changes: 0,
        })
    }

    /// Changes its files twice, and sees each time that it has loaded them.
    fn loads_by_itself(&mut self) -> TestResult {
        for _ in 0..2 {
            self.changes += 1;
            let name = format!("s{}", self.changes);
            let path = format!("/consul/config/{name}.json");
            let service = json!({ "service": { "name": name } });
            self.host.write(path, service.to_string())?;
            wait::until_ok("the bare agent's own reload", SOON, || {
                let services = self.agent.get("/v1/agent/services");
                let services = services.map_err(|error| error.to_string())?;
                let found = services.get(&name).is_some();
                found.then_some(()).ok_or(services.to_string())
            })?;
        }
        assert!(self.agent.log().contains(BY_ITSELF));
        Ok(())
    }
}

fn service(seed: &Seed, name: &str) -> TestResult {
    let service = json!({ "service": { "name": name } });
    let path = format!("/consul/config/{name}.json");
    Ok(seed.host.write(path, service.to_string())?)
}

fn has(lictor: &Running, names: &[&str]) -> TestResult {
    let services = lictor.api().get("/v1/agent/services")?;
    for name in names {
        assert!(services.get(name).is_some(), "{services}\n{}", lictor.log());
    }
    Ok(())
}

fn is_on(lictor: &Running) -> TestResult<Value> {
    Ok(lictor.api().get("/v1/agent/self")?["DebugConfig"]["AutoReloadConfig"].clone())
}

fn count(lictor: &Running, text: &str) -> usize {
    lictor.log().matches(text).count()
}

fn reload(lictor: &Running) -> TestResult<String> {
    let output = lictor.control("reload", &[])?;
    Ok(format!("{}{}", output.stdout, output.stderr))
}

#[test]
fn only_lictor_reloads() -> TestResult {
    let seed = Seed::new(V);
    let mut bare = Bare::start(&seed)?;
    // The seed would allow scripts.
    seed.host.write(
        "/consul/config/x.hcl",
        "enable_local_script_checks = false\nauto_reload_config = true\n",
    )?;
    service(&seed, "a")?;
    let on = "auto_reload_config = true";
    let typed = [
        "agent",
        "-config-dir=/consul/config",
        "-auto-reload-config",
        "-hcl",
        on,
    ];
    let lictor = seed.lictor(V).command(typed).start()?;
    let status = lictor.wait_condition("Registered", START)?;
    assert_eq!(is_on(&lictor)?, false);
    assert!(
        lictor
            .log()
            .contains(&format!("{IS_ON} (-hcl); lictor turns it off"))
    );
    assert_eq!(status["agent"]["command"][5], on, "{status}");
    let all = status["agent"]["command"].to_string();
    assert!(!all.contains("= false"), "{all}");
    has(&lictor, &["a"])?;

    let before = count(&lictor, LOADED);
    service(&seed, "b")?;
    assert_eq!(reload(&lictor)?, "reloaded\n");
    has(&lictor, &["a", "b"])?;
    bare.loads_by_itself()?;
    assert_eq!(count(&lictor, LOADED), before + 1, "{}", lictor.log());

    let script = json!({ "args": ["/bin/true"], "interval": "10s" });
    let broken = json!({ "service": { "name": "c", "check": script } });
    seed.host
        .write("/consul/config/c.json", broken.to_string())?;
    let told = reload(&lictor)?;
    assert!(told.contains("rolled back"), "{told}");
    has(&lictor, &["a", "b"])?;
    bare.loads_by_itself()?;
    // That was the one back.
    assert_eq!(count(&lictor, LOADED), before + 2, "{}", lictor.log());
    assert_eq!(count(&lictor, BY_ITSELF), 0, "{}", lictor.log());
    has(&lictor, &["a", "b"])?;
    assert_eq!(count(&lictor, IS_ON), 1);
    Ok(())
}

#[test]
fn what_a_reload_turns_on_waits_for_the_next_start_and_is_off_then() -> TestResult {
    let seed = Seed::new(V);
    let mut bare = Bare::start(&seed)?;
    let lictor = seed.lictor(V).start()?;
    lictor.wait_condition("Registered", START)?;
    assert!(
        !command(&lictor)?
            .iter()
            .any(|word| word.starts_with("-hcl"))
    );
    let on = r#"{"auto_reload_config": true}"#;
    seed.host.write("/consul/config/on.json", on)?;
    assert_eq!(reload(&lictor)?, "reloaded\n");
    bare.loads_by_itself()?;
    service(&seed, "a")?;
    assert_eq!(reload(&lictor)?, "reloaded\n");
    bare.loads_by_itself()?;
    assert_eq!(count(&lictor, BY_ITSELF), 0, "{}", lictor.log());
    assert_eq!(count(&lictor, IS_ON), 0);

    kill(lictor.children()?[0], Signal::SIGKILL)?;
    lictor.wait_status("a restarted agent that is ready", START, |status| {
        status["agent"]["restarts"] == 1 && status["phase"] == "Ready"
    })?;
    assert_eq!(is_on(&lictor)?, false);
    let told = format!("{IS_ON} (/consul/config/on.json)");
    assert_eq!(count(&lictor, &told), 1, "{}", lictor.log());
    Ok(())
}

#[test]
fn without_a_stage_it_is_the_users() -> TestResult {
    let seed = Seed::new(V);
    let on = r#"{"auto_reload_config": true}"#;
    seed.host.write("/consul/config/on.json", on)?;
    let lictor = seed.lictor(V).arg("--no-staging").start()?;
    lictor.wait_condition("Registered", START)?;
    assert_eq!(is_on(&lictor)?, true);
    assert_eq!(count(&lictor, IS_ON), 0);
    service(&seed, "a")?;
    lictor.wait_log(BY_ITSELF, SOON)?;
    wait::until("the agent's own reload", SOON, || has(&lictor, &["a"]).ok())?;
    Ok(())
}

/// One that does not know it gets to read what its user wrote, and no more.
#[test]
fn an_agent_that_does_not_know_it_says_so() -> TestResult {
    let host = host()?;
    host.write("/consul/config/a.json", ALONE)?;
    let config = ["-config-dir=/consul/config"];
    let old = lictor(&host, Version::V1_8_7, &config).start()?;
    crate::stage::meta(&old.api())?;
    assert!(!command(&old)?.iter().any(|word| word.starts_with("-hcl")));
    drop(old);
    let on = r#"{"auto_reload_config": true}"#;
    host.write("/consul/config/on.json", on)?;
    let old = lictor(&host, Version::V1_8_7, &config)
        .arg("--restart=never")
        .start()?;
    assert_eq!(old.exit(SOON)?, 1, "{}", old.log());
    let log = old.log();
    assert!(
        log.contains("failed to parse /consul/config/on.json")
            && log.contains("invalid config key auto_reload_config"),
        "{log}"
    );
    Ok(())
}
