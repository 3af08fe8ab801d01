//! What becomes of the stage later: reloads, volumes that swap, crashes of the agent and of lictor.

use nix::sys::signal::{Signal, kill};
use serde_json::Value;
use testbed::TestResult;
use testbed::consul::Version;
use testbed::lictor::Running;

use crate::stage::{ALONE, SOON, host, lictor, sh};
use crate::{START, Seed};

/// The generation that each of the volume's services carries.
const FILES: [&str; 5] = ["a", "b", "c", "d", "e"];

/// What the kubelet does to a mounted ConfigMap, from one generation to another: a new directory beside the old one, one link that
/// is renamed to lead there, and the old one removed.
pub(crate) const SWAP: &str = r#"
swap() {
    mkdir ..$1
    for f in a b c d e; do echo "{\"service\": {\"name\": \"$f\", \"meta\": {\"generation\": \"$1\"}}}" >..$1/$f.json; done
    ln -s ..$1 ..data_tmp
    old=$(readlink ..data || :)
    mv -T ..data_tmp ..data
    [ -z "$old" ] || rm -r $old
}
"#;

/// A seed with a volume beside the configuration, in its generation 0.
pub(crate) fn with_volume(version: Version) -> TestResult<Seed> {
    let seed = Seed::new(version);
    let links = "for f in a b c d e; do ln -s ..data/$f.json $f.json; done";
    sh(
        &seed.host,
        &format!("mkdir volume; cd volume; {SWAP} swap 0; {links}"),
    )?;
    Ok(seed)
}

pub(crate) fn start(seed: &Seed, version: Version, watch: &str) -> TestResult<Running> {
    let command = [
        "agent",
        "-config-dir=/consul/config",
        "-config-dir=/consul/volume",
    ];
    Ok(seed.lictor(version).arg(watch).command(command).start()?)
}

/// The generations of the volume's services in the agent.
pub(crate) fn generations(lictor: &Running) -> TestResult<Vec<String>> {
    let services = lictor.api().get("/v1/agent/services")?;
    let generation = |name: &&str| {
        let generation = services.get(name)?["Meta"]["generation"].as_str()?;
        Some(generation.to_owned())
    };
    let found: Vec<String> = FILES.iter().filter_map(generation).collect();
    assert_eq!(found.len(), FILES.len(), "{services}");
    Ok(found)
}

fn generation(status: &Value) -> u64 {
    status["stage"]["generation"]
        .as_u64()
        .expect("a generation")
}

fn a_reload_applies_what_changed_and_only_a_reload_does(version: Version) -> TestResult {
    let seed = with_volume(version)?;
    let lictor = start(&seed, version, "--watch=false")?;
    let first = generation(&lictor.wait_condition("Registered", START)?);
    assert_eq!(generations(&lictor)?, ["0"; 5]);
    let unchanged = "unchanged; the agent has read the same again\n";
    assert_eq!(lictor.control("reload", &[])?.success()?, unchanged);
    lictor.wait_log("configuration: unchanged", SOON)?;
    assert_eq!(generation(&lictor.status()?), first);

    sh(&seed.host, &format!("cd volume; {SWAP} swap 1"))?;
    // Whoever asks the agent itself gets what is staged.
    lictor.api().put("/v1/agent/reload", &Value::Null)?;
    assert_eq!(generations(&lictor)?, ["0"; 5]);
    let told = lictor.control("reload", &[])?.success()?;
    assert!(
        told.contains("service a changed, service b changed"),
        "{told}"
    );
    assert_eq!(generations(&lictor)?, ["1"; 5]);
    let log = lictor.log();
    assert!(
        log.contains("configuration: changed /consul/volume/a.json, /consul/volume/b.json"),
        "{log}"
    );
    assert_eq!(generation(&lictor.status()?), first + 1);

    // Without a whole snapshot nothing is touched.
    sh(
        &seed.host,
        &format!("cd volume; {SWAP} swap 2; ln -s nowhere z.json"),
    )?;
    let refused = lictor.control("reload", &[])?;
    assert!(!refused.status.success());
    let told = format!("{}{}", refused.stdout, refused.stderr);
    assert!(
        told.contains("/consul/volume/z.json") && told.contains("remove the link"),
        "{told}"
    );
    assert_eq!(lictor.condition("ConfigGood")?.as_deref(), Some("False"));
    assert_eq!(generation(&lictor.status()?), first + 1);
    lictor.api().put("/v1/agent/reload", &Value::Null)?;
    assert_eq!(generations(&lictor)?, ["1"; 5]);

    // What the agent says of its files is told by the user's names of them.
    sh(
        &seed.host,
        "rm volume/z.json; echo '{\"nonsense\": 1}' >volume/z.json",
    )?;
    let refused = lictor.control("reload", &[])?;
    let told = format!("{}{}", refused.stdout, refused.stderr);
    assert!(
        told.contains("/consul/volume/z.json: invalid config key nonsense"),
        "{told}"
    );

    sh(&seed.host, "rm volume/z.json")?;
    lictor.control("reload", &[])?.success()?;
    assert_eq!(generations(&lictor)?, ["2"; 5]);
    assert_eq!(lictor.condition("ConfigGood")?.as_deref(), Some("True"));
    let kept = seed.host.list("/run/lictor/stage")?;
    let of_old = ["previous", "rejected"].map(str::to_owned);
    assert!(
        !of_old.iter().any(|link| kept.contains(link)),
        "what is good has no way back: {kept:?}"
    );
    assert_eq!(kept.len(), 4, "two that are led to: {kept:?}");
    Ok(())
}

#[test]
fn a_reload_applies_what_changed_and_only_a_reload_does_1_8_7() -> TestResult {
    a_reload_applies_what_changed_and_only_a_reload_does(Version::V1_8_7)
}

