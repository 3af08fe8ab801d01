use super::*;
use crate::address::choose::Family;

const UP: i32 = libc::IFF_UP | libc::IFF_RUNNING;

fn link(index: u32, name: &str, flags: i32) -> Link {
    Link {
        index,
        name: name.to_owned(),
        flags: flags.cast_unsigned(),
        kind: None,
        master: None,
    }
}

fn made(index: u32, name: &str, kind: &str) -> Link {
    Link {
        kind: Some(kind.to_owned()),
        ..link(index, name, UP)
    }
}

fn port(index: u32, name: &str, kind: Option<&str>, master: u32) -> Link {
    Link {
        kind: kind.map(str::to_owned),
        master: Some(master),
        ..link(index, name, UP)
    }
}

fn address(index: u32, net: &str) -> Address {
    Address {
        index,
        net: net.parse().expect("a network"),
        peer: None,
        flags: libc::IFA_F_PERMANENT,
        scope: libc::RT_SCOPE_UNIVERSE,
    }
}

fn flagged(net: &str, flags: u32) -> Address {
    Address {
        flags,
        ..address(1, net)
    }
}

fn route(family: Family, metric: u32, links: &[u32]) -> Route {
    Route {
        family,
        metric,
        links: links.to_vec(),
        source: None,
    }
}

fn ways(routes: &[Route]) -> Vec<(Family, String)> {
    let links = [link(1, "eth0", UP), link(2, "eth1", UP)];
    let ways = inventory(&links, &[], routes).default_routes;
    ways.into_iter()
        .map(|way| (way.family, way.interface))
        .collect()
}

#[test]
fn a_link_is_up_down_or_without_a_carrier() {
    let links = [
        link(1, "eth0", UP),
        link(2, "eth1", 0),
        link(3, "eth2", libc::IFF_UP),
    ];
    let interfaces = inventory(&links, &[], &[]).interfaces;
    let states: Vec<LinkState> = interfaces.into_iter().map(|it| it.link).collect();
    assert_eq!(
        states,
        [LinkState::Up, LinkState::Down, LinkState::NoCarrier]
    );
}

#[test]
fn each_familys_lowest_metric_wins() {
    let routes = [
        route(Family::V4, 200, &[1]),
        route(Family::V4, 100, &[2]),
        route(Family::V6, 1024, &[1]),
        route(Family::V6, 1024, &[2, 9]),
    ];
    let all = [
        (Family::V4, "eth1"),
        (Family::V6, "eth0"),
        (Family::V6, "eth1"),
    ];
    assert_eq!(
        ways(&routes),
        all.map(|(family, name)| (family, name.to_owned()))
    );
}

#[test]
fn a_bridge_is_the_hosts_own_with_a_device_as_a_port_or_a_default_route() {
    let sign = |ports: &[Link], routes: &[Route]| {
        let links = [&[made(1, "br0", "bridge")], ports].concat();
        let inventory = inventory(&links, &[address(1, "10.0.0.5/24")], routes);
        inventory.found[0].container
    };
    assert!(sign(&[], &[]).is_some());
    let inner = [
        port(2, "veth1", Some("veth"), 1),
        port(3, "vnet0", Some("tun"), 1),
        port(4, "eth0", None, 7),
    ];
    assert!(sign(&inner, &[]).is_some());
    assert!(sign(&inner, &[route(Family::V4, 0, &[2])]).is_some());
    assert_eq!(sign(&inner, &[route(Family::V4, 0, &[1])]), None);
    for kind in [None, Some("bond"), Some("vlan"), Some("macvlan")] {
        let own = [inner[0].clone(), port(4, "eth0", kind, 1)];
        assert_eq!(sign(&own, &[]), None, "{kind:?}");
    }
}

#[test]
fn container_interfaces_are_known_by_name_and_by_kind() {
    let sign = |link: Link, routes: &[Route]| {
        inventory(&[link], &[address(1, "10.0.0.5/24")], routes).found[0].container
    };
    for name in ["docker0", "br-1a2b", "cni0", "cali12ab", "virbr0"] {
        assert!(sign(link(1, name, UP), &[]).is_some(), "{name}");
    }
    assert!(sign(made(1, "vxlan.calico", "vxlan"), &[]).is_some());
    // As OpenShift has it.
    let default = [route(Family::V4, 48, &[1])];
    assert_eq!(sign(made(1, "br-ex", "openvswitch"), &default), None);
    for own in [
        link(1, "eth0", UP),
        made(1, "eth0", "veth"),
        made(1, "bond0", "bond"),
    ] {
        assert_eq!(sign(own, &[]), None);
    }
}

#[test]
fn what_the_kernel_says_against_an_address_is_told() {
    let link = [link(1, "eth0", UP)];
    let flaw = |address: Address| inventory(&link, &[address], &[]).found[0].flaw.clone();
    assert_eq!(flaw(address(1, "10.0.0.5/24")), None);
    let v6 = "2001:db8::5/64";
    for (flags, reason) in [
        (
            libc::IFA_F_TENTATIVE | libc::IFA_F_DADFAILED,
            Reason::Duplicate,
        ),
        (libc::IFA_F_TENTATIVE, Reason::Tentative),
        (libc::IFA_F_DEPRECATED, Reason::Deprecated),
        (libc::IFA_F_TEMPORARY, Reason::Temporary),
    ] {
        assert_eq!(flaw(flagged(v6, flags)), Some(reason));
    }
    for (scope, reason) in [
        (libc::RT_SCOPE_HOST, Some(Reason::HostScope)),
        (libc::RT_SCOPE_LINK, Some(Reason::LinkLocal)),
        (libc::RT_SCOPE_SITE, None),
    ] {
        let scoped = Address {
            scope,
            ..address(1, "10.0.0.5/24")
        };
        assert_eq!(flaw(scoped), reason);
    }
}

#[test]
fn a_secondary_address_names_its_primary() {
    let link = [link(1, "eth0", UP)];
    let addresses = [
        address(1, "10.0.0.5/24"),
        address(1, "10.0.1.5/24"),
        flagged("10.0.1.6/24", libc::IFA_F_SECONDARY),
        flagged("10.0.1.7/24", libc::IFA_F_SECONDARY),
    ];
    let inventory = inventory(&link, &addresses, &[]);
    let flaws: Vec<_> = inventory
        .found
        .into_iter()
        .map(|found| found.flaw)
        .collect();
    let secondary = Some(Reason::Secondary(Some([10, 0, 1, 5].into())));
    assert_eq!(flaws, [None, None, secondary.clone(), secondary]);
}

#[test]
fn an_address_whose_link_went_meanwhile_is_left_out() {
    let all = inventory(
        &[link(1, "eth0", UP)],
        &[address(2, "10.0.0.5/24"), address(1, "10.0.1.5/24")],
        &[route(Family::V4, 0, &[2])],
    );
    assert_eq!((all.found.len(), all.default_routes.len()), (1, 0));
}
