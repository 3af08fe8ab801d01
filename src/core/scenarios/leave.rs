//! Stops: leaves, stays, and what may get in their way.

use super::*;

#[test]
fn a_life_from_start_to_a_confirmed_leave() {
    let mut bed = Bed::new(config()).ready();
    assert_eq!(
        bed.on(Event::Signal(Signal::Terminate)),
        [Action::Signal(15), ask_catalog(None)]
    );
    assert_eq!(bed.machine.phase, Phase::Leaving);
    assert!(!bed.machine.conditions.holds(Kind::Ready));
    let wait = Duration::from_millis(150);
    assert_eq!(
        bed.on(Event::Answered(Answer::Catalog(Ok(in_catalog(&[SERVICE]))))),
        [ask_catalog(Some((9, wait)))]
    );
    assert_eq!(
        bed.on(Event::Answered(Answer::Catalog(Ok(absent(12))))),
        [ask_catalog(Some((12, wait)))]
    );
    bed.on(end(How::Exited(0)));
    assert_eq!(bed.exit(), &Exit::ok());
}

#[test]
fn whatever_arrives_during_a_leave_there_is_one() {
    let mut bed = Bed::new(config()).ready();
    bed.on(Event::Signal(Signal::Terminate));
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
    let mut bed = Bed::new(config()).ready();
    bed.on(Event::Signal(Signal::Interrupt));
    bed.on(Event::Answered(Answer::Catalog(Ok(in_catalog(&[SERVICE])))));
    bed.on(end(How::Exited(0)));
    assert_eq!(bed.exit().code, exit::UNCONFIRMED);
}

