//! A name that another one has, and twins: what was seen of them, apart from the machine's own notes, and what must hold.

use super::agent::Progress;
use super::answers::{any, percent};
use super::seen::Seen;
use super::world::{Manners, World};
use super::*;
use crate::core::checks::Health;
use crate::core::conditions::Truth;
use crate::core::event::{Member, MemberState, NodeView, Trouble};

mod rules;

pub(super) use rules::{ACTIONS, MOMENTS};

/// Until then an agent that met another one of its name may lose it.
const DOUBT: Duration = Duration::from_secs(5);
/// A member of our id that is still alive so long after the name was lost is a copy.
const COPY: Duration = Duration::from_secs(75);
/// Two looks at a twin are at least so far apart.
const AGREE: Duration = Duration::from_millis(250);
const SAME: Duration = Duration::from_secs(300);
const HOUR: Duration = Duration::from_secs(3600);

/// What was seen of it. All but the last three are of the agent that runs.
#[derive(Default)]
pub(super) struct Conflicts {
    listened: bool,
    listens: Option<bool>,
    closed: u32,
    said: bool,
    opposed: bool,
    doubt: Moment,
    /// Since when the name is lost, and to another one.
    lost: Option<(Moment, bool)>,
    /// The agent was ended for another one to start.
    pub(super) ends: bool,
    /// What was said of the names, each time.
    views: Vec<(String, Moment, NodeView)>,
    /// `IdentityHeld` was False after the last event.
    pub(super) unheld: bool,
    /// Agents that were started for a lost name.
    pub(super) tries: u32,
    /// When the last one that had lost its name has ended.
    back_at: Moment,
    /// Twins that were taken away.
    removed: Vec<(String, Moment)>,
    /// Names that were told to have left.
    parted: Vec<(String, Moment)>,
}

impl Conflicts {
    /// The pause after an agent that was not ended at once for the next one: 5 s at least, less a fifth.
    pub(super) fn may_come_back(&self, now: Moment) -> bool {
        self.tries > 0 && now >= self.back_at + Duration::from_secs(4)
    }

    pub(super) fn is_lost(&self) -> bool {
        self.lost.is_some()
    }

    fn may_have_lost(&self, server: bool) -> bool {
        let blind = !self.listened && self.listens != Some(true);
        self.closed > 1 || self.said && blind && !server
    }

    pub(super) fn new_run(&mut self, now: Moment) {
        let doubt = if self.tries > 0 { now + DOUBT } else { now };
        let removed = std::mem::take(&mut self.removed);
        let parted = std::mem::take(&mut self.parted);
        *self = Self {
            doubt,
            removed,
            parted,
            tries: self.tries,
            back_at: self.back_at,
            ..Self::default()
        };
    }

    /// What a leave that is asked for has to become, and the code of its end.
    pub(super) fn instead(&self, now: Moment) -> Option<u8> {
        match self.lost {
            Some((_, true)) => Some(exit::IDENTITY),
            Some((_, false)) => Some(exit::UNCONFIRMED),
            None => (self.doubt > now && self.unheld).then_some(exit::IDENTITY),
        }
    }
}

impl Seen {
    pub(super) fn gossip_told(&mut self, listens: Option<bool>) {
        let server = self.facts.server.unwrap_or(self.config.server);
        if self.agent.is_none() || self.stop.is_some() || self.farewell.is_some() {
            return;
        }
        let (now, conflicts) = (self.now, &mut self.conflicts);
        conflicts.listens = listens;
        conflicts.listened |= listens == Some(true);
        conflicts.closed = match listens {
            Some(false) if conflicts.listened => conflicts.closed + 1,
            _ => 0,
        };
        if conflicts.lost.is_none() && conflicts.may_have_lost(server) {
            conflicts.lost = Some((now, false));
            self.own_entry = false;
        }
        conflicts.said &= listens != Some(true);
    }

    pub(super) fn trouble_told(&mut self, trouble: Trouble) {
        if self.agent.is_none() || self.stop.is_some() || self.farewell.is_some() {
            return;
        }
        match trouble {
            Trouble::NameLost => self.conflicts.said = true,
            Trouble::Namesake => {
                self.conflicts.opposed = true;
                self.conflicts.doubt = self.now + DOUBT;
            }
            _ => {}
        }
    }

    /// What is known of a name was told.
    pub(super) fn node_told(&mut self, name: &str, members: bool, view: Option<&NodeView>) {
        let (now, id) = (self.now, self.facts.node_id.clone());
        let Some(view) = view else { return };
        let alive = matches!(view.serf, Some(Health::Passing | Health::Warning));
        if let Some((since, by_another)) = &mut self.conflicts.lost
            && !members
        {
            let copy = now >= *since + COPY;
            *by_another = alive && view.entry.present && (view.entry.id != id || copy);
        }
        let view = (name.to_owned(), now, view.clone());
        self.conflicts.views.push(view);
    }

    /// An agent that was to end for another one has, or one that had lost its name.
    pub(super) fn comes_back(&mut self, zero: bool) -> bool {
        let wanted = std::mem::take(&mut self.conflicts.ends);
        let lost = self.conflicts.is_lost();
        let back = wanted || lost && !zero && self.config.restart;
        if back && lost {
            self.conflicts.tries += 1;
            self.conflicts.back_at = self.now;
        }
        back
    }

