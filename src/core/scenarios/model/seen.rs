//! What the driver saw: the events it delivered and the actions it was asked for, put together without the machine's help.

use std::collections::BTreeMap;

use super::addresses::Addresses;
use super::budget::REPLACE;
use super::checks::Checks;
use super::conflicts::Conflicts;
use super::end::documented;
use super::farewell::Farewell;
use super::leave::Leave;
use super::noticed::Noticed;
use super::records::{Agent, Decided, Stop, Waiting};
use super::reloading::Reloading;
use super::told::told_by;
use super::*;

/// A run that was ready for this long makes earlier crashes count no more.
const GOOD_RUN: Duration = Duration::from_secs(60);

pub(super) struct Seen {
    pub(super) config: Config,
    pub(super) now: Moment,
    /// What is being handled.
    pub(super) event: Event,
    /// From its `Spawned` to its `Ended`.
    pub(super) agent: Option<Agent>,
    /// A `Spawn` was asked for and has not been done.
    pub(super) spawning: bool,
    /// An agent was spawned before.
    pub(super) ever_spawned: bool,
    /// Whether the last agent has an API.
    pub(super) api: bool,
    pub(super) ever_ready: bool,
    /// It said so, or knew a leader: others know it.
    pub(super) ever_joined: bool,
    /// It has left as what it was.
    pub(super) has_left: bool,
    /// What the agent told of itself last.
    pub(super) facts: AgentFacts,
    /// The last sight of the name in the catalog was of this agent's own entry.
    pub(super) own_entry: bool,
    /// Asked, and neither answered nor dropped, and when.
    pub(super) questions: Vec<(Question, Moment)>,
    pub(super) reload: Reloading,
    /// Changed files that no snapshot was begun after.
    pub(super) noticed: Option<Noticed>,
    /// Who waits for a reload.
    pub(super) waiters: BTreeMap<u64, Waiting>,
    pub(super) stop: Option<Stop>,
    /// The agent that runs, or is being spawned, is there to leave as what its node was.
    pub(super) farewell: Option<Farewell>,
    /// Such a one has ended with this event, and the agent is to start as it is.
    pub(super) farewell_over: bool,
    pub(super) checks: Checks,
    pub(super) addresses: Addresses,
    pub(super) conflicts: Conflicts,
    /// Crashes without a good run between them.
    pub(super) crashes: u32,
    /// This event was one of them.
    pub(super) crashed_now: bool,
    /// The agent has ended for another one to be started at once.
    pub(super) renewed_now: bool,
    /// The agent that has ended had lost its name, or was ended so that another one registers itself.
    pub(super) back_now: bool,
    /// When the last one was.
    pub(super) crashed_at: Moment,
    /// Signals that were sent at this event and are not of lictor's own accord.
    pub(super) passed_on: u32,
    /// SIGCONTs that were sent at this event in a stop.
    pub(super) continued: u32,
    /// How many there must be.
    pub(super) continues: u32,
    /// This event calls for an agent that finishes the leave.
    pub(super) finish_now: bool,
    /// The exit that there must be, once the agent's leftovers are gone.
    pub(super) end: Option<Decided>,
    pub(super) exit: Option<Exit>,
}

impl Seen {
    pub(super) fn new(config: Config) -> Self {
        let renews = config.restart_for_changes;
        Self {
            facts: told_by(&config),
            config,
            now: Moment::ZERO,
            event: Event::Begin,
            agent: None,
            spawning: false,
            ever_spawned: false,
            api: false,
            ever_ready: false,
            ever_joined: false,
            has_left: false,
            own_entry: false,
            questions: Vec::new(),
            reload: Reloading::new(renews),
            noticed: None,
            waiters: BTreeMap::new(),
            stop: None,
            farewell: None,
            farewell_over: false,
            checks: Checks::default(),
            addresses: Addresses::default(),
            conflicts: Conflicts::default(),
            crashes: 0,
            crashed_now: false,
            renewed_now: false,
            back_now: false,
            crashed_at: Moment::ZERO,
            passed_on: 0,
            continued: 0,
            continues: 0,
            finish_now: false,
            end: None,
            exit: None,
        }
    }

