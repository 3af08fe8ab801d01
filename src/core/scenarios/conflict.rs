//! An agent that has lost its name.

use super::*;
use crate::core::checks::Health;
use crate::core::conditions::Truth;
use crate::core::event::{Member, MemberState, NodeView, Trouble};

pub(super) fn ask_node(node: &str, members: bool) -> Action {
    Action::Ask(Question::Node {
        node: node.to_owned(),
        members,
    })
}

/// An entry as the catalog has it, with the servers' check.
pub(super) fn entry(id: &str, address: &str, serf: Health) -> NodeView {
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

pub(super) fn member(id: &str, port: u16, state: MemberState) -> Option<Member> {
    Some(Member {
        address: "10.0.0.5".to_owned(),
        port,
        id: id.to_owned(),
        state,
    })
}

impl Bed {
    /// A ready agent whose gossip port was seen to listen, and which knows its address.
    pub(super) fn gossiping(config: Config) -> Self {
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

    pub(super) fn ready_and_gossiping(config: Config) -> Self {
        let mut bed = Self::gossiping(config);
        bed.shows(in_catalog(&[SERVICE]));
        bed.on(Event::Answered(Answer::Neighbours(Ok(Vec::new()))));
        assert_eq!(bed.machine.phase, Phase::Ready);
        bed
    }

    /// Its port is closed.
    pub(super) fn lost(mut self) -> Self {
        assert_eq!(self.on(Event::Gossip(Some(false))), []);
        assert!(
            self.machine.conditions.holds(Kind::Ready),
            "one look is none"
        );
        assert_eq!(self.on(Event::Gossip(Some(false))), [ask_node("n1", false)]);
        self.is_lost();
        self
    }

    pub(super) fn is_lost(&self) {
        let held = self.machine.conditions.get(Kind::IdentityHeld);
        assert_eq!((held.truth, held.reason), (Truth::False, "NameLost"));
        assert!(!self.machine.conditions.holds(Kind::Ready));
    }

    pub(super) fn told(&mut self, view: NodeView) -> &[Action] {
        self.on(Event::Answered(Answer::Node(Ok(Box::new(view)))))
    }

    pub(super) fn reason(&self) -> &'static str {
        self.machine.conditions.get(Kind::IdentityHeld).reason
    }

    /// Lets deadlines pass until one asks for something.
    pub(super) fn next_ask(&mut self) -> &[Action] {
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
    // Whoever has given it another id need not wait ten minutes.
    let ended = bed.now;
    assert_eq!(bed.on(Event::Signal(Signal::Hangup)), []);
    assert_eq!(bed.tick(), [Action::Spawn]);
    let pause = (bed.now - ended).as_secs();
    assert_eq!(pause, 60, "or whoever asks each minute would have it run");
}
