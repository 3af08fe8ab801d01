//! Reloads that fail or lose a service, and are taken back.

use super::*;

fn failed() -> Result<(), Refusal> {
    Err(Refusal::Failed("500: bad check".to_owned()))
}

/// The agent loads again what it had, and has it.
fn goes_back(bed: &mut Bed) -> String {
    assert_eq!(bed.done, [Action::Unstage]);
    assert_eq!(
        bed.on(Event::Unstaged(Ok(()))),
        [Action::Ask(Question::Reload)]
    );
    assert_eq!(bed.reloads(Ok(())), [Action::Ask(Question::Services)]);
    match bed.lists(&SERVICES) {
        [Action::Reply(Waiter(1), ReloadOutcome::RolledBack(why))] => why.clone(),
        other => panic!("{other:?}"),
    }
}

/// What the one who waits is told, where nothing else is done.
fn told_failed(done: &[Action]) -> &str {
    match done {
        [Action::Reply(Waiter(1), ReloadOutcome::Failed(why))] => why,
        other => panic!("{other:?}"),
    }
}

fn config_good(bed: &Bed) -> (bool, &str, &str) {
    let condition = bed.machine.conditions.get(Kind::ConfigGood);
    let good = bed.machine.conditions.holds(Kind::ConfigGood);
    (good, condition.reason, &condition.message)
}

#[test]
fn a_reload_that_fails_is_rolled_back() {
    for refusal in [Refusal::Failed, Refusal::TimedOut] {
        let mut bed = Bed::new(config()).ready().reloading();
        bed.reloads(Err(refusal("bad check".to_owned())));
        let why = goes_back(&mut bed);
        assert!(why.contains("bad check"), "{why}");
        assert_eq!(config_good(&bed), (false, "RolledBack", why.as_str()));
        assert_eq!(bed.machine.phase, Phase::Ready);
    }
}

/// Most have ended, and are told to have a little later.
#[test]
fn an_agent_that_breaks_the_connection_is_given_time_to_end() {
    type Break = fn(&mut Bed, Refusal);
    let breaks: [Break; 2] = [
        |bed, refusal| drop(bed.reloads(Err(refusal)).to_vec()),
        |bed, refusal| {
            bed.reloads(Ok(()));
            bed.on(Event::Answered(Answer::Services(Err(refusal))));
        },
    ];
    for (step, refusal) in breaks
        .into_iter()
        .zip([Refusal::Lost, Refusal::Unreachable])
    {
        let mut bed = Bed::new(config()).ready().reloading();
        step(&mut bed, refusal("reset".to_owned()));
        assert_eq!(bed.done, [Action::Unstage]);
        assert_eq!(bed.on(Event::Unstaged(Ok(()))), []);
        let mut ended = bed.again(config());
        let told = ended.on(end(How::Exited(2))).to_vec();
        assert!(told_failed(&told).contains("the agent ended"), "{told:?}");

        bed.tick_until(&Action::Ask(Question::Reload));
        bed.reloads(Ok(()));
        let told = bed.lists(&SERVICES).to_vec();
        assert!(
            matches!(
                &told[..],
                [Action::Reply(Waiter(1), ReloadOutcome::RolledBack(_))]
            ),
            "{told:?}"
        );
    }
}

#[test]
fn a_reload_that_loses_a_service_is_rolled_back() {
    let mut bed = Bed::new(config()).ready().reloading();
    assert_eq!(bed.reloads(Ok(())), [Action::Ask(Question::Services)]);
    bed.lists(&[SERVICE, "web", "new"]);
    let why = goes_back(&mut bed);
    assert_eq!(why, "the agent has lost by-api");
    assert_eq!(config_good(&bed), (false, "RolledBack", why.as_str()));
    // The next one that is good clears it.
    bed = bed.reloading();
    bed.reloads(Ok(()));
    assert_eq!(
        bed.lists(&[SERVICE, "by-api", "web", "new"]),
        [Action::Settle, reloaded(1, CHANGED)]
    );
    assert_eq!(config_good(&bed), (true, "Reloaded", ""));
}

