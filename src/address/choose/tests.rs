use super::*;

fn on(interface: &str, net: &str) -> Found {
    Found {
        interface: interface.to_owned(),
        net: net.parse().expect("a network"),
        link: LinkState::Up,
        loopback: interface == "lo",
        point_to_point: false,
        container: None,
        flaw: None,
    }
}

fn wanted(globs: &str) -> Wanted {
    Wanted {
        address: None,
        interfaces: globs
            .split(',')
            .map(|glob| glob::Pattern::new(glob).expect("a pattern"))
            .collect(),
        cidr: None,
        family: Family::V4,
    }
}

fn default() -> Wanted {
    wanted("eth*,em*,en*,bond*")
}

fn has(found: Vec<Found>) -> Inventory {
    Inventory {
        found,
        ..Inventory::default()
    }
}

fn interface(name: &str, link: LinkState, port_of: Option<&str>) -> Interface {
    Interface {
        name: name.to_owned(),
        link,
        port_of: port_of.map(str::to_owned),
    }
}

fn route(interface: &str, source: Option<&str>) -> DefaultRoute {
    DefaultRoute {
        family: Family::V4,
        interface: interface.to_owned(),
        source: source.map(|source| source.parse().expect("an address")),
    }
}

fn ip(choice: &Choice) -> String {
    match &choice.outcome {
        Ok(chosen) => chosen.ip.to_string(),
        Err(failure) => format!("error: {failure}"),
    }
}

#[test]
fn the_only_one_is_chosen() {
    let choice = choose(
        &default(),
        &has(vec![on("lo", "127.0.0.1/8"), on("eth0", "10.0.0.5/24")]),
    );
    assert_eq!(ip(&choice), "10.0.0.5");
    assert_eq!(choice.candidates[1].1, Verdict::Chosen);
}

#[test]
fn the_first_pattern_that_yields_one_decides() {
    let found = vec![on("bond0", "10.0.9.1/24"), on("em1", "10.0.0.5/24")];
    assert_eq!(ip(&choose(&default(), &has(found.clone()))), "10.0.0.5");
    assert_eq!(ip(&choose(&wanted("bond*,em*"), &has(found))), "10.0.9.1");
}

#[test]
fn what_is_of_no_use_is_skipped_and_said_why() {
    let mut down = on("eth1", "10.0.1.5/24");
    down.link = LinkState::Down;
    let mut unplugged = on("eth1", "10.0.2.5/24");
    unplugged.link = LinkState::NoCarrier;
    let mut bridge = on("eth7", "172.17.0.1/16");
    bridge.container = Some("a bridge");
    let mut deprecated = on("eth8", "10.0.8.5/24");
    deprecated.flaw = Some(Reason::Deprecated);
    let mut scoped = on("eth8", "10.0.9.5/24");
    scoped.flaw = Some(Reason::HostScope);
    let choice = choose(
        &default(),
        &has(vec![
            on("lo", "127.0.0.1/8"),
            down,
            unplugged,
            on("eth2", "169.254.3.4/16"),
            on("eth3", "10.0.0.100/32"),
            on("wlan0", "10.0.4.5/24"),
            bridge,
            deprecated,
            scoped,
            on("eth9", "fd00::5/64"),
        ]),
    );
    let why: Vec<String> = choice
        .candidates
        .iter()
        .map(|(_, verdict)| verdict.to_string())
        .collect();
    for (n, part) in [
        "no --interface pattern",
        "its interface is down",
        "no carrier",
        "link-local",
        "--cidr 10.0.0.100/32",
        "no --interface pattern",
        "a bridge",
        "deprecated",
        "scope host",
        "--family 6",
    ]
    .into_iter()
    .enumerate()
    {
        assert!(why[n].contains(part), "{n}: {} lacks {part}", why[n]);
    }
    let Err(Failure::None(message)) = choice.outcome else {
        panic!("an address was chosen");
    };
    assert!(message.contains("10.0.1.5/24 on eth1"), "{message}");
}

