//! Leaves that others break, or would: what is seen of them, and what is made of it.

use super::finished_leave::{finishing, leaves_well};
use super::young_leave::asked_over_the_api;
use super::*;

/// Lets the agent say so until something comes of it, for so many questions.
pub(super) fn says_for(bed: &mut Bed, membership: Membership, times: u32) -> Vec<Action> {
    for _ in 0..times {
        if bed.tick().contains(&Action::Ask(Question::Agent)) {
            let done = bed.says(membership);
            if !done.is_empty() {
                return done.to_vec();
            }
        }
    }
    Vec::new()
}

#[test]
fn somebody_else_s_leave_is_seen_and_not_asked_for_again() {
    let mut bed = Bed::new(config()).ready();
    assert_eq!(bed.on(Event::Signal(Signal::Terminate)), LOOK);
    assert_eq!(bed.says(Membership::Leaving), [ask_catalog(None)]);
    bed.shows(in_catalog(&[SERVICE]));
    assert_eq!(says_for(&mut bed, Membership::Leaving, 30), []);
    assert_eq!(says_for(&mut bed, Membership::Left, 1), []);
    bed.shows(absent(12));
    bed.on(end(How::Exited(0)));
    assert_eq!(bed.exit().code, 0);
}

/// The servers cannot be reached, so that they cannot have been told.
#[test]
fn somebody_else_s_leave_of_which_the_catalog_shows_nothing_is_followed_by_one() {
    let mut bed = Bed::new(config()).ready();
    bed.on(Event::Signal(Signal::Terminate));
    assert_eq!(bed.says(Membership::Leaving), [ask_catalog(None)]);
    let failed = Refusal::Failed("500".to_owned());
    bed.on(Event::Answered(Answer::Catalog(Err(failed))));
    assert_eq!(says_for(&mut bed, Membership::Left, 1), []);
    assert_eq!(bed.on(end(How::Exited(0))), [Action::Spawn]);
}

/// As a first join does that ends within it.
#[test]
fn somebody_else_s_leave_that_came_to_nothing_is_followed_by_one() {
    let mut bed = Bed::new(config()).ready();
    bed.on(Event::Signal(Signal::Terminate));
    assert_eq!(bed.says(Membership::Leaving), [ask_catalog(None)]);
    assert_eq!(
        says_for(&mut bed, Membership::Alive, 1),
        [Action::Signal(15)]
    );
    assert_eq!(
        says_for(&mut bed, Membership::Alive, 20),
        [Action::Ask(Question::Leave)]
    );
}

/// As by `consul leave` in a hook. The log says so before it is so, and may say anything.
#[test]
fn a_leave_that_is_heard_of_is_a_stop_once_the_agent_says_so() {
    let ask = [Action::Ask(Question::Membership)];
    let said = |membership| Event::Answered(Answer::Membership(Ok(membership)));
    for drain in [0, 5] {
        let mut bed = Bed::new(Config {
            drain: Duration::from_secs(drain),
            ..config()
        })
        .ready();
        assert_eq!(bed.on(Event::LeaveHeard), ask);
        assert_eq!(bed.on(said(Membership::Alive)), []);
        assert_eq!(bed.tick(), ask);
        // The leave is under way: nobody can wait for load balancers any more.
        assert_eq!(bed.on(said(Membership::Leaving)), LOOK);
        assert_eq!(bed.machine.phase, Phase::Leaving);
        assert_eq!(bed.says(Membership::Leaving), [ask_catalog(None)]);
        bed.shows(in_catalog(&[SERVICE]));
        bed.shows(absent(12));
        bed.on(end(How::Exited(0)));
        assert_eq!(bed.exit().code, 0);
    }
    let mut bed = Bed::new(config()).ready();
    bed.on(Event::LeaveHeard);
    for _ in 0..4 {
        assert_eq!(bed.on(said(Membership::Alive)), []);
        assert_eq!(bed.tick(), ask);
    }
    assert_eq!(bed.on(said(Membership::Alive)), []);
    assert_eq!(bed.machine.phase, Phase::Ready);
}

