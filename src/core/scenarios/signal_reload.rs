//! Reloads by SIGHUP, which have no answer: what is heard and seen of them.

use super::*;

const HANGUP: Action = Action::Signal(1);
const LOOK_AGAIN: Action = Action::Ask(Question::Services);

fn denied() -> Refusal {
    Refusal::Denied("403".to_owned())
}

fn heard() -> Event {
    Event::FailureHeard("no-ca.pem is not there".to_owned())
}

/// The agent was told by SIGHUP in place of what its API denied, and had these services before.
fn signaled(services: &[&str]) -> Bed {
    let mut bed = Bed::new(config()).ready();
    bed.on(Event::ReloadAsked(Waiter(1)));
    bed.lists(services);
    assert_eq!(bed.restaged(), [Action::Ask(Question::Reload)]);
    assert_eq!(bed.reloads(Err(denied())), [HANGUP]);
    bed
}

/// The agent gets to read what it read before, and is told so; nothing more is heard.
fn goes_back(bed: &mut Bed) -> Vec<Action> {
    assert_eq!(bed.done, [Action::Unstage]);
    assert_eq!(bed.on(Event::Unstaged(Ok(()))), [HANGUP]);
    bed.tick().to_vec()
}

fn told(done: &[Action]) -> &ReloadOutcome {
    let mut outcomes = done.iter().filter_map(|action| match action {
        Action::Reply(Waiter(1), outcome) => Some(outcome),
        _ => None,
    });
    outcomes.next().unwrap_or_else(|| panic!("{done:?}"))
}

fn rolled_back(done: &[Action]) -> &str {
    match told(done) {
        ReloadOutcome::RolledBack(why) => why,
        other => panic!("{other:?}"),
    }
}

