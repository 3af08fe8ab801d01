//! An agent that has lost its name, and twins of a node.

use super::*;
use crate::core::checks::Health;
use crate::core::conditions::Truth;
use crate::core::event::{Member, MemberState, Neighbour, NodeView, Trouble};

fn ask_node(node: &str, members: bool) -> Action {
    Action::Ask(Question::Node {
        node: node.to_owned(),
        members,
    })
}

/// An entry as the catalog has it, with the servers' check.
fn entry(id: &str, address: &str, serf: Health) -> NodeView {
    NodeView {
        entry: CatalogNode {
            id: id.to_owned(),
            address: address.to_owned(),
            ..in_catalog(&["web"])
        },
        serf: Some(serf),
        member: None,
    }
}

fn member(id: &str, port: u16, state: MemberState) -> Option<Member> {
    Some(Member {
        address: "10.0.0.5".to_owned(),
        port,
        id: id.to_owned(),
        state,
    })
}

impl Bed {
    /// A ready agent whose gossip port was seen to listen, and which knows its address.
    fn gossiping(config: Config) -> Self {
        let mut bed = Self::new(config).started();
        assert_eq!(bed.tick(), [Action::Ask(Question::Agent)]);
        let facts = AgentFacts {
            advertise: "10.0.0.5".parse().ok(),
            gossip: "10.0.0.5:8301".parse().ok(),
            ..facts()
        };
        bed.on(Event::Answered(Answer::Agent(Ok(Box::new(facts)))));
        let leader = Answer::Leader(Ok(Some("10.0.0.1:8300".to_owned())));
        bed.on(Event::Answered(leader));
        bed.on(Event::Gossip(Some(true)));
        bed
    }

    fn ready_and_gossiping(config: Config) -> Self {
        let mut bed = Self::gossiping(config);
        bed.shows(in_catalog(&[SERVICE]));
        bed.on(Event::Answered(Answer::Neighbours(Ok(Vec::new()))));
        assert_eq!(bed.machine.phase, Phase::Ready);
        bed
    }

    /// Its port is closed.
    fn lost(mut self) -> Self {
        assert_eq!(self.on(Event::Gossip(Some(false))), []);
        assert!(
            self.machine.conditions.holds(Kind::Ready),
            "one look is none"
        );
        assert_eq!(self.on(Event::Gossip(Some(false))), [ask_node("n1", false)]);
        self.is_lost();
        self
    }

    fn is_lost(&self) {
        let held = self.machine.conditions.get(Kind::IdentityHeld);
        assert_eq!((held.truth, held.reason), (Truth::False, "NameLost"));
        assert!(!self.machine.conditions.holds(Kind::Ready));
    }

    fn told(&mut self, view: NodeView) -> &[Action] {
        self.on(Event::Answered(Answer::Node(Ok(Box::new(view)))))
    }

    fn reason(&self) -> &'static str {
        self.machine.conditions.get(Kind::IdentityHeld).reason
    }

    /// Lets deadlines pass until one asks for something.
    fn next_ask(&mut self) -> &[Action] {
        while self.tick().is_empty() {}
        &self.done
    }
}

#[test]
fn a_lost_name_is_taken_up_again_when_nobody_has_it() {
    let mut bed = Bed::ready_and_gossiping(config()).lost();
    let other = entry("id-2", "10.0.0.6", Health::Passing);
    assert_eq!(bed.told(other.clone()), []);
    let message = &bed.machine.conditions.get(Kind::IdentityHeld).message;
    assert!(
        message.contains("id-2 at 10.0.0.6, which is alive"),
        "{message}"
    );
    assert_eq!(bed.next_ask(), [ask_node("n1", false)]);
    assert_eq!(bed.told(other), []);
    assert_eq!(bed.next_ask(), [ask_node("n1", false)]);
    assert_eq!(bed.told(NodeView::default()), [Action::Signal(SIGTERM)]);
    // It is no member, so this is no leave, and no crash either.
    assert_eq!(bed.on(end(How::Exited(0))), [Action::Spawn]);
    assert_eq!(bed.machine.restarts.in_a_row(), 0);
}

#[test]
fn a_name_of_the_dead_is_waited_for_as_long_as_its_members_keep_it() {
    let mut bed = Bed::ready_and_gossiping(config()).lost();
    let dead = entry("id-2", "10.0.0.6", Health::Critical);
    let since = bed.now;
    while bed.told(dead.clone()).is_empty() {
        assert_eq!(bed.next_ask(), [ask_node("n1", false)]);
    }
    assert_eq!(bed.done, [Action::Signal(SIGTERM)]);
    let waited = bed.now - since;
    assert!(
        waited >= Duration::from_secs(32) && waited < Duration::from_secs(40),
        "{waited:?}"
    );
}

