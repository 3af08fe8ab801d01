//! What is beside an agent's data for its node: whose it is, what may be in its place, and what becomes of it on a disk that takes
//! nothing.

use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::geteuid;
use serde_json::Value;
use testbed::TestResult;
use testbed::consul::{self, Version};
use testbed::lictor::binary_under_test;
use testbed::process::Program;

use crate::identity::{COPY, NODE_ID, crash, is_known, kill, leave, node_id, ready, text};
use crate::{LICTOR, START, STOP, Seed};

/// What could not be written is tried again within half a minute and one of the agent's own.
const AGAIN: Duration = Duration::from_secs(180);

/// The agent may run as another user than lictor. Where files cannot be given away, that is told, and the node lives all the same.
#[test]
fn what_is_written_is_for_whom_the_data_directory_is() -> TestResult {
    let version = Version::V1_22_5;
    let seed = Seed::new(version);
    let id = "11111111-2222-4333-8444-555555555555";
    seed.host.run(["mkdir", "-p", "/consul/data"])?.success()?;
    // Where the tests run without root there is one user only, and nothing to give away.
    let root = geteuid().is_root();
    let (user, group) = if root { (4711, 4712) } else { (0, 0) };
    let owner = format!("{user}:{group}");
    seed.host
        .run(["chown", &owner, "/consul/data"])?
        .success()?;
    let given = format!("--node-id={id}");
    let lictor = ready(&seed, version, &[&given])?;
    let [reuid, regid] = [format!("--reuid={user}"), format!("--regid={group}")];
    for path in [NODE_ID, COPY] {
        let of = seed.host.run(["stat", "-c", "%u:%g %a", path])?.success()?;
        assert_eq!(of, format!("{owner} 600\n"), "{path}");
        for what in ["test -r", "test -w", "cat"] {
            let script = format!("{what} {path}");
            let program = Program::new("setpriv").args([reuid.as_str(), &regid, "--keep-groups"]);
            seed.host
                .run(program.args(["sh", "-c", &script]))?
                .success()?;
        }
    }
    leave(&lictor)?;
    // Who may not give files away says so; who may not change what is another's needs not.
    for (lacks, told) in [("chown", root), ("fowner", false)] {
        seed.host.run(["rm", NODE_ID, COPY])?.success()?;
        let program = Program::new("setpriv")
            .arg(format!("--bounding-set=-{lacks}"))
            .arg(binary_under_test(LICTOR))
            .args(["run", &given])
            .path_first(consul::directory(version)?);
        let lictor = seed.host.spawn_pid1(program)?;
        lictor.wait_log("ready ", START)?;
        let log = lictor.log();
        let refused = format!("{NODE_ID} could not be given to the owner of its directory");
        assert_eq!(log.contains(&refused), told, "{log}");
        assert!(!log.contains("cannot be written"), "{log}");
        assert_eq!(seed.host.read(NODE_ID)?, id);
        lictor.signal(Signal::SIGTERM)?;
        assert_eq!(lictor.exit_code(STOP)?, 0);
    }
    Ok(())
}

/// A directory in its place, which stands for a full disk: the agent goes on, and lictor tries again.
#[test]
fn a_second_copy_that_could_not_be_written_is_tried_again() -> TestResult {
    let version = Version::V1_22_5;
    let seed = Seed::new(version);
    seed.host.run(["mkdir", "-p", COPY])?.success()?;
    let lictor = ready(&seed, version, &[])?;
    let failed = format!("{COPY} cannot be written (");
    assert_eq!(lictor.log().matches(&failed).count(), 1);
    // A further start of the agent tries, too, and has nothing new to tell.
    crash(&lictor, 1)?;
    seed.host.run(["rmdir", COPY])?.success()?;
    lictor.wait_log(&format!("{COPY} is written now"), AGAIN)?;
    let copy: Value = serde_json::from_str(&seed.host.read(COPY)?)?;
    assert_eq!(text(&copy["id"]), node_id(&lictor)?);
    assert_eq!(lictor.log().matches(&failed).count(), 1);
    leave(&lictor)
}

