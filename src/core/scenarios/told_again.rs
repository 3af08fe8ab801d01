//! Leaves whose word did not reach the servers: it is told once more, by a force-leave of the agent's own name.

use super::finished_leave::finishing;
use super::*;

fn tell_again() -> Action {
    Action::Ask(Question::ForceLeave {
        node: "n1".to_owned(),
    })
}

/// The agent has left, and its entry is still there.
fn unheard(bed: &mut Bed) {
    bed.shows(in_catalog(&[SERVICE]));
    assert_eq!(bed.tick(), [Action::Ask(Question::Agent)]);
    bed.says(Membership::Left);
}

fn told(bed: &mut Bed, result: Result<(), Refusal>) {
    assert_eq!(bed.on(Event::Answered(Answer::ForceLeave(result))), []);
}

/// How long it takes until it is told once more.
fn waits(bed: &mut Bed) -> Duration {
    let since = bed.now;
    bed.tick_until(&tell_again());
    bed.now - since
}

fn is_told(bed: &mut Bed, within: Duration) -> bool {
    let until = bed.now + within;
    while bed.machine.deadline().is_some_and(|at| at <= until) {
        if bed.tick().contains(&tell_again()) {
            return true;
        }
    }
    false
}

#[test]
fn what_the_servers_have_not_heard_is_told_until_they_have() {
    let mut bed = Bed::new(short()).ready().leaving();
    unheard(&mut bed);
    for _ in 0..2 {
        assert_eq!(waits(&mut bed).as_millis() / 10, 70);
        told(&mut bed, Ok(()));
    }
    bed.shows(absent(12));
    assert!(!is_told(&mut bed, Duration::from_secs(1)));
    bed.on(end(How::Exited(0)));
    assert_eq!(bed.exit(), &Exit::ok());
}

#[test]
fn what_was_heard_is_not_told_once_more() {
    let mut bed = Bed::new(config()).ready().leaving();
    unheard(&mut bed);
    bed.shows(absent(12));
    assert!(!is_told(&mut bed, Duration::from_secs(10)));
}

#[test]
fn who_may_not_be_asked_to_tell_it_is_not_asked_again() {
    let mut bed = Bed::new(short()).ready().leaving();
    unheard(&mut bed);
    waits(&mut bed);
    told(&mut bed, Err(Refusal::Denied("403".to_owned())));
    assert!(!is_told(&mut bed, Duration::from_secs(2)));
}

/// Its entry is gone, and it would be known as failed for days.
#[test]
fn what_lictor_had_to_take_away_is_told_all_the_same() {
    let mut bed = Bed::new(config()).ready().leaving();
    unheard(&mut bed);
    bed.now += Duration::from_millis(2500);
    assert!(bed.shows(in_catalog(&[SERVICE])).contains(&deregister()));
    bed.on(Event::Answered(Answer::Deregister(Ok(()))));
    bed.shows(absent(12));
    assert!(is_told(&mut bed, Duration::from_secs(1)));
}

/// The servers have heard it; others, who have known it as failed, may not have.
#[test]
fn a_leave_that_is_finished_is_told_twice() {
    let mut bed = Bed::new(config()).ready().leaving();
    bed.on(end(How::Signaled(11)));
    finishing(&mut bed);
    unheard(&mut bed);
    bed.shows(absent(12));
    waits(&mut bed);
    told(&mut bed, Ok(()));
    assert!(!is_told(&mut bed, Duration::from_secs(2)));
    bed.on(end(How::Exited(0)));
    assert_eq!(bed.exit(), &Exit::ok());
}
