//! An agent's way from its start to readiness, and how its readiness is watched afterwards.
//!
//! The chain of questions is one at a time: is the API there (`agent/self`), is there a leader (`status/leader`), does
//! the catalog show our registration (`catalog/node`, as a blocking query, so that nothing is polled once the agent has
//! joined). Afterwards one read a minute, jittered, sees whether it is still so.

use std::time::Duration;

use crate::core::Moment;
use crate::core::action::{Action, Level, Question};
use crate::core::conditions::{Kind, Truth};
use crate::core::event::{Refusal, Spawned};
use crate::core::machine::{Child, Machine, OnStop, seconds};
use crate::core::phase::Phase;
use crate::core::restart::GOOD_RUN;
use crate::core::timers::Timer;
use crate::exit::{self, Exit};

mod who;

use who::Who;

/// An agent needs some 80 ms from exec to its first HTTP answer: asking earlier is in vain.
const FIRST_ASK: Duration = Duration::from_millis(50);
/// The first pause between two questions in vain; each further one is a third longer.
const FIRST_PAUSE: Duration = Duration::from_millis(15);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How long the registration may take to show before the agent counts as ready without it (2.9 s were seen at most).
const SETTLE: Duration = Duration::from_secs(10);
/// How long a blocking query waits at the server.
const CHANGE: Duration = Duration::from_secs(30);
/// Between two reads of a ready agent, less the jitter.
const HEARTBEAT: Duration = Duration::from_secs(60);

/// What is known of the way to readiness. All but the first six are of the current run.
#[derive(Debug, Default)]
pub(super) struct Start {
    pub(super) ever_spawned: bool,
    /// An agent was started as it is, and not only to leave as what it was.
    pub(super) ever_itself: bool,
    pub(super) ever_ready: bool,
    /// It has joined, as it said or as its servers did: others know it.
    pub(super) ever_joined: bool,
    /// It has left as what it was, so that nobody knows it before it joins again.
    pub(super) has_left: bool,
    /// The catalog showed us under our name: from then on its absence there means something.
    pub(super) was_in_catalog: bool,
    /// The API has answered.
    pub(super) answered: bool,
    /// The agent said that its first join was over (`READY=1`).
    pub(super) notified: bool,
    /// How often it will be asked yet whether it leaves, as was heard.
    pub(super) heard: u32,
    /// It leaves since somebody else has asked it to.
    pub(super) leaves_for_others: bool,
    /// Since when a leader has been known that was asked for during a stop, or before one of an agent that leaves as what its node was.
    pub(super) leader_since: Option<Moment>,
    /// Our entry is being taken away, or may not be.
    pub(super) taking_away: bool,
    /// Our entry is being looked for before a leave.
    pub(super) seeking: bool,
    /// The agent is telling others once more that it has left, or may not be asked to.
    pub(super) telling_again: bool,
    /// The agent was ready, so that its signal handlers are in place.
    pub(super) was_ready: bool,
    /// The facts are the agent's own, from `agent/self`.
    pub(super) told: bool,
    /// When it is asked for them once more, where it did not tell.
    who: Who,
    pub(super) asking: bool,
    in_vain: u32,
    pub(super) index: u64,
    /// The catalog could not be read: the next question is for the leader, and tells whether the cluster is still there.
    pub(super) leader_next: bool,
    /// The catalog may not be read with the token there is. It is asked in turn with the leader, since tokens change.
    pub(super) catalog_denied: bool,
}

