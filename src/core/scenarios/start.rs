//! The way to readiness, and how it is kept.

use super::*;

#[test]
fn no_address_is_fatal_only_where_one_is_needed() {
    let none = || Event::Addressed(Err(Exit::new(exit::ADDRESS, "none")));
    let mut bed = Bed::new(config());
    bed.on(Event::Begin);
    bed.on(none());
    assert_eq!(bed.exit().code, exit::ADDRESS);
    let mut bed = Bed::new(Config {
        needs_address: false,
        ..config()
    });
    bed.on(Event::Begin);
    assert_eq!(bed.on(none()), [Action::Stage]);
}

#[test]
fn an_agent_that_is_not_ready_in_time_is_ended() {
    let start_timeout = Some(Duration::from_secs(3));
    let mut bed = Bed::new(Config {
        start_timeout,
        ..config()
    })
    .joining();
    loop {
        let no_servers = Refusal::Failed("No known Consul servers".to_owned());
        let actions = bed
            .on(Event::Answered(Answer::Leader(Err(no_servers))))
            .to_vec();
        assert_eq!(actions, []);
        match bed.tick() {
            [Action::Ask(Question::Leader)] => {}
            other => {
                assert_eq!(other, [Action::Signal(9)]);
                break;
            }
        }
    }
    bed.on(end(How::Signaled(9)));
    assert_eq!(bed.exit().code, exit::NOT_READY);
    assert!(
        bed.exit().reason.contains("No known Consul servers"),
        "{}",
        bed.exit().reason
    );
}

#[test]
fn a_registration_that_never_shows_does_not_hold_up_readiness_for_ever() {
    let mut bed = Bed::new(config()).joining();
    let leader = Answer::Leader(Ok(Some("10.0.0.1:8300".to_owned())));
    bed.on(Event::Answered(leader));
    bed.on(Event::Answered(Answer::Catalog(Ok(in_catalog(&[])))));
    assert_eq!(
        bed.tick(),
        [ask_catalog(Some((9, Duration::from_secs(30))))]
    );
    assert_eq!(bed.tick(), [Action::Trim]);
    assert_eq!(bed.machine.phase, Phase::Ready);
    assert!(!bed.machine.conditions.holds(Kind::Registered));
}

#[test]
fn a_ready_agent_is_looked_at_once_a_minute_and_may_lose_its_readiness() {
    let mut bed = Bed::new(config()).ready();
    let begin = bed.now;
    // The good run's timer is due at 60 s at the latest; the read comes before it, less its jitter.
    assert_eq!(bed.tick(), [ask_catalog(None)]);
    let pause = bed.now - begin;
    assert!(
        (Duration::from_secs(48)..=Duration::from_secs(60)).contains(&pause),
        "{pause:?}"
    );
    let failed = || Refusal::Failed("No cluster leader".to_owned());
    assert_eq!(bed.on(Event::Answered(Answer::Catalog(Err(failed())))), []);
    // One read that fails says little; whether there is a leader says it all.
    assert!(bed.machine.conditions.holds(Kind::Ready));
    assert_eq!(bed.tick(), [Action::Ask(Question::Leader)]);
    assert_eq!(bed.on(Event::Answered(Answer::Leader(Err(failed())))), []);
    assert!(!bed.machine.conditions.holds(Kind::Ready));
    assert_eq!(bed.machine.phase, Phase::Joining);
    assert_eq!(bed.tick(), [Action::Ask(Question::Leader)]);
    let leader = Answer::Leader(Ok(Some("10.0.0.1:8300".to_owned())));
    assert_eq!(bed.on(Event::Answered(leader)), [ask_catalog(None)]);
    bed.on(Event::Answered(Answer::Catalog(Ok(in_catalog(&[SERVICE])))));
    assert!(bed.machine.conditions.holds(Kind::Ready));
}

#[test]
fn without_an_api_the_notification_and_signals_have_to_do() {
    let mut bed = Bed::new(Config {
        api: false,
        ..config()
    })
    .started();
    assert_eq!(bed.on(Event::Signal(Signal::Hangup)), []);
    assert_eq!(bed.on(Event::Notified), [Action::Trim, Action::Restage]);
    assert_eq!(bed.restaged(), [Action::Signal(1)]);
    assert_eq!(bed.tick(), [Action::Settle]);
    assert_eq!(bed.machine.phase, Phase::Ready);
    assert_eq!(
        bed.on(Event::Signal(Signal::Terminate)),
        [Action::Signal(SIGCONT), Action::Signal(15)]
    );
    bed.on(end(How::Exited(0)));
    assert_eq!(bed.exit().code, exit::UNCONFIRMED);
}

#[test]
fn other_signals_are_passed_on_to_a_living_agent() {
    let mut bed = Bed::new(config()).started();
    assert_eq!(
        bed.on(Event::Signal(Signal::Other(10))),
        [Action::Signal(10)]
    );
    assert_eq!(
        bed.on(Event::Signal(Signal::Other(34))),
        [Action::Signal(34)]
    );
}

