//! The agent and its cluster: what becomes of a signal and of a question, and how far it has come.

use super::answers::{afterwards, any, facts, how, percent, refuse, services, whatever};
use super::world::{Manners, World};
use super::*;
use crate::core::event::Membership;

const FATES: [Fate; 12] = [
    Fate::Leaves,
    Fate::Leaves,
    Fate::Leaves,
    Fate::Leaves,
    Fate::Leaves,
    Fate::Leaves,
    Fate::Leaves,
    Fate::Leaves,
    Fate::Deaf,
    Fate::Hangs,
    Fate::Lingers,
    Fate::Crashes,
];

/// How far an agent has come. Later ones include earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Progress {
    /// Its API does not answer, and signals end it or are lost.
    Young,
    Answers,
    Joined,
    /// Its node is in the catalog, and its services too.
    Registered,
}

/// What becomes of its leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Leaves,
    /// It swallows whatever asks it to.
    Deaf,
    /// It answers nothing any more.
    Hangs,
    /// It begins, and never ends.
    Lingers,
    /// It crashes within it.
    Crashes,
}

/// An agent's process, from its start until its end is told.
pub(super) struct Process {
    pub(super) progress: Progress,
    /// It comes no further than this.
    pub(super) gets_to: Progress,
    pub(super) facts: AgentFacts,
    pub(super) fate: Fate,
    /// What it takes itself for.
    pub(super) membership: Membership,
    /// Its leave began before it had joined, so that the end of its first join may undo it.
    pub(super) early: bool,
    /// Two leaves have broken each other.
    pub(super) broken: bool,
    /// It has lost its name, and is a member of nothing.
    pub(super) is_zombie: bool,
    /// It is stopped, as by SIGSTOP, and what it was sent meanwhile is kept.
    pub(super) stopped: bool,
    pub(super) kept: Vec<i32>,
    /// It has ended, or will for certain, and its end is told by then.
    pub(super) ends: Option<(Moment, How)>,
}

/// A question under way.
pub(super) struct Asked {
    pub(super) question: Question,
    pub(super) at: Moment,
    /// The client gives up.
    pub(super) until: Moment,
}

impl World {
    pub(super) fn spawn(&mut self) {
        if percent(&mut self.rng, 4) {
            let failed = Exit::new(exit::NOT_EXECUTABLE, "by chance");
            return self.due.push_back(Event::Spawned(Err(failed)));
        }
        let changed = percent(&mut self.rng, 5);
        let pid = self.next_pid;
        self.next_pid += 1;
        let api = self.seen.config.api != changed;
        self.due.push_back(Event::Spawned(Ok(Spawned { pid, api })));
        let (all, some) = (Progress::Registered, Progress::Answers);
        let few = [
            all,
            all,
            all,
            all,
            all,
            all,
            Progress::Young,
            some,
            Progress::Joined,
        ];
        self.process = Some(Process {
            progress: Progress::Young,
            gets_to: any(&mut self.rng, &few),
            facts: AgentFacts {
                node_name: "n1".to_owned(),
                node_id: "id-1".to_owned(),
                ..facts(&mut self.rng)
            },
            fate: any(&mut self.rng, &FATES),
            membership: Membership::Alive,
            early: false,
            broken: false,
            is_zombie: false,
            stopped: false,
            kept: Vec::new(),
            ends: None,
        });
    }

