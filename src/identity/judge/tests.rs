use super::*;

const ID: &str = "9e2d3c5b-4f1a-4a53-8a7e-0d8a1b2c3d4e";
const OTHER: &str = "11111111-4f1a-4a53-8a7e-0d8a1b2c3d4e";

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn record() -> Record {
    Record {
        id: ID.to_owned(),
        given: false,
        node_name: "n1".to_owned(),
        host_name: "n1".to_owned(),
        address: Some(ip("10.0.0.5")),
        gossip_port: Some(18301),
        boot_id: "boot".to_owned(),
        machine: "machine".to_owned(),
        left: false,
    }
}

/// The same node as ever.
fn now() -> Now {
    Now {
        wanted: Wanted::Kept,
        on_rename: OnRename::Adopt,
        given_id: None,
        given_name: None,
        host_name: "n1".to_owned(),
        advertise: None,
        addresses: vec![ip("127.0.0.1"), ip("10.0.0.5")],
        boot_id: "boot".to_owned(),
        machine: "machine".to_owned(),
        server: false,
        data_dir: "/consul/data".into(),
        file: File::Good(ID.to_owned()),
        copy: Copy::Good(record()),
        snapshot: None,
    }
}

fn renamed() -> Now {
    Now {
        host_name: "n2".to_owned(),
        ..now()
    }
}

fn of(now: &Now) -> Verdict {
    judge(now).expect("no end")
}

fn former(now: &Now) -> Option<(Option<String>, Option<IpAddr>, Option<String>)> {
    let former = of(now).former?;
    Some((former.name, former.address, former.id))
}

fn said(now: &Now) -> String {
    let said = of(now).said;
    said.into_iter().map(|(_, text)| text + "\n").collect()
}

#[test]
fn nothing_comes_of_a_node_that_is_what_it_was() {
    assert_eq!(of(&now()), Verdict::default());
    let first = Now {
        file: File::Missing,
        copy: Copy::Missing,
        ..now()
    };
    assert_eq!(of(&first), Verdict::default());
}

#[test]
fn an_id_that_is_lost_comes_back_from_the_copy() {
    for file in [
        File::Missing,
        File::Broken("is empty"),
        File::Unreadable("no".to_owned()),
    ] {
        let lost = Now { file, ..now() };
        assert_eq!(of(&lost).write.as_deref(), Some(ID));
        assert_eq!(former(&lost), None);
        assert!(said(&lost).contains("from node-id.lictor"));
    }
}

#[test]
fn an_id_that_nobody_knows_any_more_is_made_anew() {
    let broken = Now {
        file: File::Broken("is empty"),
        copy: Copy::Broken("cut off".to_owned()),
        ..now()
    };
    assert!(of(&broken).anew);
    assert!(said(&broken).contains("counts for nothing"));
}

#[test]
fn where_both_differ_consuls_own_counts() {
    let changed = Now {
        file: File::Good(OTHER.to_owned()),
        ..now()
    };
    assert_eq!(of(&changed).write, None);
    assert_eq!(former(&changed), None);
    let said = said(&changed);
    assert!(said.contains(ID) && said.contains(OTHER), "{said}");
}

#[test]
fn an_id_that_the_configuration_gives_no_more_is_named_as_the_cause() {
    let changed = Now {
        file: File::Good(OTHER.to_owned()),
        copy: Copy::Good(Record {
            given: true,
            ..record()
        }),
        ..now()
    };
    let told = said(&changed);
    for word in [ID, OTHER, "does not any more", "--node-id=9e2d"] {
        assert!(told.contains(word), "{told}");
    }
    assert!(!told.contains("somebody"), "{told}");
    // So the old one leaves first.
    assert_eq!(former(&changed), Some((None, None, Some(ID.to_owned()))));
    let missing = Now {
        file: File::Missing,
        ..changed.clone()
    };
    assert_eq!(of(&missing).write.as_deref(), Some(ID));
    assert_eq!(former(&missing), None);
    let told = said(&missing);
    assert!(told.contains("does not any more; it gets"), "{told}");
    let still = Now {
        given_id: Some(ID.to_owned()),
        ..changed
    };
    assert_eq!(of(&still), Verdict::default());
}

#[test]
fn an_id_that_is_wanted_is_written_and_the_old_one_leaves() {
    let wanted = Now {
        wanted: Wanted::Fixed(OTHER.to_owned(), "--node-id"),
        ..now()
    };
    assert_eq!(of(&wanted).write.as_deref(), Some(OTHER));
    assert_eq!(former(&wanted), Some((None, None, Some(ID.to_owned()))));
    let lost = Now {
        wanted: Wanted::Fixed(ID.to_owned(), "--node-id"),
        file: File::Missing,
        copy: Copy::Missing,
        ..now()
    };
    assert_eq!(of(&lost).write.as_deref(), Some(ID));
}

