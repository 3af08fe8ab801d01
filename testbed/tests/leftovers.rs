//! A test process that is killed leaves no process and no namespace behind.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::unistd::Pid;
use testbed::agent::{Client, LocalServer, Server};
use testbed::consul::{self, Version};
use testbed::net::Network;
use testbed::process::{Role, cmdline};
use testbed::{Place, TestResult, wait};

/// Set for the child process of the test below.
const CHILD: &str = "TESTBED_LEFTOVERS_CHILD";

/// What the child process does: it builds a bed with everything in it, says so, and never takes it down.
#[test]
fn child() -> TestResult {
    if env::var_os(CHILD).is_none() {
        return Ok(());
    }
    let network = Network::new()?;
    let _server = Server::start(&network.host("s1", 1)?, Version::V1_8_7)?;
    let host = network.host("n1", 11)?;
    let _client = Client::start(&host, Version::V1_8_7, &["10.111.67.1"])?;
    let _local = LocalServer::start(Version::V1_8_7)?;
    let nested = "setsid sh -c 'while :; do sleep 1; done' & while :; do sleep 1; done";
    let _pid1 = host.spawn_pid1(["sh", "-c", nested])?;
    let _child = host.spawn(["sh", "-c", nested])?;
    let here = Place::Here;
    let _here = here.start(here.child_role(), "here", &["sleep", "1000"].into())?;
    let _plain = here.start(Role::Plain, "plain", &["sleep", "1000"].into())?;
    // The harness has written the test's name on this line already.
    println!("\nbuilt");
    std::io::stdout().flush()?;
    wait::until(
        "SIGKILL, which has to come",
        Duration::from_secs(300),
        || None::<()>,
    )?;
    Ok(())
}

#[test]
fn a_killed_test_leaves_nothing_behind() -> TestResult {
    // Not within the child's own time: it may have to be obtained.
    consul::obtain(Version::V1_8_7)?;
    let marker = format!("{}", std::process::id());
    let mut test = Command::new(env::current_exe()?)
        .args(["--exact", "child", "--nocapture", "--test-threads=1"])
        .env(CHILD, &marker)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let stdout = BufReader::new(test.stdout.take().expect("it was asked for"));
    let built = stdout
        .lines()
        .map_while(Result::ok)
        .any(|line| line == "built");
    let before = of_the_bed(&marker);
    let namespaces: BTreeSet<_> = before.iter().flat_map(|&pid| namespaces(pid)).collect();
    test.kill()?;
    test.wait()?;
    assert!(built, "the child test failed");
    // Itself, three keepers, and the programs with their launchers.
    assert!(
        before.len() > 12,
        "{:?}",
        before.iter().map(|&pid| cmdline(pid)).collect::<Vec<_>>()
    );
    let ours = own_namespaces();
    wait::until_ok("everything to be gone", Duration::from_secs(20), || {
        let left: Vec<_> = of_the_bed(&marker).into_iter().map(cmdline).collect();
        let in_use: BTreeSet<_> = processes().into_iter().flat_map(self::namespaces).collect();
        let held: Vec<_> = namespaces
            .difference(&ours)
            .filter(|name| in_use.contains(*name))
            .collect();
        if left.is_empty() && held.is_empty() {
            Ok(())
        } else {
            Err(format!("{left:?} {held:?}"))
        }
    })?;
    Ok(())
}

/// All processes whose environment has the mark: everything the child has started, directly or not.
fn of_the_bed(marker: &str) -> Vec<Pid> {
    let mark = format!("{CHILD}={marker}");
    let marked = |pid: &Pid| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment
            .split(|&byte| byte == 0)
            .any(|variable| variable == mark.as_bytes())
    };
    processes().into_iter().filter(marked).collect()
}

fn processes() -> Vec<Pid> {
    let names = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name());
    names
        .filter_map(|name| name.to_str()?.parse().ok())
        .map(Pid::from_raw)
        .collect()
}

fn namespaces(pid: Pid) -> BTreeSet<String> {
    let kinds = ["net", "mnt", "uts", "pid", "user"].into_iter();
    let links = kinds.filter_map(|kind| fs::read_link(format!("/proc/{pid}/ns/{kind}")).ok());
    links.map(|link| link.display().to_string()).collect()
}

fn own_namespaces() -> BTreeSet<String> {
    namespaces(Pid::this())
}
