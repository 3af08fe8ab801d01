//! Scenarios: events in, actions out, on a clock that is a number. No process is started.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Moment;
use super::action::{Action, Question, ReloadOutcome};
use super::candidate::{Applied, Candidate, Verdict};
use super::checks::CheckWork;
use super::conditions::Kind;
use super::event::{
    Address, AgentFacts, Answer, CatalogNode, Change, End, Event, How, Membership, Refusal, Signal,
    Spawned, Staged, Waiter,
};
use super::machine::{Config, Machine, OnStop};
use super::phase::Phase;
use super::signal::{SIGCONT, SIGKILL, SIGTERM};
use crate::exit::{self, Exit};

mod address;
mod broken_leave;
mod checks;
mod conflict;
mod finished_leave;
mod former;
mod leave;
mod model;
mod reload;
mod restart;
mod rollback;
mod samples;
mod signal_reload;
mod start;
mod told_again;
mod twins;
mod watch;
mod young_leave;

use samples::*;

const SERVICE: &str = "consul-10.0.0.5";

/// What the agent has before a reload.
const SERVICES: [&str; 3] = [SERVICE, "by-api", "web"];

/// How each leave of a running agent begins: it goes on if it was stopped, and says how it is.
const LOOK: [Action; 2] = [Action::Signal(SIGCONT), Action::Ask(Question::Agent)];

/// A machine, its clock, and what it last asked for.
struct Bed {
    machine: Machine,
    now: Moment,
    done: Vec<Action>,
    /// What has happened to it.
    past: Vec<(Moment, Event)>,
    leaves_others: bool,
    /// Its port was looked at.
    looks: bool,
}

impl Bed {
    fn new(config: Config) -> Self {
        Self {
            machine: Machine::new(config),
            now: Moment::ZERO,
            done: Vec::new(),
            past: Vec::new(),
            leaves_others: false,
            looks: false,
        }
    }

    /// Another one with the same past, for another future.
    fn again(&self, config: Config) -> Self {
        let mut bed = Self {
            now: self.now,
            done: self.done.clone(),
            past: self.past.clone(),
            leaves_others: self.leaves_others,
            ..Self::new(config)
        };
        for (now, event) in &self.past {
            bed.machine.handle(*now, event.clone());
        }
        bed
    }

    fn handle(&mut self, event: Event) -> Vec<Action> {
        self.past.push((self.now, event.clone()));
        self.machine.handle(self.now, event)
    }

    /// One event, 1 ms later; the actions that matter to a scenario.
    fn on(&mut self, event: Event) -> &[Action] {
        self.now += Duration::from_millis(1);
        self.done = self.handle(event);
        // The agent has left nobody behind, unless the scenario is about that.
        if self.done.ends_with(&[Action::Sweep(SIGTERM)]) && !self.leaves_others {
            self.done.pop();
            let done = self.handle(Event::Alone);
            self.done.extend(done);
        }
        self.looks |= self.done.contains(&Action::LookAtGossip);
        self.done.retain(|action| {
            !matches!(
                action,
                Action::Say(..) | Action::Forget | Action::Remember(_)
            ) && !spared(action)
        });
        &self.done
    }

    /// Lets the next deadline pass.
    fn tick(&mut self) -> &[Action] {
        loop {
            self.now = self.now.max(self.machine.deadline().expect("a deadline"));
            self.looks = false;
            self.on(Event::Tick);
            // What is seen of its port is for the scenarios about that.
            if !(self.looks && self.done.is_empty()) {
                return &self.done;
            }
        }
    }

