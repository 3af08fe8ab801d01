//! The machine: event × phase → actions.
//!
//! [`Machine::handle`] is the only way in. What belongs to one part of an agent's life is in the file of that name and
//! is called from here; here is only who is called when.

use crate::core::Moment;
use crate::core::action::{Action, Level, Question};
use crate::core::address::Addresses;
use crate::core::checks::Checks;
use crate::core::conditions::{Conditions, Kind, Truth};
use crate::core::ending::Ending;
use crate::core::event::{Address, AgentFacts, Answer, End, Event, Staged};
use crate::core::former::{Farewell, Former};
use crate::core::known::Known;
use crate::core::leave::Stop;
use crate::core::phase::Phase;
use crate::core::reload::{Cause, Reload};
use crate::core::restart::Restarts;
use crate::core::start::Start;
use crate::core::timers::{Timer, Timers};
use crate::core::twins::Twins;
use crate::core::watch::Watch;
use crate::core::zombie::Zombie;
use crate::exit::Exit;

mod config;

pub use config::{Config, OnStop};

/// The agent's process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Child {
    pub(super) pid: i32,
    pub(super) since: Moment,
}

/// The state of everything.
#[derive(Debug)]
pub struct Machine {
    pub(super) config: Config,
    pub(super) now: Moment,
    pub(super) phase: Phase,
    pub(super) phase_since: Moment,
    pub(super) conditions: Conditions,
    pub(super) timers: Timers,
    pub(super) rng: fastrand::Rng,
    pub(super) address: Option<Address>,
    pub(super) addresses: Addresses,
    pub(super) staged: Staged,
    pub(super) child: Option<Child>,
    /// What the node leaves as before the agent's next start.
    pub(super) former: Option<Former>,
    /// The agent runs as that, or is being started.
    pub(super) farewell: Option<Farewell>,
    /// What is kept of that.
    pub(super) known: Option<Known>,
    pub(super) facts: AgentFacts,
    pub(super) start: Start,
    pub(super) reload: Reload,
    pub(super) watch: Watch,
    pub(super) restarts: Restarts,
    pub(super) checks: Checks,
    pub(super) zombie: Zombie,
    pub(super) twins: Twins,
    pub(super) stop: Option<Stop>,
    pub(super) ending: Ending,
    pub(super) out: Vec<Action>,
}

impl Machine {
    /// A machine at the beginning of its life.
    pub fn new(config: Config) -> Self {
        Self {
            rng: fastrand::Rng::with_seed(config.seed),
            facts: config.facts(),
            config,
            now: Moment::ZERO,
            phase: Phase::Addressing,
            phase_since: Moment::ZERO,
            conditions: Conditions::default(),
            timers: Timers::default(),
            address: None,
            addresses: Addresses::default(),
            staged: Staged::default(),
            child: None,
            former: None,
            farewell: None,
            known: None,
            start: Start::default(),
            reload: Reload::default(),
            watch: Watch::default(),
            restarts: Restarts::default(),
            checks: Checks::default(),
            zombie: Zombie::default(),
            twins: Twins::default(),
            stop: None,
            ending: Ending::default(),
            out: Vec::new(),
        }
    }

    /// When [`Event::Tick`] is due next.
    pub fn deadline(&self) -> Option<Moment> {
        self.timers.next()
    }

    /// Takes in what happened at `now` and says what to do about it, in order.
    ///
    /// Moments must not run backwards. After [`Action::Exit`] every event is ignored.
    pub fn handle(&mut self, now: Moment, event: Event) -> Vec<Action> {
        self.now = now;
        match self.phase {
            Phase::Exited => {}
            _ if self.is_ending() => self.while_ending(&event),
            _ if self.is_farewell() => self.in_farewell(event),
            _ => self.dispatch(event),
        }
        std::mem::take(&mut self.out)
    }

