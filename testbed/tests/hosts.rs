//! What a host of the test bed is: a network, a name and files of its own, and processes that end.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use nix::sys::signal::Signal;
use testbed::net::Network;
use testbed::process::cmdline;
use testbed::{TestResult, wait};

const SOON: Duration = Duration::from_secs(10);

#[test]
fn a_host_has_its_own_name_addresses_and_files() -> TestResult {
    let (network, other) = (Network::new()?, Network::new()?);
    let host = network.host("n1", 11)?;
    // The same name and address on another switch disturb nobody.
    let twin = other.host("n1", 11)?;

    assert_eq!(host.run(["uname", "-n"])?.success()?.trim(), "n1");
    assert!(
        host.ip(["-brief", "addr", "show", "eth0"])?
            .contains("10.111.67.11/24")
    );
    host.add_link("eth1", &["10.9.0.1/16", "fd00::1/64"])?;
    let addresses = host.ip(["-brief", "addr", "show", "eth1"])?;
    assert!(
        addresses.contains("10.9.0.1/16") && addresses.contains("fd00::1/64"),
        "{addresses}"
    );

    for directory in [
        "/consul/config",
        "/consul/data",
        "/var/log",
        "/run",
        "/var/run",
        "/dev",
    ] {
        host.write(format!("{directory}/file"), directory)?;
        assert_eq!(
            host.run(["cat", &format!("{directory}/file")])?.success()?,
            directory
        );
        assert_eq!(host.read(format!("{directory}/file"))?, directory);
        assert!(
            !std::path::Path::new(directory).join("file").exists(),
            "{directory} is the real one"
        );
    }
    assert!(host.list("/consul/config")?.contains(&"file".to_owned()));

    host.rename("n1-new")?;
    assert_eq!(host.run(["uname", "-n"])?.success()?.trim(), "n1-new");
    assert_eq!(twin.run(["uname", "-n"])?.success()?.trim(), "n1");

    host.read_only("/run")?;
    let refused = host.run(["touch", "/run/other"])?;
    assert!(refused.stderr.contains("Read-only"), "{refused:?}");
    Ok(())
}

#[test]
fn a_cut_host_is_unreachable_until_mended() -> TestResult {
    let network = Network::new()?;
    let (one, two) = (
        network.host("n1", 1)?,
        network.host_with("n2", &["10.111.67.2/24", "fd00::2/64"])?,
    );
    let to = SocketAddr::from(([10, 111, 67, 2], 7000));
    let listener = two.listen(to)?;
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            // A connection that was cut off is the other end's matter.
            let _ = connection.and_then(|mut connection| connection.write_all(b"hello"));
        }
    });
    let ask = |timeout| -> std::io::Result<String> {
        let mut text = String::new();
        let mut stream = one.connect(to, timeout)?;
        stream.read_to_string(&mut text)?;
        Ok(text)
    };
    assert_eq!(ask(SOON)?, "hello");
    two.cut()?;
    assert!(ask(Duration::from_millis(300)).is_err());
    two.mend()?;
    let text = wait::until_ok("an answer again", SOON, || ask(Duration::from_secs(2)))?;
    assert_eq!(text, "hello");
    Ok(())
}

#[test]
fn programs_have_their_pid_signals_and_codes() -> TestResult {
    let network = Network::new()?;
    let host = network.host("n1", 1)?;
    let waits = "trap 'echo got it; exit 7' TERM; echo I am $$; while :; do sleep 0.1; done";

    let first = host.spawn_pid1(["sh", "-c", waits])?;
    assert!(first.wait_log("I am", SOON)?.contains("I am 1\n"));
    assert!(cmdline(first.pid()?).starts_with("sh -c trap"));
    assert!(first.rss()? > 100_000);
    first.signal(Signal::SIGTERM)?;
    assert_eq!(first.exit_code(SOON)?, 7);
    assert!(first.log().ends_with("got it\n"), "{}", first.log());

    let child = host.spawn(["sh", "-c", waits])?;
    assert!(!child.wait_log("I am", SOON)?.contains("I am 1\n"));
    child.signal(Signal::SIGTERM)?;
    assert_eq!(child.exit_code(SOON)?, 7);

    let killed = host.spawn(["sh", "-c", waits])?;
    killed.signal(Signal::SIGKILL)?;
    assert_eq!(killed.exit_code(SOON)?, 137);
    let killed = host.spawn_pid1(["sh", "-c", waits])?;
    killed.signal(Signal::SIGKILL)?;
    assert_eq!(killed.exit_code(SOON)?, 137);

    // A program that is over before anyone has seen it is no error, except for those who want to signal it.
    let short = host.spawn_pid1(["sh", "-c", "exit 3"])?;
    assert_eq!(short.exit_code(SOON)?, 3);
    assert!(short.signal(Signal::SIGTERM).is_err());
    for missing in [
        host.spawn_pid1(["/no/such/program"]),
        host.spawn(["/no/such/program"]),
    ] {
        let error = missing.expect_err("there is no such program").to_string();
        assert!(error.contains("No such file"), "{error}");
    }
    Ok(())
}

#[test]
fn dropping_a_handle_ends_everything_it_has_started() -> TestResult {
    let network = Network::new()?;
    let host = network.host("n1", 1)?;
    let marker = format!("{}.5", 1_000_000 + std::process::id());
    let line = format!("setsid sleep {marker} & sleep {marker}");
    let process = host.spawn_pid1(["sh", "-c", &line])?;
    let sleepers = || {
        let names = std::fs::read_dir("/proc")
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.file_name());
        let pids = names.filter_map(|name| name.to_str()?.parse().ok());
        pids.filter(|&pid| cmdline(nix::unistd::Pid::from_raw(pid)) == format!("sleep {marker}"))
            .count()
    };
    wait::until("both to run", SOON, || (sleepers() == 2).then_some(()))?;
    drop(process);
    assert_eq!(sleepers(), 0);
    Ok(())
}