#[test]
fn another_node_under_our_name_is_seen() {
    let mut bed = Bed::new(config()).joining();
    let leader = Answer::Leader(Ok(Some("10.0.0.1:8300".to_owned())));
    bed.on(Event::Answered(leader));
    let other = CatalogNode {
        id: "id-2".to_owned(),
        ..in_catalog(&[])
    };
    bed.on(Event::Answered(Answer::Catalog(Ok(other))));
    assert!(!bed.machine.conditions.holds(Kind::IdentityHeld));
}

/// A namespace that the agent does not know, a limit of connections: the servers are fine, the question is not.
#[test]
fn a_catalog_that_cannot_be_read_is_asked_ever_more_seldom_and_holds_nothing_up() {
    let mut bed = Bed::new(config()).joining();
    let leader = || Event::Answered(Answer::Leader(Ok(Some("10.0.0.1:8300".to_owned()))));
    let failed = || Event::Answered(Answer::Catalog(Err(Refusal::Failed("400".to_owned()))));
    assert_eq!(bed.on(leader()), [ask_catalog(None)]);
    let begin = bed.now;
    let mut rounds = 0;
    while bed.now - begin < Duration::from_secs(60) {
        assert!(!bed.on(failed()).contains(&ask_catalog(None)));
        while bed.tick() != [Action::Ask(Question::Leader)] {}
        assert!(bed.on(leader()).contains(&ask_catalog(None)));
        rounds += 1;
    }
    assert!(rounds < 60, "{rounds} rounds in a minute");
    assert!(bed.machine.conditions.holds(Kind::Ready));
    assert!(!bed.machine.conditions.holds(Kind::Registered));
}

/// An agent cannot look a token up before it has joined, and denies everything until then.
#[test]
fn what_was_denied_before_the_join_is_asked_again_after_it() {
    let mut bed = Bed::new(config()).started();
    bed.tick();
    let denied = Refusal::Denied("403".to_owned());
    assert_eq!(
        bed.on(Event::Answered(Answer::Agent(Err(denied)))),
        [Action::Ask(Question::Leader)]
    );
    let leader = Answer::Leader(Ok(Some("10.0.0.1:8300".to_owned())));
    assert_eq!(
        bed.on(Event::Answered(leader)),
        [Action::Ask(Question::Agent)]
    );
    assert_eq!(
        bed.on(Event::Answered(Answer::Agent(Ok(Box::new(facts()))))),
        [ask_catalog(None)]
    );
    bed.on(Event::Answered(Answer::Catalog(Ok(in_catalog(&[SERVICE])))));
    assert!(bed.machine.conditions.holds(Kind::IdentityHeld));
}

/// An agent of 1.8 denies everything for some hundredths of a second after its join as well; and tokens change.
#[test]
fn an_agent_that_does_not_tell_who_it_is_is_asked_again_ever_more_seldom() {
    let denied = || Event::Answered(Answer::Agent(Err(Refusal::Denied("403".to_owned()))));
    let shown = || Event::Answered(Answer::Catalog(Ok(in_catalog(&[SERVICE]))));
    let mut bed = Bed::new(config()).started();
    bed.tick();
    bed.on(denied());
    let leader = Answer::Leader(Ok(Some("10.0.0.1:8300".to_owned())));
    bed.on(Event::Answered(leader));
    assert_eq!(bed.on(denied()), [ask_catalog(None)]);
    bed.on(shown());
    assert!(bed.machine.conditions.holds(Kind::Ready));
    assert!(!bed.machine.conditions.holds(Kind::IdentityHeld));
    let begin = bed.now;
    let mut rounds = 0;
    while bed.now - begin < Duration::from_secs(600) {
        if bed.tick() == [Action::Ask(Question::Agent)] {
            assert_eq!(bed.on(denied()), [ask_catalog(None)]);
            rounds += 1;
        }
        bed.on(shown());
    }
    assert!((10..20).contains(&rounds), "{rounds} rounds in ten minutes");
    while bed.tick() != [Action::Ask(Question::Agent)] {
        bed.on(shown());
    }
    bed.on(Event::Answered(Answer::Agent(Ok(Box::new(facts())))));
    bed.on(shown());
    assert!(bed.machine.conditions.holds(Kind::IdentityHeld));
}

#[test]
fn a_catalog_that_was_denied_is_tried_again_now_and_then() {
    let mut bed = Bed::new(config()).joining();
    let leader = || Event::Answered(Answer::Leader(Ok(Some("10.0.0.1:8300".to_owned()))));
    let denied = || Event::Answered(Answer::Catalog(Err(Refusal::Denied("403".to_owned()))));
    bed.on(leader());
    bed.on(denied());
    assert!(bed.machine.conditions.holds(Kind::Ready));
    assert_eq!(bed.tick(), [Action::Ask(Question::Leader)]);
    assert_eq!(bed.on(leader()), []);
    while bed.tick() != [ask_catalog(None)] {}
    bed.on(Event::Answered(Answer::Catalog(Ok(in_catalog(&[SERVICE])))));
    assert!(bed.machine.conditions.holds(Kind::Registered));
}
