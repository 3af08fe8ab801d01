//! Leaves of young agents, which would lose or swallow what they are asked too early.

use super::*;

/// A young agent, which was asked to leave over its API.
pub(super) fn asked_over_the_api() -> Bed {
    let mut bed = Bed::new(config()).joining();
    assert_eq!(bed.on(Event::Signal(Signal::Terminate)), LOOK);
    assert_eq!(bed.says(Membership::Alive), []);
    let leave = [Action::Ask(Question::Leave), ask_catalog(None)];
    assert_eq!(bed.on(Event::Notified), leave);
    bed
}

#[test]
fn a_stop_before_the_agent_can_take_it_waits_for_its_join_and_asks_over_the_api() {
    let mut bed = Bed::new(config()).started();
    // No signal: it would end the agent without a leave, or be swallowed.
    assert_eq!(bed.on(Event::Signal(Signal::Terminate)), LOOK);
    let refused = Refusal::Unreachable("refused".to_owned());
    assert_eq!(bed.on(Event::Answered(Answer::Agent(Err(refused)))), []);
    assert_eq!(bed.tick(), [Action::Ask(Question::Agent)]);
    // Its first join would make it a member again.
    assert_eq!(bed.says(Membership::Alive), []);
    let leave = [Action::Ask(Question::Leave), ask_catalog(None)];
    assert_eq!(bed.on(Event::Notified), leave);
    bed.shows(in_catalog(&[]));
    assert_eq!(bed.tick(), [Action::Ask(Question::Agent)]);
    bed.says(Membership::Leaving);
    bed.shows(absent(12));
    bed.on(Event::Answered(Answer::Leave(Ok(()))));
    bed.on(end(How::Exited(0)));
    assert_eq!(bed.exit().code, 0);
}

#[test]
fn an_api_that_never_comes_is_not_waited_for_for_ever() {
    let mut bed = Bed::new(config()).started();
    bed.on(Event::Signal(Signal::Terminate));
    let begin = bed.now;
    loop {
        match bed.tick() {
            [Action::Ask(Question::Agent)] => {
                let refused = Refusal::Unreachable("refused".to_owned());
                assert_eq!(bed.on(Event::Answered(Answer::Agent(Err(refused)))), []);
            }
            other => {
                assert_eq!(other[0], Action::Ask(Question::Leave));
                break;
            }
        }
    }
    assert!(bed.now - begin < Duration::from_secs(6));
}

#[test]
fn a_refused_leave_is_asked_for_in_the_other_way_once() {
    let mut bed = asked_over_the_api();
    let denied = Refusal::Denied("no token".to_owned());
    assert_eq!(
        bed.on(Event::Answered(Answer::Leave(Err(denied)))),
        [Action::Signal(15)]
    );
    // The agent takes neither: it is not asked a third time.
    for _ in 0..40 {
        assert_eq!(bed.tick(), [Action::Ask(Question::Agent)]);
        assert_eq!(bed.says(Membership::Alive), []);
    }
}

#[test]
fn a_leave_that_could_not_be_put_is_asked_for_by_signal() {
    let mut bed = asked_over_the_api();
    let refused = Refusal::Unreachable("refused".to_owned());
    assert_eq!(
        bed.on(Event::Answered(Answer::Leave(Err(refused)))),
        [Action::Signal(15)]
    );
    // One whose answer was lost may have begun.
    let mut bed = asked_over_the_api();
    let lost = Refusal::Lost("reset".to_owned());
    assert_eq!(bed.on(Event::Answered(Answer::Leave(Err(lost)))), []);
}

#[test]
fn without_an_api_a_young_agent_is_asked_once_it_has_its_handlers() {
    let off = || Config {
        api: false,
        ..config()
    };
    let mut bed = Bed::new(off()).started();
    let goes_on = [Action::Signal(SIGCONT)];
    assert_eq!(bed.on(Event::Signal(Signal::Terminate)), goes_on);
    assert_eq!(bed.on(Event::Notified), [Action::Signal(15)]);
    assert_eq!(bed.on(Event::Notified), []);
    // Without servers it never says so.
    let mut bed = Bed::new(off()).started();
    bed.on(Event::Signal(Signal::Terminate));
    assert_eq!(bed.tick(), [Action::Signal(15)]);
}