#[test]
fn who_cannot_be_asked_is_tried_again_ever_more_seldom_and_for_ever() {
    let mut bed = Bed::ready_and_gossiping(config()).lost();
    let mut pauses = Vec::new();
    for _ in 0..8 {
        let since = bed.now;
        loop {
            let denied = Refusal::Denied("so it is".to_owned());
            if !bed
                .on(Event::Answered(Answer::Node(Err(denied))))
                .is_empty()
            {
                break;
            }
            assert_eq!(bed.next_ask(), [ask_node("n1", false)]);
        }
        assert_eq!(bed.done, [Action::Signal(SIGTERM)]);
        pauses.push((bed.now - since).as_secs());
        assert_eq!(bed.on(end(How::Exited(0))), [Action::Spawn]);
        bed.spawned();
        bed.on(Event::Notified);
        bed.on(Event::Gossip(Some(true)));
        bed.on(Event::Gossip(Some(false)));
        bed.on(Event::Gossip(Some(false)));
        bed.is_lost();
    }
    assert_eq!(
        pauses,
        [5, 10, 20, 40, 60, 60, 60, 60],
        "--restart-limit is 3"
    );
}

#[test]
fn a_port_that_was_never_seen_to_listen_means_nothing() {
    let mut bed = Bed::new(config()).ready();
    for listens in [Some(false), None, Some(false), Some(false)] {
        bed.on(Event::Gossip(listens));
        assert!(bed.machine.conditions.holds(Kind::Ready));
    }
    // Unless a client says so.
    bed.on(Event::TroubleHeard(Trouble::NameLost));
    assert_eq!(bed.on(Event::Gossip(None)), [ask_node("n1", false)]);
    bed.is_lost();
    let mut server = Bed::new(Config {
        server: true,
        ..config()
    })
    .ready();
    server.on(Event::TroubleHeard(Trouble::NameLost));
    assert_eq!(server.on(Event::Gossip(None)), []);
    // And where it listens, another pool is meant.
    let mut bed = Bed::ready_and_gossiping(config());
    bed.on(Event::TroubleHeard(Trouble::NameLost));
    assert_eq!(bed.on(Event::Gossip(Some(true))), []);
    assert!(bed.machine.conditions.holds(Kind::Ready));
}

#[test]
fn a_stop_without_a_name_is_no_leave() {
    for (holder, code) in [
        (entry("id-2", "10.0.0.6", Health::Passing), exit::IDENTITY),
        (
            entry("id-1", "10.0.0.5", Health::Critical),
            exit::UNCONFIRMED,
        ),
    ] {
        let mut bed = Bed::ready_and_gossiping(config()).lost();
        bed.told(holder);
        assert_eq!(
            bed.on(Event::Signal(Signal::Terminate)),
            [Action::Signal(SIGTERM)]
        );
        bed.on(end(How::Exited(0)));
        assert_eq!(bed.exit().code, code, "{}", bed.exit().reason);
    }
}

#[test]
fn a_stop_while_the_name_is_in_doubt_is_no_leave() {
    let mut bed = Bed::gossiping(config());
    bed.on(Event::TroubleHeard(Trouble::Namesake));
    assert_eq!(bed.shows(another_s()), [ask_node("n1", true)]);
    bed.on(Event::Signal(Signal::Terminate));
    assert_eq!(bed.done, [Action::Signal(SIGKILL)], "SIGTERM would leave");
    bed.on(end(How::Signaled(9)));
    assert_eq!(bed.exit().code, exit::IDENTITY, "{}", bed.exit().reason);
}

#[test]
fn who_lives_under_our_id_is_a_copy_and_our_agent_is_ended() {
    let mut bed = Bed::ready_and_gossiping(config()).lost();
    let copy = entry("id-1", "10.0.0.6", Health::Passing);
    while bed.told(copy.clone()).is_empty() {
        assert_eq!(bed.next_ask(), [ask_node("n1", false)]);
    }
    assert_eq!(bed.done, [Action::Signal(SIGTERM)]);
    assert_eq!(
        bed.on(end(How::Exited(0))),
        [],
        "it would take the other's entry at once"
    );
    assert_eq!(bed.machine.phase, Phase::Backoff);
    assert_eq!(bed.reason(), "NameLost");
    assert_eq!(bed.tick(), [Action::Spawn]);
}

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
