//! Bad input: an error that names the thing and the fix, the documented exit code, nothing half-written.

use std::time::Duration;

use testbed::TestResult;
use testbed::consul::Version;
use testbed::lictor::Lictor;
use testbed::net::{Host, Network};

use crate::{LICTOR, START, Seed};

const SOON: Duration = Duration::from_secs(20);

/// Runs lictor on `host` to its end: the exit code, and what it said and left in the termination log.
fn ends(host: &Host, change: impl FnOnce(Lictor) -> Lictor) -> (i32, String) {
    host.write("/dev/termination-log", "").expect("written");
    let lictor = change(Lictor::on(host, LICTOR).consul(Version::V1_8_7))
        .start()
        .expect("started");
    let code = lictor.exit(SOON).expect("an end");
    let reason = host.read("/dev/termination-log").expect("read");
    (code, format!("{}\n{reason}", lictor.log()))
}

fn says(output: &str, parts: &[&str]) {
    for part in parts {
        assert!(output.contains(part), "{output}\nlacks {part:?}");
    }
}

/// An address of another host in so many words, as after a copy of its files.
#[test]
fn an_address_that_the_host_has_not() -> TestResult {
    let network = Network::new()?;
    let host = network.host("n1", 11)?;
    host.write("/consul/config/z.json", r#"{"bind_addr": "10.9.9.9"}"#)?;
    let dev = ["agent", "-dev", "-config-dir=/consul/config"];
    let (code, output) = ends(&host, |lictor| lictor.command(dev));
    assert_eq!(code, 1, "the agent's own");
    says(
        &output,
        &[
            " WARN /consul/config/z.json: bind_addr is 10.9.9.9, which is no address of this host",
            "the host has 10.111.67.11 (eth0)",
            "lictor --bind",
        ],
    );
    // What lictor is told stands above the files.
    host.write("/consul/config/z.json", "{}")?;
    let (code, output) = ends(&host, |lictor| {
        lictor.command(["agent", "-dev", "-client=10.9.9.9 127.0.0.1"])
    });
    assert_eq!(code, 1, "the agent's own");
    says(
        &output,
        &[" WARN the command line: client_addr is 10.9.9.9"],
    );
    Ok(())
}

/// Behind NAT that is as it should be.
#[test]
fn an_advertised_address_that_the_host_has_not() -> TestResult {
    let seed = Seed::new(Version::V1_22_5);
    let advertise = r#"{"advertise_addr": "192.0.2.1"}"#;
    seed.host.write("/consul/config/z.json", advertise)?;
    let lictor = seed.lictor(Version::V1_22_5).start()?;
    lictor.wait_log("advertise_addr is 192.0.2.1", START)?;
    says(
        &lictor.log(),
        &[
            " INFO /consul/config/z.json: advertise_addr is 192.0.2.1, which is no address of this host",
        ],
    );
    assert_eq!(lictor.condition("AddressKnown")?.as_deref(), Some("True"));
    Ok(())
}

#[test]
fn addresses() -> TestResult {
    let network = Network::new()?;
    let host = network.host("n1", 11)?;
    let (code, output) = ends(&host, |lictor| {
        lictor.args(["--interface=nosuch*", "--address-timeout=1s"])
    });
    assert_eq!(code, 110);
    says(
        &output,
        &["nosuch*", "10.111.67.11/24 on eth0", "--address-timeout"],
    );

    host.add_link("eth1", &["10.9.9.11/24"])?;
    let (code, output) = ends(&host, |lictor| lictor);
    assert_eq!(code, 110);
    says(
        &output,
        &[
            "10.111.67.11/24 on eth0",
            "10.9.9.11/24 on eth1",
            "--interface",
        ],
    );
    assert!(
        host.list("/run/lictor/registration")
            .unwrap_or_default()
            .is_empty()
    );

    // The default route decides.
    host.ip(["route", "add", "default", "dev", "eth1"])?;
    let address = Lictor::on(&host, LICTOR).run("address")?.success()?;
    assert_eq!(address, "10.9.9.11\n");
    let explained = Lictor::on(&host, LICTOR).arg("--explain").run("address")?;
    says(
        &explained.success()?,
        &["eth0", "not on the default route", "chosen"],
    );
    Ok(())
}

#[test]
fn an_address_that_comes_late_is_waited_for() -> TestResult {
    let network = Network::new()?;
    let host = network.host_with("n1", &[])?;
    host.write("/consul/config/consul.json", crate::SEED)?;
    let lictor = Lictor::on(&host, LICTOR).start()?;
    lictor.wait_phase("Addressing", SOON)?;
    host.ip(["addr", "add", "10.111.67.11/24", "dev", "eth0"])?;
    let status = lictor.wait_phase("Joining", START)?;
    assert_eq!(status["address"]["ip"], "10.111.67.11");
    Ok(())
}

#[test]
fn an_address_that_no_interface_has_is_warned_of() -> TestResult {
    let network = Network::new()?;
    let host = network.host("n1", 11)?;
    let rendered = Lictor::on(&host, LICTOR)
        .arg("--address=10.9.9.9")
        .run("address")?;
    says(&rendered.stderr, &["10.9.9.9", "on no interface"]);
    assert_eq!(rendered.success()?, "10.9.9.9\n");
    Ok(())
}

#[test]
fn commands() -> TestResult {
    let network = Network::new()?;
    let host = network.host("n1", 11)?;
    for (command, code, part) in [
        ("/no/such/consul", 127, "/no/such/consul"),
        ("no-such-consul", 127, "PATH"),
        ("/etc/passwd", 126, "not executable"),
    ] {
        let (ended, output) = ends(&host, |lictor| lictor.command([command, "agent"]));
        assert_eq!(ended, code, "{output}");
        says(&output, &[part]);
    }
    let (code, output) = ends(&host, Lictor::no_consul);
    assert_eq!(code, 127);
    says(&output, &["consul was not found in PATH"]);
    Ok(())
}

#[test]
fn registrations() -> TestResult {
    let network = Network::new()?;
    let host = network.host("n1", 11)?;
    host.write("/consul/broken.json", "{")?;
    host.write("/consul/none.json", "{}")?;
    host.write("/consul/unknown.json", r#"{"service": {"name": "${WHO}"}}"#)?;
    for (file, parts) in [
        ("missing.json", ["missing.json", "--registration"]),
        ("broken.json", ["broken.json", "not JSON"]),
        ("none.json", ["none.json", "\"service\""]),
        ("unknown.json", ["/service/name", "${WHO}"]),
    ] {
        let option = format!("--registration=/consul/{file}");
        let (code, output) = ends(&host, |lictor| lictor.arg(option));
        assert_eq!(code, 111, "{output}");
        says(&output, &parts);
    }
    Ok(())
}

#[test]
fn a_users_own_registration_reaches_the_catalog() -> TestResult {
    let seed = Seed::new(Version::V1_22_5);
    let own = r#"{"service": {"name": "mine", "id": "mine-${NODE_NAME}", "address": "${ADDRESS}", "port": "${env:PORT|int}"}}"#;
    seed.host.write("/consul/own.json", own)?;
    let lictor = seed
        .lictor(Version::V1_22_5)
        .arg("--registration=/consul/own.json")
        .env("PORT", "4711")
        .start()?;
    lictor.wait_condition("Registered", START)?;
    let services = format!("{:?}", seed.server.catalog().service("mine")?);
    says(&services, &["mine-n1", "4711", "10.111.67.11"]);
    Ok(())
}

#[test]
fn runtime_directories() -> TestResult {
    let network = Network::new()?;
    let host = network.host("n1", 11)?;
    host.write("/consul/config/consul.json", crate::SEED)?;
    let first = Lictor::on(&host, LICTOR).start()?;
    first.wait_phase("Joining", START)?;
    let (code, output) = ends(&host, |lictor| lictor);
    assert_eq!(code, 111);
    says(&output, &["/run/lictor", "a live lictor", "--runtime-dir"]);

    // A dead one's socket is in nobody's way.
    first.kill();
    first.wait(SOON)?;
    let second = Lictor::on(&host, LICTOR).start()?;
    second.wait_phase("Joining", START)?;

    host.read_only("/var/log")?;
    let (code, output) = ends(&host, |lictor| lictor.arg("--runtime-dir=/var/log/lictor"));
    assert_eq!(code, 111);
    says(&output, &["/var/log/lictor", "Read-only", "volume"]);
    Ok(())
}

#[test]
fn a_bad_variable_is_named() -> TestResult {
    let network = Network::new()?;
    let host = network.host("n1", 11)?;
    let (code, output) = ends(&host, |lictor| lictor.env("LICTOR_STOP_TIMEOUT", "soon"));
    assert_eq!(code, 2);
    says(&output, &["LICTOR_STOP_TIMEOUT", "25s"]);
    Ok(())
}