#[test]
fn a_leave_that_is_heard_of_while_load_balancers_are_waited_for_ends_the_wait() {
    let mut bed = Bed::new(Config {
        drain: Duration::from_secs(5),
        ..config()
    })
    .ready();
    bed.on(Event::Signal(Signal::Terminate));
    let begin = bed.now;
    assert_eq!(bed.on(Event::LeaveHeard), []);
    assert_eq!(bed.on(Event::LeaveHeard), []);
    // The log says so before the agent does.
    assert_eq!(bed.tick(), [Action::Ask(Question::Agent)]);
    assert!(bed.now - begin < Duration::from_millis(60));
    assert_eq!(bed.says(Membership::Leaving), [ask_catalog(None)]);
    assert_eq!(bed.on(Event::LeaveHeard), []);
}

/// It would be broken by one that is asked for on suspicion, and nobody could say whether there is one.
#[test]
fn without_an_api_a_leave_that_is_heard_of_changes_nothing() {
    let mut bed = Bed::new(Config {
        drain: Duration::from_secs(5),
        api: false,
        ..config()
    })
    .started();
    bed.on(Event::Notified);
    assert_eq!(bed.on(Event::LeaveHeard), []);
    bed.on(Event::Signal(Signal::Terminate));
    let begin = bed.now;
    assert_eq!(bed.on(Event::LeaveHeard), []);
    assert_eq!(bed.tick(), [Action::Signal(15)]);
    assert_eq!((bed.now - begin).as_secs(), 5);
}

/// What the agent said just before it is no word of it.
#[test]
fn a_leave_that_is_heard_of_while_the_agent_is_looked_at_is_looked_at_anew() {
    let ask = [Action::Ask(Question::Agent)];
    let mut bed = Bed::new(config()).ready();
    assert_eq!(bed.on(Event::Signal(Signal::Terminate)), LOOK);
    let dropped = bed.machine.handle(bed.now, Event::LeaveHeard);
    assert_eq!(dropped, [Action::Forget]);
    assert_eq!(bed.tick(), ask);
    assert_eq!(bed.says(Membership::Leaving), [ask_catalog(None)]);
    // A young agent's join is waited for: that it is a member was said before.
    let mut bed = Bed::new(config()).joining();
    assert_eq!(bed.on(Event::Signal(Signal::Terminate)), LOOK);
    assert_eq!(bed.says(Membership::Alive), []);
    assert_eq!(bed.on(Event::LeaveHeard), []);
    assert_eq!(bed.on(Event::Notified), []);
    assert_eq!(bed.tick(), ask);
    assert_eq!(bed.says(Membership::Leaving), [ask_catalog(None)]);
}

/// A preStop hook's `consul leave`, which lictor sees nothing of but its end.
#[test]
fn a_leave_that_ended_before_lictor_asked_is_somebody_else_s() {
    for drain in [0, 2] {
        let mut bed = Bed::new(Config {
            drain: Duration::from_secs(drain),
            ..config()
        })
        .ready();
        bed.on(Event::Signal(Signal::Terminate));
        bed.on(end(How::Exited(0)));
        assert_eq!(bed.exit(), &Exit::ok());
    }
}

/// Two hands ask at once, and the agent ends with 0 all the same: nothing but its last words tells.
#[test]
fn two_leaves_that_broke_each_other_are_followed_by_one() {
    let broken = || {
        Event::Ended(End {
            how: How::Exited(0),
            last_words: String::new(),
            broke_its_leave: true,
        })
    };
    let mut bed = Bed::new(config()).ready();
    assert_eq!(bed.on(broken()), [Action::Spawn]);
    // The same in a stop, before lictor could ask.
    let mut bed = Bed::new(config()).ready();
    assert_eq!(bed.on(Event::Signal(Signal::Terminate)), LOOK);
    assert_eq!(bed.on(broken()), [Action::Spawn]);
    // Nobody knows one that never joined.
    let mut bed = Bed::new(config()).started();
    bed.on(broken());
    assert_eq!(bed.exit(), &Exit::ok());
}

#[test]
fn a_leave_that_has_not_begun_is_asked_for_in_the_other_way_once() {
    let mut bed = Bed::new(config()).ready().leaving();
    let asked = bed.now;
    let other = [Action::Ask(Question::Leave)];
    assert_eq!(says_for(&mut bed, Membership::Alive, 20), other);
    let waited = bed.now - asked;
    assert!(
        (Duration::from_millis(1500)..Duration::from_millis(1700)).contains(&waited),
        "{waited:?}"
    );
    assert_eq!(says_for(&mut bed, Membership::Alive, 40), []);
}

