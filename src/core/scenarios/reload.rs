//! Reloads.

use super::*;

#[test]
fn an_early_hangup_is_kept_and_replayed() {
    let mut bed = Bed::new(config()).started();
    assert_eq!(bed.on(Event::Signal(Signal::Hangup)), []);
    assert_eq!(bed.tick(), [Action::Ask(Question::Agent)]);
    assert_eq!(
        bed.on(Event::Answered(Answer::Agent(Ok(Box::new(facts()))))),
        [Action::Ask(Question::Leader), Action::Ask(Question::Reload)]
    );
    assert_eq!(bed.machine.phase, Phase::Reloading);
    assert_eq!(bed.on(Event::Answered(Answer::Reload(Ok(())))), []);
    assert_eq!(bed.machine.phase, Phase::Joining);
    bed.joins();
}

#[test]
fn reloads_are_one_at_a_time_and_everybody_is_told() {
    let mut bed = Bed::new(config()).ready();
    assert_eq!(
        bed.on(Event::ReloadAsked(Waiter(1))),
        [Action::Ask(Question::Reload)]
    );
    assert_eq!(bed.on(Event::ReloadAsked(Waiter(2))), []);
    assert_eq!(bed.on(Event::Signal(Signal::Hangup)), []);
    assert_eq!(
        bed.on(Event::Answered(Answer::Reload(Ok(())))),
        [
            Action::Reply(Waiter(1), ReloadOutcome::Reloaded),
            Action::Ask(Question::Reload)
        ]
    );
    let failed = Refusal::Failed("500: bad check".to_owned());
    let told = bed.on(Event::Answered(Answer::Reload(Err(failed))));
    assert!(
        matches!(told, [Action::Reply(Waiter(2), ReloadOutcome::Failed(_))]),
        "{told:?}"
    );
    assert_eq!(bed.machine.phase, Phase::Ready);
    assert!(!bed.machine.conditions.holds(Kind::ConfigGood));
}

#[test]
fn a_denied_reload_goes_by_signal_and_only_once_the_agent_takes_signals() {
    let denied = || Event::Answered(Answer::Reload(Err(Refusal::Denied("403".to_owned()))));
    let mut bed = Bed::new(config()).ready();
    bed.on(Event::ReloadAsked(Waiter(1)));
    assert_eq!(
        bed.on(denied()),
        [
            Action::Signal(1),
            Action::Reply(Waiter(1), ReloadOutcome::Signaled)
        ]
    );
    let mut bed = Bed::new(config()).joining();
    bed.on(Event::Signal(Signal::Hangup));
    assert_eq!(bed.on(denied()), []);
    let leader = Answer::Leader(Ok(Some("10.0.0.1:8300".to_owned())));
    bed.on(Event::Answered(leader));
    assert_eq!(
        bed.on(Event::Answered(Answer::Catalog(Ok(in_catalog(&[SERVICE]))))),
        [Action::Trim, Action::Signal(1)]
    );
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
