//! The states of checks over a restart.

use super::*;
use crate::core::action::Level;
use crate::core::checks::{Carried, CheckNews, CheckWork, Health, Restored, States};
use crate::core::signal::SIGKILL;

const BY_NOTE: Action = Action::Checks(CheckWork::SetAside { seen: None });

fn carrying() -> Bed {
    Bed::new(Config {
        carry_checks: true,
        ..config()
    })
}

fn passing() -> States {
    [("web".to_owned(), Health::Passing)].into()
}

fn set_aside(aside: States) -> Carried {
    let lent = States::new();
    Carried { aside, lent }
}

fn lent() -> Carried {
    let (aside, lent) = (States::new(), passing());
    Carried { aside, lent }
}

fn carried(what: Carried) -> Event {
    Event::Checks(CheckNews::Aside(what))
}

fn restore() -> Action {
    Action::Checks(CheckWork::Restore(passing()))
}

fn restored(failed: usize) -> Event {
    Event::Checks(CheckNews::Restored(Restored {
        failed: vec!["check web: denied".to_owned(); failed],
        ..Restored::default()
    }))
}

/// A first start, with what is carried over by the note of an earlier lictor.
fn begun(mut bed: Bed, what: Carried) -> Bed {
    bed.on(Event::Begin);
    bed.on(Event::Addressed(Ok(address())));
    let staged = Staged {
        services: vec![SERVICE.to_owned()],
        directory: None,
        ..Staged::default()
    };
    assert_eq!(bed.on(Event::Staged(Ok(staged))), [BY_NOTE, Action::Spawn]);
    bed.on(carried(what));
    bed.spawned();
    bed
}

fn first_answer(bed: &mut Bed) -> Vec<Action> {
    bed.tick();
    bed.on(Event::Answered(Answer::Agent(Ok(Box::new(facts())))))
        .to_vec()
}

fn ready() -> Bed {
    let mut bed = begun(carrying(), Carried::default());
    bed.answers();
    bed.joins();
    bed
}

/// The agent crashes, and is started anew with what was seen of it.
fn crashed(bed: &mut Bed, seen: States) {
    bed.on(end(How::Signaled(9)));
    let seen = Some(seen);
    let work = Action::Checks(CheckWork::SetAside { seen });
    assert_eq!(bed.tick(), [work, Action::Spawn]);
    bed.on(carried(set_aside(passing())));
    bed.spawned();
}

#[test]
fn what_an_earlier_lictor_noted_is_registered_with_the_first_answer() {
    let mut bed = begun(carrying(), set_aside(passing()));
    let leader = Action::Ask(Question::Leader);
    assert_eq!(first_answer(&mut bed), [restore(), leader]);
}

#[test]
fn without_a_note_nothing_is_set_aside_and_nothing_registered() {
    let mut bed = begun(carrying(), Carried::default());
    assert_eq!(first_answer(&mut bed), [Action::Ask(Question::Leader)]);
}

#[test]
fn after_a_crash_the_states_are_those_that_were_seen() {
    let mut bed = ready();
    assert_eq!(bed.done, [Action::Checks(CheckWork::Look), Action::Trim]);
    bed.on(Event::Checks(CheckNews::Seen(Some(passing()))));
    // It was asked once more and did not answer.
    bed.on(Event::Checks(CheckNews::Seen(None)));
    crashed(&mut bed, passing());
    assert_eq!(first_answer(&mut bed)[0], restore());
}

/// As while it reloads.
#[test]
fn a_check_that_an_agent_does_not_tell_of_is_not_forgotten_at_once() {
    let mut bed = ready();
    bed.on(Event::Checks(CheckNews::Seen(Some(passing()))));
    bed.on(Event::Checks(CheckNews::Seen(Some(States::new()))));
    let look = Action::Checks(CheckWork::Look);
    assert_eq!(bed.tick(), [look]);
    let other: States = [("db".to_owned(), Health::Critical)].into();
    bed.on(Event::Checks(CheckNews::Seen(Some(other.clone()))));
    let mut both = passing();
    both.extend(other);
    crashed(&mut bed, both);
}

