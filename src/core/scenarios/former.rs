//! A node that was known as something else: it leaves as that, and then the agent starts as it is.

use super::*;
use crate::core::conditions::Truth;
use crate::core::former::Former;

mod stops;

fn former() -> Former {
    Former {
        name: Some("old".to_owned()),
        address: None,
        id: None,
        why: "this host was called old".to_owned(),
    }
}

fn leader() -> Event {
    Event::Answered(Answer::Leader(Ok(Some("10.0.0.1:8300".to_owned()))))
}

impl Bed {
    /// The agent was started as what it was.
    fn as_former(config: Config) -> Self {
        let mut bed = Self::new(config);
        bed.on(Event::Begin);
        bed.on(Event::Addressed(Ok(address())));
        let staged = Staged {
            services: vec![SERVICE.to_owned()],
            former: Some(former()),
            ..Staged::default()
        };
        let begun = bed.on(Event::Staged(Ok(staged)));
        assert_eq!(begun, [Action::SpawnAs(former())]);
        let api = bed.machine.config.api;
        assert_eq!(bed.on(Event::Spawned(Ok(Spawned { pid: 41, api }))), []);
        bed
    }

    /// It has joined.
    fn as_former_joined(config: Config) -> Self {
        let mut bed = Self::as_former(config);
        assert_eq!(bed.tick(), [Action::Ask(Question::Agent)]);
        assert_eq!(bed.says(Membership::Alive), [Action::Ask(Question::Leader)]);
        assert_eq!(bed.on(leader()), []);
        bed
    }

    /// It has joined and was asked to leave, since its entry is there.
    fn as_former_leaving(config: Config) -> Self {
        let mut bed = Self::as_former_joined(config);
        let joined = bed.now;
        assert_eq!(bed.tick(), [ask_catalog(None)]);
        assert!(bed.now >= joined + Duration::from_secs(1));
        let there = in_catalog(&[SERVICE]);
        assert_eq!(bed.shows(there), [Action::Ask(Question::Leave)]);
        bed
    }

    /// It has left, by its own word.
    fn as_former_left(config: Config) -> Self {
        let mut bed = Self::as_former_leaving(config);
        assert_eq!(bed.tick(), [Action::Ask(Question::Agent)]);
        assert_eq!(bed.says(Membership::Left), []);
        bed
    }

    fn identity(&self) -> (Truth, &'static str) {
        let condition = self.machine.conditions.get(Kind::IdentityHeld);
        (condition.truth, condition.reason)
    }
}

#[test]
fn it_leaves_as_what_it_was_before_it_starts_as_it_is() {
    let mut bed = Bed::as_former_leaving(config());
    assert_eq!(bed.identity(), (Truth::False, "LeavingAsFormer"));
    assert_eq!(bed.machine.phase, Phase::Leaving);
    assert_eq!(bed.tick(), [Action::Ask(Question::Agent)]);
    assert_eq!(bed.says(Membership::Left), []);
    assert_eq!(bed.on(Event::Answered(Answer::Leave(Ok(())))), []);
    assert_eq!(bed.on(end(How::Exited(0))), [Action::Spawn]);
    bed.spawned();
    assert_eq!(bed.machine.facts.node_name, "n1");
    bed.answers();
    bed.joins();
}

/// An entry that was taken out comes back within seconds: only what is there can be seen to go.
#[test]
fn it_leaves_once_its_entry_is_there() {
    let mut bed = Bed::as_former_joined(config());
    bed.machine.facts.advertise = Some(address().ip);
    let elsewhere = CatalogNode {
        address: "10.0.0.9".to_owned(),
        ..in_catalog(&[SERVICE])
    };
    for not_yet in [absent(8), elsewhere] {
        assert_eq!(bed.tick(), [ask_catalog(None)]);
        assert_eq!(bed.shows(not_yet), []);
    }
    assert_eq!(bed.tick(), [ask_catalog(None)]);
    let there = in_catalog(&[SERVICE]);
    assert_eq!(bed.shows(there), [Action::Ask(Question::Leave)]);
}

#[test]
fn an_entry_that_does_not_come_is_waited_for_5_s() {
    let mut bed = Bed::as_former_joined(config());
    assert_eq!(bed.tick(), [ask_catalog(None)]);
    let since = bed.now;
    while bed.done == [ask_catalog(None)] {
        assert_eq!(bed.shows(absent(8)), []);
        bed.tick();
    }
    assert_eq!(bed.done, [Action::Ask(Question::Leave)]);
    assert_eq!((bed.now - since).as_secs(), 5);
    // Nor is an answer.
    let mut bed = Bed::as_former_joined(config());
    assert_eq!(bed.tick(), [ask_catalog(None)]);
    assert_eq!(bed.tick(), [Action::Ask(Question::Leave)]);
}