#[test]
fn a_service_that_the_configuration_drops_is_not_lost() {
    let mut bed = Bed::new(config()).ready();
    bed.on(Event::ReloadAsked(Waiter(1)));
    bed.lists(&SERVICES);
    bed.takes(Change {
        removed: vec!["/consul/config/web.json".to_owned()],
        dropped: BTreeSet::from(["web".to_owned()]),
        way_back: true,
        ..Change::default()
    });
    let mut lossy = bed.again(config());
    bed.reloads(Ok(()));
    assert_eq!(
        bed.lists(&[SERVICE, "by-api"]),
        [
            Action::Settle,
            reloaded(1, "removed /consul/config/web.json")
        ]
    );
    // On the way back it is not dropped any more.
    lossy.reloads(Ok(()));
    assert_eq!(lossy.lists(&[SERVICE]), [Action::Unstage]);
    lossy.on(Event::Unstaged(Ok(())));
    lossy.reloads(Ok(()));
    let told = lossy.lists(&[SERVICE, "by-api"]).to_vec();
    assert!(told_failed(&told).contains("lost web"), "{told:?}");
}

#[test]
fn what_cannot_be_seen_is_not_verified() {
    let unseen = || Event::Answered(Answer::Services(Err(Refusal::Denied("403".to_owned()))));
    let mut bed = Bed::new(config()).ready();
    bed.on(Event::ReloadAsked(Waiter(1)));
    assert_eq!(bed.on(unseen()), [Action::Restage]);
    bed.restaged();
    let mut failing = bed.again(config());
    let reloaded = [Action::Settle, reloaded(1, CHANGED)];
    assert_eq!(bed.reloads(Ok(())), reloaded);

    // What the agent itself says is believed.
    assert_eq!(failing.reloads(failed()), [Action::Unstage]);
    failing.on(Event::Unstaged(Ok(())));
    let told = failing.reloads(Ok(())).to_vec();
    assert!(
        matches!(
            &told[..],
            [Action::Reply(Waiter(1), ReloadOutcome::RolledBack(_))]
        ),
        "{told:?}"
    );

    let mut bed = Bed::new(config()).ready().reloading();
    bed.reloads(Ok(()));
    assert_eq!(bed.on(unseen()), reloaded);
}

#[test]
fn what_cannot_be_read_is_said() {
    let mut machine = Bed::new(config()).ready().machine;
    machine.handle(Moment::ZERO, Event::ReloadAsked(Waiter(1)));
    let denied = Refusal::Denied("403".to_owned());
    let unseen = Event::Answered(Answer::Services(Err(denied)));
    let said = machine.handle(Moment::ZERO, unseen);
    assert!(
        matches!(&said[..], [Action::Say(_, text), Action::Restage] if text.contains("will not be seen")),
        "{said:?}"
    );
}

#[test]
fn going_back_may_fail_in_each_step() {
    let bed = Bed::new(config()).ready().reloading();
    type Step = fn(&mut Bed) -> Vec<Action>;
    let steps: [(Step, &str); 3] = [
        (
            |bed| bed.on(Event::Unstaged(Err("no room".to_owned()))).to_vec(),
            "no room",
        ),
        (
            |bed| {
                bed.on(Event::Unstaged(Ok(())));
                bed.reloads(Err(Refusal::TimedOut("10 s".to_owned())))
                    .to_vec()
            },
            "10 s",
        ),
        (
            |bed| {
                bed.on(Event::Unstaged(Ok(())));
                bed.reloads(Ok(()));
                bed.lists(&["web"]).to_vec()
            },
            "lost by-api, consul-10.0.0.5",
        ),
    ];
    for (step, why) in steps {
        let mut bed = bed.again(config());
        bed.reloads(failed());
        let done = step(&mut bed);
        let told = told_failed(&done);
        assert!(
            told.contains("bad check; and going back did not help") && told.contains(why),
            "{told}"
        );
        assert_eq!(config_good(&bed), (false, "ReloadFailed", told));
        assert_eq!(bed.machine.phase, Phase::Ready);
    }
}

