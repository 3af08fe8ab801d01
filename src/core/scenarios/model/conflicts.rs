//! A name that another one has, and twins: what was seen of them, apart from the machine's own notes, and what must hold.

use super::agent::Progress;
use super::answers::{any, percent};
use super::seen::Seen;
use super::world::{Manners, World};
use super::*;
use crate::core::checks::Health;
use crate::core::conditions::Truth;
use crate::core::event::{Member, MemberState, NodeView, Trouble};

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

pub(super) const ACTIONS: &[Invariant<Action>] = &[
    Invariant {
        name: "only the dead are taken away",
        sentence: "a node is taken out of the catalog only with --on-conflict=heal and no stop, and only one of our own address and another \
                   id that two looks, 0.25 s apart and alike, have shown dead: by serf, or since its name is ours and nobody objects",
        holds: |seen, action| match action {
            Action::Ask(Question::Remove { node, modified }) => {
                let last = seen
                    .conflicts
                    .views
                    .iter()
                    .rev()
                    .find(|(name, ..)| name == node);
                let as_seen = last.is_some_and(|(.., view)| view.entry.modified == *modified);
                let may = seen.config.heals && seen.stop.is_none() && !seen.conflicts.is_lost();
                may && as_seen && seen.is_dead(node)
            }
            _ => true,
        },
    },
    Invariant {
        name: "seldom",
        sentence: "the same twin is taken away once in five minutes, and three of them in an hour, one at a time",
        holds: |seen, action| match action {
            Action::Ask(Question::Remove { node, .. }) => {
                let ago = |at: Moment| seen.now.saturating_sub(at);
                let removed = &seen.conflicts.removed;
                let lately = removed.iter().filter(|(_, at)| ago(*at) < HOUR).count();
                let same = removed
                    .iter()
                    .any(|(name, at)| name == node && ago(*at) < SAME);
                let under_way = seen.asked(|question| matches!(question, Question::Remove { .. }));
                lately < 3 && !same && under_way == 0
            }
            _ => true,
        },
    },
    Invariant {
        name: "only who was at our place is told to have left",
        sentence: "outside of a stop another name than ours is told to have left only with --on-conflict=heal, if it is not in the catalog, and \
                   its member has failed at our own address and port; once in five minutes, and three of them in an hour",
        holds: |seen, action| match action {
            Action::Ask(Question::ForceLeave { node })
                if seen.stop.is_none() && seen.farewell.is_none() =>
            {
                let ago = |at: Moment| seen.now.saturating_sub(at);
                let parted = &seen.conflicts.parted;
                let lately = parted.iter().filter(|(_, at)| ago(*at) < HOUR).count();
                let same = parted
                    .iter()
                    .any(|(name, at)| name == node && ago(*at) < SAME);
                let gone = seen.view_of(node).filter(|view| !view.entry.present);
                let failed = gone
                    .and_then(|view| view.member.as_ref())
                    .is_some_and(|member| {
                        let port = seen
                            .facts
                            .gossip
                            .is_some_and(|own| own.port() == member.port);
                        seen.is_here(member) && port && member.state == MemberState::Failed
                    });
                let under_way =
                    seen.asked(|question| matches!(question, Question::ForceLeave { .. }));
                let may = seen.may_heal() && *node != seen.facts.node_name && under_way == 0;
                may && failed && lately < 3 && !same
            }
            _ => true,
        },
    },
    Invariant {
        name: "only we are vouched for",
        sentence: "serfHealth is written only with --on-conflict=heal and no stop, once after a twin of our name was taken away, and only for an entry of our \
                   own id that has none, while its member is our own agent, alive",
        holds: |seen, action| match action {
            Action::Ask(Question::Vouch { node }) => {
                let ours = |id: &str| id == seen.facts.node_id;
                let removed = seen.conflicts.removed.iter().any(|(name, _)| name == node);
                let alive = |member: &Member| {
                    ours(&member.id) && seen.is_here(member) && member.state == MemberState::Alive
                };
                let bare = seen.view_of(node).is_some_and(|view| {
                    let own = view.entry.present && ours(&view.entry.id) && view.serf.is_none();
                    own && view.member.as_ref().is_some_and(alive)
                });
                seen.may_heal() && *node == seen.facts.node_name && removed && bare
            }
            _ => true,
        },
    },
    Invariant {
        name: "a lost name is another's",
        sentence: "an agent that has lost its name is not asked to leave, and nothing of it is deregistered, in a stop neither; and it is \
                   ended only for another one to start, or in a stop",
        holds: |seen, action| {
            let leaves = matches!(
                action,
                Action::Ask(
                    Question::Leave | Question::Deregister { .. } | Question::Remove { .. }
                )
            );
            !(leaves && seen.conflicts.is_lost())
        },
    },
    Invariant {
        name: "one look at a name at a time",
        sentence: "what is known of a name is not asked again within 0.2 s of the last answer, nor while another answer is waited for",
        holds: |seen, action| match action {
            Action::Ask(Question::Node { node, members }) => {
                let mut views = seen.conflicts.views.iter().rev();
                let last = views.find(|(name, ..)| name == node).map(|(_, at, _)| *at);
                // The moment at which the name is lost is one to ask in any case.
                let soon =
                    *members && last.is_some_and(|at| seen.now < at + Duration::from_millis(200));
                let under_way = seen.asked(|question| matches!(question, Question::Node { .. }));
                !soon && under_way == 0
            }
            _ => true,
        },
    },
];

pub(super) const MOMENTS: &[Invariant<Machine>] = &[
    Invariant {
        name: "a lost name is seen",
        sentence: "an agent whose gossip port was seen to listen, and then twice in a row not to, has lost its name, and so has a client that says \
                   so where that cannot be seen; no other has; and one that has is not ready, and IdentityHeld is False",
        holds: |seen, machine| {
            if seen.agent.is_none() || seen.stop.is_some() || seen.end.is_some() {
                return true;
            }
            let status = machine.status();
            let held = status.conditions.get(Kind::IdentityHeld);
            let said = held.reason == "NameLost" && held.truth == Truth::False;
            let ready = status.conditions.holds(Kind::Ready);
            said == seen.conflicts.is_lost() && !(said && ready)
        },
    },
    Invariant {
        name: "a lost name is looked after",
        sentence: "an agent that has lost its name, and no stop was begun, has a deadline within a minute or a question under way, so that it \
                   comes back when it can",
        holds: |seen, machine| {
            let lost = seen.agent.is_some() && seen.stop.is_none() && seen.conflicts.is_lost();
            let soon = seen.now + Duration::from_secs(60);
            !lost || !seen.questions.is_empty() || machine.deadline().is_some_and(|at| at <= soon)
        },
    },
];

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
