//! One address or several, on links of all kinds.

use testbed::TestResult;

use crate::{host, ip, look, plug, says, shell, state};

#[test]
fn one_address() -> TestResult {
    let host = host(&["10.111.67.11/24"])?;
    let seen = look(&host, [])?;
    assert_eq!(seen.code, Some(0));
    assert_eq!(seen.address(), "10.111.67.11");
    assert_eq!(seen.verdicts(), ["eth0 10.111.67.11/24 chosen"]);
    Ok(())
}

#[test]
fn a_virtual_address_beside_it_is_skipped_unless_it_is_meant() -> TestResult {
    let host = host(&["10.111.67.100/32", "10.111.67.11/24"])?;
    let seen = look(&host, [])?;
    assert_eq!(
        seen.verdicts(),
        [
            "eth0 10.111.67.100/32 virtual",
            "eth0 10.111.67.11/24 chosen"
        ]
    );
    // Also where the route starts from it, as keepalived can have it.
    ip(&host, "route add default dev eth0 src 10.111.67.100")?;
    assert_eq!(look(&host, [])?.address(), "10.111.67.11");
    assert_eq!(
        look(&host, ["--cidr=10.0.0.0/8"])?.address(),
        "10.111.67.11"
    );
    let meant = look(&host, ["--cidr=10.111.67.100/32"])?;
    assert_eq!(meant.address(), "10.111.67.100");
    Ok(())
}

#[test]
fn a_secondary_address_and_an_alias_are_no_candidates() -> TestResult {
    let host = host(&["10.111.67.11/24", "10.111.67.12/24"])?;
    ip(&host, "addr add 10.111.67.13/24 dev eth0 label eth0:1")?;
    let seen = look(&host, [])?;
    assert_eq!(
        seen.verdicts(),
        [
            "eth0 10.111.67.11/24 chosen",
            "eth0 10.111.67.12/24 secondary",
            "eth0 10.111.67.13/24 secondary",
        ]
    );
    // When the first goes, the kernel takes the others with it, or promotes the next.
    shell(
        &host,
        "echo 1 > /proc/sys/net/ipv4/conf/eth0/promote_secondaries",
    )?;
    ip(&host, "addr del 10.111.67.11/24 dev eth0")?;
    assert_eq!(look(&host, [])?.address(), "10.111.67.12");
    Ok(())
}

#[test]
fn a_link_that_is_down_or_without_a_carrier_is_skipped() -> TestResult {
    let host = host(&["10.111.67.11/24"])?;
    host.cut()?;
    state(&host, "eth0", "DOWN")?;
    let unplugged = look(&host, [])?;
    assert_eq!(unplugged.verdicts(), ["eth0 10.111.67.11/24 no-carrier"]);
    says(
        unplugged.error(),
        &["10.111.67.11/24 on eth0", "no carrier"],
    );
    host.mend()?;
    state(&host, "eth0", "UP")?;
    ip(&host, "link set eth0 down")?;
    let down = look(&host, [])?;
    assert_eq!(down.verdicts(), ["eth0 10.111.67.11/24 down"]);
    let given = look(&host, ["--address=10.111.67.11"])?;
    assert_eq!(given.address(), "10.111.67.11");
    says(
        given.json["warning"].as_str().expect("a warning"),
        &["is down"],
    );
    Ok(())
}

#[test]
fn a_link_without_an_address_is_told_of() -> TestResult {
    let host = host(&[])?;
    says(
        look(&host, [])?.error(),
        &["eth0 has no IPv4 address and is up"],
    );
    // A route of its own to the other hosts, and no address that they could use.
    ip(&host, "addr add 169.254.7.8/16 dev eth0")?;
    let seen = look(&host, [])?;
    assert_eq!(seen.verdicts(), ["eth0 169.254.7.8/16 link-local"]);
    says(seen.error(), &["169.254.7.8/16 on eth0: link-local"]);
    Ok(())
}

#[test]
fn a_bond_is_looked_at_last() -> TestResult {
    let host = host(&[])?;
    plug(&host, "bond0", &["10.9.0.5/24"])?;
    assert_eq!(look(&host, [])?.address(), "10.9.0.5");
    ip(&host, "addr add 10.111.67.11/24 dev eth0")?;
    let seen = look(&host, [])?;
    assert_eq!(
        seen.verdicts(),
        [
            "bond0 10.9.0.5/24 later-interface",
            "eth0 10.111.67.11/24 chosen"
        ]
    );
    Ok(())
}