/// Another's entry is not going to be its own, and what may not be read is never seen.
#[test]
fn an_entry_that_cannot_come_is_not_waited_for() {
    let another = CatalogNode {
        id: "id-2".to_owned(),
        ..in_catalog(&[])
    };
    for seen in [Ok(another), Err(Refusal::Denied("no".to_owned()))] {
        let mut bed = Bed::as_former_joined(config());
        assert_eq!(bed.tick(), [ask_catalog(None)]);
        let seen = bed.on(Event::Answered(Answer::Catalog(seen)));
        assert_eq!(seen, [Action::Ask(Question::Leave)]);
    }
}

fn tell_again() -> Action {
    Action::Ask(Question::ForceLeave {
        node: "n1".to_owned(),
    })
}

/// Its word did not reach the servers, and others would take it for failed.
#[test]
fn a_leave_that_the_servers_have_not_heard_is_told_until_they_have() {
    let mut bed = Bed::as_former_left(config());
    for _ in 0..2 {
        let since = bed.now;
        while bed.tick() != [tell_again()] {
            assert_eq!(bed.done, [ask_catalog(None)]);
            bed.shows(in_catalog(&[SERVICE]));
        }
        assert_eq!((bed.now - since).as_millis() / 100, 7);
        assert_eq!(bed.on(Event::Answered(Answer::ForceLeave(Ok(())))), []);
    }
    assert_eq!(bed.tick(), [ask_catalog(None)]);
    assert_eq!(bed.shows(absent(12)), []);
    let gone = bed.now;
    bed.tick_until(&Action::Signal(9));
    assert_eq!((bed.now - gone).as_millis() / 10, 30);
    assert_eq!(bed.on(end(How::Signaled(9))), [Action::Spawn]);
}

#[test]
fn a_leave_that_was_heard_is_not_told_once_more() {
    let mut bed = Bed::as_former_left(config());
    assert_eq!(bed.tick(), [ask_catalog(None)]);
    assert_eq!(bed.shows(absent(12)), []);
    assert_eq!(bed.tick(), [Action::Signal(9)]);
}

/// Its own log says that it leaves, which is no news, and a SIGHUP would break that.
#[test]
fn reloads_and_changed_files_wait_for_the_agent_as_it_is() {
    let mut bed = Bed::as_former_leaving(config());
    assert_eq!(bed.on(Event::LeaveHeard), []);
    assert_eq!(bed.on(Event::Signal(Signal::Hangup)), []);
    assert_eq!(bed.on(Event::FilesChanged), []);
    bed.tick();
    assert_eq!(bed.says(Membership::Leaving), []);
    assert_eq!(bed.on(end(How::Exited(0))), [Action::Spawn]);
    bed.spawned();
    bed.tick_until(&Action::Ask(Question::Agent));
    let answered = bed.says(Membership::Alive);
    assert!(answered.contains(&Action::Ask(Question::Services)));
}

#[test]
fn one_that_breaks_or_is_refused_does_not_keep_the_agent_from_its_start() {
    for how in [How::Exited(1), How::Signaled(9), How::Exited(0)] {
        let mut bed = Bed::as_former(config());
        assert_eq!(bed.on(end(how)), [Action::Spawn]);
        bed.spawned();
    }
}

#[test]
fn one_that_cannot_join_is_killed_after_45_s() {
    let mut bed = Bed::as_former(config());
    let since = bed.now;
    assert_eq!(bed.tick(), [Action::Ask(Question::Agent)]);
    bed.says(Membership::Alive);
    while bed.done != [Action::Signal(9)] {
        let none = Event::Answered(Answer::Leader(Err(Refusal::Failed("none".to_owned()))));
        if bed.done == [Action::Ask(Question::Leader)] {
            bed.on(none);
        }
        bed.tick();
    }
    assert_eq!(bed.now.as_secs() - since.as_secs(), 45);
    assert_eq!(bed.on(end(How::Signaled(9))), [Action::Spawn]);
}

#[test]
fn one_that_does_not_end_is_killed() {
    let mut bed = Bed::as_former_leaving(config());
    bed.tick_until(&Action::Signal(9));
    assert_eq!(bed.on(end(How::Signaled(9))), [Action::Spawn]);
}

