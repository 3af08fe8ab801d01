//! Twins: who has our name or our address and is dead is taken away, and what is to be made good afterwards.

use super::conflict::{ask_node, entry, member};
use super::*;
use crate::core::checks::Health;
use crate::core::event::{MemberState, Neighbour, NodeView, Trouble};

/// A dead twin of our name: the catalog has it, and serf nobody but us.
fn twin() -> NodeView {
    NodeView {
        member: member("id-1", 8301, MemberState::Alive),
        ..entry("id-2", "10.0.0.5", Health::Passing)
    }
}

fn remove(node: &str) -> Action {
    Action::Ask(Question::Remove {
        node: node.to_owned(),
        modified: 6,
    })
}

#[test]
fn a_dead_twin_is_looked_at_twice_and_taken_away() {
    let mut bed = Bed::gossiping(config());
    assert_eq!(bed.shows(another_s()), [ask_node("n1", true)]);
    assert_eq!(bed.told(twin()), []);
    assert_eq!(bed.reason(), "ReservedByDeadTwin");
    bed.tick_until(&ask_node("n1", true));
    assert_eq!(bed.told(twin()), [remove("n1")]);
    assert_eq!(bed.on(Event::Answered(Answer::Removed(Ok(true)))), []);
    assert_eq!(bed.machine.status().healed, 1);
    // The same one is not taken away again so soon.
    bed.shows(another_s());
    for _ in 0..5 {
        bed.tick_until(&ask_node("n1", true));
        assert_eq!(bed.told(twin()), []);
    }
}

#[test]
fn an_agent_that_was_refused_is_started_anew_once_its_twin_is_gone() {
    let mut bed = Bed::gossiping(config());
    bed.shows(another_s());
    bed.on(Event::TroubleHeard(Trouble::Reserved));
    bed.told(twin());
    bed.tick_until(&ask_node("n1", true));
    bed.told(twin());
    let anew = bed.on(Event::Answered(Answer::Removed(Ok(true))));
    assert_eq!(anew, [Action::Signal(SIGKILL)]);
    assert_eq!(bed.on(end(How::Signaled(9))), [Action::Spawn]);
}

#[test]
fn what_changes_between_two_looks_is_left_alone() {
    let changes: [fn(&mut NodeView); 5] = [
        |view| view.entry.modified = 7,
        |view| view.entry.id = "id-3".to_owned(),
        |view| view.entry.address = "10.0.0.6".to_owned(),
        |view| view.serf = None,
        |view| view.member = None,
    ];
    for change in changes {
        let mut bed = Bed::gossiping(config());
        bed.shows(another_s());
        bed.told(twin());
        bed.tick_until(&ask_node("n1", true));
        let mut changed = twin();
        change(&mut changed);
        assert_eq!(bed.told(changed), []);
    }
}

#[test]
fn nothing_is_taken_away_where_somebody_objects_or_only_a_report_is_wanted() {
    for (trouble, heals) in [(Some(Trouble::Namesake), true), (None, false)] {
        let mut bed = Bed::gossiping(Config { heals, ..config() });
        bed.shows(another_s());
        if let Some(trouble) = trouble {
            bed.on(Event::TroubleHeard(trouble));
        }
        bed.told(twin());
        for _ in 0..5 {
            bed.tick_until(&ask_node("n1", true));
            assert_eq!(bed.told(twin()), []);
        }
        assert_eq!(bed.machine.status().healed, 0);
    }
}

