//! Where a filter of system calls allows no netlink socket, which getifaddrs(3) needs, too.

use testbed::lictor::binary_under_test;
use testbed::net::Host;
use testbed::probe::probe;
use testbed::process::{Output, Program};
use testbed::{TestResult, wait};

use crate::{LICTOR, SOON, Seen, host, ip, look, plug, says, state};

/// Runs lictor on the host without netlink.
fn without<const N: usize>(host: &Host, arguments: [&str; N]) -> TestResult<Output> {
    let program = Program::new(probe()?)
        .args(["no-netlink", "--"])
        .arg(binary_under_test(LICTOR))
        .args(arguments);
    Ok(host.run(program)?)
}

#[test]
fn addresses_are_found_all_the_same_and_that_is_said() -> TestResult {
    let host = host(&["10.111.67.11/24", "10.111.67.12/24", "10.111.67.100/32"])?;
    // /sys shows the network of who mounts it.
    host.mount(["-t", "sysfs", "sysfs", "/sys"])?;
    plug(&host, "eth1", &["10.9.9.11/24"])?;
    plug(&host, "eth2", &["10.8.8.11/24", "2001:db8::5/64"])?;
    ip(
        &host,
        "addr add 2001:db8::6/64 dev eth2 preferred_lft 0 nodad",
    )?;
    ip(&host, "link add eth7 type bridge")?;
    ip(&host, "addr add 172.18.0.1/16 dev eth7")?;
    ip(&host, "link set eth7 up")?;
    ip(&host, "link set eth1 down")?;
    state(&host, "eth1", "DOWN")?;
    ip(&host, "route add default via 10.8.8.1 dev eth2 metric 5")?;
    ip(&host, "route add default via 10.111.67.1 dev eth0 metric 7")?;
    ip(&host, "route add unreachable default metric 1")?;
    ip(&host, "-6 route add default via 2001:db8::1 dev eth2")?;

    for (family, address) in [("--family=4", "10.8.8.11"), ("--family=6", "2001:db8::5")] {
        let refused = without(&host, ["address", "--json", family])?;
        let refused = Seen::parse(refused.status.code(), &refused.stdout);
        says(
            refused.json["note"].as_str().expect("a note"),
            &["netlink", "Address family not supported", "AF_NETLINK"],
        );
        assert_eq!(refused.address(), address);
        let plain = look(&host, [family])?;
        assert_eq!(refused.verdicts(), plain.verdicts(), "{:#}", refused.json);
        assert_eq!(refused.json["default_routes"], plain.json["default_routes"]);
        assert_eq!(plain.json["note"], serde_json::Value::Null);
    }
    says(
        &without(&host, ["address", "--explain"])?.success()?,
        &["warning: the kernel's tables cannot be read by netlink"],
    );
    Ok(())
}

#[test]
fn run_warns_once() -> TestResult {
    let host = host(&[])?;
    let program = Program::new(probe()?)
        .args(["no-netlink", "--"])
        .arg(binary_under_test(LICTOR))
        .args(["run", "--bind", "--", "sleep", "1000"]);
    let lictor = host.spawn(program)?;
    let note = "the kernel's tables cannot be read by netlink";
    lictor.wait_log(note, SOON)?;
    // Nobody tells of the change, and it is seen all the same.
    ip(&host, "addr add 10.111.67.11/24 dev eth0")?;
    lictor.wait_log("address 10.111.67.11", SOON)?;
    let log = wait::until("the log", SOON, || Some(lictor.log()))?;
    assert_eq!(log.matches(note).count(), 1, "{log}");
    Ok(())
}