fn told_signaled(done: &[Action]) -> &str {
    match told(done) {
        ReloadOutcome::Signaled(applied, unseen) => {
            assert_eq!(applied.files, CHANGED);
            unseen
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn services_that_can_be_read_are_looked_at_after_a_quiet_second() {
    let mut bed = signaled(&SERVICES);
    let sent = bed.now;
    assert_eq!(bed.machine.phase, Phase::Reloading);
    assert_eq!(bed.tick(), [LOOK_AGAIN]);
    assert!(bed.now >= sent + Duration::from_secs(1));
    assert_eq!(bed.lists(&SERVICES), [Action::Settle, reloaded(1, CHANGED)]);
    assert_eq!(bed.machine.phase, Phase::Ready);
    // It is known now, and not tried in vain again.
    assert_eq!(bed.on(Event::ReloadAsked(Waiter(1))), [LOOK_AGAIN]);
    assert_eq!(bed.lists(&SERVICES), [Action::Restage]);
    assert_eq!(bed.restaged(), [HANGUP]);
}

#[test]
fn a_failure_that_is_heard_is_rolled_back_at_once() {
    let mut bed = signaled(&SERVICES);
    bed.on(heard());
    assert_eq!(goes_back(&mut bed), [LOOK_AGAIN]);
    let told = bed.lists(&SERVICES).to_vec();
    assert_eq!(rolled_back(&told), "no-ca.pem is not there");
    let good = bed.machine.conditions.get(Kind::ConfigGood);
    assert_eq!(good.reason, "RolledBack");
}

#[test]
fn a_failure_that_is_heard_while_the_agent_is_asked_waits_for_the_answer() {
    let mut bed = signaled(&SERVICES);
    assert_eq!(bed.tick(), [LOOK_AGAIN]);
    assert_eq!(bed.on(heard()), []);
    bed.lists(&SERVICES);
    assert_eq!(goes_back(&mut bed), [LOOK_AGAIN]);
}

/// The agent says nothing, and loads on.
#[test]
fn services_that_are_missing_have_ten_seconds() {
    let mut bed = signaled(&SERVICES);
    let sent = bed.now;
    bed.tick();
    assert_eq!(bed.lists(&["web"]), []);
    assert_eq!(bed.tick(), [LOOK_AGAIN]);
    let mut comes = bed.again(config());
    comes.lists(&SERVICES);
    assert_eq!(comes.done, [Action::Settle, reloaded(1, CHANGED)]);

    while bed.lists(&["web"]).is_empty() {
        assert_eq!(bed.tick(), [LOOK_AGAIN]);
    }
    assert!(bed.now >= sent + Duration::from_secs(10), "{:?}", bed.now);
    assert_eq!(goes_back(&mut bed), [LOOK_AGAIN]);
    let told = bed.lists(&SERVICES).to_vec();
    assert_eq!(
        rolled_back(&told),
        "the agent has lost by-api, consul-10.0.0.5"
    );
}

#[test]
fn what_cannot_be_seen_is_said_and_what_is_heard_counts() {
    // Whoever may not see any gets an empty list.
    let mut bed = signaled(&[]);
    let mut failing = bed.again(config());
    let done = bed.tick().to_vec();
    assert_eq!(done[0], Action::Settle);
    assert!(told_signaled(&done).contains("shows none"), "{done:?}");
    assert!(bed.machine.conditions.holds(Kind::ConfigGood));

    failing.on(heard());
    let done = goes_back(&mut failing);
    let why = rolled_back(&done);
    assert!(
        why.starts_with("no-ca.pem is not there; ") && why.contains("shows none"),
        "{why}"
    );

    let mut bed = Bed::new(config()).ready();
    bed.on(Event::ReloadAsked(Waiter(1)));
    bed.on(Event::Answered(Answer::Services(Err(denied()))));
    bed.restaged();
    bed.reloads(Err(denied()));
    assert!(told_signaled(bed.tick()).contains("403"));

    let mut bed = signaled(&SERVICES);
    bed.tick();
    let late = Event::Answered(Answer::Services(Err(Refusal::TimedOut("5 s".to_owned()))));
    assert!(told_signaled(bed.on(late)).contains("5 s"));
}

#[test]
fn an_agent_without_an_api_is_listened_to() {
    let api = false;
    let mut bed = Bed::new(Config { api, ..config() }).started();
    bed.on(Event::Notified);
    assert_eq!(bed.on(Event::ReloadAsked(Waiter(1))), [Action::Restage]);
    assert_eq!(bed.restaged(), [HANGUP]);
    let mut failing = bed.again(Config { api, ..config() });
    assert!(told_signaled(bed.tick()).contains("its API is off"));
    failing.on(heard());
    let done = goes_back(&mut failing);
    assert!(rolled_back(&done).contains("no-ca.pem"));
}

#[test]
fn an_agent_that_takes_no_signals_yet_gets_its_own_once_it_does() {
    let mut bed = Bed::new(config()).joining();
    bed.on(Event::ReloadAsked(Waiter(1)));
    bed.asked_to_reload();
    assert_eq!(bed.reloads(Err(denied())), []);
    let mut ended = bed.again(config());
    let leader = Answer::Leader(Ok(Some("10.0.0.1:8300".to_owned())));
    bed.on(Event::Answered(leader));
    assert_eq!(bed.shows(in_catalog(&[SERVICE])), [Action::Trim, HANGUP]);
    assert_eq!(bed.tick(), [LOOK_AGAIN]);
    assert_eq!(bed.lists(&SERVICES), [Action::Settle, reloaded(1, CHANGED)]);
    // Nobody has tried what was to be read.
    assert_eq!(ended.on(end(How::Signaled(9)))[0], Action::Unstage);
}

/// What was loaded may be what denies it.
#[test]
fn the_way_back_goes_by_signal_where_it_is_denied() {
    let mut bed = Bed::new(config()).ready().reloading();
    bed.reloads(Ok(()));
    assert_eq!(bed.lists(&["web"]), [Action::Unstage]);
    assert_eq!(
        bed.on(Event::Unstaged(Ok(()))),
        [Action::Ask(Question::Reload)]
    );
    assert_eq!(bed.reloads(Err(denied())), [HANGUP]);
    assert_eq!(bed.tick(), [LOOK_AGAIN]);
    let told = bed.lists(&SERVICES).to_vec();
    assert!(rolled_back(&told).contains("lost by-api"), "{told:?}");
}

#[test]
fn the_way_back_may_fail_by_signal_too() {
    let mut bed = signaled(&SERVICES);
    bed.on(heard());
    bed.on(Event::Unstaged(Ok(())));
    let told = bed.on(heard()).to_vec();
    assert!(
        matches!(&told[..], [Action::Reply(Waiter(1), ReloadOutcome::Failed(why))] if why.contains("going back did not help")),
        "{told:?}"
    );
}

#[test]
fn a_failure_that_nobody_has_under_way_is_told() {
    let mut bed = Bed::new(config()).ready();
    assert_eq!(bed.on(heard()), []);
    let good = bed.machine.conditions.get(Kind::ConfigGood);
    assert_eq!(good.message, "no-ca.pem is not there");
    assert!(!bed.machine.conditions.holds(Kind::ConfigGood));
    // Somebody else's, while the agent is asked by lictor.
    bed = bed.reloading();
    assert_eq!(bed.on(heard()), []);
    bed.reloads(Ok(()));
    assert_eq!(bed.lists(&SERVICES), [Action::Settle, reloaded(1, CHANGED)]);
}

#[test]
fn a_stop_does_not_wait_for_what_may_be_heard() {
    let mut bed = signaled(&SERVICES);
    let told = bed.on(Event::Signal(Signal::Terminate)).to_vec();
    assert!(
        matches!(&told[0], Action::Reply(Waiter(1), ReloadOutcome::Failed(_))),
        "{told:?}"
    );
    assert_eq!(bed.on(heard()), []);
}

#[test]
fn an_agent_that_ends_over_it_starts_with_what_was_before() {
    let mut bed = signaled(&SERVICES);
    let told = bed.on(end(How::Exited(2))).to_vec();
    assert!(
        matches!(
            &told[..],
            [
                Action::Unstage,
                Action::Reply(Waiter(1), ReloadOutcome::Failed(_))
            ]
        ),
        "{told:?}"
    );
}

/// One that breaks the connection has a second to end, in which it may still say why.
#[test]
fn a_failure_that_is_heard_on_the_way_back_is_told_and_nothing_else() {
    let mut bed = signaled(&SERVICES);
    bed.tick();
    let reset = Refusal::Lost("reset".to_owned());
    bed.on(Event::Answered(Answer::Services(Err(reset))));
    assert_eq!(bed.done, [Action::Unstage]);
    assert_eq!(bed.on(Event::Unstaged(Ok(()))), []);
    assert_eq!(bed.on(heard()), []);
    bed.tick_until(&HANGUP);
    assert_eq!(bed.tick(), [LOOK_AGAIN]);
    let told = bed.lists(&SERVICES).to_vec();
    assert!(rolled_back(&told).contains("reset"), "{told:?}");
}