    pub(super) fn dispatch(&mut self, event: Event) {
        match event {
            Event::Begin => self.out.push(Action::FindAddress),
            Event::Signal(signal) => self.signalled(signal),
            Event::Addressed(found) => self.addressed(found),
            Event::AddressesChanged => self.addresses_changed(),
            Event::Looked(sight) => self.looked_at_addresses(sight),
            Event::Readdressed(result) => self.readdressed(result),
            Event::Staged(staged) => self.staged(staged),
            Event::Restaged(result) => self.restaged(result),
            Event::Adopted(result) => self.adopted(result),
            Event::Unstaged(result) => self.unstaged(result),
            Event::FilesChanged => self.files_changed(),
            Event::Spawned(Ok(spawned)) => self.spawned(spawned),
            Event::Spawned(Err(exit)) => self.spawn_failed(exit),
            Event::Ended(end) => self.ended(&end),
            Event::Stopped => self.agent_was_stopped(),
            Event::Notified => self.notified(),
            Event::LeaveHeard => self.leave_heard(),
            Event::FailureHeard(why) => self.failure_heard(why),
            Event::TroubleHeard(trouble) => self.trouble_heard(trouble),
            Event::Gossip(listens) => self.gossip_seen(listens),
            Event::Answered(answer) => self.answered(answer),
            Event::JudgementAsked(waiter) => self.judgement_asked(waiter),
            Event::ForceAsked(waiter) => self.reload_asked(Cause::Forced(waiter)),
            Event::ReloadAsked(waiter) => self.reload_asked(Cause::Asked(Some(waiter))),
            Event::StopAsked { by, mode } => {
                self.stop_asked(by, mode.unwrap_or_else(|| self.on_stop()));
            }
            Event::Checks(news) => self.checks_told(news),
            // Nobody is waited for.
            Event::Alone | Event::OutOfReach => {}
            Event::Tick => {
                while let Some(timer) = self.timers.take_due(self.now) {
                    self.timed_out(timer);
                }
            }
        }
    }

    fn answered(&mut self, answer: Answer) {
        match answer {
            Answer::Agent(result) if self.stop.is_some() => self.agent_seen_in_a_stop(result),
            Answer::Membership(result) => self.membership_answered(&result),
            Answer::Leader(result) if self.stop.is_some() => self.leader_seen_in_a_stop(&result),
            Answer::Agent(result) => self.agent_answered(result),
            Answer::Leader(result) => self.leader_answered(result),
            // The catalog is read for two ends: to see the registration come, and to see it go.
            Answer::Catalog(result) if self.stop.is_some() => self.leave_watched(result),
            Answer::Catalog(result) => self.catalog_answered(result),
            Answer::Node(result) => self.node_seen(result),
            Answer::Neighbours(result) => self.neighbours_seen(result),
            Answer::Removed(result) => self.removed(result),
            Answer::Vouched(result) => self.vouched(result),
            Answer::Services(result) => self.services_answered(result),
            Answer::Reload(result) => self.reload_answered(result),
            Answer::Leave(result) => self.leave_answered(result),
            Answer::ForceLeave(result) if self.twins.is_parting() => self.name_left(result),
            Answer::ForceLeave(result) => self.told_again(result),
            Answer::Deregister(result) => self.taken_away(result),
        }
    }

    fn timed_out(&mut self, timer: Timer) {
        match timer {
            Timer::Ask if self.stop.is_some() => self.ask_in_a_stop(),
            Timer::Ask if self.is_farewell() => self.ask_in_farewell(),
            Timer::Ask => self.ask_next(),
            Timer::Settle => self.settled(),
            Timer::Start => self.never_ready(),
            Timer::Look => self.checks_look(),
            Timer::Restart => self.spawn(),
            Timer::GoodRun => {
                self.restarts.forgive();
                self.zombie.forgive();
            }
            Timer::Gossip => self.gossip_due(),
            Timer::Holder => self.ask_holder(),
            Timer::Comeback => self.comeback_late(),
            Timer::Identity => self.identity_due(),
            Timer::Shared => self.conclude(),
            Timer::Heard => self.ask(Question::Membership),
            Timer::Rest => self.files_rest(),
            Timer::GoBack => self.tell_agent(),
            Timer::Hangup => self.listened(),
            Timer::Renewal => self.renewal_late(),
            Timer::Again => self.judge_again(),
            Timer::Addresses | Timer::Grace | Timer::Reregister => self.look_at_addresses(),
            Timer::Drain => self.look(),
            Timer::Patience => self.ask_leave(),
            Timer::Back if self.is_farewell() => self.farewell_is_back(),
            Timer::Back => self.joined_in_a_stop(),
            Timer::Farewell => self.farewell_overdue(),
            Timer::Evidence => self.ask_for_evidence(),
            Timer::TellAgain if self.is_farewell() => self.tell_again_in_farewell(),
            Timer::TellAgain => self.tell_again(),
            Timer::Replace => self.replace(),
            Timer::LastStep => self.last_step(),
            Timer::Kill => self.kill(),
            // Set and seen to by `ending`.
            Timer::Leftovers => {}
        }
    }

