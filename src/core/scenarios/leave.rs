//! Stops: leaves, stays, and what may get in their way.

use super::broken_leave::says_for;
use super::*;

#[test]
fn a_life_from_start_to_a_confirmed_leave() {
    let mut bed = Bed::new(config()).ready();
    assert_eq!(bed.on(Event::Signal(Signal::Terminate)), LOOK);
    assert_eq!(bed.machine.phase, Phase::Leaving);
    assert!(!bed.machine.conditions.holds(Kind::Ready));
    assert_eq!(
        bed.says(Membership::Alive),
        [Action::Signal(15), ask_catalog(None)]
    );
    assert_eq!(bed.tick(), [Action::Ask(Question::Agent)]);
    let wait = Duration::from_millis(150);
    assert_eq!(
        bed.shows(in_catalog(&[SERVICE])),
        [ask_catalog(Some((9, wait)))]
    );
    assert_eq!(bed.says(Membership::Leaving), []);
    assert_eq!(bed.tick(), [Action::Ask(Question::Agent)]);
    assert_eq!(bed.says(Membership::Left), []);
    assert_eq!(bed.shows(absent(12)), [ask_catalog(Some((12, wait)))]);
    bed.on(end(How::Exited(0)));
    assert_eq!(bed.exit(), &Exit::ok());
}

#[test]
fn whatever_arrives_during_a_leave_there_is_one() {
    let mut bed = Bed::new(config()).ready().leaving();
    for signal in [
        Signal::Terminate,
        Signal::Interrupt,
        Signal::Quit,
        Signal::Hangup,
    ] {
        assert_eq!(bed.on(Event::Signal(signal)), []);
    }
    let told = bed.on(Event::ReloadAsked(Waiter(1)));
    assert!(
        matches!(told, [Action::Reply(Waiter(1), ReloadOutcome::Failed(_))]),
        "{told:?}"
    );
    assert_eq!(bed.on(Event::Notified), []);
}

#[test]
fn a_stop_over_the_control_socket_is_a_leave_or_none_or_what_sigterm_does() {
    let by = "lictor stop";
    for (on_stop, mode, phase) in [
        (OnStop::Leave, None, Phase::Leaving),
        (OnStop::Stay, None, Phase::Stopping),
        (OnStop::Stay, Some(OnStop::Leave), Phase::Leaving),
        (OnStop::Leave, Some(OnStop::Stay), Phase::Stopping),
    ] {
        let on_stop = Some(on_stop);
        let mut bed = Bed::new(Config {
            on_stop,
            ..config()
        })
        .ready();
        bed.on(Event::StopAsked { by, mode });
        assert_eq!(bed.machine.phase, phase);
        for mode in [None, Some(OnStop::Leave), Some(OnStop::Stay)] {
            assert_eq!(bed.on(Event::StopAsked { by, mode }), []);
        }
        assert_eq!(bed.on(Event::Signal(Signal::Terminate)), []);
        assert_eq!(bed.machine.phase, phase);
    }
}

#[test]
fn an_unseen_leave_is_not_a_confirmed_one() {
    let mut bed = Bed::new(short()).ready().leaving();
    bed.shows(in_catalog(&[SERVICE]));
    bed.on(end(How::Exited(0)));
    assert_eq!(bed.exit().code, exit::UNCONFIRMED);
}

#[test]
fn a_node_that_comes_back_during_its_leave_is_taken_away_again() {
    let deregister = Action::Ask(Question::Deregister {
        node: "n1".to_owned(),
    });
    for seen_to_go_again in [true, false] {
        let mut bed = Bed::new(short()).ready().begun();
        bed.shows(absent(12));
        let back = Answer::Catalog(Ok(in_catalog(&[])));
        assert_eq!(bed.on(Event::Answered(back))[0], deregister);
        assert_eq!(bed.on(Event::Answered(Answer::Deregister(Ok(())))), []);
        if seen_to_go_again {
            bed.on(Event::Answered(Answer::Catalog(Ok(absent(14)))));
        }
        bed.on(end(How::Exited(0)));
        let expected = if seen_to_go_again {
            0
        } else {
            exit::UNCONFIRMED
        };
        assert_eq!(bed.exit().code, expected);
    }
}