#[test]
fn a_leave_that_is_refused_is_asked_for_by_a_signal() {
    let mut bed = Bed::as_former_leaving(config());
    let denied = Refusal::Denied("no".to_owned());
    let answered = bed.on(Event::Answered(Answer::Leave(Err(denied.clone()))));
    assert_eq!(answered, [Action::Signal(SIGTERM)]);
    assert_eq!(bed.on(Event::Answered(Answer::Leave(Err(denied)))), []);
}

/// Nobody says how it goes: it has joined when it says so.
#[test]
fn without_an_api_it_leaves_by_a_signal() {
    let blind = Config {
        api: false,
        ..config()
    };
    let mut bed = Bed::as_former(blind);
    assert_eq!(bed.on(Event::Notified), []);
    assert_eq!(bed.tick(), [Action::Signal(SIGTERM)]);
    assert_eq!(bed.on(end(How::Exited(0))), [Action::Spawn]);
}

/// It says that it has joined, and nothing more.
#[test]
fn one_whose_api_does_not_answer_leaves_by_a_signal() {
    let refused = || {
        let refusal = Refusal::Unreachable("refused".to_owned());
        Event::Answered(Answer::Agent(Err(refusal)))
    };
    let mut bed = Bed::as_former(config());
    assert_eq!(bed.tick(), [Action::Ask(Question::Agent)]);
    bed.on(refused());
    assert_eq!(bed.on(Event::Notified), []);
    let joined = bed.now;
    let mut late = bed.again(config());
    while bed.tick() == [Action::Ask(Question::Agent)] {
        assert_eq!(bed.on(refused()), []);
    }
    assert_eq!(bed.done, [Action::Signal(SIGTERM)]);
    assert_eq!((bed.now - joined).as_secs(), 5);
    assert_eq!(bed.on(end(How::Exited(0))), [Action::Spawn]);
    // One that answers in that time leaves as ever.
    assert_eq!(late.tick(), [Action::Ask(Question::Agent)]);
    assert_eq!(late.says(Membership::Alive), []);
    assert_eq!(late.tick(), [ask_catalog(None)]);
    let there = in_catalog(&[SERVICE]);
    assert_eq!(late.shows(there), [Action::Ask(Question::Leave)]);
}

/// No other way is left than to be killed, which need not be waited for.
#[test]
fn one_that_cannot_be_asked_at_all_is_given_up() {
    let mut bed = Bed::as_former(Config {
        leaves_on_terminate: Some(false),
        leaves_on_interrupt: Some(false),
        ..config()
    });
    bed.on(Event::Notified);
    bed.tick_until(&Action::Ask(Question::Leave));
    let refused = Refusal::Unreachable("refused".to_owned());
    let answered = bed.on(Event::Answered(Answer::Leave(Err(refused))));
    assert_eq!(answered, [Action::Signal(SIGKILL)]);
    assert_eq!(bed.on(end(How::Signaled(9))), [Action::Spawn]);
}

#[test]
fn one_that_cannot_be_started_is_the_end_as_any_first_start_is() {
    let mut bed = Bed::new(config());
    bed.on(Event::Begin);
    bed.on(Event::Addressed(Ok(address())));
    let staged = Staged {
        former: Some(former()),
        ..Staged::default()
    };
    bed.on(Event::Staged(Ok(staged)));
    let failed = Exit::new(exit::NOT_EXECUTABLE, "no");
    bed.on(Event::Spawned(Err(failed.clone())));
    assert_eq!(bed.exit(), &failed);
}

/// The agent's own word, once; and that it has left.
#[test]
fn what_the_node_is_known_as_is_kept() {
    let kept = |actions: Vec<Action>| {
        let kept = actions.into_iter().filter_map(|action| match action {
            Action::Remember(known) => Some((known.name, known.id, known.left)),
            _ => None,
        });
        kept.collect::<Vec<_>>()
    };
    let known = |left| vec![("n1".to_owned(), "id-1".to_owned(), left)];
    let told = || Event::Answered(Answer::Agent(Ok(Box::new(facts()))));
    let mut bed = Bed::new(config()).started();
    assert_eq!(bed.tick(), [Action::Ask(Question::Agent)]);
    assert_eq!(kept(bed.handle(told())), known(false));
    let mut bed = Bed::new(config()).ready().begun();
    bed.shows(absent(12));
    assert_eq!(kept(bed.handle(end(How::Exited(0)))), known(true));
    // One that was killed has not left.
    let mut bed = Bed::new(short()).ready().leaving();
    bed.shows(in_catalog(&[SERVICE]));
    assert_eq!(kept(bed.handle(end(How::Signaled(9)))), []);
}
