//! Leaves whose agent ends before they are done: another one is started to finish them, once.

use super::*;

/// The agent is started once more, joins, and is asked to leave.
pub(super) fn finishing(bed: &mut Bed) {
    assert!(bed.done.contains(&Action::Spawn), "{:?}", bed.done);
    started_again(bed);
    assert_eq!(bed.tick(), [Action::Ask(Question::Agent)]);
    // A leave that nobody hears of would be none.
    assert_eq!(bed.says(Membership::Alive), []);
    for _ in 0..3 {
        assert_eq!(bed.tick(), [Action::Ask(Question::Leader)]);
        let none = Event::Answered(Answer::Leader(Ok(None)));
        assert_eq!(bed.on(none), []);
    }
    assert_eq!(bed.tick(), [Action::Ask(Question::Leader)]);
    let leader = Answer::Leader(Ok(Some("10.0.0.1:8300".to_owned())));
    assert_eq!(bed.on(Event::Answered(leader)), []);
    // Others hear that it is back before they hear that it leaves.
    assert_eq!(bed.on(Event::Notified), []);
    assert_eq!(bed.tick(), [ask_catalog(None)]);
    assert_eq!(bed.shows(in_catalog(&[SERVICE])), []);
    assert_eq!(bed.tick(), leave());
    assert_eq!(bed.says(Membership::Alive), []);
}

/// It is asked to leave, and watched.
fn leave() -> [Action; 3] {
    [
        Action::Ask(Question::Leave),
        ask_catalog(None),
        Action::Ask(Question::Agent),
    ]
}

fn started_again(bed: &mut Bed) {
    let api = bed.machine.config.api;
    assert_eq!(bed.on(Event::Spawned(Ok(Spawned { pid: 43, api }))), []);
    assert_eq!(bed.machine.phase, Phase::Leaving);
    assert!(!bed.machine.conditions.holds(Kind::Ready));
}

/// Its leave is seen to the end.
pub(super) fn leaves_well(bed: &mut Bed) {
    bed.shows(in_catalog(&[SERVICE]));
    assert_eq!(bed.tick(), [Action::Ask(Question::Agent)]);
    bed.says(Membership::Left);
    bed.shows(absent(20));
    bed.on(end(How::Exited(0)));
    assert_eq!(bed.exit(), &Exit::ok());
}

#[test]
fn an_agent_that_crashes_in_its_leave_is_started_once_more_to_leave() {
    for how in [How::Signaled(11), How::Exited(1), How::Exited(0)] {
        let mut bed = Bed::new(config()).ready().leaving();
        bed.shows(in_catalog(&[SERVICE]));
        assert_eq!(bed.on(end(how)), [Action::Spawn]);
        finishing(&mut bed);
        leaves_well(&mut bed);
    }
}

/// The entry that the first agent's leave took away was not the second one's, which has joined since.
#[test]
fn an_absence_that_was_there_before_confirms_nothing() {
    let mut bed = Bed::new(config()).ready().begun();
    bed.shows(in_catalog(&[SERVICE]));
    assert_eq!(bed.on(end(How::Signaled(11))), [Action::Spawn]);
    finishing(&mut bed);
    bed.shows(absent(12));
    bed.on(end(How::Signaled(11)));
    assert_eq!(bed.exit().code, exit::UNCONFIRMED);
}

/// The agent was started once more, knows a leader, and others had a second to hear that it is back.
fn back() -> Bed {
    let mut bed = Bed::new(config()).ready().leaving();
    bed.on(end(How::Signaled(11)));
    started_again(&mut bed);
    assert_eq!(bed.tick(), [Action::Ask(Question::Agent)]);
    assert_eq!(bed.on(Event::Notified), []);
    assert_eq!(bed.says(Membership::Alive), []);
    assert_eq!(bed.tick(), [ask_catalog(None)]);
    bed
}

/// Its first join goes on, since one of the addresses is dead.
#[test]
fn one_that_knows_a_leader_is_not_waited_for_until_it_says_that_it_has_joined() {
    let mut bed = Bed::new(config()).ready().leaving();
    bed.on(end(How::Signaled(11)));
    started_again(&mut bed);
    let since = bed.now;
    assert_eq!(bed.tick(), [Action::Ask(Question::Agent)]);
    assert_eq!(bed.says(Membership::Alive), []);
    assert_eq!(bed.tick(), [Action::Ask(Question::Leader)]);
    let leader = Answer::Leader(Ok(Some("10.0.0.1:8300".to_owned())));
    assert_eq!(bed.on(Event::Answered(leader)), []);
    bed.tick_until(&ask_catalog(None));
    assert_eq!((bed.now - since).as_secs(), 3);
    assert_eq!(bed.shows(in_catalog(&[SERVICE])), []);
    assert_eq!(bed.tick(), leave());
    bed.says(Membership::Alive);
    leaves_well(&mut bed);
}