/// Seen on 1.22.5: the node was synchronised, taken away, and came back with the service, synchronised right after it.
#[test]
fn a_node_that_comes_back_twice_is_taken_away_twice() {
    let deregister = Action::Ask(Question::Deregister {
        node: "n1".to_owned(),
    });
    let back = |services: &[&str]| Event::Answered(Answer::Catalog(Ok(in_catalog(services))));
    let mut bed = Bed::new(config()).ready().begun();
    bed.shows(absent(12));
    assert!(bed.on(back(&[])).contains(&deregister));
    // One at a time.
    assert!(!bed.on(back(&[])).contains(&deregister));
    bed.on(Event::Answered(Answer::Deregister(Ok(()))));
    assert!(bed.on(back(&[SERVICE])).contains(&deregister));
    bed.on(Event::Answered(Answer::Catalog(Ok(absent(14)))));
    bed.on(Event::Answered(Answer::Deregister(Ok(()))));
    bed.on(end(How::Exited(0)));
    assert_eq!(bed.exit().code, 0);
}

#[test]
fn what_may_not_be_taken_away_is_not_tried_again() {
    let back = || Event::Answered(Answer::Catalog(Ok(in_catalog(&[]))));
    let mut bed = Bed::new(short()).ready().begun();
    bed.shows(absent(12));
    bed.on(back());
    let denied = Refusal::Denied("403".to_owned());
    bed.on(Event::Answered(Answer::Deregister(Err(denied))));
    let watch = [ask_catalog(Some((9, Duration::from_millis(150))))];
    assert_eq!(bed.on(back()), watch);
    bed.on(end(How::Exited(0)));
    assert_eq!(bed.exit().code, exit::UNCONFIRMED);
}

#[test]
fn a_node_of_somebody_else_is_never_taken_away() {
    let mut bed = Bed::new(config()).ready().leaving();
    bed.shows(absent(12));
    let other = CatalogNode {
        id: "id-2".to_owned(),
        ..in_catalog(&[])
    };
    let actions = bed.on(Event::Answered(Answer::Catalog(Ok(other))));
    assert!(
        actions
            .iter()
            .all(|action| !matches!(action, Action::Ask(Question::Deregister { .. }))),
        "{actions:?}"
    );
}

#[test]
fn the_agents_configuration_says_which_signal_is_a_leave() {
    for (terminate, interrupt, expected) in [
        (true, true, Action::Signal(15)),
        (false, true, Action::Signal(2)),
        (false, false, Action::Ask(Question::Leave)),
    ] {
        let mut bed = Bed::new(config()).ready();
        bed.on(Event::Signal(Signal::Terminate));
        let said = AgentFacts {
            leaves_on_terminate: Some(terminate),
            leaves_on_interrupt: Some(interrupt),
            membership: Membership::Alive,
            ..facts()
        };
        let asked = bed.on(Event::Answered(Answer::Agent(Ok(Box::new(said)))));
        assert_eq!(asked, [expected, ask_catalog(None)]);
    }
}

#[test]
fn the_budget_of_a_stop_ends_in_a_kill() {
    let mut bed = Bed::new(config()).ready().begun();
    bed.shows(absent(12));
    let begin = bed.now;
    bed.tick_until(&Action::Signal(9));
    let took = bed.now - begin;
    assert!(took <= Duration::from_secs(25) && took > Duration::from_secs(24));
    assert_eq!(bed.machine.phase, Phase::Stopping);
    // It had been seen to go: the kill lost nothing.
    bed.on(end(How::Signaled(9)));
    assert_eq!(bed.exit().code, 0);
}

#[test]
fn a_stay_ends_the_agent_without_a_leave() {
    for (signal, on_stop) in [
        (Signal::Quit, OnStop::Leave),
        (Signal::Terminate, OnStop::Stay),
    ] {
        let mut bed = Bed::new(Config {
            on_stop: Some(on_stop),
            ..config()
        })
        .ready();
        assert_eq!(bed.on(Event::Signal(signal)), [Action::Signal(9)]);
        bed.on(end(How::Signaled(9)));
        assert_eq!(bed.exit().code, 0);
    }
    let mut bed = Bed::new(config()).ready();
    bed.machine.facts.leaves_on_terminate = Some(false);
    assert_eq!(bed.on(Event::Signal(Signal::Quit)), [Action::Signal(15)]);
}