    /// The agent was never ready and has had all of `--start-timeout`.
    pub(super) fn start_overdue(&self) -> bool {
        let due = |timeout| {
            self.agent
                .as_ref()
                .is_some_and(|a| a.since + timeout <= self.now)
        };
        let itself = self.farewell.is_none();
        itself && !self.ever_ready && self.config.start_timeout.is_some_and(due)
    }

    /// The longest delay before the restart that this crash leads to; the shortest is a fifth less.
    pub(super) fn back_off(&self) -> Duration {
        let doubled = 1 << self.crashes.saturating_sub(1).min(16);
        (Duration::from_millis(250) * doubled).min(Duration::from_secs(30))
    }

    /// Whether a question of this kind is under way.
    pub(super) fn asked(&self, kind: fn(&Question) -> bool) -> usize {
        self.questions
            .iter()
            .filter(|(question, _)| kind(question))
            .count()
    }

    /// What SIGTERM means, by the command line, the agent's word and Consul's defaults.
    fn on_stop(&self) -> OnStop {
        let usual = match self.facts.server.unwrap_or(self.config.server) {
            true => OnStop::Stay,
            false => OnStop::Leave,
        };
        self.config.on_stop.unwrap_or(usual)
    }

    /// An event is about to be handled.
    pub(super) fn event(&mut self, now: Moment, event: &Event) {
        self.now = now;
        self.event = event.clone();
        self.crashed_now = false;
        self.renewed_now = false;
        self.farewell_over = false;
        self.back_now = false;
        self.passed_on = 0;
        (self.continued, self.continues, self.finish_now) = (0, 0, false);
        self.checks.event(event);
        self.addresses.event();
        self.reload.event();
        if let Some(stop) = &mut self.stop {
            stop.leave.came_now = false;
            (stop.last_now, stop.late_now) = (false, false);
        }
        if let Event::ReloadAsked(waiter)
        | Event::ForceAsked(waiter)
        | Event::JudgementAsked(waiter) = event
        {
            self.waiters.insert(waiter.0, Waiting::default());
        }
        if self.end.is_some() {
            return;
        }
        match event {
            Event::Signal(Signal::Terminate | Signal::Interrupt) => self.stop(self.on_stop()),
            Event::Signal(Signal::Quit) => self.stop(OnStop::Stay),
            Event::StopAsked { mode, .. } => self.stop(mode.unwrap_or_else(|| self.on_stop())),
            Event::Signal(Signal::Hangup) | Event::ReloadAsked(_) | Event::ForceAsked(_) => {
                self.reload.force |= self.stop.is_none() && matches!(event, Event::ForceAsked(_));
                self.conflicts.reload_asked(self.agent.is_some());
                self.reload.wanted |= self.stop.is_none();
                self.reload.anew |= self.stop.is_none();
                self.reload.anyway |= self.stop.is_none();
            }
            Event::JudgementAsked(_) => {
                self.reload.to_judge |= self.stop.is_none() && self.config.staging;
            }
            Event::FilesChanged => self.files_changed(),
            Event::Addressed(found) => self.addressed(found.as_ref().ok()),
            Event::Looked(sight) => self.looked(sight.as_ref().ok()),
            Event::Readdressed(result) => self.readdressed(result.as_ref().ok()),
            Event::Restaged(result) => self.reload.restaged(result),
            Event::Adopted(result) => self.reload.adopted(result.is_ok()),
            Event::Unstaged(result) => self.reload.unstaged(result.is_ok()),
            Event::Spawned(result) => self.spawned(result.as_ref().ok()),
            Event::Ended(end) => self.ended(end),
            Event::Notified => {
                let alive = self.agent.iter_mut();
                let alive = alive.map(|agent| agent.notified = true).count() > 0;
                self.ever_joined |= alive && self.farewell.is_none();
                self.farewell_joined();
            }
            // It is there to leave, and takes no reload.
            Event::LeaveHeard | Event::FailureHeard(_) if self.farewell.is_some() => {}
            Event::LeaveHeard => self.leave_heard(),
            Event::Gossip(listens) => self.gossip_told(*listens),
            Event::TroubleHeard(trouble) => self.trouble_told(*trouble),
            Event::FailureHeard(_) => self.failure_heard(),
            Event::Stopped => self.continues = u32::from(self.stop.is_some()),
            Event::Answered(answer) => self.answered(answer),
            Event::Tick => {
                let ready = self.agent.as_ref().and_then(|agent| agent.ready_since);
                if ready.is_some_and(|since| since + GOOD_RUN <= now) {
                    self.crashes = 0;
                    self.conflicts.tries = 0;
                }
                self.shares();
                self.reload.listened(now);
                self.files_rest();
            }
            _ => {}
        }
        self.registration_tried();
        let crashed = matches!(event, Event::Signal(_) | Event::StopAsked { .. });
        self.finish_now = self.may_finish()
            && match (&self.stop, event) {
                (Some(stop), Event::Ended(end)) => stop.leave.is_broken(self, end),
                (Some(_), _) => crashed && self.agent.is_none() && !self.spawning,
                (None, _) => false,
            };
        self.end = documented(self).map(|code| Decided {
            at: now,
            code,
            patience: self.kill_after(),
            asked: false,
            kills: 0,
        });
        self.reload.wanted &= self.end.is_none();
    }

