//! Scenarios: events in, actions out, on a clock that is a number. No process is started.

use std::time::Duration;

use super::Moment;
use super::action::{Action, Question, ReloadOutcome};
use super::conditions::Kind;
use super::event::{
    Address, AgentFacts, Answer, CatalogNode, End, Event, How, Refusal, Signal, Spawned, Staged,
    Waiter,
};
use super::machine::{Config, Machine, OnStop};
use super::phase::Phase;
use crate::exit::{self, Exit};

const SERVICE: &str = "consul-10.0.0.5";

/// A machine, its clock, and what it last asked for.
struct Bed {
    machine: Machine,
    now: Moment,
    done: Vec<Action>,
}

fn config() -> Config {
    Config {
        needs_address: true,
        api: true,
        node_name: "n1".to_owned(),
        leaves_on_terminate: None,
        leaves_on_interrupt: None,
        server: false,
        on_stop: Some(OnStop::Leave),
        stop_timeout: Duration::from_secs(25),
        start_timeout: None,
        restart: true,
        restart_limit: 3,
        seed: 7,
    }
}

fn address() -> Address {
    Address {
        ip: "10.0.0.5".parse().expect("an address"),
        interface: Some("eth0".to_owned()),
        reason: "the only one".to_owned(),
        warning: None,
    }
}

fn facts() -> AgentFacts {
    AgentFacts {
        node_name: "n1".to_owned(),
        node_id: "id-1".to_owned(),
        version: "1.22.5".to_owned(),
        leaves_on_terminate: Some(true),
        leaves_on_interrupt: Some(true),
        ..AgentFacts::default()
    }
}

fn in_catalog(services: &[&str]) -> CatalogNode {
    CatalogNode {
        index: 9,
        present: true,
        id: "id-1".to_owned(),
        address: "10.0.0.5".to_owned(),
        services: services.iter().map(|id| (*id).to_owned()).collect(),
    }
}

fn absent(index: u64) -> CatalogNode {
    CatalogNode {
        index,
        ..CatalogNode::default()
    }
}

fn end(how: How) -> Event {
    Event::Ended(End {
        how,
        last_words: "the last line".to_owned(),
    })
}

impl Bed {
    fn new(config: Config) -> Self {
        Self {
            machine: Machine::new(config),
            now: Moment::ZERO,
            done: Vec::new(),
        }
    }

    /// One event, 1 ms later; the actions that matter to a scenario.
    fn on(&mut self, event: Event) -> &[Action] {
        self.now += Duration::from_millis(1);
        self.done = self.machine.handle(self.now, event);
        self.done
            .retain(|action| !matches!(action, Action::Say(..) | Action::Forget));
        &self.done
    }

    /// Lets the next deadline pass.
    fn tick(&mut self) -> &[Action] {
        self.now = self.now.max(self.machine.deadline().expect("a deadline"));
        self.on(Event::Tick)
    }

    fn started(mut self) -> Self {
        assert_eq!(self.on(Event::Begin), [Action::FindAddress]);
        assert_eq!(self.on(Event::Addressed(Ok(address()))), [Action::Stage]);
        let staged = Staged {
            services: vec![SERVICE.to_owned()],
            directory: Some("/run/lictor/registration".to_owned()),
        };
        assert_eq!(self.on(Event::Staged(Ok(staged))), [Action::Spawn]);
        self.spawned();
        self
    }

    fn spawned(&mut self) {
        let api = self.machine.config.api;
        assert_eq!(self.on(Event::Spawned(Ok(Spawned { pid: 42, api }))), []);
        assert_eq!(self.machine.phase, Phase::Starting);
    }

    fn joining(mut self) -> Self {
        self = self.started();
        self.answers();
        self
    }

    /// The API answers for the first time.
    fn answers(&mut self) {
        assert_eq!(self.tick(), [Action::Ask(Question::Agent)]);
        let refused = Refusal::Unreachable("refused".to_owned());
        assert_eq!(self.on(Event::Answered(Answer::Agent(Err(refused)))), []);
        assert_eq!(self.tick(), [Action::Ask(Question::Agent)]);
        let answered = self.on(Event::Answered(Answer::Agent(Ok(Box::new(facts())))));
        assert_eq!(answered[0], Action::Ask(Question::Leader));
    }