#[test]
fn a_stop_before_the_first_start_is_an_end() {
    let mut bed = Bed::new(config());
    bed.on(Event::Begin);
    bed.on(Event::Signal(Signal::Terminate));
    assert_eq!(bed.exit(), &Exit::ok());
    assert_eq!(bed.on(Event::Addressed(Ok(address()))), []);
}

#[test]
fn an_agent_that_says_it_is_a_server_stays() {
    let mut bed = Bed::new(Config {
        on_stop: None,
        ..config()
    })
    .started();
    bed.tick();
    let server = AgentFacts {
        server: Some(true),
        leaves_on_terminate: Some(false),
        ..facts()
    };
    bed.on(Event::Answered(Answer::Agent(Ok(Box::new(server)))));
    bed.joins();
    assert_eq!(
        bed.on(Event::Signal(Signal::Terminate)),
        [Action::Signal(15)]
    );
    bed.on(end(How::Exited(1)));
    assert_eq!(bed.exit().code, 0);
}

#[test]
fn no_signal_is_passed_on_during_a_stop() {
    let mut bed = Bed::new(config()).ready().leaving();
    for number in [10, 18, 20, 34] {
        assert_eq!(bed.on(Event::Signal(Signal::Other(number))), []);
    }
}

/// The PUT would reach nobody, and its answer would be waited for until the kill.
#[test]
fn without_an_api_or_a_signal_that_is_a_leave_the_agent_is_ended_at_once() {
    let mut bed = Bed::new(Config {
        api: false,
        leaves_on_terminate: Some(false),
        leaves_on_interrupt: Some(false),
        ..config()
    })
    .started();
    bed.on(Event::Notified);
    let asked = bed.on(Event::Signal(Signal::Terminate));
    assert_eq!(asked, [Action::Signal(SIGCONT), Action::Signal(15)]);
    bed.on(end(How::Exited(0)));
    assert_eq!(bed.exit().code, exit::UNCONFIRMED);
}

/// What was asked of an agent that did not answer is dropped, and not asked beside the watch.
#[test]
fn a_leave_is_watched_once() {
    let in_vain = || {
        let timed_out = Refusal::TimedOut("5 s".to_owned());
        Event::Answered(Answer::Agent(Err(timed_out)))
    };
    for answered_before_the_leave in [true, false] {
        let mut bed = Bed::new(config()).started();
        assert_eq!(bed.on(Event::Signal(Signal::Terminate)), LOOK);
        let begin = bed.now;
        if answered_before_the_leave {
            bed.now += Duration::from_millis(4990);
            assert_eq!(bed.on(in_vain()), []);
            bed.now = begin + Duration::from_secs(5);
        }
        let asked = bed.tick().to_vec();
        let leave = [
            Action::Ask(Question::Leave),
            ask_catalog(None),
            Action::Ask(Question::Agent),
        ];
        assert!(asked.ends_with(&leave), "{asked:?}");
        // While these are under way nothing else is asked.
        while bed.tick().is_empty() {}
        assert!(bed.now - begin > Duration::from_secs(18), "{:?}", bed.done);
    }
}

/// The servers took it away, and the agent's last synchronisation brought it back, both between two looks.
#[test]
fn an_entry_that_was_made_anew_has_been_gone() {
    for made_anew in [false, true] {
        let mut bed = Bed::new(config()).ready().leaving();
        says_for(&mut bed, Membership::Left, 1);
        bed.shows(in_catalog(&[SERVICE]));
        let again = CatalogNode {
            created: if made_anew { 12 } else { 5 },
            ..in_catalog(&[SERVICE])
        };
        let done = bed.shows(again).to_vec();
        assert_eq!(done.contains(&deregister()), made_anew, "{done:?}");
        if made_anew {
            bed.on(Event::Answered(Answer::Deregister(Ok(()))));
            bed.shows(absent(14));
            bed.on(end(How::Exited(0)));
            assert_eq!(bed.exit().code, 0);
        }
    }
}