    pub(super) fn stop(&mut self, mode: OnStop) {
        if self.stop.is_some() {
            return;
        }
        let leaves = mode == OnStop::Leave;
        let instead = self.conflicts.instead(self.now).filter(|_| leaves);
        let mode = instead.map_or(mode, |_| OnStop::Stay);
        let mut stop = Stop::new(self.now, mode, false);
        stop.instead = instead;
        self.reload.stopped();
        if mode == OnStop::Leave
            && let Some(agent) = &self.agent
        {
            self.continues = 1;
            let drain = self.drain();
            if agent.ready_since.is_some() && !drain.is_zero() {
                stop.drains = Some(self.now + drain);
            } else {
                stop.leave.due = Some(self.now + self.patience());
            }
        }
        if let Some(farewell) = self.farewell.take() {
            farewell.taken_over(&mut stop);
        }
        self.stop = Some(stop);
    }

    /// The end of `--drain`, the last moment to replace the agent, and the last step.
    fn shares(&mut self) {
        let due = self.now + self.patience();
        let last = self.now >= self.last_step_at();
        let late = self.now + REPLACE >= self.until();
        let Some(stop) = &mut self.stop else { return };
        stop.late_now = late && !stop.is_late;
        stop.is_late |= late;
        if stop.drains.take_if(|at| *at <= self.now).is_some() {
            stop.leave.due = Some(due);
        }
        stop.last_now = last && !stop.is_last;
        stop.is_last |= last;
    }

    fn spawned(&mut self, spawned: Option<&Spawned>) {
        self.spawning = false;
        match spawned {
            Some(spawned) => {
                self.ever_spawned = true;
                self.api = spawned.api;
                self.conflicts.new_run(self.now);
                self.agent = Some(Agent::new(self.now, spawned));
                let due = match spawned.api {
                    true => self.without_leader(),
                    false => self.patience_to_finish(),
                };
                if let Some(stop) = &mut self.stop {
                    stop.leave.due = Some(due);
                }
            }
            None => {
                self.addresses.not_begun = self.farewell.take().is_some();
                if self.ever_spawned && self.stop.is_none() {
                    self.crashed();
                }
            }
        }
    }

    fn ended(&mut self, end: &End) {
        self.agent = None;
        // What nobody tells any more is not known.
        self.conflicts.unheld = false;
        let zero = end.how.code() == 0;
        let staged = self.config.staging;
        let stop = self.stop.is_some();
        if let Some(noticed) = &mut self.noticed {
            noticed.outlives = true;
        }
        let farewell = self.farewell.take();
        self.farewell_over = farewell.is_some();
        if let Some(farewell) = farewell {
            self.own_entry = false;
            if farewell.has_left(end) {
                // Nobody knows the node any more.
                self.ever_joined = false;
                self.has_left = true;
            }
            self.facts = told_by(&self.config);
            return;
        }
        let renews = self.reload.ended(self.now, staged, zero, stop);
        if self.addresses.ends_agent && !stop {
            self.addresses.ended_now = true;
            self.renewed_now = true;
            return;
        }
        if renews {
            self.renewed_now = true;
            return;
        }
        if self.stop.is_none() && self.comes_back(zero) {
            self.back_now = true;
            return;
        }
        match end.how.code() {
            _ if self.stop.is_some() => {}
            // Two leaves broke each other, and nobody is there who would take the node away.
            0 if end.broke_its_leave && self.ever_joined => self.stop(OnStop::Leave),
            code if code != 0 && self.ever_ready => self.crashed(),
            _ => {}
        }
    }