#[test]
fn a_secondary_address_is_no_second_candidate_but_where_it_is_named() {
    let mut second = on("eth0", "10.0.0.6/24");
    second.flaw = Some(Reason::Secondary(Some([10, 0, 0, 5].into())));
    let inventory = has(vec![
        on("eth0", "10.0.0.5/24"),
        second,
        on("eth0", "10.0.0.100/32"),
    ]);
    let with = |cidr: &str| {
        let mut wanted = default();
        wanted.cidr = Some(cidr.parse().expect("a network"));
        ip(&choose(&wanted, &inventory))
    };
    assert_eq!(ip(&choose(&default(), &inventory)), "10.0.0.5");
    assert_eq!(with("10.0.0.0/8"), "10.0.0.5");
    assert_eq!(with("10.0.0.6/32"), "10.0.0.6");
    assert_eq!(with("10.0.0.100/32"), "10.0.0.100");
}

#[test]
fn of_two_the_default_route_decides_or_nobody_does() {
    let mut inventory = has(vec![on("eth0", "10.0.0.5/24"), on("eth1", "10.0.1.5/24")]);
    let ambiguous = choose(&default(), &inventory);
    let Err(Failure::Ambiguous(message)) = &ambiguous.outcome else {
        panic!("decided without a reason");
    };
    for part in [
        "10.0.0.5/24 on eth0",
        "10.0.1.5/24 on eth1",
        "--interface",
        "--cidr",
    ] {
        assert!(message.contains(part), "{message} lacks {part}");
    }
    inventory.default_routes = vec![route("eth1", None)];
    let choice = choose(&default(), &inventory);
    assert_eq!(ip(&choice), "10.0.1.5");
    assert_eq!(choice.candidates[0].1, Verdict::Lost(Reason::Route));
    inventory.default_routes.push(route("eth0", None));
    let both = ip(&choose(&default(), &inventory));
    assert!(both.contains("through eth1 and eth0"), "{both}");
    // The other family's is of no account.
    inventory.default_routes = vec![DefaultRoute {
        family: Family::V6,
        ..route("eth1", None)
    }];
    let none = ip(&choose(&default(), &inventory));
    assert!(none.contains("there is no default route"), "{none}");
}

#[test]
fn of_two_on_one_interface_the_default_routes_source_decides_or_nobody_does() {
    let found = vec![
        on("eth0", "10.0.0.5/24"),
        on("eth0", "10.0.1.5/24"),
        on("eth1", "10.0.2.5/24"),
    ];
    let mut inventory = has(found);
    inventory.default_routes = vec![route("eth0", Some("10.0.1.5"))];
    let choice = choose(&default(), &inventory);
    assert_eq!(ip(&choice), "10.0.1.5");
    assert_eq!(choice.candidates[0].1, Verdict::Lost(Reason::Source));
    assert_eq!(choice.candidates[2].1, Verdict::Lost(Reason::Route));
    inventory.default_routes = vec![route("eth0", None)];
    let message = ip(&choose(&default(), &inventory));
    assert!(message.contains("--cidr 10.0.0.0/24"), "{message}");
}

#[test]
fn cidr_narrows_and_admits_a_host_route_address() {
    let inventory = has(vec![on("eth0", "10.128.0.2/32"), on("eth1", "10.0.1.5/24")]);
    let mut wanted = default();
    wanted.cidr = Some("10.128.0.0/9".parse().expect("a network"));
    assert_eq!(ip(&choose(&wanted, &inventory)), "10.128.0.2");
}

#[test]
fn a_host_route_address_that_the_default_route_starts_from_is_the_hosts_own() {
    let mut inventory = has(vec![on("eth0", "10.128.0.2/32")]);
    let skipped = choose(&default(), &inventory);
    let virtual_ip = Reason::Virtual("10.128.0.2/32".parse().expect("a network"));
    assert_eq!(skipped.candidates[0].1, Verdict::Skipped(virtual_ip));
    inventory.default_routes = vec![route("eth0", None)];
    assert_eq!(ip(&choose(&default(), &inventory)), "10.128.0.2");
    inventory.found.push(on("eth0", "10.128.0.3/32"));
    assert!(choose(&default(), &inventory).outcome.is_err());
    inventory.default_routes = vec![route("eth0", Some("10.128.0.3"))];
    assert_eq!(ip(&choose(&default(), &inventory)), "10.128.0.3");
    // Beside an address with a network it is a virtual one, whatever it is the source of.
    inventory.found.push(on("eth0", "10.0.0.5/24"));
    assert_eq!(ip(&choose(&default(), &inventory)), "10.0.0.5");
}