#[test]
fn without_a_change_there_is_no_way_back() {
    let mut bed = Bed::new(config()).ready();
    bed.on(Event::ReloadAsked(Waiter(1)));
    bed.lists(&SERVICES);
    bed.takes(Change::default());
    let mut lossy = bed.again(config());
    let done = bed.reloads(failed()).to_vec();
    assert!(told_failed(&done).contains("bad check"), "{done:?}");
    lossy.reloads(Ok(()));
    let done = lossy.lists(&[SERVICE]).to_vec();
    assert!(told_failed(&done).contains("lost by-api, web"), "{done:?}");
}

#[test]
fn an_agent_that_ends_in_an_untried_change_starts_with_what_was() {
    let ended = |bed: &mut Bed, unstages: bool| {
        let done = bed.on(end(How::Exited(2))).to_vec();
        assert_eq!(done.contains(&Action::Unstage), unstages, "{done:?}");
        let told = told_failed(&done[usize::from(unstages)..]);
        assert!(told.contains("the next one starts with what it read before"));
        let (good, reason, _) = config_good(bed);
        assert_eq!((good, reason), (false, "RolledBack"));
        bed.on(Event::Unstaged(Ok(())));
        assert_eq!(bed.tick(), [Action::Spawn]);
    };
    let bed = Bed::new(config()).ready().reloading();
    ended(&mut bed.again(config()), true);
    let mut looking = bed.again(config());
    looking.reloads(Ok(()));
    ended(&mut looking, true);
    // What is on its way back is not taken back twice.
    let mut back = bed.again(config());
    back.reloads(failed());
    ended(&mut back.again(config()), false);
    back.on(Event::Unstaged(Ok(())));
    ended(&mut back, false);
}

#[test]
fn an_agent_that_ends_after_a_reload_starts_with_what_it_loaded() {
    let mut bed = Bed::new(config()).ready().reloading();
    bed.reloads(Ok(()));
    bed.lists(&SERVICES);
    assert_eq!(bed.on(end(How::Exited(2))), []);
    assert!(config_good(&bed).0);
    assert_eq!(bed.tick(), [Action::Spawn]);
}

/// Nothing is asked of it any more but to leave; one that is started to finish the leave does not start with what is not tried.
#[test]
fn a_stop_may_come_in_each_step() {
    let begin = || {
        let mut bed = Bed::new(config()).ready();
        bed.on(Event::ReloadAsked(Waiter(1)));
        bed
    };
    type Step = (fn(&mut Bed), bool, bool);
    let steps: [Step; 6] = [
        (|_| {}, false, true),
        (|bed| drop(bed.lists(&SERVICES).to_vec()), false, true),
        (|bed| bed.asked_to_reload(), true, false),
        (
            |bed| {
                bed.asked_to_reload();
                bed.reloads(Ok(()));
            },
            true,
            true,
        ),
        (
            |bed| {
                bed.asked_to_reload();
                bed.reloads(failed());
            },
            false,
            false,
        ),
        (
            |bed| {
                bed.asked_to_reload();
                bed.reloads(failed());
                bed.on(Event::Unstaged(Ok(())));
            },
            false,
            false,
        ),
    ];
    for (number, (step, unstages, at_once)) in steps.into_iter().enumerate() {
        let mut bed = begin();
        step(&mut bed);
        let mut done = bed.on(Event::Signal(Signal::Terminate)).to_vec();
        let is_told =
            |action: &Action| matches!(action, Action::Reply(Waiter(1), ReloadOutcome::Failed(_)));
        assert_eq!(done.iter().any(is_told), at_once, "{number}: {done:?}");
        if number == 4 {
            assert_eq!(bed.on(Event::Unstaged(Ok(()))), []);
        }
        if number == 1 {
            let candidate = Ok(Candidate::default());
            assert_eq!(bed.on(Event::Restaged(candidate)), [Action::Discard]);
        }
        done.extend(bed.on(end(How::Signaled(9))).to_vec());
        assert_eq!(
            done.iter().filter(|action| is_told(action)).count(),
            1,
            "{number}: {done:?}"
        );
        assert_eq!(
            done.contains(&Action::Unstage),
            unstages,
            "{number}: {done:?}"
        );
        let place = |action: &Action| done.iter().position(|one| one == action);
        if unstages && place(&Action::Spawn).is_some() {
            assert!(place(&Action::Unstage) < place(&Action::Spawn));
        }
    }
}
