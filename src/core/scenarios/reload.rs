//! Reloads.

use super::*;

#[test]
fn an_early_hangup_is_kept_and_replayed() {
    let mut bed = Bed::new(config()).started();
    assert_eq!(bed.on(Event::Signal(Signal::Hangup)), []);
    assert_eq!(bed.tick(), [Action::Ask(Question::Agent)]);
    assert_eq!(
        bed.on(Event::Answered(Answer::Agent(Ok(Box::new(facts()))))),
        [
            Action::Ask(Question::Leader),
            Action::Ask(Question::Services)
        ]
    );
    bed.asked_to_reload();
    assert_eq!(bed.machine.phase, Phase::Reloading);
    assert_eq!(bed.reloads(Ok(())), [Action::Ask(Question::Services)]);
    assert_eq!(bed.lists(&SERVICES), [Action::Settle]);
    assert_eq!(bed.machine.phase, Phase::Joining);
    bed.joins();
}

#[test]
fn reloads_are_one_at_a_time_and_everybody_is_told() {
    let mut bed = Bed::new(config()).ready().reloading();
    assert_eq!(bed.on(Event::ReloadAsked(Waiter(2))), []);
    assert_eq!(bed.on(Event::Signal(Signal::Hangup)), []);
    assert_eq!(bed.reloads(Ok(())), [Action::Ask(Question::Services)]);
    assert_eq!(bed.on(Event::ReloadAsked(Waiter(3))), []);
    assert_eq!(
        bed.lists(&SERVICES),
        [
            Action::Settle,
            reloaded(1, CHANGED),
            Action::Ask(Question::Services)
        ]
    );
    bed.asked_to_reload();
    bed.reloads(Ok(()));
    assert_eq!(
        bed.lists(&SERVICES),
        [Action::Settle, reloaded(2, CHANGED), reloaded(3, CHANGED)]
    );
    assert_eq!(bed.machine.phase, Phase::Ready);
    assert!(bed.machine.conditions.holds(Kind::ConfigGood));
}

#[test]
fn whoever_waits_for_a_reload_is_told_when_lictor_ends_before_it() {
    let mut bed = Bed::new(config());
    bed.on(Event::Begin);
    assert_eq!(bed.on(Event::ReloadAsked(Waiter(1))), []);
    let none = Exit::new(exit::ADDRESS, "none");
    let told = bed.on(Event::Addressed(Err(none)));
    assert!(
        matches!(
            told,
            [
                Action::Reply(Waiter(1), ReloadOutcome::Failed(_)),
                Action::Exit(_)
            ]
        ),
        "{told:?}"
    );
}

#[test]
fn without_a_good_snapshot_the_agent_is_not_asked() {
    let mut bed = Bed::new(config()).ready();
    bed.on(Event::ReloadAsked(Waiter(1)));
    bed.lists(&SERVICES);
    let why = "/consul/config is not there".to_owned();
    assert_eq!(
        bed.on(Event::Restaged(Err(why.clone()))),
        [Action::Reply(Waiter(1), ReloadOutcome::Failed(why.clone()))]
    );
    assert_eq!(bed.machine.phase, Phase::Ready);
    assert_eq!(
        bed.machine.conditions.get(Kind::ConfigGood).message,
        why.as_str()
    );
    // The next one that is good clears it.
    bed.on(Event::ReloadAsked(Waiter(2)));
    bed.asked_to_reload();
    bed.reloads(Ok(()));
    bed.lists(&SERVICES);
    assert!(bed.machine.conditions.holds(Kind::ConfigGood));
}

#[test]
fn who_asks_while_the_directories_are_read_is_served_by_the_next_reload() {
    let mut bed = Bed::new(config()).ready();
    bed.on(Event::ReloadAsked(Waiter(1)));
    bed.lists(&SERVICES);
    assert_eq!(bed.on(Event::ReloadAsked(Waiter(2))), []);
    bed.restaged();
    bed.reloads(Ok(()));
    assert_eq!(
        bed.lists(&SERVICES),
        [
            Action::Settle,
            reloaded(1, CHANGED),
            Action::Ask(Question::Services)
        ]
    );
}

/// What its agent had not begun to read is taken anew for the next one, and whoever waits goes on waiting.
#[test]
fn a_reload_outlives_an_agent_that_has_not_begun_it() {
    for step in 0..2 {
        let mut bed = Bed::new(config()).ready();
        bed.on(Event::ReloadAsked(Waiter(1)));
        if step == 1 {
            bed.lists(&SERVICES);
        }
        assert_eq!(bed.on(end(How::Signaled(9))), []);
        if step == 1 {
            let late = Ok(Candidate::default());
            assert_eq!(bed.on(Event::Restaged(late)), [Action::Discard]);
        }
        assert_eq!(bed.tick(), [Action::Spawn]);
        bed.spawned();
        bed.answers();
        assert!(bed.done.contains(&Action::Ask(Question::Services)));
        bed.asked_to_reload();
        bed.reloads(Ok(()));
        let told = [Action::Settle, reloaded(1, CHANGED)];
        assert_eq!(bed.lists(&SERVICES), told);
    }
}

/// What is read for an agent that has ended meanwhile comes when the next one is there already.
#[test]
fn a_snapshot_that_comes_late_is_taken_anew() {
    let mut bed = Bed::new(config()).ready();
    bed.on(Event::ReloadAsked(Waiter(1)));
    bed.lists(&SERVICES);
    bed.on(end(How::Signaled(9)));
    assert_eq!(bed.tick(), [Action::Spawn]);
    bed.spawned();
    bed.answers();
    bed.joins();
    // Nobody else's is begun meanwhile.
    assert_eq!(bed.on(Event::Signal(Signal::Hangup)), []);
    let late = Ok(Candidate::default());
    assert_eq!(
        bed.on(Event::Restaged(late)),
        [Action::Discard, Action::Ask(Question::Services)]
    );
    bed.asked_to_reload();
}

#[test]
fn what_is_left_out_is_said_once() {
    let mut machine = Machine::new(config());
    let mut said = |left_out: &[&str]| {
        machine.say_left_out(left_out.iter().map(|what| (*what).to_owned()).collect());
        std::mem::take(&mut machine.out).len()
    };
    assert_eq!(said(&["a", "b"]), 2);
    assert_eq!(said(&["b", "c"]), 1);
    assert_eq!(said(&[]), 0);
    assert_eq!(said(&["b"]), 1, "it was gone in between");
}

#[test]
fn without_staging_the_agent_is_asked_at_once() {
    let staging = false;
    let mut bed = Bed::new(Config {
        staging,
        ..config()
    })
    .ready();
    assert_eq!(
        bed.on(Event::ReloadAsked(Waiter(1))),
        [Action::Ask(Question::Reload)]
    );
}
