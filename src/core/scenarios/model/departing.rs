//! How an agent leaves in the world: as it should, late, not at all, or until something breaks it.

use super::agent::{Fate, Progress};
use super::answers::percent;
use super::world::World;
use super::*;
use crate::core::event::Membership;

impl World {
    /// Its API takes questions.
    pub(super) fn is_up(&self) -> bool {
        self.process.as_ref().is_some_and(|process| {
            process.ends.is_none() && process.progress > Progress::Young && !process.stopped
        })
    }

    /// Somebody asks the agent to leave. A second time, before it has left, breaks the first one and ends it so.
    pub(super) fn begin_to_leave(&mut self, broken: How) {
        let Some(process) = &mut self.process else {
            return;
        };
        match (process.membership, process.fate) {
            (Membership::Leaving, _) => {
                process.broken = true;
                self.end_within(300, broken);
            }
            (Membership::Left, _) | (_, Fate::Deaf | Fate::Hangs) => {}
            (_, Fate::Crashes) => self.end_within(600, How::Signaled(11)),
            _ => {
                process.membership = Membership::Leaving;
                process.early = process.progress < Progress::Joined;
                self.says = true;
            }
        }
    }

    /// A leave comes a step further: told, gone, back by a late synchronisation, undone by a join, or at its end.
    pub(super) fn leave_goes_on(&mut self) -> Option<Event> {
        let by_chance = self.rng.u32(0..100);
        let process = self.process.as_mut()?;
        let id = process.facts.node_id.clone();
        let left = process.membership == Membership::Left;
        match by_chance {
            0..30 if process.early && process.gets_to >= Progress::Joined => {
                (process.membership, process.early) = (Membership::Alive, false);
                process.progress = Progress::Joined;
                self.show(Some((id, false)));
                return Some(Event::Notified);
            }
            0..50 if !left => process.membership = Membership::Left,
            0..45 if left && self.leader => self.show(None),
            // An entry of its own only: the servers refuse it where another has the name.
            45..55 if left && self.entry.as_ref().is_none_or(|(there, _)| *there == id) => {
                self.show(Some((id, false)));
            }
            55..75 if left && process.fate != Fate::Lingers => {
                self.end_within(200, How::Exited(0));
            }
            _ => {}
        }
        None
    }

    /// Somebody else does something to the agent or to its entry.
    pub(super) fn meddle(&mut self) -> Option<Event> {
        match self.rng.u32(0..100) {
            0..30 if self.is_up() => return self.others_leave(),
            30..35 if self.is_up() => {
                self.begin_to_leave(How::Exited(0));
                self.begin_to_leave(How::Exited(0));
            }
            35..60 => return self.freeze(),
            60..80 => self.show(None),
            80..90 => self.show(Some(("id-9".to_owned(), false))),
            _ => {}
        }
        None
    }

    /// The agent is stopped by a signal.
    pub(super) fn freeze(&mut self) -> Option<Event> {
        let process = self.process.as_mut()?;
        if process.ends.is_some() {
            return None;
        }
        process.stopped = true;
        Some(Event::Stopped)
    }

    /// Without lictor's doing somebody continues it.
    pub(super) fn thaw(&mut self) {
        if percent(&mut self.rng, 20) {
            self.signal(SIGCONT);
        }
    }
}