impl Machine {
    pub(super) fn spawned(&mut self, Spawned { pid, api }: Spawned) {
        // Its configuration may be another one than the last time.
        self.config.api = api;
        self.child = Some(Child {
            pid,
            since: self.now,
        });
        self.start = Start {
            ever_spawned: true,
            ever_itself: self.start.ever_itself || !self.is_farewell(),
            ever_ready: self.start.ever_ready,
            ever_joined: self.start.ever_joined,
            has_left: self.start.has_left,
            was_in_catalog: self.start.was_in_catalog,
            ..Start::default()
        };
        if self.zombie.is_lost() {
            for kind in [Kind::Joined, Kind::IdentityHeld] {
                self.set(kind, Truth::Unknown, "Starting", "");
            }
        }
        self.zombie.new_run(self.now);
        self.twins.new_run();
        self.set(
            Kind::AgentRunning,
            Truth::True,
            "Spawned",
            format!("process {pid}"),
        );
        self.not_ready("Starting", "the agent was just started");
        self.say(Level::Info, format!("agent started, pid {pid}"));
        if self.config.api {
            self.timers.set(Timer::Ask, self.now + FIRST_ASK);
        }
        if self.stop.is_some() {
            return self.wait_to_finish();
        }
        if self.is_farewell() {
            return self.farewell_begun();
        }
        self.registration_kept();
        if let (false, Some(timeout)) = (self.start.ever_ready, self.config.start_timeout) {
            self.timers.set(Timer::Start, self.now + timeout);
        }
    }

    /// Drops the questions that are under way.
    pub(super) fn forget(&mut self) {
        self.start.asking = false;
        self.start.taking_away = false;
        self.start.telling_again = false;
        self.start.seeking = false;
        self.twins.forget();
        self.out.push(Action::Forget);
    }

    /// Asks whatever is not known yet.
    pub(super) fn ask_next(&mut self) {
        if self.start.asking || self.child.is_none() || !self.config.api || self.zombie.is_lost() {
            return;
        }
        self.start.asking = true;
        self.timers.clear(Timer::Ask);
        let question = if !self.start.answered || self.is_who_due() {
            Question::Agent
        } else if !self.conditions.holds(Kind::Joined) || self.start.leader_next {
            Question::Leader
        } else {
            let wait = self.start.index > 0 && !self.conditions.holds(Kind::Registered);
            Question::Catalog {
                node: self.facts.node_name.clone(),
                change: wait.then_some((self.start.index, CHANGE)),
            }
        };
        self.ask(question);
    }

    /// The last question was of no use: asks again, later each time.
    pub(super) fn ask_again(&mut self) {
        let pause = FIRST_PAUSE
            .mul_f64(1.33_f64.powi(self.start.in_vain.min(40) as i32))
            .min(LONGEST_PAUSE);
        self.start.in_vain += 1;
        let pause = pause.mul_f64(1.0 - 0.1 * self.rng.f64());
        self.timers.set(Timer::Ask, self.now + pause);
    }

    pub(super) fn leader_answered(&mut self, result: Result<Option<String>, Refusal>) {
        self.start.asking = false;
        self.start.ever_joined |= matches!(result, Ok(Some(_)));
        if self.zombie.is_lost() {
            return;
        }
        match result {
            Ok(Some(leader)) => {
                let news = self.set(
                    Kind::Joined,
                    Truth::True,
                    "LeaderKnown",
                    format!("the leader is {leader}"),
                );
                if news {
                    self.say(Level::Info, format!("joined; the leader is {leader}"));
                    self.timers.set(Timer::Settle, self.now + SETTLE);
                    self.start.in_vain = 0;
                    self.checks_restore();
                    self.watch_gossip();
                }
                self.start.leader_next = false;
                if news && !self.start.told {
                    // An agent that had not joined could not look a token up, and denied what it may allow now.
                    return self.ask_who();
                }
                if self.start.catalog_denied {
                    return self.settled();
                }
                self.ask_next();
            }
            Ok(None) => {
                self.lost("NoLeader", "the servers have no leader");
                self.ask_again();
            }
            Err(refusal) => {
                self.lost(reason_of(&refusal), &refusal.to_string());
                self.ask_again();
            }
        }
    }

    /// `READY=1`: the first join succeeded, so the next question will not be in vain.
    pub(super) fn notified(&mut self) {
        if self.child.is_none() {
            return;
        }
        self.start.notified = true;
        self.start.ever_joined = true;
        if self.zombie.is_lost() {
            return;
        }
        if self.stop.is_some() {
            return self.joined_in_a_stop();
        }
        if self.config.api {
            self.start.in_vain = 0;
            return self.ask_next();
        }
        self.checks_read();
        self.remember(false);
        self.set(Kind::Joined, Truth::True, "Notified", "the agent says so");
        self.watch_gossip();
        let message = "the agent's HTTP API is off";
        self.set(Kind::Registered, Truth::Unknown, "NoApi", message);
        self.settled();
    }