    pub(super) fn signal(&mut self, number: i32) {
        let Some(process) = self
            .process
            .as_mut()
            .filter(|process| process.ends.is_none())
        else {
            return;
        };
        if process.stopped && number != SIGKILL {
            if number != SIGCONT {
                return process.kept.push(number);
            }
            process.stopped = false;
            for number in std::mem::take(&mut process.kept) {
                self.signal(number);
            }
            return;
        }
        let usual = !process.facts.server.unwrap_or(self.seen.config.server);
        let leaves = match number {
            SIGTERM => process.facts.leaves_on_terminate.unwrap_or(usual),
            SIGINT => process.facts.leaves_on_interrupt.unwrap_or(usual),
            _ => false,
        };
        let young = process.progress == Progress::Young;
        let lost = self.rng.bool();
        match number {
            SIGKILL => self.end_within(1200, How::Signaled(SIGKILL)),
            SIGINT | SIGTERM if young && lost => {}
            SIGINT | SIGTERM if young => self.end_within(300, How::Signaled(number)),
            SIGINT | SIGTERM if process.is_zombie => self.end_within(600, How::Exited(0)),
            SIGINT | SIGTERM if leaves => self.begin_to_leave(How::Exited(1)),
            SIGINT | SIGTERM => self.end_within(800, How::Exited(1)),
            SIGHUP => self.says_failed |= percent(&mut self.rng, 30),
            _ => {}
        }
    }

    /// The process ends; its end is told within so many milliseconds, unless that was to come sooner anyway.
    pub(super) fn end_within(&mut self, millis: u64, how: How) {
        let at = self.now + Duration::from_millis(self.rng.u64(0..=millis));
        if let Some(process) = &mut self.process {
            process.ends.get_or_insert((at, how));
        }
    }

    /// What the agent has left behind is often nothing, mostly ends when it is asked to, and may not end at all.
    pub(super) fn sweep(&mut self, signal: i32) {
        let after = match (self.rng.u32(0..100), signal) {
            (0..60, _) if self.alone.is_none() && signal == SIGTERM => {
                return self.due.push_back(Event::Alone);
            }
            (0..80, SIGTERM) | (0..50, _) => self.rng.u64(0..2000),
            _ => return,
        };
        let at = self.now + Duration::from_millis(after);
        self.alone = Some(self.alone.map_or(at, |sooner| sooner.min(at)));
    }

    pub(super) fn ask(&mut self, question: &Question) {
        let seconds = match question {
            Question::Reload => 60,
            Question::Leave => 20,
            _ => 5,
        };
        let waits = match question {
            Question::Catalog {
                change: Some((_, wait)),
                ..
            } => *wait,
            _ => Duration::ZERO,
        };
        self.asked.push(Asked {
            question: question.clone(),
            at: self.now,
            until: self.now + waits + Duration::from_secs(seconds),
        });
        if *question == Question::Leave && self.is_up() && !self.denies {
            self.begin_to_leave(How::Exited(0));
        }
    }

    /// The agent's end is told.
    pub(super) fn end(&mut self) -> Option<Event> {
        let process = self.process.take()?;
        let by_chance = how(&mut self.rng);
        let how = process.ends.map_or(by_chance, |(_, how)| how);
        let said = match self.manners {
            Manners::Plausible => process.broken,
            Manners::Hostile => percent(&mut self.rng, 20),
        };
        Some(Event::Ended(End {
            how,
            last_words: String::new(),
            broke_its_leave: said && how == How::Exited(0),
        }))
    }

    /// The agent comes a step further: up, or out.
    pub(super) fn grow(&mut self) -> Option<Event> {
        let process = self
            .process
            .as_mut()
            .filter(|process| process.ends.is_none())?;
        if process.stopped {
            return None;
        }
        if process.membership.is_leaving() {
            return self.leave_goes_on();
        }
        if process.progress == Progress::Registered && self.entry.is_none() {
            let id = process.facts.node_id.clone();
            self.show(Some((id, true)));
        }
        let process = self.process.as_mut()?;
        if process.progress >= process.gets_to {
            return None;
        }
        process.progress = match process.progress {
            Progress::Young => Progress::Answers,
            Progress::Answers => Progress::Joined,
            Progress::Joined | Progress::Registered => Progress::Registered,
        };
        let id = process.facts.node_id.clone();
        match process.progress {
            // The node comes with the join, its services a little later.
            Progress::Joined => {
                self.show(Some((id, false)));
                Some(Event::Notified)
            }
            Progress::Registered => {
                self.show(Some((id, true)));
                None
            }
            Progress::Young | Progress::Answers => None,
        }
    }

