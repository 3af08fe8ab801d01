//! A stop while the address is gone.

use super::*;
use crate::core::action::Level;

/// What an agent says that is bound to the address.
fn bound() -> AgentFacts {
    AgentFacts {
        advertise: Some(address().ip),
        listens: vec![address().ip],
        membership: Membership::Alive,
        ..facts()
    }
}

impl Bed {
    /// A stop has begun, and the agent was asked to leave.
    fn leaves_advertising(&mut self) {
        assert_eq!(self.on(Event::Signal(Signal::Terminate)), LOOK);
        self.asked_to_leave(AgentFacts {
            advertise: Some(address().ip),
            membership: Membership::Alive,
            ..facts()
        });
    }

    /// The agent says this of itself, and is asked to leave.
    fn asked_to_leave(&mut self, facts: AgentFacts) {
        let asked = self.on(Event::Answered(Answer::Agent(Ok(Box::new(facts)))));
        assert_eq!(asked, [Action::Signal(SIGTERM), ask_catalog(None)]);
    }
}

#[test]
fn a_stop_is_a_stop() {
    let mut bed = Bed::advertising();
    bed.sees(only(another()));
    bed.still_sees(only(another()));
    assert_eq!(
        bed.on(Event::Signal(Signal::Quit)),
        [Action::Signal(SIGKILL)]
    );
    let ended = bed.on(end(How::Signaled(SIGKILL))).to_vec();
    assert!(matches!(ended.as_slice(), [Action::Exit(_)]), "{ended:?}");
}

/// The one that runs has nowhere to say it from.
#[test]
fn a_leave_from_an_address_that_is_gone_is_finished_from_another_one() {
    let mut bed = Bed::advertising();
    bed.sees(only(another()));
    bed.leaves_advertising();
    let finishes = bed.on(end(How::Exited(0))).to_vec();
    assert!(
        matches!(
            finishes.as_slice(),
            [
                Action::Readdress { adopt: true, .. },
                Action::SpawnAs(Former {
                    address: Some(_),
                    ..
                })
            ]
        ),
        "{finishes:?}"
    );
    // Back within the grace, it has.
    let mut back = Bed::advertising();
    back.sees(only(another()));
    back.sees(there());
    back.leaves_advertising();
    assert_eq!(back.on(end(How::Exited(0))), [Action::Spawn]);
}

/// It could not bind, and so is not started.
#[test]
fn where_no_agent_could_bind_none_is_started_to_finish_the_leave() {
    let mut bed = Bed::ready_with(bound());
    bed.sees(none());
    let begun = bed.handle(Event::Signal(Signal::Terminate));
    let said = begun.iter().any(|action| {
        matches!(action, Action::Say(Level::Warn, text)
            if text.starts_with("address 10.0.0.5, to which the agent is bound, has been gone for")
                && text.contains("the exit code is 115"))
    });
    assert!(said, "{begun:?}");
    bed.asked_to_leave(bound());
    bed.on(end(How::Exited(0)));
    let Exit { code, reason: why } = bed.exit();
    assert_eq!(*code, exit::UNCONFIRMED);
    assert!(why.contains("address 10.0.0.5, to which"), "{why}");
    // Nor is it after a crash.
    let mut crashed = Bed::ready_with(bound());
    crashed.sees(none());
    assert_eq!(crashed.on(end(How::Exited(1))), []);
    crashed.on(Event::Signal(Signal::Terminate));
    let Exit { code, reason: why } = crashed.exit();
    assert_eq!(*code, exit::UNCONFIRMED);
    assert!(why.contains("address 10.0.0.5, to which"), "{why}");
}

/// A link that is down keeps its addresses: an agent binds to one, and is heard once the link is up.
#[test]
fn where_only_the_link_is_down_the_leave_is_finished() {
    let down = || Sight {
        carried: true,
        ..none()
    };
    let mut bed = Bed::ready_with(bound());
    bed.sees(down());
    bed.on(Event::Signal(Signal::Terminate));
    bed.asked_to_leave(bound());
    assert_eq!(bed.on(end(How::Exited(0))), [Action::Spawn]);
    let mut crashed = Bed::ready_with(bound());
    crashed.sees(down());
    crashed.on(end(How::Exited(1)));
    assert_eq!(
        crashed.on(Event::Signal(Signal::Terminate)),
        [Action::Spawn]
    );
}

/// The same where there is another one that the agent cannot be moved to.
#[test]
fn a_pinned_agent_whose_address_is_gone_is_not_started_either() {
    let mut bed = Bed::ready_with(bound());
    let pinned = Sight {
        pinned: Some("bind_addr is 10.0.0.5".to_owned()),
        ..only(another())
    };
    bed.sees(pinned.clone());
    bed.still_sees(pinned);
    assert_eq!(bed.on(Event::Signal(Signal::Terminate)), LOOK);
    bed.asked_to_leave(bound());
    bed.on(end(How::Exited(0)));
    assert_eq!(bed.exit().code, exit::UNCONFIRMED);
}

/// One that listens everywhere can be started, and there may be another way to its servers.
#[test]
fn an_agent_that_is_not_bound_to_it_is_started_all_the_same() {
    let mut bed = Bed::advertising();
    bed.sees(none());
    bed.leaves_advertising();
    assert_eq!(bed.on(end(How::Exited(0))), [Action::Spawn]);
}

/// Whether the address is gone counts when the agent has ended.
#[test]
fn an_address_may_come_back_in_the_stop_and_may_go_in_it() {
    let mut back = Bed::ready_with(bound());
    back.sees(none());
    assert_eq!(back.on(Event::Signal(Signal::Terminate)), LOOK);
    back.asked_to_leave(bound());
    assert!(back.machine.hears_addresses());
    assert_eq!(back.on(Event::AddressesChanged), []);
    back.tick_until(&look());
    assert_eq!(back.on(Event::Looked(Ok(there()))), []);
    assert!(!back.machine.hears_addresses());
    assert_eq!(back.on(end(How::Exited(0))), [Action::Spawn]);
    // What had changed and was not looked at when the stop came.
    let mut gone = Bed::ready_with(bound());
    assert_eq!(gone.on(Event::AddressesChanged), []);
    assert_eq!(gone.on(Event::Signal(Signal::Terminate)), LOOK);
    assert_eq!(gone.tick(), [look()]);
    assert_eq!(gone.on(Event::Looked(Ok(none()))), []);
    gone.asked_to_leave(bound());
    gone.on(end(How::Exited(0)));
    assert_eq!(gone.exit().code, exit::UNCONFIRMED);
}