/// An answer that was put on its way before tells nothing, and one without a membership neither.
#[test]
fn only_a_late_word_tells_that_a_leave_has_not_begun() {
    let mut bed = Bed::new(config()).ready().leaving();
    assert_eq!(bed.tick(), [Action::Ask(Question::Agent)]);
    bed.now += Duration::from_secs(3);
    assert_eq!(bed.says(Membership::Alive), []);
    assert_eq!(says_for(&mut bed, Membership::Unknown, 40), []);
    let other = [Action::Ask(Question::Leave)];
    assert_eq!(says_for(&mut bed, Membership::Alive, 1), other);
}

#[test]
fn a_put_that_failed_is_judged_by_what_is_seen() {
    let failed = || {
        let refusal = Refusal::Failed("500".to_owned());
        Event::Answered(Answer::Leave(Err(refusal)))
    };
    let mut bed = asked_over_the_api();
    assert_eq!(bed.on(failed()), []);
    assert_eq!(says_for(&mut bed, Membership::Leaving, 30), []);
    // It did not work.
    let mut bed = asked_over_the_api();
    assert_eq!(bed.on(failed()), []);
    assert_eq!(
        says_for(&mut bed, Membership::Alive, 20),
        [Action::Signal(15)]
    );
}

#[test]
fn a_refused_leave_is_let_alone_where_another_has_begun() {
    for refusal in [Refusal::Denied, Refusal::Unreachable] {
        let mut bed = asked_over_the_api();
        assert_eq!(says_for(&mut bed, Membership::Leaving, 1), []);
        let refused = Answer::Leave(Err(refusal("so it is".to_owned())));
        assert_eq!(bed.on(Event::Answered(refused)), []);
    }
}

/// The same PUT would be refused once more.
#[test]
fn a_refused_leave_without_another_way_is_not_asked_for_at_once() {
    let mut bed = Bed::new(config()).ready();
    bed.on(Event::Signal(Signal::Terminate));
    let said = AgentFacts {
        leaves_on_terminate: Some(false),
        leaves_on_interrupt: Some(false),
        membership: Membership::Alive,
        ..facts()
    };
    bed.on(Event::Answered(Answer::Agent(Ok(Box::new(said)))));
    let denied = Refusal::Denied("403".to_owned());
    assert_eq!(bed.on(Event::Answered(Answer::Leave(Err(denied)))), []);
}

#[test]
fn the_drain_waits_and_leaves_the_leave_its_time() {
    for (drain, budget, expected) in [(2, 25, 2), (60, 25, 20), (60, 6, 3)] {
        let config = Config {
            drain: Duration::from_secs(drain),
            stop_timeout: Duration::from_secs(budget),
            ..config()
        };
        // Nobody sends anything to an agent that is not ready.
        let mut bed = Bed::new(config.clone()).joining();
        assert_eq!(bed.on(Event::Signal(Signal::Terminate)), LOOK);
        let mut bed = Bed::new(config).ready();
        let goes_on = [Action::Signal(SIGCONT)];
        assert_eq!(bed.on(Event::Signal(Signal::Terminate)), goes_on);
        assert!(!bed.machine.conditions.holds(Kind::Ready));
        let begin = bed.now;
        assert_eq!(bed.tick(), [Action::Ask(Question::Agent)]);
        let waited = (bed.now - begin).as_secs();
        assert_eq!(waited, expected);
    }
}

#[test]
fn an_agent_that_is_stopped_is_continued_in_a_stop_only() {
    let mut bed = Bed::new(config()).ready();
    assert_eq!(bed.on(Event::Stopped), []);
    let mut bed = bed.leaving();
    assert_eq!(bed.on(Event::Stopped), [Action::Signal(SIGCONT)]);
    assert_eq!(bed.on(Event::Stopped), [Action::Signal(SIGCONT)]);
}

/// The word of the leave may have reached nobody, so another agent has to say it.
#[test]
fn a_node_that_has_left_and_is_still_there_is_taken_away_while_the_api_answers() {
    let mut bed = Bed::new(config()).ready().leaving();
    bed.shows(in_catalog(&[SERVICE]));
    assert_eq!(says_for(&mut bed, Membership::Left, 1), []);
    bed.now += Duration::from_millis(2490);
    assert!(!bed.shows(in_catalog(&[SERVICE])).contains(&deregister()));
    bed.now += Duration::from_millis(10);
    assert!(bed.shows(in_catalog(&[SERVICE])).contains(&deregister()));
    bed.on(Event::Answered(Answer::Deregister(Ok(()))));
    bed.shows(absent(12));
    assert_eq!(bed.on(end(How::Exited(0))), [Action::Spawn]);
    finishing(&mut bed);
    leaves_well(&mut bed);
}