#[test]
fn a_node_that_comes_back_during_its_leave_is_taken_away_again() {
    let deregister = Action::Ask(Question::Deregister {
        node: "n1".to_owned(),
    });
    for seen_to_go_again in [true, false] {
        let mut bed = Bed::new(config()).ready();
        bed.on(Event::Signal(Signal::Terminate));
        bed.on(Event::Answered(Answer::Catalog(Ok(absent(12)))));
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
    let mut bed = Bed::new(config()).ready();
    bed.on(Event::Signal(Signal::Terminate));
    bed.on(Event::Answered(Answer::Catalog(Ok(absent(12)))));
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
    let mut bed = Bed::new(config()).ready();
    bed.on(Event::Signal(Signal::Terminate));
    bed.on(Event::Answered(Answer::Catalog(Ok(absent(12)))));
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
    let mut bed = Bed::new(config()).ready();
    bed.on(Event::Signal(Signal::Terminate));
    bed.on(Event::Answered(Answer::Catalog(Ok(absent(12)))));
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
fn a_stop_before_the_agent_can_take_it_waits_for_the_api_and_asks_there() {
    let mut bed = Bed::new(config()).started();
    // No signal: it would end the agent without a leave, or be swallowed.
    assert_eq!(bed.on(Event::Signal(Signal::Terminate)), []);
    assert_eq!(bed.tick(), [Action::Ask(Question::Agent)]);
    assert_eq!(
        bed.on(Event::Answered(Answer::Agent(Ok(Box::new(facts()))))),
        [Action::Ask(Question::Leave), ask_catalog(None)]
    );
    bed.on(Event::Answered(Answer::Catalog(Ok(in_catalog(&[])))));
    bed.on(Event::Answered(Answer::Catalog(Ok(absent(12)))));
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
    let mut bed = Bed::new(config()).joining();
    let asked = bed.on(Event::Signal(Signal::Terminate));
    assert_eq!(asked, [Action::Ask(Question::Leave), ask_catalog(None)]);
    let denied = Refusal::Denied("no token".to_owned());
    assert_eq!(
        bed.on(Event::Answered(Answer::Leave(Err(denied)))),
        [Action::Signal(15)]
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
        bed.machine.facts.leaves_on_terminate = Some(terminate);
        bed.machine.facts.leaves_on_interrupt = Some(interrupt);
        assert_eq!(bed.on(Event::Signal(Signal::Terminate))[0], expected);
    }
}

#[test]
fn the_budget_of_a_stop_ends_in_a_kill() {
    let mut bed = Bed::new(config()).ready();
    bed.on(Event::Signal(Signal::Terminate));
    bed.on(Event::Answered(Answer::Catalog(Ok(absent(12)))));
    let begin = bed.now;
    assert_eq!(bed.tick(), [Action::Signal(9)]);
    assert!(bed.now - begin <= Duration::from_secs(25));
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
fn a_leave_that_could_not_be_put_is_asked_for_by_signal() {
    let mut bed = Bed::new(config()).joining();
    let leave = [Action::Ask(Question::Leave), ask_catalog(None)];
    assert_eq!(bed.on(Event::Signal(Signal::Terminate)), leave);
    let refused = Refusal::Unreachable("refused".to_owned());
    assert_eq!(
        bed.on(Event::Answered(Answer::Leave(Err(refused)))),
        [Action::Signal(15)]
    );
    // One whose answer was lost may have begun.
    let mut bed = Bed::new(config()).joining();
    bed.on(Event::Signal(Signal::Terminate));
    let lost = Refusal::Lost("reset".to_owned());
    assert_eq!(bed.on(Event::Answered(Answer::Leave(Err(lost)))), []);
}

#[test]
fn no_signal_is_passed_on_during_a_stop() {
    let mut bed = Bed::new(config()).ready();
    bed.on(Event::Signal(Signal::Terminate));
    for number in [10, 18, 20, 34] {
        assert_eq!(bed.on(Event::Signal(Signal::Other(number))), []);
    }
}

#[test]
fn without_an_api_a_young_agent_is_asked_once_it_has_its_handlers() {
    let off = || Config {
        api: false,
        ..config()
    };
    let mut bed = Bed::new(off()).started();
    assert_eq!(bed.on(Event::Signal(Signal::Terminate)), []);
    assert_eq!(bed.on(Event::Notified), [Action::Signal(15)]);
    assert_eq!(bed.on(Event::Notified), []);
    // Without servers it never says so.
    let mut bed = Bed::new(off()).started();
    bed.on(Event::Signal(Signal::Terminate));
    assert_eq!(bed.tick(), [Action::Signal(15)]);
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
    assert_eq!(asked, [Action::Signal(15)]);
    bed.on(end(How::Exited(0)));
    assert_eq!(bed.exit().code, exit::UNCONFIRMED);
}

/// What was to be asked of an agent that did not answer yet is not asked of the catalog beside the watch.
#[test]
fn a_leave_is_watched_once() {
    let timed_out = || Refusal::TimedOut("5 s".to_owned());
    let in_vain = || Event::Answered(Answer::Agent(Err(timed_out())));
    for answered_before_the_leave in [true, false] {
        let mut bed = Bed::new(config()).started();
        bed.on(Event::Signal(Signal::Terminate));
        assert_eq!(bed.tick(), [Action::Ask(Question::Agent)]);
        let begin = bed.now;
        bed.now += Duration::from_millis(4990);
        if answered_before_the_leave {
            assert_eq!(bed.on(in_vain()), []);
            bed.now = begin + Duration::from_secs(5);
        }
        let leave = [Action::Ask(Question::Leave), ask_catalog(None)];
        let asked = bed.tick().to_vec();
        assert!(asked.ends_with(&leave), "{asked:?}");
        if !answered_before_the_leave {
            assert_eq!(bed.on(in_vain()), []);
        }
        // The only thing left to wait for is the end of the budget.
        assert_eq!(bed.tick(), [Action::Signal(9)]);
    }
}

#[test]
fn a_leave_asked_for_before_the_api_was_up_is_watched_once_it_is() {
    let unreachable = || Refusal::Unreachable("refused".to_owned());
    let unseen = || Event::Answered(Answer::Catalog(Err(unreachable())));
    let mut bed = Bed::new(config()).started();
    bed.on(Event::Signal(Signal::Terminate));
    assert_eq!(bed.tick(), [Action::Ask(Question::Agent)]);
    bed.tick();
    assert_eq!(bed.on(unseen()), []);
    assert_eq!(bed.tick(), [ask_catalog(None)]);
    // One that had answered is closing down.
    let mut bed = Bed::new(config()).joining();
    bed.on(Event::Signal(Signal::Terminate));
    assert_eq!(bed.on(unseen()), []);
    assert_eq!(bed.tick(), [Action::Signal(9)]);
}
