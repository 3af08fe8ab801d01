//! Several addresses: what the default route decides.

use testbed::TestResult;
use testbed::net::Host;

use crate::{host, ip, look, plug, says, shell};

/// A host with an address on each of `eth0` and `eth1`, and no default route.
fn two() -> TestResult<Host> {
    let host = host(&["10.111.67.11/24"])?;
    plug(&host, "eth1", &["10.9.9.11/24"])?;
    Ok(host)
}

#[test]
fn without_a_default_route_both_are_listed() -> TestResult {
    let host = two()?;
    let seen = look(&host, [])?;
    says(
        seen.error(),
        &[
            "10.111.67.11/24 on eth0",
            "10.9.9.11/24 on eth1",
            "there is no default route",
            "--interface eth",
        ],
    );
    let verdicts = seen.verdicts();
    assert_eq!(
        verdicts,
        ["eth0 10.111.67.11/24 several", "eth1 10.9.9.11/24 several"]
    );
    assert_eq!(look(&host, ["--interface=eth1"])?.address(), "10.9.9.11");
    Ok(())
}

#[test]
fn the_one_on_the_default_routes_interface_is_taken() -> TestResult {
    let host = two()?;
    ip(&host, "route add default via 10.9.9.1 dev eth1")?;
    let seen = look(&host, [])?;
    let verdicts = seen.verdicts();
    assert_eq!(
        verdicts,
        [
            "eth0 10.111.67.11/24 default-route",
            "eth1 10.9.9.11/24 chosen"
        ]
    );
    Ok(())
}

#[test]
fn only_the_main_tables_best_route_that_leads_somewhere_counts() -> TestResult {
    let host = two()?;
    ip(
        &host,
        "route add default via 10.111.67.1 dev eth0 metric 200",
    )?;
    ip(&host, "route add default via 10.9.9.1 dev eth1 metric 300")?;
    ip(
        &host,
        "route add default via 10.9.9.1 dev eth1 metric 1 table 100",
    )?;
    ip(&host, "route add unreachable default metric 2")?;
    ip(&host, "route add blackhole default metric 3")?;
    assert_eq!(look(&host, [])?.address(), "10.111.67.11");
    ip(&host, "route add default via 10.9.9.1 dev eth1 metric 100")?;
    assert_eq!(look(&host, [])?.address(), "10.9.9.11");
    Ok(())
}

#[test]
fn a_route_over_several_links_decides_between_them_and_others_only() -> TestResult {
    let host = two()?;
    plug(&host, "eth2", &["10.8.8.11/24"])?;
    ip(
        &host,
        "route add default nexthop via 10.9.9.1 dev eth1 nexthop via 10.9.9.2 dev eth1",
    )?;
    assert_eq!(look(&host, [])?.address(), "10.9.9.11");
    ip(
        &host,
        "route replace default nexthop via 10.9.9.1 dev eth1 nexthop via 10.8.8.1 dev eth2",
    )?;
    let several = look(&host, [])?;
    says(several.error(), &["through eth1 and eth2, does not decide"]);
    Ok(())
}

#[test]
fn of_two_on_one_link_the_routes_source_decides() -> TestResult {
    let host = host(&["10.111.67.11/24", "192.168.5.11/24"])?;
    ip(&host, "route add default via 10.111.67.1 dev eth0")?;
    says(look(&host, [])?.error(), &["through eth0, does not decide"]);
    ip(
        &host,
        "route replace default via 10.111.67.1 dev eth0 src 192.168.5.11",
    )?;
    let seen = look(&host, [])?;
    assert_eq!(
        seen.verdicts(),
        [
            "eth0 10.111.67.11/24 default-route-source",
            "eth0 192.168.5.11/24 chosen",
        ]
    );
    assert_eq!(seen.json["default_routes"][0]["source"], "192.168.5.11");
    Ok(())
}

#[test]
fn a_host_route_address_is_the_hosts_own_where_the_default_route_starts_from_it() -> TestResult {
    let host = host(&["10.128.0.2/32"])?;
    says(look(&host, [])?.error(), &["--cidr 10.128.0.2/32"]);
    ip(&host, "route add 10.128.0.1 dev eth0")?;
    ip(&host, "route add default via 10.128.0.1 dev eth0")?;
    let seen = look(&host, [])?;
    assert_eq!(seen.verdicts(), ["eth0 10.128.0.2/32 chosen"]);
    Ok(())
}

/// The kernel hands such tables over in many pieces.
#[test]
fn large_tables_are_read_whole() -> TestResult {
    let host = two()?;
    shell(
        &host,
        "for i in $(seq 0 9); do for j in $(seq 1 250); do
             echo route add 10.$((100 + i)).$j.0/24 dev eth0
             [ $j -gt 40 ] || echo addr add 10.8.$i.$j/32 dev eth0
         done; done | ip -batch -",
    )?;
    ip(&host, "route add default via 10.9.9.1 dev eth1")?;
    plug(&host, "eth2", &["10.6.6.11/24"])?;
    let seen = look(&host, [])?;
    assert_eq!(seen.address(), "10.9.9.11");
    let verdicts = seen.verdicts();
    assert_eq!(verdicts.len(), 403);
    assert_eq!(
        verdicts
            .iter()
            .filter(|it| it.ends_with(" virtual"))
            .count(),
        400
    );
    Ok(())
}