#[test]
fn an_id_of_the_configuration_wins_as_long_as_it_is_there() -> TestResult {
    let version = Version::V1_22_5;
    let seed = Seed::new(version);
    let lictor = ready(&seed, version, &[])?;
    let own = node_id(&lictor)?;
    leave(&lictor)?;
    let given = "11111111-2222-4333-8444-555555555555";
    let file = "/consul/config/id.json";
    seed.host
        .write(file, format!(r#"{{"node_id": "{given}"}}"#))?;
    let option = "--node-id=99999999-2222-4333-8444-555555555555";
    let lictor = ready(&seed, version, &[option])?;
    assert_eq!(node_id(&lictor)?, given);
    assert_eq!(seed.host.read(NODE_ID)?, own);
    let told = "the configuration wins, and --node-id counts for nothing";
    assert!(lictor.log().contains(told), "{}", lictor.log());
    // Taken out while lictor runs, it stays.
    seed.host.run(["rm", file])?.success()?;
    lictor.control("reload", &[])?.success()?;
    crash(&lictor, 1)?;
    assert_eq!(node_id(&lictor)?, given);
    kill(&lictor)?;
    let lictor = ready(&seed, version, &[])?;
    let log = lictor.log();
    for told in [
        &format!("gave the node the id {given} (node_id) and does not any more"),
        &format!("the node with the id {given} has left"),
    ] {
        assert!(log.contains(told), "{log}");
    }
    assert_eq!(node_id(&lictor)?, own);
    is_known(&seed, "n1", "10.111.67.11", "n1")?;
    leave(&lictor)
}

/// The node leaves as what it was before it has another id, which an agent that comes back in place cannot.
#[test]
fn an_id_that_the_configuration_gets_meanwhile_waits_for_the_next_start() -> TestResult {
    let version = Version::V1_22_5;
    let seed = Seed::new(version);
    let lictor = ready(&seed, version, &[])?;
    let own = node_id(&lictor)?;
    let given = "11111111-2222-4333-8444-555555555555";
    let file = "/consul/config/id.json";
    seed.host
        .write(file, format!(r#"{{"node_id": "{given}"}}"#))?;
    lictor.control("reload", &[])?.success()?;
    crash(&lictor, 1)?;
    let told =
        format!("gives the node_id {given} now; the node stays {own} as long as this lictor runs");
    assert!(lictor.log().contains(&told), "{}", lictor.log());
    assert_eq!(node_id(&lictor)?, own);
    kill(&lictor)?;
    let lictor = ready(&seed, version, &[])?;
    let told = format!("the node with the id {own} has left");
    assert!(lictor.log().contains(&told), "{}", lictor.log());
    assert_eq!(node_id(&lictor)?, given);
    is_known(&seed, "n1", "10.111.67.11", "n1")?;
    leave(&lictor)
}

/// Whoever opens a pipe waits for its other end, an agent as well.
#[test]
fn a_pipe_in_place_of_the_id_is_not_waited_for() -> TestResult {
    let version = Version::V1_22_5;
    let seed = Seed::new(version);
    let lictor = ready(&seed, version, &[])?;
    let id = node_id(&lictor)?;
    leave(&lictor)?;
    let pipe = |path| {
        seed.host
            .run(["sh", "-c", &format!("rm {path} && mkfifo {path}")])
    };
    pipe(NODE_ID)?.success()?;
    let lictor = ready(&seed, version, &[])?;
    assert_eq!(node_id(&lictor)?, id);
    let told = format!("{NODE_ID} is no regular file; it gets {id} again");
    assert!(lictor.log().contains(&told), "{}", lictor.log());
    leave(&lictor)?;
    pipe(NODE_ID)?.success()?;
    pipe(COPY)?.success()?;
    let lictor = ready(&seed, version, &[])?;
    let told = format!("{COPY} cannot be read (it is no regular file)");
    assert!(lictor.log().contains(&told), "{}", lictor.log());
    let copy: Value = serde_json::from_str(&seed.host.read(COPY)?)?;
    assert_eq!(text(&copy["id"]), node_id(&lictor)?);
    leave(&lictor)
}