#[test]
fn what_was_seen_long_ago_is_not_carried_over() {
    let mut bed = ready();
    bed.on(Event::Checks(CheckNews::Seen(Some(passing()))));
    bed.now += Duration::from_secs(91);
    crashed(&mut bed, States::new());
    // Nor is anything after a time in which no agent was ready.
    bed.now += Duration::from_secs(91);
    bed.on(end(How::Signaled(9)));
    assert_eq!(bed.tick(), [Action::Spawn]);
}

#[test]
fn what_could_not_be_registered_is_tried_again_after_the_join_and_then_left_to_the_agent() {
    let mut bed = ready();
    crashed(&mut bed, States::new());
    assert_eq!(first_answer(&mut bed)[0], restore());
    bed.on(restored(1));
    let leader = Answer::Leader(Ok(Some("10.0.0.1:8300".to_owned())));
    let joined = bed.on(Event::Answered(leader));
    assert_eq!(joined, [restore(), ask_catalog(None)]);
    let now = bed.now;
    let left = bed.machine.handle(now, restored(1));
    let wanted = [
        Action::Checks(CheckWork::PutBack),
        Action::Ask(Question::Reload),
    ];
    let done: Vec<&Action> = left
        .iter()
        .filter(|action| !matches!(action, Action::Say(..)))
        .collect();
    assert_eq!(done, wanted.iter().collect::<Vec<_>>());
}

/// The agent had not joined when they were tried, and had when the answer came.
#[test]
fn an_answer_that_comes_after_the_join_is_not_the_last() {
    let mut bed = ready();
    crashed(&mut bed, States::new());
    first_answer(&mut bed);
    let leader = Answer::Leader(Ok(Some("10.0.0.1:8300".to_owned())));
    assert_eq!(bed.on(Event::Answered(leader)), [ask_catalog(None)]);
    assert_eq!(bed.on(restored(1)), [restore()]);
    assert_eq!(bed.on(restored(0)), []);
}

#[test]
fn a_ready_agent_is_asked_for_the_states_each_minute_and_more_often_once_it_has_any() {
    let mut bed = ready();
    bed.now += Duration::from_secs(61);
    bed.on(Event::Tick);
    let shown = Answer::Catalog(Ok(in_catalog(&[SERVICE])));
    let look = Action::Checks(CheckWork::Look);
    assert_eq!(bed.on(Event::Answered(shown)), std::slice::from_ref(&look));
    let seen = bed.now;
    bed.on(Event::Checks(CheckNews::Seen(Some(passing()))));
    assert_eq!(bed.tick(), [look]);
    assert!(bed.now - seen < Duration::from_secs(11));
}

#[test]
fn a_stay_notes_the_states_before_it_stops_the_agent() {
    let mut bed = ready();
    let noting = bed.on(Event::Signal(Signal::Quit));
    assert_eq!(noting, [Action::Checks(CheckWork::Note)]);
    let noted = Event::Checks(CheckNews::Noted);
    assert_eq!(bed.on(noted.clone()), [Action::Signal(SIGKILL)]);
    // Once.
    assert_eq!(bed.on(noted), []);
    bed.on(end(How::Signaled(9)));
    assert_eq!(bed.exit(), &Exit::ok());
}

#[test]
fn a_note_that_comes_after_the_kill_changes_nothing() {
    let mut bed = ready();
    bed.on(Event::Signal(Signal::Quit));
    assert_eq!(bed.tick(), [Action::Signal(SIGKILL)]);
    assert_eq!(bed.on(Event::Checks(CheckNews::Noted)), []);
}

#[test]
fn a_leave_and_an_agent_that_has_never_answered_leave_no_note() {
    let mut bed = ready();
    assert_eq!(bed.on(Event::Signal(Signal::Terminate)), LOOK);
    let mut bed = begun(carrying(), Carried::default());
    assert_eq!(
        bed.on(Event::Signal(Signal::Quit)),
        [Action::Signal(SIGKILL)]
    );
}

