//! IPv6: what the kernel says of an address.

use testbed::lictor::Lictor;
use testbed::net::{Host, Network};
use testbed::{TestResult, wait};

use crate::{LICTOR, SOON, glance, host, ip, look, plug, says, shell, state};

/// Makes duplicate address detection on `eth0` last longer than any test.
fn slow_detection(host: &Host) -> TestResult {
    shell(
        host,
        "echo 500 > /proc/sys/net/ipv6/conf/eth0/dad_transmits",
    )?;
    Ok(())
}

#[test]
fn on_a_host_without_ipv4_it_has_to_be_asked_for() -> TestResult {
    let host = host(&["2001:db8::5/64"])?;
    says(
        look(&host, [])?.error(),
        &["2001:db8::5/64 on eth0", "--family 6"],
    );
    let seen = look(&host, ["--family=6"])?;
    assert_eq!(seen.address(), "2001:db8::5");
    Ok(())
}

#[test]
fn deprecated_and_tentative_addresses_are_skipped() -> TestResult {
    let host = host(&["2001:db8::5/64"])?;
    slow_detection(&host)?;
    ip(
        &host,
        "addr add 2001:db8::6/64 dev eth0 preferred_lft 0 nodad",
    )?;
    ip(&host, "addr add 2001:db8::7/64 dev eth0")?;
    let seen = look(&host, ["--family=6"])?;
    assert_eq!(
        seen.verdicts(),
        [
            "eth0 2001:db8::5/64 chosen",
            "eth0 2001:db8::6/64 deprecated",
            "eth0 2001:db8::7/64 tentative",
        ]
    );
    Ok(())
}

#[test]
fn a_privacy_address_is_skipped() -> TestResult {
    let host = host(&[])?;
    shell(&host, "echo 2 > /proc/sys/net/ipv6/conf/eth0/use_tempaddr")?;
    ip(&host, "addr add 2001:db8::5/64 dev eth0 nodad mngtmpaddr")?;
    // The kernel makes one of its own for each such address, and checks it first.
    let verdicts = wait::until("a privacy address", SOON, || {
        let seen = glance(&host, ["--family=6"]).expect("a look");
        let verdicts = seen.verdicts();
        verdicts
            .iter()
            .any(|verdict| verdict.ends_with(" temporary"))
            .then_some(verdicts)
    })?;
    assert_eq!(verdicts.len(), 2, "{verdicts:?}");
    assert!(
        verdicts.contains(&"eth0 2001:db8::5/64 chosen".to_owned()),
        "{verdicts:?}"
    );
    Ok(())
}

#[test]
fn an_address_that_another_host_has_is_skipped() -> TestResult {
    let network = Network::new()?;
    let other = network.host_with("n2", &["2001:db8::5/64"])?;
    let host = network.host_with("n1", &[])?;
    for host in [&other, &host] {
        state(host, "eth0", "UP")?;
    }
    ip(&host, "addr add 2001:db8::5/64 dev eth0")?;
    wait::until("the duplicate to be detected", SOON, || {
        let seen = glance(&host, ["--family=6"]).expect("a look");
        let verdicts = seen.verdicts();
        (verdicts == ["eth0 2001:db8::5/64 duplicate"]).then_some(())
    })?;
    Ok(())
}

#[test]
fn link_local_is_not_enough() -> TestResult {
    let host = host(&["fe80::5/64"])?;
    let seen = look(&host, ["--family=6"])?;
    says(seen.error(), &["fe80::5/64 on eth0: link-local"]);
    Ok(())
}

#[test]
fn each_familys_own_default_route_decides() -> TestResult {
    let host = host(&["10.111.67.11/24", "2001:db8::5/64"])?;
    plug(&host, "eth1", &["10.9.9.11/24", "2001:db8:9::5/64"])?;
    ip(&host, "route add default via 10.111.67.1 dev eth0")?;
    ip(&host, "-6 route add default via 2001:db8:9::1 dev eth1")?;
    assert_eq!(look(&host, [])?.address(), "10.111.67.11");
    assert_eq!(look(&host, ["--family=6"])?.address(), "2001:db8:9::5");
    Ok(())
}

/// As DHCPv6 has it.
#[test]
fn a_single_host_route_address_is_the_hosts_own() -> TestResult {
    let host = host(&["2001:db8::5/128"])?;
    ip(&host, "-6 route add default via fe80::1 dev eth0")?;
    assert_eq!(look(&host, ["--family=6"])?.address(), "2001:db8::5");
    Ok(())
}

#[test]
fn run_waits_until_an_address_is_no_longer_tentative() -> TestResult {
    let host = host(&[])?;
    host.write(
        "/consul/config/consul.json",
        r#"{"data_dir": "/consul/data"}"#,
    )?;
    ip(&host, "addr add 2001:db8::5/64 dev eth0")?;
    let lictor = Lictor::on(&host, LICTOR)
        .args(["--family=6", "--bind", "--address-timeout=60s"])
        .start()?;
    lictor.wait_log("address 2001:db8::5", SOON * 2)?;
    Ok(())
}