    /// All was seen that can be waited for: the agent is ready.
    pub(super) fn settled(&mut self) {
        if !self.conditions.holds(Kind::Joined) || self.stop.is_some() || self.zombie.is_lost() {
            return;
        }
        if let Some(until) = self.name_in_doubt() {
            self.not_ready("NameInDoubt", "another agent of this name may keep it");
            return self.timers.set(Timer::Settle, until);
        }
        self.timers.clear(Timer::Settle);
        if self.addresses.are_lost() {
            // It may know a leader, and is of no use at an address that nobody reaches.
            return self.timers.set(Timer::Ask, self.now + HEARTBEAT);
        }
        self.timers.clear(Timer::Start);
        if self.config.api {
            let pause = HEARTBEAT.mul_f64(1.0 - 0.2 * self.rng.f64());
            let registered = self.conditions.holds(Kind::Registered);
            if registered || self.start.catalog_denied {
                let at = self.now + pause;
                let at = self.who_at().map_or(at, |who| at.min(who));
                self.timers.set(Timer::Ask, at);
            }
        }
        let first = !self.start.was_ready;
        let news = !self.conditions.holds(Kind::Ready);
        self.start.ever_ready = true;
        self.start.was_ready = true;
        self.start.in_vain = 0;
        if self.phase != Phase::Reloading {
            self.enter(Phase::Ready);
        }
        if self.set(Kind::Ready, Truth::True, "Ready", "") {
            let took = self
                .child
                .map(|child| seconds(self.now.saturating_sub(child.since)))
                .unwrap_or_default();
            let registered = match self.conditions.get(Kind::Registered) {
                condition if condition.truth == Truth::True => "registered".to_owned(),
                condition => format!("not seen registered: {}", condition.message),
            };
            self.say(
                Level::Info,
                format!("ready {took} after the agent's start, {registered}"),
            );
        }
        if news {
            self.timers.set(Timer::GoodRun, self.now + GOOD_RUN);
        }
        if self.config.api {
            self.checks_heartbeat();
        }
        if first {
            self.out.push(Action::Trim);
        }
        self.renewal_ready();
        self.keep_judging();
        self.reload_if_possible();
    }

    /// The cluster is out of reach.
    fn lost(&mut self, reason: &'static str, message: &str) {
        self.start.index = 0;
        self.timers.clear(Timer::Settle);
        self.timers.clear(Timer::GoodRun);
        self.set(Kind::Joined, Truth::False, reason, message);
        self.not_ready(reason, message);
        if self.phase == Phase::Ready {
            self.say(Level::Warn, format!("no longer ready: {message}"));
            self.enter(Phase::Joining);
        } else if self.start.in_vain == 6 {
            // A second or so in vain is worth a line; each try is not.
            self.say(Level::Warn, format!("not joined yet: {message}"));
        }
    }

    pub(super) fn never_ready(&mut self) {
        // The condition speaks of the step that was not made.
        let why = &self.conditions.get(Kind::Ready).message;
        let timeout = self.config.start_timeout.unwrap_or_default();
        let exit = Exit::new(
            exit::NOT_READY,
            format!(
                "the agent was not ready within --start-timeout {}: {why}",
                seconds(timeout)
            ),
        );
        self.say(Level::Error, exit.reason.clone());
        // It never was of use to anybody; a leave would wait for servers that were not there all along.
        self.stop_because(OnStop::Stay, Some(exit));
    }
}

pub(super) fn reason_of(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Unreachable(_) | Refusal::Lost(_) => "ApiUnreachable",
        Refusal::Denied(_) => "Denied",
        Refusal::Failed(_) => "NoServers",
        Refusal::TimedOut(_) => "ApiTimeout",
    }
}