    pub(super) fn show(&mut self, entry: Option<(String, bool)>) {
        if self.entry != entry {
            self.entry = entry;
            self.index += 1;
        }
    }

    /// One of the questions gets its answer.
    pub(super) fn answer(&mut self) -> Option<Event> {
        if percent(&mut self.rng, 50)
            && let Some(event) = self.checks_done()
        {
            return Some(event);
        }
        if self.asked.is_empty() {
            return None;
        }
        let which = self.rng.usize(0..self.asked.len());
        let question = self.asked[which].question.clone();
        let healed = self.is_healed(&question);
        let answer = match self.manners {
            _ if healed => afterwards(&question, &self.seen.facts),
            Manners::Hostile => whatever(&mut self.rng, &question),
            Manners::Plausible => self.truth(&question, self.asked[which].at)?,
        };
        self.asked.remove(which);
        Some(Event::Answered(answer))
    }

    /// The answer as things stand, if there is one already.
    fn truth(&mut self, question: &Question, at: Moment) -> Option<Answer> {
        let no =
            |refusal: fn(String) -> Refusal| Some(refuse(question, refusal("so it is".to_owned())));
        let process = self
            .process
            .as_ref()
            .filter(|process| process.ends.is_none());
        let Some(process) = process.filter(|process| process.progress > Progress::Young) else {
            return no(Refusal::Unreachable);
        };
        // Who is stopped or hangs is waited for.
        let stop = self.seen.stop.is_some();
        if process.stopped || process.fate == Fate::Hangs && stop {
            return None;
        }
        let servers = self.leader && process.progress >= Progress::Joined;
        match question {
            _ if percent(&mut self.rng, 2) => {
                no(any(&mut self.rng, &[Refusal::Lost, Refusal::Failed]))
            }
            Question::Leader if !servers => no(Refusal::Failed),
            Question::Leader => Some(Answer::Leader(Ok(Some("10.0.0.1:8300".to_owned())))),
            _ if self.denies => no(Refusal::Denied),
            Question::Membership => Some(Answer::Membership(Ok(process.membership))),
            Question::Agent => {
                let thin = percent(&mut self.rng, 3);
                let membership = if thin {
                    Membership::Unknown
                } else {
                    process.membership
                };
                let facts = AgentFacts {
                    membership,
                    ..process.facts.clone()
                };
                Some(Answer::Agent(Ok(Box::new(facts))))
            }
            Question::Catalog { .. } | Question::Deregister { .. } if !servers => {
                no(Refusal::Failed)
            }
            Question::Catalog {
                change: Some((index, wait)),
                ..
            } if self.index <= *index && self.now < at + *wait => None,
            Question::Catalog { .. } => Some(Answer::Catalog(Ok(self.catalog()))),
            // What others there are, the world does not know.
            Question::Node { .. }
            | Question::Neighbours { .. }
            | Question::Vouch { .. }
            | Question::Remove { .. } => Some(whatever(&mut self.rng, question)),
            Question::Services => {
                let kept = any(&mut self.rng, &[100, 100, 100, 80]);
                Some(Answer::Services(Ok(services(&mut self.rng, kept))))
            }
            Question::Reload if self.denies_reloads => no(Refusal::Denied),
            Question::Reload if percent(&mut self.rng, 15) => no(Refusal::Failed),
            Question::Reload => Some(Answer::Reload(Ok(()))),
            Question::Leave => Some(Answer::Leave(Ok(()))),
            Question::ForceLeave { .. } => Some(Answer::ForceLeave(Ok(()))),
            Question::Deregister { .. } => {
                self.show(None);
                Some(Answer::Deregister(Ok(())))
            }
        }
    }

    fn catalog(&self) -> CatalogNode {
        let Some((id, registered)) = &self.entry else {
            return absent(self.index);
        };
        CatalogNode {
            index: self.index,
            id: id.clone(),
            ..in_catalog(if *registered { &[SERVICE] } else { &[] })
        }
    }
}