    /// The last two things that were said of a name agree, and that it is dead.
    fn is_dead(&self, name: &str) -> bool {
        let views = self.conflicts.views.iter().rev();
        let mut views = views.filter(|(one, ..)| one == name).take(2);
        let (Some((_, last, view)), Some((_, first, before))) = (views.next(), views.next()) else {
            return false;
        };
        let entry = &view.entry;
        let same = |key: fn(&CatalogNode) -> (&str, u64, u64)| key(entry) == key(&before.entry);
        let agrees =
            same(|entry| (&entry.id, entry.created, entry.modified)) && *last >= *first + AGREE;
        let here = |address: &str| {
            address.parse().ok() == self.facts.advertise && self.facts.advertise.is_some()
        };
        let other = entry.present && entry.id != self.facts.node_id && !entry.external;
        let member = view.member.as_ref();
        let dead = if name == self.facts.node_name {
            let own = member.is_some_and(|it| it.id == self.facts.node_id && here(&it.address));
            let alone = !self.conflicts.opposed && self.conflicts.listens == Some(true);
            own && alone && view.serf.is_some()
        } else {
            match member {
                Some(member) => {
                    let port = self.facts.gossip.map(|own| own.port());
                    let gone = member.state != MemberState::Alive && here(&member.address);
                    gone && port == Some(member.port)
                }
                None => view.serf == Some(Health::Critical),
            }
        };
        agrees && other && dead && here(&entry.address)
    }

    /// What was said last of a name, if it is of this moment.
    fn view_of(&self, name: &str) -> Option<&NodeView> {
        let (last, at, view) = self.conflicts.views.last()?;
        (last == name && *at == self.now).then_some(view)
    }

    /// Our agent gossips, nobody has objected, and may do something about twins.
    fn may_heal(&self) -> bool {
        let conflicts = &self.conflicts;
        let alone = conflicts.listens == Some(true) && !conflicts.opposed;
        alone && self.config.heals && self.stop.is_none() && !conflicts.is_lost()
    }

    fn is_here(&self, member: &Member) -> bool {
        self.facts.advertise.is_some() && member.address.parse().ok() == self.facts.advertise
    }

    /// A name is being told to have left.
    pub(super) fn parts(&mut self, name: &str) {
        if self.stop.is_none() {
            self.conflicts.parted.push((name.to_owned(), self.now));
        }
    }

    /// The twin that is being taken away was, or was not.
    pub(super) fn removed_told(&mut self, name: &str, gone: bool) {
        if gone {
            self.conflicts.removed.push((name.to_owned(), self.now));
        }
    }

    /// Whether this signal ends an agent that has lost its name, or one whose twin was taken away, for another one to start.
    pub(super) fn may_end_for_another(&self, number: i32) -> bool {
        let (lost, late) = (self.conflicts.is_lost(), self.conflicts.ends);
        match &self.event {
            Event::Answered(Answer::Removed(Ok(gone))) => *gone && self.config.restart && !lost,
            Event::Answered(Answer::Node(_)) | Event::Gossip(_) => lost && number == SIGTERM,
            Event::Tick => lost && number == SIGTERM || late && number == SIGKILL,
            _ => false,
        }
    }

    /// A signal was sent outside of a stop.
    pub(super) fn ends_for_another(&mut self, number: i32) {
        let ends = [SIGTERM, SIGINT, SIGKILL].contains(&number);
        self.conflicts.ends |= ends && self.may_end_for_another(number);
    }
}

impl World {
    /// Whether the agent's port listens, or what else is seen of it.
    pub(super) fn gossips(&mut self) -> Option<bool> {
        if self.manners == Manners::Hostile {
            return any(
                &mut self.rng,
                &[None, Some(true), Some(true), Some(true), Some(false)],
            );
        }
        let process = self.process.as_ref();
        let listens = process.is_some_and(|process| !process.is_zombie);
        percent(&mut self.rng, 98).then_some(listens)
    }

    /// The agent meets another one of its name, and may lose it; or it has other trouble.
    pub(super) fn meets_another(&mut self) -> Option<Event> {
        let loses = percent(&mut self.rng, 60);
        let process = self.process.as_mut()?;
        if process.progress < Progress::Joined || process.membership.is_leaving() {
            return None;
        }
        process.is_zombie |= loses;
        let troubles = [
            Trouble::Namesake,
            Trouble::Reserved,
            Trouble::ConflictingId,
            Trouble::SharedId,
            Trouble::Denied,
        ];
        Some(Event::TroubleHeard(match loses {
            true => Trouble::NameLost,
            false => any(&mut self.rng, &troubles),
        }))
    }
}

impl World {
    /// Whether this is about a name that was taken away, and is to be answered as if nothing but its remains were there.
    pub(super) fn is_healed(&mut self, question: &Question) -> bool {
        let removed = &self.seen.conflicts.removed;
        let healed = matches!(question, Question::Node { node, members: true }
            if removed.iter().any(|(name, _)| name == node));
        healed && percent(&mut self.rng, 80)
    }

    /// Whatever an agent may say of its name.
    pub(super) fn trouble(&mut self) -> Option<Event> {
        let all = [
            Trouble::NameLost,
            Trouble::Namesake,
            Trouble::Reserved,
            Trouble::ConflictingId,
            Trouble::SharedId,
            Trouble::Denied,
        ];
        Some(Event::TroubleHeard(any(&mut self.rng, &all)))
    }
}
