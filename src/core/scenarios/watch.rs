//! Changed files.

use super::*;
use crate::core::timers::Timer;

/// How each reload begins.
const SERVICES_ASKED: Action = Action::Ask(Question::Services);

/// Something has changed, so long after what was last.
fn changed(bed: &mut Bed, after: u64) {
    bed.now += Duration::from_millis(after - 1);
    assert_eq!(bed.on(Event::FilesChanged), []);
}

/// Lets deadlines pass until there is a reload, and says how long after `since` that is.
fn reload_after(bed: &mut Bed, since: Moment) -> Duration {
    bed.tick_until(&SERVICES_ASKED);
    bed.now - since
}

fn is_about(took: Duration, milliseconds: u64) {
    let wanted = Duration::from_millis(milliseconds);
    assert!(
        took >= wanted && took <= wanted + Duration::from_millis(2),
        "{took:?} for {wanted:?}"
    );
}

/// The user's directories were read and hold what they held.
fn unchanged(bed: &mut Bed) -> &[Action] {
    bed.on(Event::Restaged(Ok(Candidate::default())))
}

#[test]
fn a_change_is_a_reload_once_it_is_at_rest() {
    let mut bed = Bed::new(config()).ready();
    changed(&mut bed, 5);
    assert!(bed.machine.status().reload_pending);
    let first = bed.now;
    is_about(reload_after(&mut bed, first), 200);
    bed.asked_to_reload();
    assert_eq!(bed.reloads(Ok(())), [SERVICES_ASKED]);
    assert_eq!(bed.lists(&SERVICES), [Action::Settle]);
    assert!(!bed.machine.status().reload_pending);
    assert_eq!(bed.machine.status().reloads, 1);
}

#[test]
fn a_burst_is_one_reload() {
    let mut bed = Bed::new(config()).ready();
    for _ in 0..15 {
        changed(&mut bed, 100);
    }
    let last = bed.now;
    is_about(reload_after(&mut bed, last), 200);
    bed.asked_to_reload();
    // What comes while the agent loads it is one more.
    changed(&mut bed, 5);
    changed(&mut bed, 5);
    let last = bed.now;
    bed.reloads(Ok(()));
    bed.lists(&SERVICES);
    is_about(reload_after(&mut bed, last), 200);
}

#[test]
fn what_is_never_at_rest_is_not_waited_for() {
    let mut bed = Bed::new(config()).ready();
    changed(&mut bed, 5);
    let first = bed.now;
    while bed.now + Duration::from_millis(150) < first + Duration::from_secs(2) {
        changed(&mut bed, 150);
    }
    is_about(reload_after(&mut bed, first), 2000);
}

#[test]
fn what_has_not_changed_after_all_is_nothing_to_ask_for() {
    let mut bed = Bed::new(config()).ready();
    changed(&mut bed, 5);
    bed.tick_until(&SERVICES_ASKED);
    assert_eq!(bed.lists(&SERVICES), [Action::Restage]);
    assert_eq!(unchanged(&mut bed), [Action::Discard]);
    assert_eq!(bed.machine.phase, Phase::Ready);
    assert_eq!(bed.machine.status().reloads, 0);
    // Whoever asks himself is served all the same.
    assert_eq!(bed.on(Event::ReloadAsked(Waiter(1))), [SERVICES_ASKED]);
    bed.lists(&SERVICES);
    assert_eq!(
        bed.takes(Change::default()),
        [Action::Ask(Question::Reload)]
    );
}

/// It was put right by taking back what was wrong, of which the agent has not read anything.
#[test]
fn where_what_was_not_good_is_gone_all_is_well() {
    let mut bed = Bed::new(config()).ready();
    changed(&mut bed, 5);
    bed.tick_until(&SERVICES_ASKED);
    bed.lists(&SERVICES);
    bed.on(Event::Restaged(Err("a link leads nowhere".to_owned())));
    assert!(!bed.machine.conditions.holds(Kind::ConfigGood));
    changed(&mut bed, 5);
    bed.tick_until(&SERVICES_ASKED);
    bed.lists(&SERVICES);
    assert_eq!(unchanged(&mut bed), [Action::Discard, Action::Settle]);
    assert!(bed.machine.conditions.holds(Kind::ConfigGood));
}

/// What it has then is not known.
#[test]
fn where_a_reload_has_failed_for_good_the_agent_is_asked() {
    let mut bed = Bed::new(config()).ready();
    bed.on(Event::ReloadAsked(Waiter(1)));
    bed.lists(&SERVICES);
    bed.takes(Change::default());
    bed.reloads(Err(Refusal::Failed("no such file".to_owned())));
    assert!(!bed.machine.conditions.holds(Kind::ConfigGood));
    changed(&mut bed, 5);
    bed.tick_until(&SERVICES_ASKED);
    bed.lists(&SERVICES);
    assert_eq!(
        bed.takes(Change::default()),
        [Action::Ask(Question::Reload)]
    );
    bed.reloads(Ok(()));
    bed.lists(&SERVICES);
    assert!(bed.machine.conditions.holds(Kind::ConfigGood));
}