/// An agent that has left before it has registered anew would leave a ghost, and its leave could not be seen.
#[test]
fn an_entry_that_is_gone_is_waited_for() {
    let mut bed = back();
    for _ in 0..9 {
        assert_eq!(bed.shows(absent(12)), []);
        assert_eq!(bed.tick(), [ask_catalog(None)]);
    }
    assert_eq!(bed.shows(in_catalog(&[])), []);
    assert_eq!(bed.tick(), leave());
    bed.says(Membership::Alive);
    leaves_well(&mut bed);
}

/// A ghost that lictor takes away tells nothing of the leave.
#[test]
fn an_entry_that_does_not_come_is_not_waited_for_for_long() {
    let mut bed = back();
    let begin = bed.now;
    while bed.tick() == [ask_catalog(None)] {
        assert_eq!(bed.shows(absent(12)), []);
    }
    assert_eq!(bed.done, leave());
    assert_eq!((bed.now - begin).as_secs(), 5);
    bed.says(Membership::Left);
    assert_eq!(bed.shows(absent(12)).len(), 1);
    assert!(bed.shows(in_catalog(&[])).contains(&deregister()));
    bed.on(Event::Answered(Answer::Deregister(Ok(()))));
    bed.shows(absent(14));
    bed.on(end(How::Exited(0)));
    assert_eq!(bed.exit().code, exit::UNCONFIRMED);
}

#[test]
fn whoever_may_not_look_has_a_second() {
    let denied = Refusal::Denied("403".to_owned());
    let answers = [Err(denied), Ok(another_s())];
    for answer in answers {
        let mut bed = back();
        assert_eq!(bed.on(Event::Answered(Answer::Catalog(answer))), []);
        assert_eq!(bed.tick(), leave());
    }
}

#[test]
fn a_leave_is_finished_once() {
    let mut bed = Bed::new(config()).ready().leaving();
    bed.on(end(How::Signaled(11)));
    finishing(&mut bed);
    bed.on(end(How::Signaled(11)));
    assert_eq!(bed.exit().code, exit::UNCONFIRMED);
}

/// Nobody else is known to have asked this one, so its 0 is no leave of anybody's.
#[test]
fn an_agent_that_ends_before_it_was_asked_to_finish_has_finished_nothing() {
    let mut bed = Bed::new(config()).ready().leaving();
    assert_eq!(bed.on(end(How::Signaled(11))), [Action::Spawn]);
    started_again(&mut bed);
    bed.on(end(How::Exited(0)));
    assert_eq!(bed.exit().code, exit::UNCONFIRMED);
}

#[test]
fn a_stop_during_back_off_starts_an_agent_that_leaves() {
    let mut bed = Bed::new(config()).ready();
    bed.on(end(How::Signaled(11)));
    assert_eq!(bed.machine.phase, Phase::Backoff);
    bed.on(Event::Signal(Signal::Terminate));
    finishing(&mut bed);
    leaves_well(&mut bed);
}

#[test]
fn nothing_is_finished_with_less_than_four_seconds_left() {
    for (after, expected) in [(20_990, true), (21_010, false)] {
        let bed = Bed::new(config()).ready();
        let since = bed.now;
        let mut bed = bed.leaving();
        bed.now = since + Duration::from_millis(after);
        bed.on(end(How::Signaled(11)));
        assert_eq!(bed.done == [Action::Spawn], expected, "{:?}", bed.done);
    }
}

#[test]
fn a_confirmed_leave_is_not_finished_however_the_agent_ends() {
    let mut bed = Bed::new(config()).ready().leaving();
    assert_eq!(bed.tick(), [Action::Ask(Question::Agent)]);
    bed.says(Membership::Leaving);
    bed.shows(absent(12));
    bed.on(end(How::Exited(1)));
    assert_eq!(bed.exit().code, 0);
}

/// With nothing seen, an agent that ends with 0 has nothing against it.
#[test]
fn a_leave_that_nobody_could_see_is_finished_only_if_the_agent_ended_badly() {
    let off = Config {
        api: false,
        ..config()
    };
    for (how, finished) in [(How::Exited(0), false), (How::Exited(1), true)] {
        let mut bed = Bed::new(off.clone()).started();
        bed.on(Event::Notified);
        bed.on(Event::Signal(Signal::Terminate));
        bed.on(end(how));
        assert_eq!(bed.done == [Action::Spawn], finished, "{:?}", bed.done);
    }
}