    pub(super) fn spawn(&mut self) {
        if let Some(former) = self.former.take() {
            return self.bid_farewell(former);
        }
        self.checks_before_spawn();
        self.enter(Phase::Starting);
        self.out.push(Action::Spawn);
    }

    fn spawn_failed(&mut self, exit: Exit) {
        self.farewell_not_begun();
        // Nothing that happens after the first start may end lictor of itself: a binary that is being replaced, or a
        // full process table, is a crash like another.
        if self.stop.is_some() {
            self.say(Level::Error, exit.reason.clone());
            self.stopped_without_agent();
        } else if self.start.ever_spawned {
            self.restart_or_exit(exit);
        } else {
            self.exit(exit);
        }
    }

    /// The agent's process is gone. What that means depends on who wanted it, and on whether it was ever of use.
    fn ended(&mut self, end: &End) {
        let Some(child) = self.child.take() else {
            return;
        };
        let lived = self.now.saturating_sub(child.since);
        self.checks_lost();
        self.forget();
        self.timers.clear_all();
        self.not_ready("AgentEnded", &format!("the agent {}", end.how));
        self.set(
            Kind::AgentRunning,
            Truth::False,
            "Ended",
            format!("the agent {}", end.how),
        );
        for kind in [Kind::Joined, Kind::IdentityHeld, Kind::Registered] {
            self.set(kind, Truth::Unknown, "AgentEnded", "");
        }
        self.files_kept();
        self.addresses_kept();
        if let Some(farewell) = self.farewell.take() {
            return self.farewell_over(farewell, end);
        }
        if self.is_ended_to_move() {
            self.reload_lost();
            return self.readdress();
        }
        if self.is_renewed(end) {
            return self.spawn();
        }
        self.reload_lost();
        if self.stop.is_some() {
            return self.stopped(end);
        }
        if self.comes_back(end) {
            return;
        }
        let told = format!(
            "the agent {} after {}{}",
            end.how,
            seconds(lived),
            last_words(end)
        );
        match end.how.code() {
            0 if end.broke_its_leave && self.start.ever_joined => {
                let what = "the agent ended with 0 and without a leave: somebody's two leaves broke each other";
                self.say(Level::Warn, what);
                self.stop_because(OnStop::Leave, None);
            }
            0 => {
                let reason =
                    "the agent ended by itself with 0: somebody asked it to leave or to stop";
                self.say(Level::Info, reason);
                self.exit(Exit::ok());
            }
            code if !self.start.ever_ready => {
                self.exit(Exit::new(code, format!("{told}; it was never ready")));
            }
            code => self.restart_or_exit(Exit::new(code, told)),
        }
    }

    pub(super) fn enter(&mut self, phase: Phase) {
        if self.phase != phase {
            self.phase = phase;
            self.phase_since = self.now;
            self.say(Level::Debug, format!("phase {phase}"));
        }
    }

    pub(super) fn say(&mut self, level: Level, text: impl Into<String>) {
        self.out.push(Action::Say(level, text.into()));
    }

    pub(super) fn ask(&mut self, question: Question) {
        self.out.push(Action::Ask(question));
    }

    pub(super) fn set(
        &mut self,
        kind: Kind,
        truth: Truth,
        reason: &'static str,
        message: impl Into<String>,
    ) -> bool {
        self.conditions.set(self.now, kind, truth, reason, message)
    }

    /// Readiness is the last latch to drop in, and the first to drop out.
    pub(super) fn not_ready(&mut self, reason: &'static str, message: &str) {
        self.set(Kind::Ready, Truth::False, reason, message);
    }
}

/// A duration for a person.
pub(super) fn seconds(duration: Moment) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

/// An agent's last words, ready to be hung behind a sentence.
pub(super) fn last_words(end: &End) -> String {
    match end.last_words.trim() {
        "" => String::new(),
        words => format!("; its last words: {words}"),
    }
}
