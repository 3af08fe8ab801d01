//! What the driver saw: the events it delivered and the actions it was asked for, put together without the machine's help.

use std::collections::BTreeMap;

use super::answers::answers;
use super::end::documented;
use super::records::{Agent, Decided, Stop, Waiting};
use super::*;

/// Kept back from the budget of a stop for the kill at its end.
pub(super) const RESERVE: Duration = Duration::from_millis(200);
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
    pub(super) ever_ready: bool,
    /// What the agent told of itself last.
    pub(super) facts: AgentFacts,
    /// The last sight of the name in the catalog was of this agent's own entry.
    pub(super) own_entry: bool,
    /// Asked, and neither answered nor dropped.
    pub(super) questions: Vec<Question>,
    /// A reload was asked for and has not been begun.
    pub(super) reload_wanted: bool,
    /// The user's directories are being read.
    pub(super) staging: bool,
    /// The agent for which that was begun has ended.
    pub(super) stale: bool,
    /// Who waits for a reload.
    pub(super) waiters: BTreeMap<u64, Waiting>,
    pub(super) stop: Option<Stop>,
    /// Crashes without a good run between them.
    pub(super) crashes: u32,
    /// This event was one of them.
    pub(super) crashed_now: bool,
    /// When the last one was.
    pub(super) crashed_at: Moment,
    /// Signals that were sent at this event and are not of lictor's own accord.
    pub(super) passed_on: u32,
    /// The exit that there must be, once the agent's leftovers are gone.
    pub(super) end: Option<Decided>,
    pub(super) exit: Option<Exit>,
}

impl Seen {
    pub(super) fn new(config: Config) -> Self {
        Self {
            facts: AgentFacts {
                node_name: config.node_name.clone(),
                leaves_on_terminate: config.leaves_on_terminate,
                leaves_on_interrupt: config.leaves_on_interrupt,
                ..AgentFacts::default()
            },
            config,
            now: Moment::ZERO,
            event: Event::Begin,
            agent: None,
            spawning: false,
            ever_spawned: false,
            ever_ready: false,
            own_entry: false,
            questions: Vec::new(),
            reload_wanted: false,
            staging: false,
            stale: false,
            waiters: BTreeMap::new(),
            stop: None,
            crashes: 0,
            crashed_now: false,
            crashed_at: Moment::ZERO,
            passed_on: 0,
            end: None,
            exit: None,
        }
    }

    /// How long leftovers have between SIGTERM and SIGKILL: never past the budget of a stop.
    pub(super) fn kill_after(&self) -> Duration {
        let budget = self
            .stop
            .as_ref()
            .map(|stop| (stop.since + self.config.stop_timeout).saturating_sub(self.now));
        let most = self.config.kill_after;
        budget.map_or(most, |budget| budget.min(most))
    }

    /// How long a stop may take before the leave is asked for.
    pub(super) fn patience(&self) -> Duration {
        Duration::from_secs(5).min(self.config.stop_timeout / 3)
    }

    /// The agent was never ready and has had all of `--start-timeout`.
    pub(super) fn start_overdue(&self) -> bool {
        let due = |timeout| {
            self.agent
                .as_ref()
                .is_some_and(|a| a.since + timeout <= self.now)
        };
        !self.ever_ready && self.config.start_timeout.is_some_and(due)
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
            .filter(|question| kind(question))
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
        self.passed_on = 0;
        if let Some(stop) = &mut self.stop {
            stop.back_now = false;
        }
        if let Event::ReloadAsked(waiter) = event {
            self.waiters.insert(waiter.0, Waiting::default());
        }
        let was_staging = self.staging;
        self.staging &= !matches!(event, Event::Restaged(_));
        if self.end.is_some() {
            return;
        }
        match event {
            Event::Signal(Signal::Terminate | Signal::Interrupt) => self.stop(self.on_stop()),
            Event::Signal(Signal::Quit) => self.stop(OnStop::Stay),
            Event::StopAsked { mode, .. } => self.stop(mode.unwrap_or_else(|| self.on_stop())),
            Event::Signal(Signal::Hangup) | Event::ReloadAsked(_) => {
                self.reload_wanted |= self.stop.is_none();
            }
            Event::Restaged(result) => {
                assert!(was_staging, "only what is read can have been");
                let news = result.as_ref().is_ok_and(|change| !change.is_none());
                let stale = std::mem::take(&mut self.stale);
                self.reload_wanted |= stale && news && self.agent.is_some() && self.stop.is_none();
            }
            Event::Spawned(result) => self.spawned(result.as_ref().ok()),
            Event::Ended(end) => self.ended(end.how),
            Event::Notified => self
                .agent
                .iter_mut()
                .for_each(|agent| agent.notified = true),
            Event::Answered(answer) => self.answered(answer),
            Event::Tick => {
                let ready = self.agent.as_ref().and_then(|agent| agent.ready_since);
                if ready.is_some_and(|since| since + GOOD_RUN <= now) {
                    self.crashes = 0;
                }
            }
            _ => {}
        }
        self.end = documented(self).map(|code| Decided {
            at: now,
            code,
            patience: self.kill_after(),
            asked: false,
            kills: 0,
        });
        self.reload_wanted &= self.end.is_none();
    }

