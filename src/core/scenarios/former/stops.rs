//! A stop that comes while a node leaves as what it was.

use super::*;

#[test]
fn a_stop_before_its_leave_lets_it_leave_and_starts_nothing() {
    let mut bed = Bed::as_former(config());
    bed.tick();
    bed.says(Membership::Alive);
    assert_eq!(bed.on(Event::Signal(Signal::Terminate)), LOOK);
    assert_eq!(bed.says(Membership::Alive), []);
    bed.on(Event::Notified);
    bed.tick_until(&Action::Ask(Question::Leave));
    assert_eq!(bed.says(Membership::Alive), []);
    finished_leave::leaves_well(&mut bed);
}

/// Its first join goes on, since one of the addresses is dead: it knows a leader and is in the catalog all the same.
#[test]
fn a_stop_of_one_that_knows_a_leader_does_not_wait_for_its_first_join() {
    let mut bed = Bed::as_former_joined(config());
    let joined = bed.now;
    assert_eq!(bed.on(Event::Signal(Signal::Terminate)), LOOK);
    assert_eq!(bed.says(Membership::Alive), []);
    // Others hear that it is back.
    bed.tick_until(&ask_catalog(None));
    assert!(bed.now < joined + Duration::from_secs(4));
    assert_eq!(bed.shows(in_catalog(&[SERVICE])), []);
    bed.tick_until(&Action::Ask(Question::Leave));
    assert!(bed.now < joined + Duration::from_secs(4));
    assert_eq!(bed.says(Membership::Alive), []);
    finished_leave::leaves_well(&mut bed);
}

#[test]
fn a_stop_within_its_leave_does_not_ask_for_another() {
    let mut bed = Bed::as_former_leaving(config());
    let watched = [Action::Signal(SIGCONT), ask_catalog(None)];
    assert_eq!(bed.on(Event::Signal(Signal::Terminate)), watched);
    assert_eq!(bed.tick(), [Action::Ask(Question::Agent)]);
    bed.says(Membership::Leaving);
    finished_leave::leaves_well(&mut bed);
}

/// What was seen before the stop counts in it.
#[test]
fn a_stop_after_its_leave_is_a_leave() {
    // It said that it has left, its entry is gone, and it was killed, since it is needed no more.
    let mut bed = Bed::as_former_left(config());
    assert_eq!(bed.tick(), [ask_catalog(None)]);
    assert_eq!(bed.shows(absent(12)), []);
    let mut killed = bed.again(config());
    assert_eq!(killed.tick(), [Action::Signal(SIGKILL)]);
    for mut bed in [bed, killed] {
        bed.on(Event::Signal(Signal::Terminate));
        bed.on(end(How::Signaled(9)));
        assert_eq!(bed.exit(), &Exit::ok());
    }
    // Its entry has gone since it was asked to leave.
    let mut bed = Bed::as_former_leaving(config());
    bed.on(Event::Signal(Signal::Terminate));
    bed.shows(absent(12));
    bed.tick_until(&Action::Ask(Question::Agent));
    bed.says(Membership::Left);
    bed.on(end(How::Exited(0)));
    assert_eq!(bed.exit(), &Exit::ok());
}

/// Nor is it confirmed by what was never there, or is another's.
#[test]
fn a_stop_after_a_leave_of_which_nothing_was_seen_is_none() {
    for seen in [absent(12), another_s()] {
        let mut bed = Bed::as_former_joined(config());
        assert_eq!(bed.tick(), [ask_catalog(None)]);
        assert_eq!(bed.tick(), [Action::Ask(Question::Leave)]);
        assert_eq!(bed.tick(), [Action::Ask(Question::Agent)]);
        assert_eq!(bed.says(Membership::Left), []);
        assert_eq!(bed.tick(), [ask_catalog(None)]);
        assert_eq!(bed.shows(seen), []);
        bed.on(Event::Signal(Signal::Terminate));
        bed.on(end(How::Exited(0)));
        assert_eq!(bed.exit().code, exit::UNCONFIRMED);
    }
}

#[test]
fn a_stop_without_a_leave_kills_it() {
    let mut bed = Bed::as_former(config());
    assert_eq!(bed.on(Event::Signal(Signal::Quit)), [Action::Signal(9)]);
    bed.on(end(How::Signaled(9)));
    assert_eq!(bed.exit(), &Exit::ok());
}