#[test]
fn a_reload_applies_what_changed_and_only_a_reload_does_1_22_5() -> TestResult {
    a_reload_applies_what_changed_and_only_a_reload_does(Version::V1_22_5)
}

fn two_hundred_swaps_in_quick_succession_tear_nothing(version: Version) -> TestResult {
    let seed = with_volume(version)?;
    let lictor = start(&seed, version, "--watch=false")?;
    lictor.wait_condition("Registered", START)?;
    let script = format!(
        "cd /consul/volume; {SWAP} n=1; while [ $n -le 200 ]; do swap $n; n=$((n + 1)); done"
    );
    let swaps = seed.host.spawn(["sh", "-ec", &script])?;
    let mut seen = Vec::new();
    while !swaps.has_ended() {
        lictor.control("reload", &[])?.success()?;
        let found = generations(&lictor)?;
        assert!(found.iter().all(|one| *one == found[0]), "{found:?}");
        seen.push(found[0].parse::<u32>()?);
    }
    assert_eq!(swaps.exit_code(SOON)?, 0, "{}", swaps.log());
    assert!(seen.is_sorted(), "{seen:?}");
    assert!(
        seen.len() > 1 && seen.iter().any(|one| (1..200).contains(one)),
        "{seen:?}"
    );
    lictor.control("reload", &[])?.success()?;
    assert_eq!(generations(&lictor)?, ["200"; 5]);
    Ok(())
}

#[test]
fn two_hundred_swaps_in_quick_succession_tear_nothing_1_8_7() -> TestResult {
    two_hundred_swaps_in_quick_succession_tear_nothing(Version::V1_8_7)
}

#[test]
fn two_hundred_swaps_in_quick_succession_tear_nothing_1_22_5() -> TestResult {
    two_hundred_swaps_in_quick_succession_tear_nothing(Version::V1_22_5)
}

/// Somebody breaks the configuration, and the agent crashes before anybody reloads: what it started with is still there.
fn a_crash_over_a_broken_directory_comes_back_with_what_was(version: Version) -> TestResult {
    let seed = with_volume(version)?;
    let lictor = start(&seed, version, "--watch")?;
    lictor.wait_condition("Registered", START)?;
    sh(
        &seed.host,
        "rm -r volume; echo '{' >config/consul.json; ln -s nowhere config/x.json",
    )?;
    let agent = lictor.children()?[0];
    kill(agent, Signal::SIGKILL)?;
    lictor.wait_status("a restarted agent that is ready", START, |status| {
        status["agent"]["restarts"] == 1 && status["phase"] == "Ready"
    })?;
    assert_eq!(generations(&lictor)?, ["0"; 5]);
    Ok(())
}

#[test]
fn a_crash_over_a_broken_directory_comes_back_with_what_was_1_8_7() -> TestResult {
    a_crash_over_a_broken_directory_comes_back_with_what_was(Version::V1_8_7)
}

#[test]
fn a_crash_over_a_broken_directory_comes_back_with_what_was_1_22_5() -> TestResult {
    a_crash_over_a_broken_directory_comes_back_with_what_was(Version::V1_22_5)
}

/// A lictor that is killed while it stages, again and again: the stage that it leaves is whole each time, and so is the next one's.
#[test]
fn a_lictor_that_is_killed_leaves_a_whole_stage() -> TestResult {
    const ROUNDS: u64 = 12;
    let host = host()?;
    host.write("/consul/config/a.json", ALONE)?;
    let links = "for f in a b c d e; do ln -s ..data/$f.json $f.json; done";
    sh(
        &host,
        &format!("mkdir volume; cd volume; {SWAP} swap 0; {links}"),
    )?;
    let endless = "n=1; while :; do swap $n; n=$((n + 1)); done";
    let _swaps = host.spawn(["sh", "-ec", &format!("cd /consul/volume; {SWAP} {endless}")])?;
    let args = ["-config-dir=/consul/config", "-config-dir=/consul/volume"];
    for round in 0..ROUNDS {
        let lictor = lictor(&host, Version::V1_8_7, &args).start()?;
        lictor.wait_phase("Joining", START)?;
        lictor.control("reload", &[])?.success()?;
        lictor.hup()?;
        spin(round);
        lictor.kill();
        lictor.wait(SOON)?;
        let read = "cat /run/lictor/stage/current/1/consul/volume/*.json";
        let staged = host.run(["sh", "-c", read])?.success()?;
        let generation = |line: &str| line.split("generation\": ").nth(1).map(str::to_owned);
        let mut found: Vec<String> = staged.lines().filter_map(generation).collect();
        assert_eq!(found.len(), FILES.len(), "{staged}");
        found.dedup();
        assert_eq!(found.len(), 1, "{staged}");
    }
    // What those left half done is gone.
    let lictor = lictor(&host, Version::V1_8_7, &args).start()?;
    lictor.wait_phase("Joining", START)?;
    let kept = host.list("/run/lictor/stage")?;
    let is_number = |name: &&String| name.parse::<u64>().is_ok();
    let numbers = kept.iter().filter(is_number).count();
    let links = ["current", "previous", "started"];
    let known = |name: &String| links.contains(&name.as_str());
    assert!(
        kept.iter().all(|name| is_number(&name) || known(name)),
        "{kept:?}"
    );
    assert!(
        numbers <= kept.len() - numbers,
        "nothing leads to one: {kept:?}"
    );
    Ok(())
}

/// Lets some microseconds pass, more each round, so that the kill comes at another point.
fn spin(round: u64) {
    for number in 0..round * 20_000 {
        std::hint::black_box(number);
    }
}