    fn stop(&mut self, mode: OnStop) {
        if self.stop.is_none() {
            self.stop = Some(Stop::new(self.now, mode, false));
            self.reload_wanted = false;
        }
    }

    fn spawned(&mut self, spawned: Option<&Spawned>) {
        self.spawning = false;
        match spawned {
            Some(spawned) => {
                self.ever_spawned = true;
                self.agent = Some(Agent::new(self.now, spawned));
            }
            None if self.ever_spawned => self.crashed(),
            None => {}
        }
    }

    fn ended(&mut self, how: How) {
        self.agent = None;
        self.stale |= self.staging;
        self.reload_wanted = false;
        if self.stop.is_none() && self.ever_ready && how.code() != 0 {
            self.crashed();
        }
    }

    fn crashed(&mut self) {
        self.crashes += 1;
        self.crashed_now = true;
        self.crashed_at = self.now;
    }

    fn answered(&mut self, answer: &Answer) {
        let place = self
            .questions
            .iter()
            .position(|question| answers(answer, question));
        self.questions
            .remove(place.expect("only questions are answered"));
        if let Some(agent) = &mut self.agent {
            let silence = |refusal: &Refusal| {
                matches!(
                    refusal,
                    Refusal::Unreachable(_) | Refusal::Lost(_) | Refusal::TimedOut(_)
                )
            };
            if let Answer::Agent(result) = answer {
                agent.told |= result.is_ok();
                agent.answered |= !result.as_ref().is_err_and(silence);
            }
            if let (Answer::Catalog(result), Some(stop)) = (answer, &mut self.stop) {
                stop.watch_over |= match result {
                    Ok(node) => node.index == 0,
                    Err(Refusal::Unreachable(_)) => agent.answered,
                    Err(refusal) => matches!(refusal, Refusal::Denied(_)),
                };
            }
        }
        let begun = |refusal: &Refusal| matches!(refusal, Refusal::Lost(_) | Refusal::TimedOut(_));
        match (answer, &mut self.stop) {
            (Answer::Agent(Ok(facts)), _) => self.facts = (**facts).clone(),
            (Answer::Catalog(Ok(node)), _) => self.catalog_shows(node),
            (Answer::Reload(Err(Refusal::Denied(_))), None) => {
                let ready = self.agent.as_ref().is_some_and(|agent| agent.was_ready);
                self.reload_wanted |= !ready;
            }
            (Answer::Leave(Err(refusal)), Some(stop)) => stop.under_way = begun(refusal),
            (Answer::Deregister(result), Some(stop)) if !stop.gone => {
                stop.taken_away = matches!(result, Err(Refusal::Denied(_)));
            }
            _ => {}
        }
    }

    fn catalog_shows(&mut self, node: &CatalogNode) {
        let id = &self.facts.node_id;
        let own = node.present && (id.is_empty() || node.id == *id);
        let Some(stop) = &mut self.stop else {
            if node.present {
                self.own_entry = own;
            }
            return;
        };
        stop.back_now = own && stop.gone;
        if own {
            self.own_entry = true;
            stop.gone = false;
        } else if self.own_entry {
            (stop.gone, stop.went) = (true, true);
            stop.taken_away = false;
        }
    }

    /// The event was handled: whether the agent counts as ready now.
    pub(super) fn ready(&mut self, ready: bool) {
        let Some(agent) = &mut self.agent else { return };
        agent.was_ready |= ready;
        self.ever_ready |= ready;
        agent.ready_since = ready.then(|| agent.ready_since.unwrap_or(self.now));
    }

    /// An action is done.
    pub(super) fn action(&mut self, action: &Action) {
        match action {
            Action::Restage => {
                self.staging = true;
                self.reload_wanted = false;
                self.waiters
                    .values_mut()
                    .for_each(|waiting| waiting.asked = true);
            }
            Action::Spawn => self.spawning = true,
            Action::Signal(number) => self.signaled(*number),
            Action::Ask(question) => self.ask(question),
            Action::Forget => {
                self.questions.clear();
                // Of itself, time begins no other stop than this.
                if self.event == Event::Tick && self.stop.is_none() {
                    self.stop = Some(Stop::new(self.now, OnStop::Stay, true));
                    self.reload_wanted = false;
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

    fn signaled(&mut self, number: i32) {
        self.passed_on += u32::from(!OWN.contains(&number));
        match (&mut self.stop, number) {
            (Some(stop), _) if stop.mode == OnStop::Stay && !stop.stayed => stop.stayed = true,
            (Some(stop), SIGKILL) => stop.killed = true,
            (Some(stop), _) => (stop.asked, stop.under_way) = (true, true),
            (None, SIGHUP) => self
                .waiters
                .values_mut()
                .for_each(|waiting| waiting.signaled = waiting.asked),
            (None, _) => {}
        }
    }

    fn ask(&mut self, question: &Question) {
        self.questions.push(question.clone());
        match (question, &mut self.stop) {
            (Question::Leave, Some(stop)) => (stop.asked, stop.under_way) = (true, true),
            (Question::Deregister { .. }, Some(stop)) => stop.taken_away = true,
            _ => {}
        }
    }
}