#[test]
fn a_bridge_of_containers_is_skipped_whatever_it_is_called() -> TestResult {
    let host = host(&["10.111.67.11/24"])?;
    for (name, port, net) in [
        ("docker0", "c0", "172.17.0.1/16"),
        ("eth7", "c1", "172.18.0.1/16"),
    ] {
        ip(&host, &format!("link add {name} type bridge"))?;
        ip(&host, &format!("addr add {net} dev {name}"))?;
        ip(
            &host,
            &format!("link add {port} type veth peer name {port}-peer"),
        )?;
        ip(&host, &format!("link set {port} master {name} up"))?;
        ip(&host, &format!("link set {port}-peer up"))?;
        ip(&host, &format!("link set {name} up"))?;
        state(&host, name, "UP")?;
    }
    let seen = look(&host, ["--interface=*"])?;
    let verdicts = seen.verdicts();
    assert_eq!(
        verdicts,
        [
            "docker0 172.17.0.1/16 container",
            "eth0 10.111.67.11/24 chosen",
            "eth7 172.18.0.1/16 container",
        ]
    );
    // By its whole name it is meant.
    let meant = look(&host, ["--interface=docker0"])?;
    assert_eq!(meant.address(), "172.17.0.1");
    Ok(())
}

#[test]
fn the_hosts_own_bridge_is_taken() -> TestResult {
    let host = host(&[])?;
    ip(&host, "link add br0 type bridge")?;
    ip(&host, "link set eth0 master br0")?;
    ip(&host, "link set br0 up")?;
    ip(&host, "addr add 10.111.67.11/24 dev br0")?;
    state(&host, "br0", "UP")?;
    says(
        look(&host, [])?.error(),
        &["eth0 has no IPv4 address", "--interface br0 looks there"],
    );
    // This host's eth0 is a veth, as a container's would be; so it is the route that tells.
    let seen = look(&host, ["--interface=br*"])?;
    assert_eq!(seen.verdicts(), ["br0 10.111.67.11/24 container"]);
    ip(&host, "route add default via 10.111.67.1")?;
    let seen = look(&host, ["--interface=br*"])?;
    assert_eq!(seen.verdicts(), ["br0 10.111.67.11/24 chosen"]);
    Ok(())
}

#[test]
fn of_a_point_to_point_link_the_own_end_is_taken() -> TestResult {
    let host = host(&[])?;
    ip(&host, "addr add 10.1.0.5 peer 10.1.0.6 dev eth0")?;
    let seen = look(&host, [])?;
    assert_eq!(seen.verdicts(), ["eth0 10.1.0.5/32 chosen"]);
    Ok(())
}

#[test]
fn an_address_of_this_host_only_is_skipped() -> TestResult {
    let host = host(&["10.111.67.11/24"])?;
    ip(&host, "addr add 10.7.0.5/24 dev eth0 scope host")?;
    ip(&host, "addr add 10.8.0.5/24 dev eth0 scope link")?;
    let verdicts = look(&host, [])?.verdicts();
    assert_eq!(
        verdicts,
        [
            "eth0 10.111.67.11/24 chosen",
            "eth0 10.7.0.5/24 host-scope",
            "eth0 10.8.0.5/24 link-local",
        ]
    );
    Ok(())
}

#[test]
fn cidr_decides() -> TestResult {
    let host = host(&["10.111.67.11/24", "192.168.5.11/24"])?;
    let several = look(&host, [])?;
    says(
        several.error(),
        &[
            "10.111.67.11/24 on eth0",
            "192.168.5.11/24 on eth0",
            "--cidr 10.111.67.0/24",
        ],
    );
    let seen = look(&host, ["--cidr=192.168.0.0/16"])?;
    assert_eq!(
        seen.verdicts(),
        ["eth0 10.111.67.11/24 cidr", "eth0 192.168.5.11/24 chosen"]
    );
    Ok(())
}

#[test]
fn a_given_address_need_not_be_on_an_interface() -> TestResult {
    let host = host(&["10.111.67.11/24"])?;
    let seen = look(&host, ["--address=10.9.9.9"])?;
    assert_eq!((seen.code, seen.address()), (Some(0), "10.9.9.9"));
    says(
        seen.json["warning"].as_str().expect("a warning"),
        &["10.9.9.9", "on no interface"],
    );
    assert_eq!(seen.verdicts(), ["eth0 10.111.67.11/24 address"]);
    Ok(())
}
