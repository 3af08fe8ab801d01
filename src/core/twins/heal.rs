//! Taking a dead twin out of the catalog: looked at twice, taken away only as it was seen, and seldom.

use std::time::Duration;

use crate::core::Moment;
use crate::core::action::{Level, Question};
use crate::core::conditions::Truth;
use crate::core::event::{CatalogNode, Refusal};
use crate::core::identity::shown;
use crate::core::machine::Machine;
use crate::core::timers::Timer;
use crate::core::twins::by_hand::deregister;
use crate::core::twins::{AGREE, Twins};

/// The same twin is taken away once in this time, ...
pub(super) const SAME: Duration = Duration::from_secs(300);
/// ... and so many of them in an hour.
pub(super) const HOUR: Duration = Duration::from_secs(3600);
pub(super) const IN_AN_HOUR: usize = 3;

impl Twins {
    fn may_heal(&self, name: &str, now: Moment) -> bool {
        let ago = |(_, at): &&(String, Moment)| now.saturating_sub(*at);
        let lately = self.healed.iter().filter(|one| ago(one) < HOUR).count();
        let same = |one: &&(String, Moment)| one.0 == name && ago(one) < SAME;
        lately < IN_AN_HOUR && !self.healed.iter().any(|one| same(&one))
    }
}

impl Machine {
    pub(super) fn dead_seen(
        &mut self,
        name: &str,
        entry: CatalogNode,
        before: Option<(String, Moment, CatalogNode)>,
    ) {
        let who = shown(&entry);
        let (reason, what) = if name == self.facts.node_name {
            (
                "ReservedByDeadTwin",
                format!(
                    "the name {name} is reserved by a dead twin, {who}: nobody but this agent is there"
                ),
            )
        } else {
            (
                "AddressUnderTwoNames",
                format!(
                    "our address is in the catalog under another name, too: {name} ({who}), which is dead"
                ),
            )
        };
        let heals = self.config.heals && self.twins.may_heal(name, self.now);
        if !heals {
            let why = if self.config.heals {
                "enough was taken away lately"
            } else {
                "--on-conflict=report"
            };
            let message = format!(
                "{what}; left as it is ({why}): {}",
                deregister(name, &self.facts)
            );
            self.found(name, Truth::False, reason, message);
            return self.twins_again();
        }
        self.found(name, Truth::False, reason, what);
        let same = |(_, at, seen): &(String, Moment, CatalogNode)| {
            let as_before = (&seen.id, &seen.address, seen.created, seen.modified)
                == (&entry.id, &entry.address, entry.created, entry.modified);
            as_before && self.now.saturating_sub(*at) >= AGREE
        };
        if before.as_ref().is_some_and(same) && self.twins.removing.is_none() {
            let question = Question::Remove {
                node: name.to_owned(),
                modified: entry.modified,
            };
            self.twins.removing = Some((name.to_owned(), entry));
            return self.ask(question);
        }
        self.twins.dead = Some((name.to_owned(), self.now, entry));
        self.timers.set(Timer::Identity, self.now + AGREE);
    }

    /// What came of taking a twin away: whether it was still what it was.
    pub(in crate::core) fn removed(&mut self, result: Result<bool, Refusal>) {
        let Some((name, entry)) = self.twins.removing.take() else {
            return;
        };
        let lost = self.zombie.is_lost();
        let who = shown(&entry);
        let services = match entry.services.as_slice() {
            [] => "no services".to_owned(),
            services => format!("its services {}", services.join(", ")),
        };
        match result {
            Ok(true) => {
                self.twins.total += 1;
                self.twins.healed.push((name.clone(), self.now));
                self.twins
                    .healed
                    .retain(|(_, at)| self.now.saturating_sub(*at) < HOUR);
                self.twins.found.remove(&name);
                self.twins.in_vain = 0;
                self.say(
                    Level::Warn,
                    format!(
                        "took the dead twin {name} ({who}) out of the catalog, with {services}"
                    ),
                );
                if !lost {
                    self.healed(name);
                }
                self.conclude();
            }
            // Whose name it is is another matter by now.
            _ if lost => {}
            Ok(false) => {
                self.say(
                    Level::Info,
                    format!("{name} ({who}) has changed meanwhile and was left as it is"),
                );
                self.twins_again();
            }
            Err(refusal) => {
                let what = format!(
                    "the dead twin {name} ({who}) could not be taken out of the catalog: {refusal}"
                );
                let denied = matches!(refusal, Refusal::Denied(_));
                let reason = if denied {
                    "HealingDenied"
                } else {
                    "HealingFailed"
                };
                let message = format!(
                    "{what}; an operator can: {}",
                    deregister(&name, &self.facts)
                );
                self.found(&name, Truth::False, reason, message);
                self.twins_again();
            }
        }
    }

    /// The name is free. An agent that was refused tries again in 15 to 30 s, and nothing but a start makes it do so sooner; it is in
    /// the catalog with nothing, so there is nothing to lose.
    pub(super) fn register_soon(&mut self) {
        if std::mem::take(&mut self.twins.refused) && self.config.restart {
            self.start_anew();
        }
    }
}
