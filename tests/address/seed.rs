//! The line of shell and awk that lictor replaces: on a host with exactly one address on an eth or em both say the same.

use testbed::TestResult;
use testbed::net::Host;

use crate::{host, ip, look, plug, shell};

/// As the seed's script has it, with plain quotes.
const LINE: &str = "ip addr show|awk -F '[ /]+' '/eth[0-9]|em[0-9]/ && /inet/ {print $3}'";

fn agree(host: &Host, address: &str) -> TestResult {
    assert_eq!(shell(host, LINE)?, format!("{address}\n"));
    let seen = look(host, [])?;
    assert_eq!((seen.code, seen.address()), (Some(0), address));
    Ok(())
}

#[test]
fn one_address_on_eth0() -> TestResult {
    agree(&host(&["10.111.67.11/24"])?, "10.111.67.11")
}

#[test]
fn one_address_on_em1_beside_an_eth0_without() -> TestResult {
    let host = host(&[])?;
    plug(&host, "em1", &["10.111.67.11/16"])?;
    agree(&host, "10.111.67.11")
}

#[test]
fn ipv6_bridges_and_other_links_beside_it_change_nothing() -> TestResult {
    let host = host(&["10.111.67.11/24", "2001:db8::5/64"])?;
    plug(&host, "wlan0", &["10.9.9.11/24"])?;
    ip(&host, "link add docker0 type bridge")?;
    ip(&host, "addr add 172.17.0.1/16 dev docker0")?;
    ip(&host, "link set docker0 up")?;
    ip(&host, "route add default via 10.9.9.1 dev wlan0")?;
    agree(&host, "10.111.67.11")
}

#[test]
fn one_with_a_label_with_another_end_or_without_a_network() -> TestResult {
    let labelled = host(&[])?;
    ip(&labelled, "addr add 10.111.67.11/24 dev eth0 label eth0:1")?;
    agree(&labelled, "10.111.67.11")?;

    let point_to_point = host(&[])?;
    ip(&point_to_point, "addr add 10.1.0.5 peer 10.1.0.6 dev eth0")?;
    agree(&point_to_point, "10.1.0.5")?;

    let cloud = host(&["10.128.0.2/32"])?;
    ip(&cloud, "route add default dev eth0")?;
    agree(&cloud, "10.128.0.2")
}

/// Where there are several, the line's registration has all of them in one field; lictor takes one, or says that it cannot.
#[test]
fn several_are_no_address() -> TestResult {
    let host = host(&["10.111.67.11/24", "10.111.67.100/32"])?;
    assert_eq!(shell(&host, LINE)?, "10.111.67.11\n10.111.67.100\n");
    assert_eq!(look(&host, [])?.address(), "10.111.67.11");
    Ok(())
}