#[test]
fn an_agent_that_cannot_be_started_once_more_is_an_unconfirmed_leave() {
    let mut bed = Bed::new(config()).ready().leaving();
    assert_eq!(bed.on(end(How::Signaled(11))), [Action::Spawn]);
    let failed = Exit::new(exit::NOT_EXECUTABLE, "it is being replaced");
    bed.on(Event::Spawned(Err(failed)));
    assert_eq!(bed.exit().code, exit::UNCONFIRMED);
}

/// What the first agent said of itself, and what was seen of it, is not the second one's.
#[test]
fn the_previous_run_s_answers_are_forgotten() {
    let mut bed = Bed::new(config()).ready().leaving();
    bed.shows(in_catalog(&[SERVICE]));
    assert_eq!(bed.tick(), [Action::Ask(Question::Agent)]);
    bed.says(Membership::Left);
    let ended = bed.machine.handle(bed.now, end(How::Signaled(11)));
    assert!(ended.contains(&Action::Forget) && ended.contains(&Action::Spawn));
    started_again(&mut bed);
    // It is looked at, waited for and asked as if nothing had been before.
    assert_eq!(bed.tick(), [Action::Ask(Question::Agent)]);
    assert_eq!(bed.says(Membership::Alive), []);
    bed.on(end(How::Exited(1)));
    assert_eq!(bed.exit().code, exit::UNCONFIRMED);
}

#[test]
fn an_agent_that_hangs_is_replaced_by_one_that_leaves() {
    let bed = Bed::new(config()).ready();
    let begin = bed.now;
    let mut bed = bed.leaving();
    bed.shows(in_catalog(&[SERVICE]));
    bed.tick_until(&Action::Signal(9));
    assert_eq!((bed.now - begin).as_secs(), 19);
    assert_eq!(bed.on(end(How::Signaled(9))), [Action::Spawn]);
    finishing(&mut bed);
    leaves_well(&mut bed);
}

#[test]
fn an_agent_that_leaves_is_not_replaced_and_neither_is_one_that_finishes() {
    let bed = Bed::new(config()).ready();
    let begin = bed.now;
    let mut bed = bed.leaving();
    assert_eq!(bed.tick(), [Action::Ask(Question::Agent)]);
    bed.says(Membership::Leaving);
    bed.tick_until(&Action::Signal(9));
    assert_eq!((bed.now - begin).as_secs(), 24);
    let bed = Bed::new(config()).ready();
    let begin = bed.now;
    let mut bed = bed.leaving();
    bed.on(end(How::Signaled(11)));
    finishing(&mut bed);
    bed.tick_until(&Action::Signal(9));
    assert_eq!((bed.now - begin).as_secs(), 24);
}

/// Its leave takes 5 s and looks like a hang to somebody who cannot ask.
#[test]
fn an_agent_that_cannot_be_asked_is_not_replaced() {
    let ten = Config {
        stop_timeout: Duration::from_secs(10),
        api: false,
        ..config()
    };
    let mut bed = Bed::new(ten).started();
    bed.on(Event::Notified);
    bed.on(Event::Signal(Signal::Terminate));
    let begin = bed.now;
    bed.tick_until(&Action::Signal(9));
    assert_eq!((bed.now - begin).as_secs(), 9);
    let mut bed = Bed::new(config()).ready();
    bed.on(Event::Signal(Signal::Terminate));
    let begin = bed.now;
    let denied = || {
        let refusal = Refusal::Denied("403".to_owned());
        Event::Answered(Answer::Agent(Err(refusal)))
    };
    assert!(bed.on(denied()).contains(&Action::Signal(15)));
    assert_eq!(bed.tick(), [Action::Ask(Question::Agent)]);
    bed.on(denied());
    bed.tick_until(&Action::Signal(9));
    assert_eq!((bed.now - begin).as_secs(), 24);
}

/// Killed as a member it would be one that has failed.
#[test]
fn without_a_leader_at_least_the_members_are_told() {
    let mut bed = Bed::new(config()).ready().leaving();
    let until = bed.now + Duration::from_secs(25);
    bed.on(end(How::Signaled(9)));
    assert_eq!(bed.done, [Action::Spawn]);
    started_again(&mut bed);
    let asked = loop {
        match bed.tick() {
            [Action::Ask(Question::Agent)] => assert_eq!(bed.says(Membership::Alive), []),
            [Action::Ask(Question::Leader)] => {
                let none = Event::Answered(Answer::Leader(Ok(None)));
                assert_eq!(bed.on(none), []);
            }
            asked => break asked.to_vec(),
        }
    };
    assert_eq!(asked[0], Action::Ask(Question::Leave));
    let left = until - bed.now;
    assert!(
        (Duration::from_secs(2)..Duration::from_secs(3)).contains(&left),
        "{left:?}"
    );
}