#[test]
fn a_denied_healing_tells_the_command() {
    let mut bed = Bed::gossiping(config());
    bed.shows(another_s());
    bed.told(twin());
    bed.tick_until(&ask_node("n1", true));
    assert_eq!(bed.told(twin()), [remove("n1")]);
    let denied = Refusal::Denied("no node:write".to_owned());
    bed.on(Event::Answered(Answer::Removed(Err(denied))));
    let held = bed.machine.conditions.get(Kind::IdentityHeld);
    assert_eq!(held.reason, "HealingDenied");
    assert!(
        held.message.contains(r#"-d '{"Node":"n1"}'"#),
        "{}",
        held.message
    );
}

#[test]
fn other_names_at_our_address_are_looked_at_one_by_one() {
    let mut bed = Bed::gossiping(config());
    let neighbours = Action::Ask(Question::Neighbours {
        address: "10.0.0.5".to_owned(),
    });
    assert!(bed.shows(in_catalog(&[SERVICE])).contains(&neighbours));
    let names = ["n1", "beside", "dead"].map(|name| Neighbour {
        name: name.to_owned(),
        id: name.to_owned(),
    });
    let told = bed.on(Event::Answered(Answer::Neighbours(Ok(names.to_vec()))));
    assert_eq!(told, [ask_node("beside", true)]);
    let beside = NodeView {
        member: member("id-3", 8311, MemberState::Alive),
        ..entry("id-3", "10.0.0.5", Health::Passing)
    };
    assert_eq!(bed.told(beside), [ask_node("dead", true)]);
    assert_eq!(bed.reason(), "AddressShared");
    assert!(bed.machine.conditions.holds(Kind::IdentityHeld));
    let dead = NodeView {
        member: member("id-4", 8301, MemberState::Failed),
        ..entry("id-4", "10.0.0.5", Health::Critical)
    };
    assert_eq!(bed.told(dead.clone()), []);
    assert_eq!(bed.reason(), "AddressUnderTwoNames");
    bed.tick_until(&ask_node("dead", true));
    assert_eq!(bed.told(dead), [remove("dead")]);
    bed.on(Event::Answered(Answer::Removed(Ok(true))));
    assert_eq!(bed.reason(), "AddressShared");
}

#[test]
fn a_registration_that_acls_block_is_named() {
    let mut bed = Bed::gossiping(config());
    bed.shows(absent(8));
    bed.on(Event::TroubleHeard(Trouble::Denied));
    bed.tick_until(&ask_catalog(Some((8, Duration::from_secs(30)))));
    bed.shows(absent(9));
    assert_eq!(bed.reason(), "RegistrationDenied");
}

/// Nothing changes in the catalog, so that nothing would be read for half a minute.
#[test]
fn a_registration_that_acls_block_is_named_at_once() {
    let mut bed = Bed::new(config()).joining();
    let leader = Answer::Leader(Ok(Some("10.0.0.1:8300".to_owned())));
    bed.on(Event::Answered(leader));
    bed.shows(absent(8));
    bed.on(Event::TroubleHeard(Trouble::Denied));
    assert_eq!(bed.reason(), "RegistrationDenied");
    for kind in [Kind::Registered, Kind::Ready] {
        let message = &bed.machine.conditions.get(kind).message;
        assert!(message.contains("node:write on n1"), "{message}");
    }
}

/// Our own entry after a healing, without the servers' check.
fn bare() -> NodeView {
    NodeView {
        serf: None,
        member: member("id-1", 8301, MemberState::Alive),
        ..entry("id-1", "10.0.0.5", Health::Passing)
    }
}

impl Bed {
    /// A twin of our name was taken away, and the agent has registered itself.
    fn healed(config: Config) -> Self {
        let mut bed = Self::gossiping(config);
        bed.shows(another_s());
        bed.told(twin());
        bed.tick_until(&ask_node("n1", true));
        bed.told(twin());
        bed.on(Event::Answered(Answer::Removed(Ok(true))));
        bed.shows(in_catalog(&[SERVICE]));
        bed.on(Event::Answered(Answer::Neighbours(Ok(Vec::new()))));
        bed
    }
}

#[test]
fn the_servers_check_is_written_once_after_a_healing() {
    let vouch = Action::Ask(Question::Vouch {
        node: "n1".to_owned(),
    });
    let mut bed = Bed::healed(config());
    bed.tick_until(&ask_node("n1", true));
    assert_eq!(bed.told(bare()), [vouch]);
    assert_eq!(bed.on(Event::Answered(Answer::Vouched(Ok(true)))), []);
    assert!(
        !bed.shows(in_catalog(&[SERVICE]))
            .contains(&ask_node("n1", true))
    );
    // Not where the leader was faster, nor for one that is not ours or not seen alive.
    let changes: [fn(&mut NodeView); 3] = [
        |view| view.serf = Some(Health::Passing),
        |view| view.entry.id = "id-3".to_owned(),
        |view| view.member = member("id-1", 8301, MemberState::Failed),
    ];
    for change in changes {
        let mut bed = Bed::healed(config());
        bed.tick_until(&ask_node("n1", true));
        let mut changed = bare();
        change(&mut changed);
        assert_eq!(bed.told(changed), []);
    }
}

/// What is left of `dead` once it is out of the catalog.
fn remains(id: &str, port: u16, state: MemberState) -> NodeView {
    NodeView {
        member: member(id, port, state),
        ..NodeView::default()
    }
}

/// One of another name was taken away, and its member is looked at.
fn parted() -> Bed {
    let mut bed = Bed::ready_and_gossiping(config());
    let dead = NodeView {
        member: member("id-4", 8301, MemberState::Failed),
        ..entry("id-4", "10.0.0.5", Health::Critical)
    };
    bed.on(Event::TroubleHeard(Trouble::ConflictingId));
    bed.tick_until(&ask_catalog(None));
    bed.shows(in_catalog(&[SERVICE]));
    let neighbour = Neighbour {
        name: "dead".to_owned(),
        id: "id-4".to_owned(),
    };
    bed.on(Event::Answered(Answer::Neighbours(Ok(vec![neighbour]))));
    assert_eq!(bed.done, [ask_node("dead", true)]);
    bed.told(dead.clone());
    bed.tick_until(&ask_node("dead", true));
    assert_eq!(bed.told(dead), [remove("dead")]);
    bed.on(Event::Answered(Answer::Removed(Ok(true))));
    bed.tick_until(&ask_node("dead", true));
    bed
}

#[test]
fn a_name_that_was_taken_away_is_told_to_have_left() {
    let leave = Action::Ask(Question::ForceLeave {
        node: "dead".to_owned(),
    });
    for result in [Ok(()), Err(Refusal::Denied("no operator:write".to_owned()))] {
        let mut bed = parted();
        let failed = remains("id-4", 8301, MemberState::Failed);
        assert_eq!(bed.told(failed), std::slice::from_ref(&leave));
        assert_eq!(bed.on(Event::Answered(Answer::ForceLeave(result))), []);
        assert_eq!(bed.reason(), "Held");
    }
    for other in [
        remains("id-4", 8311, MemberState::Failed),
        remains("id-4", 8301, MemberState::Alive),
        remains("id-4", 8301, MemberState::Left),
        NodeView::default(),
    ] {
        assert_eq!(parted().told(other), []);
    }
}

#[test]
fn an_id_that_another_member_has_is_told_for_as_long_as_that_is_heard() {
    let mut bed = Bed::ready_and_gossiping(config());
    bed.on(Event::TroubleHeard(Trouble::SharedId));
    assert_eq!(bed.reason(), "IdShared");
    // It serves its applications all the same, and neither its own entry nor that of the other one says more.
    assert!(bed.machine.conditions.holds(Kind::Ready));
    bed.shows(absent(10));
    bed.shows(in_catalog(&[SERVICE]));
    assert_eq!(bed.reason(), "IdShared");
    bed.now += Duration::from_secs(91);
    bed.shows(in_catalog(&[SERVICE]));
    assert_eq!(bed.reason(), "Held");
}

#[test]
fn an_id_that_another_member_has_is_told_where_no_server_is_known() {
    let mut bed = Bed::new(config()).joining();
    bed.on(Event::TroubleHeard(Trouble::SharedId));
    assert_eq!(bed.reason(), "IdShared");
    let refused = Refusal::Failed("No known Consul servers".to_owned());
    bed.on(Event::Answered(Answer::Leader(Err(refused))));
    assert_eq!(bed.reason(), "IdShared");
}

/// Nothing else than time tells that it is over.
#[test]
fn an_id_that_another_member_had_is_not_told_for_ever_without_an_api() {
    let mut bed = Bed::new(Config {
        api: false,
        ..config()
    })
    .started();
    bed.on(Event::Notified);
    bed.on(Event::TroubleHeard(Trouble::SharedId));
    assert_eq!(bed.reason(), "IdShared");
    let heard = bed.now;
    while bed.reason() == "IdShared" {
        bed.tick();
    }
    assert_eq!((bed.now - heard).as_secs(), 90);
}