/// It was slow to go, and went by itself.
#[test]
fn a_node_that_could_not_be_taken_away_has_gone_by_itself() {
    let mut bed = Bed::new(short()).ready().leaving();
    bed.shows(in_catalog(&[SERVICE]));
    assert_eq!(says_for(&mut bed, Membership::Left, 1), []);
    bed.now += Duration::from_millis(2500);
    assert!(bed.shows(in_catalog(&[SERVICE])).contains(&deregister()));
    let denied = Refusal::Denied("403".to_owned());
    bed.on(Event::Answered(Answer::Deregister(Err(denied))));
    bed.shows(absent(12));
    bed.on(end(How::Exited(0)));
    assert_eq!(bed.exit().code, 0);
}

#[test]
fn with_two_seconds_the_last_step_takes_the_node_away() {
    let mut bed = Bed::new(Config {
        stop_timeout: Duration::from_secs(2),
        ..config()
    })
    .ready()
    .leaving();
    let begin = bed.now;
    bed.shows(in_catalog(&[SERVICE]));
    assert_eq!(says_for(&mut bed, Membership::Leaving, 1), []);
    bed.tick_until(&deregister());
    assert!(bed.now - begin < Duration::from_millis(1600));
    bed.on(Event::Answered(Answer::Deregister(Ok(()))));
    bed.shows(absent(12));
    bed.tick_until(&Action::Signal(9));
    assert!(bed.now - begin <= Duration::from_millis(1810));
    bed.on(end(How::Signaled(9)));
    assert_eq!(bed.exit().code, exit::UNCONFIRMED);
}

#[test]
fn somebody_else_s_entry_under_our_name_confirms_nothing_and_stays() {
    let mut bed = Bed::new(short()).ready().leaving();
    bed.shows(another_s());
    loop {
        let done = bed.tick();
        assert!(!done.contains(&deregister()), "{done:?}");
        if done.contains(&Action::Signal(9)) {
            break;
        }
    }
    bed.on(end(How::Signaled(9)));
    assert_eq!(bed.exit().code, exit::UNCONFIRMED);
}

#[test]
fn an_entry_that_somebody_takes_from_a_living_agent_is_no_leave() {
    for later in [Membership::Alive, Membership::Unknown] {
        let mut bed = Bed::new(short()).ready().leaving();
        assert_eq!(says_for(&mut bed, Membership::Alive, 1), []);
        bed.shows(absent(12));
        assert_eq!(says_for(&mut bed, later, 1), []);
        bed.on(end(How::Exited(0)));
        assert_eq!(bed.exit().code, exit::UNCONFIRMED);
    }
}

/// Its token may not see it there, however long it was.
#[test]
fn a_catalog_that_never_showed_a_ready_agent_confirms_nothing() {
    let mut bed = Bed::new(short()).joining();
    let leader = Answer::Leader(Ok(Some("10.0.0.1:8300".to_owned())));
    bed.on(Event::Answered(leader));
    let denied = Refusal::Denied("403".to_owned());
    bed.on(Event::Answered(Answer::Catalog(Err(denied))));
    assert!(bed.machine.conditions.holds(Kind::Ready));
    let mut bed = bed.leaving();
    assert_eq!(says_for(&mut bed, Membership::Left, 1), []);
    bed.shows(absent(12));
    bed.on(end(How::Exited(0)));
    assert_eq!(bed.exit().code, exit::UNCONFIRMED);
}

/// With so small a budget the patience ends after the kill.
#[test]
fn nothing_is_asked_for_after_the_kill() {
    let mut bed = Bed::new(Config {
        stop_timeout: Duration::from_millis(250),
        ..config()
    })
    .ready();
    assert_eq!(bed.on(Event::Signal(Signal::Terminate)), LOOK);
    bed.tick_until(&Action::Signal(9));
    assert_eq!(bed.says(Membership::Alive), []);
    assert_eq!(bed.machine.deadline(), None);
}