#[test]
fn a_snapshot_for_somebody_else_has_it_too() {
    let mut bed = Bed::new(config()).ready();
    changed(&mut bed, 5);
    let mut bed = bed.reloading();
    bed.reloads(Ok(()));
    bed.lists(&SERVICES);
    assert!(!bed.machine.timers.is_set(Timer::Rest));
    assert!(!bed.machine.status().reload_pending);
}

#[test]
fn each_node_has_its_turn_and_whoever_asks_does_not_wait_for_it() {
    let splay = Duration::from_secs(60);
    let bed = |name: &str| {
        Bed::new(Config {
            splay,
            node_name: name.to_owned(),
            ..config()
        })
    };
    let turn = || {
        let mut bed = bed("n1").ready();
        changed(&mut bed, 5);
        let first = bed.now;
        // More of it does not put it off.
        changed(&mut bed, 3000);
        reload_after(&mut bed, first)
    };
    let took = turn();
    assert!(took > Duration::from_secs(4) && took < splay + Duration::from_millis(202));
    assert_eq!(took, turn());

    let mut bed = bed("n1").ready();
    changed(&mut bed, 5);
    assert_eq!(bed.on(Event::Signal(Signal::Hangup)), [SERVICES_ASKED]);
}

#[test]
fn a_change_outlives_its_agent() {
    // At rest or not when the agent ends, and while there is none.
    for (before, between) in [(1, None), (300, None), (1, Some(10)), (300, Some(10))] {
        let mut bed = Bed::new(config()).ready();
        if between.is_none() {
            changed(&mut bed, 5);
            bed.now += Duration::from_millis(before);
            if before > 200 {
                assert_eq!(bed.tick(), [SERVICES_ASKED]);
            }
        }
        assert_eq!(bed.on(end(How::Signaled(9))), []);
        if let Some(after) = between {
            changed(&mut bed, after);
        }
        bed.tick_until(&Action::Spawn);
        bed.spawned();
        // The next one has no time for it either.
        assert_eq!(bed.on(end(How::Signaled(9))), []);
        bed.tick_until(&Action::Spawn);
        bed.spawned();
        assert!(bed.machine.status().reload_pending);
        bed.tick_until(&Action::Ask(Question::Agent));
        let told = bed.on(Event::Answered(Answer::Agent(Ok(Box::new(facts())))));
        assert!(told.contains(&SERVICES_ASKED), "{told:?}");
        bed.asked_to_reload();
        assert_eq!(bed.reloads(Ok(())), [SERVICES_ASKED]);
    }
}

/// The snapshot was for an agent that has ended, and is taken again for the one after the next.
#[test]
fn a_snapshot_that_nobody_tried_is_taken_again() {
    for result in [
        Ok(Candidate::default()),
        Err("it could not be read".to_owned()),
    ] {
        let mut bed = Bed::new(config()).ready();
        changed(&mut bed, 5);
        bed.tick_until(&SERVICES_ASKED);
        assert_eq!(bed.lists(&SERVICES), [Action::Restage]);
        bed.on(end(How::Signaled(9)));
        bed.on(Event::Restaged(result));
        bed.tick_until(&Action::Spawn);
        bed.spawned();
        bed.on(end(How::Signaled(9)));
        bed.tick_until(&Action::Spawn);
        bed.spawned();
        bed.tick_until(&Action::Ask(Question::Agent));
        let told = bed.on(Event::Answered(Answer::Agent(Ok(Box::new(facts())))));
        assert!(told.contains(&SERVICES_ASKED), "{told:?}");
    }
}

/// What an agent ended over is not given to the next one.
#[test]
fn a_change_that_an_agent_ended_over_is_not_tried_again() {
    let mut bed = Bed::new(config()).ready();
    changed(&mut bed, 5);
    bed.tick_until(&SERVICES_ASKED);
    bed.asked_to_reload();
    assert_eq!(bed.on(end(How::Signaled(11))), [Action::Unstage]);
    bed.on(Event::Unstaged(Ok(())));
    bed.tick_until(&Action::Spawn);
    bed.spawned();
    bed.answers();
    assert_eq!(bed.done, [Action::Ask(Question::Leader)]);
    assert!(!bed.machine.status().reload_pending);
}

#[test]
fn before_the_first_stage_and_in_a_stop_nothing_is_noticed() {
    let mut bed = Bed::new(config());
    bed.on(Event::Begin);
    assert_eq!(bed.on(Event::FilesChanged), []);
    assert_eq!(bed.machine.deadline(), None);

    let mut bed = Bed::new(config()).ready();
    changed(&mut bed, 5);
    let mut bed = bed.leaving();
    let deadline = bed.machine.deadline();
    assert_eq!(bed.on(Event::FilesChanged), []);
    assert_eq!(bed.machine.deadline(), deadline);
    bed.on(end(How::Exited(0)));
    assert_eq!(bed.on(Event::FilesChanged), []);
}