    fn ready(self) -> Self {
        let mut bed = self.joining();
        bed.joins();
        bed
    }

    fn joins(&mut self) {
        let leader = Answer::Leader(Ok(Some("10.0.0.1:8300".to_owned())));
        assert_eq!(self.on(Event::Answered(leader)), [ask_catalog(None)]);
        assert_eq!(self.on(Event::Answered(Answer::Catalog(Ok(absent(8))))), []);
        assert_eq!(self.machine.phase, Phase::Joining);
        // From here on it is the catalog that says when it changes.
        assert_eq!(
            self.tick(),
            [ask_catalog(Some((8, Duration::from_secs(30))))]
        );
        self.on(Event::Answered(Answer::Catalog(Ok(in_catalog(&[SERVICE])))));
        assert_eq!(self.machine.phase, Phase::Ready);
        assert!(self.machine.conditions.holds(Kind::Ready));
        assert!(self.machine.conditions.holds(Kind::Registered));
        assert!(self.machine.conditions.holds(Kind::IdentityHeld));
    }

    fn exit(&self) -> &Exit {
        match self.done.as_slice() {
            [.., Action::Exit(exit)] => exit,
            other => panic!("no exit but {other:?}"),
        }
    }
}

fn ask_catalog(change: Option<(u64, Moment)>) -> Action {
    Action::Ask(Question::Catalog {
        node: "n1".to_owned(),
        change,
    })
}

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
fn a_crash_is_restarted_with_a_growing_delay_and_a_limit() {
    let mut bed = Bed::new(config()).ready();
    let mut last = Moment::ZERO;
    for _ in 0..3 {
        assert_eq!(bed.on(end(How::Signaled(9))), []);
        assert_eq!(bed.machine.phase, Phase::Backoff);
        let crashed = bed.now;
        assert_eq!(bed.tick(), [Action::Spawn]);
        assert!(bed.now - crashed > last, "the delay did not grow");
        last = bed.now - crashed;
        bed.spawned();
    }
    bed.on(end(How::Exited(1)));
    assert_eq!(bed.exit().code, exit::RESTARTS);
    assert!(
        bed.exit().reason.contains("the last line"),
        "{}",
        bed.exit().reason
    );
}

#[test]
fn a_good_run_forgives_earlier_crashes() {
    let mut bed = Bed::new(config()).ready();
    for _ in 0..6 {
        bed.on(end(How::Exited(2)));
        assert_eq!(bed.tick(), [Action::Spawn]);
        bed.spawned();
        bed.answers();
        bed.joins();
        bed.now += Duration::from_secs(61);
        bed.on(Event::Tick);
    }
    assert_eq!(bed.machine.restarts.in_a_row(), 0);
}

#[test]
fn an_agent_that_was_never_ready_ends_lictor_with_its_code() {
    let mut bed = Bed::new(config()).joining();
    bed.on(end(How::Exited(1)));
    assert_eq!(bed.exit().code, 1);
    assert!(bed.exit().reason.contains("the last line"));
    let mut bed = Bed::new(config()).started();
    bed.on(end(How::Signaled(11)));
    assert_eq!(bed.exit().code, 139);
}

#[test]
fn an_agent_that_somebody_else_stopped_ends_lictor_with_0() {
    let mut bed = Bed::new(config()).ready();
    bed.on(end(How::Exited(0)));
    assert_eq!(bed.exit(), &Exit::ok());
}

#[test]
fn without_restarts_a_crash_is_passed_on() {
    let mut bed = Bed::new(Config {
        restart: false,
        ..config()
    })
    .ready();
    bed.on(end(How::Signaled(9)));
    assert_eq!(bed.exit().code, 137);
}

#[test]
fn a_stop_during_back_off_starts_nothing() {
    let mut bed = Bed::new(config()).ready();
    bed.on(end(How::Exited(1)));
    bed.on(Event::Signal(Signal::Terminate));
    // It was in the catalog, and nobody is there to take it out.
    assert_eq!(bed.exit().code, exit::UNCONFIRMED);
    assert_eq!(bed.machine.deadline(), None);
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
    assert_eq!(bed.on(Event::Notified), [Action::Trim, Action::Signal(1)]);
    assert_eq!(bed.machine.phase, Phase::Ready);
    assert_eq!(
        bed.on(Event::Signal(Signal::Terminate)),
        [Action::Signal(15)]
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
