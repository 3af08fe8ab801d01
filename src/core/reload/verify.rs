//! Whether a reload was one: none of the agent's services may be missing afterwards that the configuration did not drop.
//!
//! Consul unloads every service before it loads them anew, and where that fails on the way the rest is gone, those too that were
//! registered through its API. So the agent's services are read before and after. Where the reload failed, or one is missing,
//! the agent gets to read again what it read before, and is asked to reload that.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::core::Moment;
use crate::core::action::{Action, Level, Question, ReloadOutcome};
use crate::core::candidate::Applied;
use crate::core::conditions::{Kind, Truth};
use crate::core::event::{Change, Refusal};
use crate::core::machine::Machine;
use crate::core::timers::Timer;

use super::renewal::Renewal;

/// What whoever waits is told.
pub(super) const ENDED: &str =
    "the agent ended while it reloaded; the next one starts with what it read before";

/// An agent that ends breaks its connections, and its end is told a little later.
const END: Duration = Duration::from_secs(1);

/// Whether the agent broke the connection, as one does that ends.
pub(super) fn is_broken(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::Lost(_) | Refusal::Unreachable(_))
}

/// What is known of a reload under way.
#[derive(Debug, Default)]
pub(super) struct Trial {
    /// The agent is being asked for its services.
    pub(super) looking: bool,
    /// Those that it had, where it said so.
    pub(super) before: Option<BTreeSet<String>>,
    /// What the agent is to read now and may yet be taken back.
    pub(super) change: Option<Change>,
    /// What that comes to.
    pub(super) applied: Applied,
    /// It is there for the agent to read.
    pub(super) adopted: bool,
    /// The agent is being restarted for it.
    pub(super) renewal: Option<Renewal>,
    /// It is being taken back, and why.
    pub(super) back: Option<String>,
    /// How often services were missing.
    pub(super) lacked: u32,
    /// The agent broke the connection over it.
    pub(super) broken: bool,
    /// Why the agent did not say which services it had.
    pub(super) refused: Option<String>,
    /// The API denied the reload, and the agent takes no signals yet.
    pub(super) waits: bool,
    /// The agent was told by SIGHUP, and when.
    pub(super) signaled: Option<Moment>,
    /// It said meanwhile that this failed, and why.
    pub(super) failed: Option<String>,
    /// It will not be seen which services it has, and why.
    pub(super) unseen: Option<String>,
}

impl Machine {
    /// Reads which services the agent has, before anything changes.
    pub(super) fn look_at_services(&mut self) {
        self.reload.trial.looking = true;
        self.ask(Question::Services);
    }

    /// What the agent reads is about to be this.
    pub(super) fn try_change(&mut self, change: Change, applied: Applied) {
        self.reload.trial.change = Some(change);
        self.reload.trial.applied = applied;
    }

    /// Whether what the agent reads is being taken back.
    pub(super) fn goes_back(&self) -> bool {
        self.reload.trial.back.is_some()
    }

    /// Whether what the agent reads may yet be taken back.
    pub(super) fn has_way_back(&self) -> bool {
        let trial = &self.reload.trial;
        let way_back = trial.change.as_ref().is_some_and(|change| change.way_back);
        way_back && trial.adopted && trial.back.is_none()
    }

    pub(in crate::core) fn services_answered(&mut self, result: Result<BTreeSet<String>, Refusal>) {
        let trial = &mut self.reload.trial;
        if !std::mem::take(&mut trial.looking) || self.stop.is_some() {
            return;
        }
        if let Some(why) = trial.failed.take() {
            return self.reload_broke(&why);
        }
        match result {
            Ok(services) if trial.change.is_none() => {
                trial.before = Some(services);
                self.restage();
            }
            Err(refusal) if trial.change.is_none() => {
                let text = format!(
                    "whether the agent keeps all its services over the reload will not be seen: {refusal}"
                );
                trial.refused = Some(refusal.to_string());
                self.say(Level::Warn, text);
                self.restage();
            }
            Ok(now) => self.judge_services(&now),
            Err(refusal) if is_broken(&refusal) => {
                trial.broken = true;
                self.reload_broke(&refusal.to_string());
            }
            Err(refusal) => {
                let text =
                    format!("whether the agent has all its services was not seen: {refusal}");
                trial.unseen = trial.signaled.map(|_| text.clone());
                self.say(Level::Warn, text);
                self.reload_held();
            }
        }
    }