#[test]
fn a_leave_asked_for_before_the_api_was_up_is_watched_once_it_is() {
    let unreachable = || Refusal::Unreachable("refused".to_owned());
    let unseen = || Event::Answered(Answer::Catalog(Err(unreachable())));
    let mut bed = Bed::new(config()).started();
    bed.on(Event::Signal(Signal::Terminate));
    assert!(bed.tick().contains(&Action::Ask(Question::Leave)));
    for _ in 0..3 {
        assert_eq!(bed.on(unseen()), []);
        assert_eq!(bed.tick(), [ask_catalog(None)]);
    }
}

/// What it is asked before it was looked at could be somebody else's leave a second time.
#[test]
fn a_young_agent_that_joins_is_looked_at_before_it_is_asked() {
    let mut bed = Bed::new(config()).joining();
    assert_eq!(bed.on(Event::Signal(Signal::Terminate)), LOOK);
    assert_eq!(bed.on(Event::Notified), []);
    assert_eq!(bed.says(Membership::Leaving), [ask_catalog(None)]);
    let mut bed = Bed::new(config()).joining();
    bed.on(Event::Signal(Signal::Terminate));
    bed.on(Event::Notified);
    let leave = [Action::Ask(Question::Leave), ask_catalog(None)];
    assert_eq!(bed.says(Membership::Alive), leave);
}

/// Its leave ended before its node was synchronised for the first time, and that came all the same.
#[test]
fn the_ghost_of_a_young_agent_is_taken_away() {
    let mut bed = asked_over_the_api();
    assert_eq!(bed.tick(), [Action::Ask(Question::Agent)]);
    bed.shows(absent(8));
    bed.says(Membership::Left);
    assert!(bed.shows(in_catalog(&[])).contains(&deregister()));
    bed.on(Event::Answered(Answer::Deregister(Ok(()))));
    bed.shows(absent(12));
    bed.on(end(How::Exited(0)));
    assert_eq!(bed.exit().code, 0);
}

#[test]
fn a_young_agent_that_never_was_in_the_catalog_has_left_when_it_says_so() {
    for (membership, code) in [
        (Membership::Left, 0),
        (Membership::Leaving, exit::UNCONFIRMED),
    ] {
        let mut bed = asked_over_the_api();
        bed.now += Duration::from_secs(22);
        assert!(bed.tick().contains(&Action::Ask(Question::Agent)));
        bed.says(membership);
        bed.shows(absent(8));
        bed.on(end(How::Exited(0)));
        assert_eq!(bed.exit().code, code);
    }
}

/// Nobody knows its node, so nobody has to be told that it leaves.
#[test]
fn an_agent_that_never_joined_is_not_started_once_more() {
    let mut bed = Bed::new(config()).joining();
    assert_eq!(bed.on(Event::Signal(Signal::Terminate)), LOOK);
    bed.on(end(How::Signaled(11)));
    assert_eq!(bed.exit().code, exit::UNCONFIRMED);
}

/// That of `--start-timeout` is one, too.
#[test]
fn a_join_that_ends_during_a_stay_is_no_reason_to_leave() {
    let mut bed = Bed::new(config()).joining();
    assert_eq!(bed.on(Event::Signal(Signal::Quit)), [Action::Signal(9)]);
    assert_eq!(bed.on(Event::Notified), []);
    let mut bed = Bed::new(Config {
        api: false,
        ..config()
    })
    .started();
    assert_eq!(bed.on(Event::Signal(Signal::Quit)), [Action::Signal(9)]);
    assert_eq!(bed.on(Event::Notified), []);
    let mut bed = Bed::new(config()).ready();
    bed.machine.facts.leaves_on_terminate = Some(false);
    assert_eq!(bed.on(Event::Signal(Signal::Quit)), [Action::Signal(15)]);
    assert_eq!(bed.on(Event::Notified), []);
}
