use super::*;

fn on(interface: &str, net: &str) -> Found {
    Found {
        interface: interface.to_owned(),
        net: net.parse().expect("a network"),
        up: true,
        container: None,
        unusable: None,
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
    down.up = false;
    let mut bridge = on("eth7", "172.17.0.1/16");
    bridge.container = Some("a bridge");
    let mut deprecated = on("eth8", "10.0.8.5/24");
    deprecated.unusable = Some("deprecated");
    let choice = choose(
        &default(),
        &has(vec![
            on("lo", "127.0.0.1/8"),
            down,
            on("eth2", "169.254.3.4/16"),
            on("eth3", "10.0.0.100/32"),
            on("wlan0", "10.0.4.5/24"),
            bridge,
            deprecated,
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
        "down",
        "link-local",
        "--cidr 10.0.0.100/32",
        "no --interface pattern",
        "a bridge",
        "deprecated",
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
fn a_secondary_address_is_no_second_candidate() {
    let choice = choose(
        &default(),
        &has(vec![
            on("eth0", "10.0.0.5/24"),
            on("eth0", "10.0.0.6/24"),
            on("eth0", "10.0.0.100/32"),
        ]),
    );
    assert_eq!(ip(&choice), "10.0.0.5");
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
    inventory.default_v4 = vec!["eth1".to_owned()];
    assert_eq!(ip(&choose(&default(), &inventory)), "10.0.1.5");
    inventory.default_v4.push("eth0".to_owned());
    assert!(choose(&default(), &inventory).outcome.is_err());
}

#[test]
fn cidr_narrows_and_admits_a_host_route_address() {
    let inventory = has(vec![on("eth0", "10.128.0.2/32"), on("eth1", "10.0.1.5/24")]);
    let mut wanted = default();
    wanted.cidr = Some("10.128.0.0/9".parse().expect("a network"));
    assert_eq!(ip(&choose(&wanted, &inventory)), "10.128.0.2");
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