    fn started(mut self) -> Self {
        assert_eq!(self.on(Event::Begin), [Action::FindAddress]);
        assert_eq!(self.on(Event::Addressed(Ok(address()))), [Action::Stage]);
        let staged = Staged {
            services: vec![SERVICE.to_owned()],
            directory: Some("/run/lictor/registration".to_owned()),
            ..Staged::default()
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

    /// The user's directories were read and have something new.
    fn restaged(&mut self) -> &[Action] {
        self.takes(Change {
            changed: vec!["/consul/config/x.json".to_owned()],
            way_back: true,
            ..Change::default()
        })
    }

    /// The user's directories were read, nothing speaks against what is there, and it is what the agent is to read.
    fn takes(&mut self, change: Change) -> &[Action] {
        self.takes_with(change, Verdict::default())
    }

    fn takes_with(&mut self, change: Change, verdict: Verdict) -> &[Action] {
        let candidate = Candidate { change, verdict };
        assert_eq!(self.on(Event::Restaged(Ok(candidate))), [Action::Adopt]);
        self.on(Event::Adopted(Ok(())))
    }

    /// The agent tells its services.
    fn lists(&mut self, ids: &[&str]) -> &[Action] {
        let ids: BTreeSet<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        self.on(Event::Answered(Answer::Services(Ok(ids))))
    }

    /// The agent tells its services each time it is asked again, and never has those that it lacks.
    fn lacks(&mut self, ids: &[&str]) -> &[Action] {
        for _ in 0..3 {
            assert_eq!(self.lists(ids), []);
            assert_eq!(self.tick(), [Action::Ask(Question::Services)]);
        }
        self.lists(ids)
    }

    /// The agent takes its configuration anew, or says that it does not.
    fn reloads(&mut self, result: Result<(), Refusal>) -> &[Action] {
        self.on(Event::Answered(Answer::Reload(result)))
    }

    /// A reload that has come as far as the agent's being asked for it, and that has had something to change.
    fn reloading(mut self) -> Self {
        assert_eq!(
            self.on(Event::ReloadAsked(Waiter(1))),
            [Action::Ask(Question::Services)]
        );
        self.asked_to_reload();
        self
    }

    /// The agent had its services, and what it reads has changed.
    fn asked_to_reload(&mut self) {
        assert_eq!(self.lists(&SERVICES), [Action::Restage]);
        assert_eq!(self.restaged(), [Action::Ask(Question::Reload)]);
    }

    /// The agent says how it is.
    fn says(&mut self, membership: Membership) -> &[Action] {
        let facts = AgentFacts {
            membership,
            ..facts()
        };
        self.on(Event::Answered(Answer::Agent(Ok(Box::new(facts)))))
    }

    /// The catalog shows what it holds under our name.
    fn shows(&mut self, node: CatalogNode) -> &[Action] {
        self.on(Event::Answered(Answer::Catalog(Ok(node))))
    }

    /// lictor is asked to stop, and the agent, which is a member like others, to leave.
    fn leaving(mut self) -> Self {
        assert_eq!(self.on(Event::Signal(Signal::Terminate)), LOOK);
        assert_eq!(
            self.says(Membership::Alive),
            [Action::Signal(15), ask_catalog(None)]
        );
        self
    }

    /// The same, and it does.
    fn begun(self) -> Self {
        let mut bed = self.leaving();
        assert_eq!(bed.tick(), [Action::Ask(Question::Agent)]);
        assert_eq!(bed.says(Membership::Leaving), []);
        bed
    }

    /// Lets deadlines pass, and answers nothing, until one of them asks for this.
    fn tick_until(&mut self, wanted: &Action) {
        for _ in 0..100 {
            if self.tick().contains(wanted) {
                return;
            }
        }
        panic!("{wanted:?} never came");
    }

    fn exit(&self) -> &Exit {
        match self.done.as_slice() {
            [.., Action::Exit(exit)] => exit,
            other => panic!("no exit but {other:?}"),
        }
    }
}

/// Who does not look for a zombie never gets to see one; and nothing is set aside where nothing is carried over, and what an earlier lictor has left is put back each time.
fn spared(action: &Action) -> bool {
    [Action::Checks(CheckWork::PutBack), Action::LookAtGossip].contains(action)
}