fn rejected() -> Event {
    Event::Restaged(Ok(Candidate {
        change: Change {
            added: vec!["/consul/config/ca.json".to_owned()],
            way_back: true,
            ..Change::default()
        },
        verdict: Verdict {
            faults: vec!["/consul/config/ca.json: ca_file: it is not there".to_owned()],
            ..Verdict::default()
        },
    }))
}

/// What it names comes later.
#[test]
fn what_was_rejected_is_judged_again_and_nothing_is_said_before_it_is_good() {
    let mut bed = Bed::new(config()).ready();
    changed(&mut bed, 5);
    bed.tick_until(&SERVICES_ASKED);
    bed.lists(&SERVICES);
    assert_eq!(bed.on(rejected()), [Action::Reject]);
    let count = bed.machine.status().reloads;
    let mut pauses = Vec::new();
    for _ in 0..6 {
        let since = bed.now;
        pauses.push(reload_after(&mut bed, since).as_secs());
        bed.lists(&SERVICES);
        assert_eq!(bed.on(rejected()), [Action::Discard]);
        assert!(!bed.machine.conditions.holds(Kind::ConfigGood));
    }
    assert_eq!(pauses, [5, 10, 20, 40, 60, 60]);
    assert_eq!(bed.machine.status().reloads, count);
    // Whoever asks is told all the same.
    let mut asked = bed.again(config());
    asked.on(Event::ReloadAsked(Waiter(1)));
    asked.lists(&SERVICES);
    let told = asked.on(rejected()).to_vec();
    assert!(
        matches!(
            &told[..],
            [
                Action::Reject,
                Action::Reply(Waiter(1), ReloadOutcome::Rejected(_))
            ]
        ),
        "{told:?}"
    );
    bed.tick_until(&SERVICES_ASKED);
    bed.asked_to_reload();
    bed.reloads(Ok(()));
    assert_eq!(bed.lists(&SERVICES), [Action::Settle]);
    assert!(bed.machine.conditions.holds(Kind::ConfigGood));
    assert!(!bed.machine.timers.is_set(Timer::Again));
}

#[test]
fn without_a_watch_nothing_is_judged_again() {
    let mut bed = Bed::new(Config {
        watch: false,
        ..config()
    })
    .ready();
    bed.on(Event::ReloadAsked(Waiter(1)));
    bed.lists(&SERVICES);
    bed.on(rejected());
    assert!(!bed.machine.timers.is_set(Timer::Again));
}

/// What somebody takes in spite of all has its way back.
#[test]
fn what_is_forced_is_read_whatever_speaks_against_it() {
    let mut bed = Bed::new(config()).ready();
    assert_eq!(bed.on(Event::ForceAsked(Waiter(1))), [SERVICES_ASKED]);
    bed.lists(&SERVICES);
    assert_eq!(bed.on(rejected()), [Action::Adopt]);
    assert_eq!(
        bed.on(Event::Adopted(Ok(()))),
        [Action::Ask(Question::Reload)]
    );
    let refusal = Refusal::Failed("no CA".to_owned());
    assert_eq!(bed.reloads(Err(refusal)), [Action::Unstage]);
}

/// A touch makes nothing good: what the agent reads names what is gone.
#[test]
fn what_the_agent_reads_and_is_not_good_stays_so() {
    let gone = || {
        Event::Restaged(Ok(Candidate {
            change: Change::default(),
            verdict: Verdict {
                faults: vec!["/consul/config/ca.json: ca_file: it is not there".to_owned()],
                ..Verdict::default()
            },
        }))
    };
    let mut bed = Bed::new(config()).ready();
    bed.on(Event::ReloadAsked(Waiter(1)));
    bed.lists(&SERVICES);
    bed.on(gone());
    changed(&mut bed, 5);
    bed.tick_until(&SERVICES_ASKED);
    bed.lists(&SERVICES);
    assert_eq!(bed.on(gone()), [Action::Discard]);
    assert!(!bed.machine.conditions.holds(Kind::ConfigGood));
}

/// Who the node is is no matter of a restart in place, which could not be undone.
#[test]
fn what_is_for_a_person_to_restart_is_reloaded_and_told() {
    let change = || Change {
        changed: vec!["/consul/config/x.json".to_owned()],
        way_back: true,
        ..Change::default()
    };
    for by_hand in [true, false] {
        let mut bed = Bed::new(Config {
            restart_for_changes: true,
            ..config()
        })
        .ready();
        bed.on(Event::ReloadAsked(Waiter(1)));
        bed.lists(&SERVICES);
        let verdict = Verdict {
            restart: vec!["node_name (/consul/config/x.json)".to_owned()],
            by_hand,
            ..Verdict::default()
        };
        let done = bed.takes_with(change(), verdict).to_vec();
        if !by_hand {
            assert!(matches!(done[..], [Action::Signal(_)]), "{done:?}");
            continue;
        }
        assert_eq!(done, [Action::Ask(Question::Reload)]);
        bed.reloads(Ok(()));
        bed.lists(&SERVICES);
        let good = bed.machine.conditions.get(Kind::ConfigGood);
        assert_eq!(good.reason, "RestartNeeded");
        assert!(good.message.contains("for you to make"), "{}", good.message);
    }
}