#[test]
fn an_id_of_the_configuration_stands_above_all() {
    let given = Now {
        given_id: Some(OTHER.to_uppercase()),
        wanted: Wanted::Fixed(ID.to_owned(), "--node-id"),
        ..now()
    };
    assert_eq!(of(&given).write, None);
    assert_eq!(former(&given), Some((None, None, Some(ID.to_owned()))));
    let told = said(&given);
    let other = OTHER.to_uppercase();
    for word in [
        &format!("node_id {other}"),
        &format!("--node-id says {ID}"),
        "the configuration wins",
    ] {
        assert!(told.contains(word), "{told}");
    }
    // Where both say the same there is nothing to tell.
    let same = Now {
        given_id: Some(ID.to_uppercase()),
        ..given
    };
    assert_eq!(said(&same), "");
    let wrong = Now {
        given_id: Some("n1".to_owned()),
        ..now()
    };
    let exit = judge(&wrong).expect_err("no id");
    assert_eq!(exit.code, exit::USAGE);
}

#[test]
fn a_host_with_a_new_name_leaves_with_the_old_one_first() {
    assert_eq!(
        former(&renamed()),
        Some((Some("n1".to_owned()), None, None))
    );
    let given = Now {
        given_name: Some("n3".to_owned()),
        ..now()
    };
    assert_eq!(former(&given), Some((Some("n1".to_owned()), None, None)));
    // Serf tells names apart by their case.
    let case = Now {
        host_name: "N1".to_owned(),
        ..now()
    };
    assert!(former(&case).is_some());
}

#[test]
fn a_host_without_a_name_is_not_renamed() {
    let nameless = Now {
        host_name: String::new(),
        on_rename: OnRename::Refuse,
        ..now()
    };
    assert_eq!(of(&nameless), Verdict::default());
}

#[test]
fn who_has_left_does_not_leave_again() {
    let left = Now {
        copy: Copy::Good(Record {
            left: true,
            ..record()
        }),
        ..renamed()
    };
    assert_eq!(former(&left), None);
    assert!(said(&left).contains("has left since"));
}

#[test]
fn a_name_is_kept_where_the_host_alone_has_another() {
    let kept = Now {
        on_rename: OnRename::Keep,
        ..renamed()
    };
    assert_eq!(of(&kept).name.as_deref(), Some("n1"));
    assert_eq!(former(&kept), None);
    let given = Now {
        given_name: Some("n3".to_owned()),
        ..kept
    };
    assert_eq!(of(&given).name, None);
    assert!(former(&given).is_some());
}

#[test]
fn a_new_name_is_refused_by_both_names() {
    let refused = Now {
        on_rename: OnRename::Refuse,
        ..renamed()
    };
    let exit = judge(&refused).expect_err("refused");
    assert_eq!(exit.code, exit::IDENTITY);
    for word in [
        "n1",
        "n2",
        "--on-rename=adopt, once",
        "from now on with --on-rename=keep",
    ] {
        assert!(exit.reason.contains(word), "{}", exit.reason);
    }
    let same = Now {
        on_rename: OnRename::Refuse,
        ..now()
    };
    assert_eq!(of(&same), Verdict::default());
}

#[test]
fn a_host_with_a_new_address_leaves_at_the_old_one_first() {
    let at = |address: &str| Some((None, Some(ip(address)), None));
    let moved = Now {
        addresses: vec![ip("127.0.0.1"), ip("10.0.0.6")],
        ..now()
    };
    assert_eq!(former(&moved), at("10.0.0.5"));
    // It has both, and says which.
    let second = Now {
        advertise: Some(ip("10.0.0.6")),
        ..now()
    };
    assert_eq!(former(&second), at("10.0.0.5"));
    // What it advertises need not be the host's.
    let beyond = Now {
        advertise: Some(ip("10.0.0.5")),
        ..moved
    };
    assert_eq!(former(&beyond), None);
}

#[test]
fn nobody_leaves_as_what_somebody_else_may_be() {
    let elsewhere = Now {
        boot_id: "another".to_owned(),
        machine: "another".to_owned(),
        addresses: vec![ip("10.0.0.6")],
        ..renamed()
    };
    assert_eq!(former(&elsewhere), None);
    let said = said(&elsewhere);
    assert!(
        said.contains("not certain") && said.contains("copy"),
        "{said}"
    );
    for ours in [
        Now {
            boot_id: "boot".to_owned(),
            ..elsewhere.clone()
        },
        Now {
            machine: "machine".to_owned(),
            ..elsewhere.clone()
        },
        Now {
            addresses: vec![ip("10.0.0.5")],
            ..elsewhere
        },
    ] {
        assert!(former(&ours).is_some(), "{ours:?}");
    }
}

#[test]
fn a_server_does_not_leave_by_itself() {
    let server = Now {
        server: true,
        ..renamed()
    };
    assert_eq!(former(&server), None);
    assert!(said(&server).contains("server"));
}

#[test]
fn serfs_snapshot_stands_in_for_a_copy_that_was_never_made() {
    let first = Now {
        copy: Copy::Missing,
        snapshot: Some(("old".to_owned(), ip("10.0.0.5"))),
        ..now()
    };
    assert_eq!(former(&first), Some((Some("old".to_owned()), None, None)));
}

/// Whether anybody is there is for the caller to see.
#[test]
fn it_is_told_where_the_node_gossiped_as_what_it_leaves() {
    let place = |text: &str| text.parse().ok();
    assert_eq!(of(&renamed()).place, place("10.0.0.5:18301"));
    let usual = Now {
        copy: Copy::Good(Record {
            gossip_port: None,
            ..record()
        }),
        ..renamed()
    };
    assert_eq!(of(&usual).place, place("10.0.0.5:8301"));
    assert_eq!(of(&now()).place, None);
}