#[test]
fn the_own_end_of_a_point_to_point_link_is_no_virtual_address() {
    let mut own = on("eth0", "10.1.0.5/32");
    own.point_to_point = true;
    assert_eq!(ip(&choose(&default(), &has(vec![own]))), "10.1.0.5");
}

#[test]
fn an_address_on_loopback_is_taken_where_the_interface_is_named() {
    let inventory = has(vec![on("lo", "127.0.0.1/8"), on("lo", "10.255.0.1/32")]);
    let mut wanted = wanted("lo");
    wanted.cidr = Some("10.255.0.0/16".parse().expect("a network"));
    assert_eq!(ip(&choose(&wanted, &inventory)), "10.255.0.1");
    wanted.interfaces = vec![glob::Pattern::new("l*").expect("a pattern")];
    assert!(choose(&wanted, &inventory).outcome.is_err());
}

#[test]
fn an_interface_without_an_address_is_told_of() {
    let mut inventory = has(vec![on("eth0", "fe80::1/64")]);
    inventory.interfaces = vec![
        interface("eth0", LinkState::NoCarrier, None),
        interface("eth1", LinkState::Up, Some("br0")),
        interface("wlan0", LinkState::Up, None),
    ];
    let choice = choose(&default(), &inventory);
    assert_eq!(choice.without, inventory.interfaces[..2]);
    let message = ip(&choice);
    for part in [
        "eth0 has no IPv4 address and has no carrier",
        "eth1 has no IPv4 address and is up, a port of br0: --interface br0 looks there",
    ] {
        assert!(message.contains(part), "{message} lacks {part}");
    }
}

#[test]
fn an_interface_called_by_its_name_is_meant() {
    let mut bridge = on("br-lan", "192.0.2.5/24");
    bridge.container = Some("named br-*");
    let inventory = has(vec![bridge]);
    assert!(choose(&wanted("br*"), &inventory).outcome.is_err());
    assert_eq!(ip(&choose(&wanted("br-lan"), &inventory)), "192.0.2.5");
}

#[test]
fn a_given_address_is_taken_and_an_odd_one_is_warned_of() {
    let inventory = has(vec![on("eth0", "10.0.0.5/24")]);
    let mut wanted = default();
    wanted.address = Some("10.0.0.5".parse().expect("an address"));
    let Ok(chosen) = choose(&wanted, &inventory).outcome else {
        panic!("not taken");
    };
    assert_eq!(chosen.interface.as_deref(), Some("eth0"));
    assert_eq!(chosen.warning, None);
    let mut down = inventory.clone();
    down.found[0].link = LinkState::Down;
    let Ok(chosen) = choose(&wanted, &down).outcome else {
        panic!("not taken");
    };
    let warning = chosen.warning.expect("a warning");
    assert!(warning.contains("its interface is down"), "{warning}");
    wanted.address = Some("10.9.9.9".parse().expect("an address"));
    let Ok(chosen) = choose(&wanted, &inventory).outcome else {
        panic!("not taken");
    };
    assert!(chosen.warning.expect("a warning").contains("10.9.9.9"));
    wanted.address = Some("127.0.0.2".parse().expect("an address"));
    let Ok(chosen) = choose(&wanted, &inventory).outcome else {
        panic!("not taken");
    };
    assert_eq!(chosen.warning, None);
}

#[test]
fn ipv6_when_asked_for() {
    let inventory = has(vec![
        on("eth0", "10.0.0.5/24"),
        on("eth0", "fe80::1/64"),
        on("eth0", "2001:db8::5/64"),
    ]);
    let mut wanted = default();
    wanted.family = Family::V6;
    assert_eq!(ip(&choose(&wanted, &inventory)), "2001:db8::5");
}