/// The whole of a machine's actions, those too that a scenario does not look at.
#[test]
fn what_is_set_aside_is_put_back_before_the_exit() {
    let mut bed = begun(carrying(), set_aside(passing()));
    bed.machine.handle(bed.now, Event::Signal(Signal::Quit));
    let mut actions = bed.machine.handle(bed.now, end(How::Signaled(9)));
    actions.extend(bed.machine.handle(bed.now, Event::Alone));
    let at = |wanted: &Action| actions.iter().position(|action| action == wanted);
    let back = at(&Action::Checks(CheckWork::PutBack)).expect("put back");
    assert!(back < at(&Action::Exit(Exit::ok())).expect("an exit"));
}

#[test]
fn without_an_api_nothing_is_set_aside() {
    let mut bed = Bed::new(Config {
        carry_checks: true,
        api: false,
        ..config()
    })
    .started();
    bed.on(Event::Notified);
    bed.on(end(How::Signaled(9)));
    assert_eq!(bed.tick(), [Action::Spawn]);
}

const RECLAIM: Action = Action::Checks(CheckWork::Reclaim);

#[test]
fn what_an_agent_is_lent_is_its_own_with_its_first_answer_and_before_any_reload() {
    let mut bed = begun(carrying(), lent());
    assert_eq!(bed.on(Event::ReloadAsked(Waiter(1))), []);
    let first = first_answer(&mut bed);
    let (leader, services) = (Question::Leader, Question::Services);
    assert_eq!(first, [RECLAIM, Action::Ask(leader), Action::Ask(services)]);
    // Once, and nothing is left to be put back.
    bed.machine.handle(bed.now, Event::Signal(Signal::Quit));
    let actions = bed.machine.handle(bed.now, end(How::Signaled(9)));
    assert!(!actions.contains(&Action::Checks(CheckWork::PutBack)));
}

#[test]
fn what_was_carried_over_is_told_in_one_line() {
    let aside = passing();
    let mut bed = begun(carrying(), Carried { aside, ..lent() });
    assert_eq!(first_answer(&mut bed)[..2], [RECLAIM, restore()]);
    let done = CheckNews::Restored(Restored {
        carried: vec![Health::Warning],
        ..Restored::default()
    });
    let line = "carried the states of 2 checks over: 1 passing, 1 warning";
    let told = bed.machine.handle(bed.now, Event::Checks(done));
    assert_eq!(told, [Action::Say(Level::Info, line.to_owned())]);

    let mut bed = begun(carrying(), lent());
    bed.tick();
    let answer = Answer::Agent(Ok(Box::new(facts())));
    let told = bed.machine.handle(bed.now, Event::Answered(answer));
    let line = "carried the state of 1 check over: 1 passing".to_owned();
    assert!(told.contains(&Action::Say(Level::Info, line)), "{told:?}");
}

/// Its configuration has another one than that of the agent that crashed.
#[test]
fn an_agent_without_an_api_has_read_what_it_was_lent_when_it_has_joined() {
    let mut bed = begun(carrying(), lent());
    bed.on(Event::Spawned(Ok(Spawned {
        pid: 43,
        api: false,
    })));
    assert_eq!(bed.on(Event::Notified)[0], RECLAIM);
}

#[test]
fn an_agent_that_ends_before_it_answers_has_its_configuration_lent_anew() {
    let mut bed = ready();
    bed.on(Event::Checks(CheckNews::Seen(Some(passing()))));
    crashed(&mut bed, passing());
    bed.on(carried(lent()));
    crashed(&mut bed, passing());
}

#[test]
fn what_an_agent_was_lent_that_never_answered_is_its_own_before_the_exit() {
    let mut bed = begun(carrying(), lent());
    bed.machine.handle(bed.now, Event::Signal(Signal::Quit));
    let actions = bed.machine.handle(bed.now, end(How::Signaled(9)));
    assert!(actions.contains(&Action::Checks(CheckWork::PutBack)));
}