    fn crashed(&mut self) {
        self.crashes += 1;
        self.crashed_now = true;
        self.crashed_at = self.now;
    }

    /// The event was handled: whether the agent counts as ready now.
    pub(super) fn ready(&mut self, ready: bool) {
        if self.stop.is_none() && self.end.is_none() {
            // Else the end of --start-timeout is a stop.
            let tick = self.event == Event::Tick && !self.start_overdue();
            self.reload.readiness(ready, self.now, tick, self.api);
            self.registration_tried();
        }
        let Some(agent) = &mut self.agent else { return };
        agent.was_ready |= ready;
        self.ever_ready |= ready;
        agent.ready_since = ready.then(|| agent.ready_since.unwrap_or(self.now));
    }

    /// An action is done.
    pub(super) fn action(&mut self, action: &Action) {
        if *action == Action::Restage && !self.reload.may_judge() {
            self.noticed = None;
        }
        self.moves(action);
        if self.reload.begins(action, self.now) && self.stop.is_none() {
            let waiting = self.waiters.values_mut();
            waiting.for_each(|waiting| waiting.asked = true);
        }
        self.checks.action(action);
        if self.farewell_asked(action) {
            if let Action::Ask(question) = action {
                self.questions.push((question.clone(), self.now));
            }
            return;
        }
        // What is put back has to be loaded.
        if *action == Action::Checks(CheckWork::PutBack) && self.agent.is_some() {
            self.reload.wanted = true;
            self.reload.anyway = true;
        }
        match action {
            // In a stop it is one that was started to leave, whatever it is.
            Action::SpawnAs(former) if self.stop.is_none() => {
                self.spawning = true;
                self.farewell_begins(former);
            }
            Action::Spawn | Action::SpawnAs(_) => {
                self.spawning = true;
                if let Some(stop) = &mut self.stop {
                    stop.drains = None;
                    stop.leave = Leave {
                        finishing: true,
                        ..Leave::default()
                    };
                }
            }
            Action::Signal(number) => self.signaled(*number),
            Action::Ask(question) => self.ask(question),
            Action::Forget => {
                self.questions.clear();
                let stop = self.stop.iter_mut();
                stop.for_each(|stop| stop.leave.forget());
                // Of itself, time begins no other stop than this.
                if self.event == Event::Tick && self.stop.is_none() && self.farewell.is_none() {
                    self.stop = Some(Stop::new(self.now, OnStop::Stay, true));
                    self.reload.stopped();
                }
            }
            Action::Reply(waiter, _) => drop(self.waiters.remove(&waiter.0)),
            Action::Suspend => self.passed_on += 1,
            Action::Sweep(signal) => {
                if let Some(end) = &mut self.end {
                    end.asked = true;
                    end.kills += u32::from(*signal == SIGKILL);
                }
            }
            Action::Exit(exit) => self.exit = Some(exit.clone()),
            _ => {}
        }
    }

    fn ask(&mut self, question: &Question) {
        self.questions.push((question.clone(), self.now));
        let due = self.patience_to_finish();
        match (question, &mut self.stop) {
            (Question::Membership, _) => self.membership_asked(),
            (Question::Leave, Some(stop)) => stop.leave.ask(self.now, false),
            (Question::Deregister { .. }, Some(stop)) => stop.leave.remove(),
            (Question::Catalog { .. }, Some(stop)) => stop.leave.seek(due),
            (Question::ForceLeave { .. }, Some(stop)) => stop.leave.tell_again(),
            (Question::ForceLeave { node }, None) => self.parts(node),
            _ => {}
        }
    }
}