    fn judge_services(&mut self, now: &BTreeSet<String>) {
        let trial = &self.reload.trial;
        let dropped = match (&trial.back, &trial.change) {
            (None, Some(change)) => change.dropped.clone(),
            _ => BTreeSet::new(),
        };
        let had = trial.before.iter().flatten();
        let missing: Vec<&str> = had
            .filter(|id| !now.contains(*id) && !dropped.contains(*id))
            .map(String::as_str)
            .collect();
        if missing.is_empty() {
            return self.reload_held();
        }
        let lost = format!("the agent has lost {}", missing.join(", "));
        if !self.may_be_loading() {
            self.reload_broke(&lost);
        }
    }

    /// The agent says that it has loaded what it reads.
    pub(super) fn verify(&mut self) {
        let known = self.reload.trial.before.is_some() && self.reload.trial.change.is_some();
        if known && self.config.api {
            return self.look_at_services();
        }
        self.reload_held();
    }

    /// The agent has what it was to have, or has again what it had.
    pub(super) fn reload_held(&mut self) {
        self.timers.clear(Timer::Again);
        self.reload.unsure = false;
        let unseen = self.reload.trial.unseen.take();
        match self.reload.trial.back.take() {
            Some(mut why) => {
                if let Some(unseen) = unseen {
                    why = format!("{why}; {unseen}");
                }
                self.set(Kind::ConfigGood, Truth::False, "RolledBack", &why);
                self.reload_ended(ReloadOutcome::RolledBack(why));
            }
            None => {
                let applied = std::mem::take(&mut self.reload.trial.applied);
                let (reason, message) = match (&unseen, &applied) {
                    (_, applied) if applied.needs_restart().is_some() => {
                        ("RestartNeeded", applied.needs_restart().unwrap_or_default())
                    }
                    (Some(unseen), _) => ("Signaled", unseen.clone()),
                    (None, _) => ("Reloaded", String::new()),
                };
                self.set(Kind::ConfigGood, Truth::True, reason, message);
                if self.reload.trial.change.is_some() {
                    self.out.push(Action::Settle);
                }
                self.reload_ended(match unseen {
                    Some(unseen) => ReloadOutcome::Signaled(applied, unseen),
                    None => ReloadOutcome::Reloaded(applied),
                });
            }
        }
    }

    /// The reload failed, or has lost services.
    pub(super) fn reload_broke(&mut self, why: &str) {
        if self.reload.trial.renewal.is_some() {
            return self.renewal_broke(why);
        }
        self.reload.trial.signaled = None;
        if self.has_way_back() {
            self.say(
                Level::Warn,
                format!("the reload failed: {why}; going back to what the agent read before"),
            );
            self.reload.trial.back = Some(why.to_owned());
            self.reload.trial.lacked = 0;
            return self.out.push(Action::Unstage);
        }
        let why = match self.reload.trial.back.take() {
            Some(first) => format!("{first}; and going back did not help: {why}"),
            None => why.to_owned(),
        };
        self.reload.unsure = true;
        self.set(Kind::ConfigGood, Truth::False, "ReloadFailed", &why);
        self.reload_ended(ReloadOutcome::Failed(why));
    }

    /// The agent reads again what it read before.
    pub(in crate::core) fn unstaged(&mut self, result: Result<(), String>) {
        match result {
            Ok(()) if !self.goes_back() || self.stop.is_some() => {}
            Ok(()) if self.reload.trial.broken => self.timers.set(Timer::GoBack, self.now + END),
            Ok(()) => self.tell_agent(),
            Err(why) if self.goes_back() => self.reload_broke(&why),
            Err(why) => self.say(Level::Error, why),
        }
    }

    /// The agent has ended while it loaded what the next one may not be able to start with: whether that gets to read what it
    /// read before.
    pub(super) fn give_change_up(&mut self) -> bool {
        let gone_back = self.goes_back();
        let goes_back = self.has_way_back();
        if goes_back {
            self.out.push(Action::Unstage);
        }
        if goes_back || gone_back {
            self.set(Kind::ConfigGood, Truth::False, "RolledBack", ENDED);
            self.say(Level::Warn, ENDED);
        }
        self.reload.trial = Trial::default();
        goes_back || gone_back
    }
}
