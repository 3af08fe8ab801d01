//! The host's addresses: what was seen of them, and what must come of it.

use super::answers::{any, percent};
use super::reloading::Step;
use super::seen::Seen;
use super::world::World;
use super::*;
use crate::core::event::Sight;

/// Those that a host may have.
const HOSTS: [&str; 3] = ["10.0.0.5", "10.0.0.6", "10.0.0.7"];
/// By which others may know an agent.
pub(super) const ADVERTISED: [&str; 3] = ["192.0.2.1", "10.0.0.5", "10.0.0.6"];

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    in_use: Option<std::net::IpAddr>,
    /// The one that was before it.
    from: Option<std::net::IpAddr>,
    /// What was to leave by it could not be started.
    pub(super) not_begun: bool,
    /// Something could take its place at the last look.
    next: bool,
    /// It did in a stop, at this event.
    pub(super) moved_in_stop: bool,
    /// They have changed since the last look, or the one in use was gone in it.
    owed: bool,
    /// The registration could not be written.
    unwritten: bool,
    /// The agent does not have it, and is to be told of it once more by then.
    untold: Option<Moment>,
    /// It is being written, or on its way to the agent.
    trying: bool,
    /// So often that was in vain.
    tries: u32,
    /// It may be at this event.
    writes_again: bool,
    /// Since when it has been gone.
    gone: Option<Moment>,
    /// The host has it all the same, on a link that is down.
    carried: bool,
    /// The last look was in vain after the grace.
    lost: bool,
    /// At this event the one in use may become another one.
    may_move: bool,
    /// The agent was ended for that.
    pub(super) ends_agent: bool,
    /// The next one is due, with this event.
    pub(super) spawns_now: bool,
    /// The agent has ended for that at this event.
    pub(super) ended_now: bool,
}

impl Addresses {
    /// Whether the agent may be ended for another one.
    pub(super) fn may_end_agent(&self) -> bool {
        self.may_move
    }

    /// Whether an agent that is started now could bind, for all that is known.
    pub(super) fn binds(&self, facts: &AgentFacts) -> bool {
        let bound = self.in_use.is_some_and(|ip| facts.listens.contains(&ip));
        self.gone.is_none() || self.carried || self.next || !bound
    }

    /// Whether there is a reason to look.
    pub(super) fn is_owed(&self) -> bool {
        self.owed || self.untold.is_some()
    }

    /// Whether the agent is known to have the registration, or not to have it.
    pub(super) fn has_registration(&self) -> Option<bool> {
        let lacks = self.unwritten || self.untold.is_some();
        (!self.trying).then_some(!lacks)
    }

    /// The agent does not have the registration.
    fn untell(&mut self, now: Moment) {
        self.trying = false;
        let pause = Duration::from_secs(5) * (1 << self.tries.min(8));
        self.tries += 1;
        self.untold = Some(now + pause.min(Duration::from_secs(300)));
    }

    /// Nothing is owed of a registration.
    fn tell(&mut self) {
        self.unwritten = false;
        self.untold = None;
        self.trying = false;
        self.tries = 0;
    }

    pub(super) fn event(&mut self) {
        self.may_move = false;
        self.moved_in_stop = false;
        self.writes_again = false;
        self.spawns_now = false;
        self.ended_now = false;
    }
}

impl Seen {
    pub(super) fn addressed(&mut self, found: Option<&Address>) {
        self.addresses.in_use = found.map(|address| address.ip);
    }

    pub(super) fn looked(&mut self, sight: Option<&Sight>) {
        let starting = self.agent.is_none() && self.spawning;
        if self.stop.is_some() {
            return self.looked_in_a_stop(sight);
        }
        if self.addresses.ends_agent || starting {
            return;
        }
        // One that has seen nothing is owed still, whatever it was for.
        self.addresses.owed = true;
        let Some(sight) = sight else { return };
        let (runs, busy) = (self.agent.is_some(), self.is_reloading());
        let now = self.now;
        let addresses = &mut self.addresses;
        addresses.owed = false;
        addresses.carried = sight.carried;
        if sight.in_use.is_some() {
            let due = addresses.untold.is_some_and(|at| at <= now) && runs;
            addresses.writes_again = due && !busy;
            if due && busy {
                addresses.untold = Some(now + Duration::from_secs(5));
            }
            addresses.gone = None;
            addresses.next = false;
            addresses.lost = false;
            return;
        }
        let Some(in_use) = addresses.in_use else {
            addresses.may_move = sight.choice.is_ok();
            return;
        };
        addresses.owed = true;
        let since = *addresses.gone.get_or_insert(self.now);
        let over = since + self.config.address_grace <= self.now;
        let stays = self.stays(sight, in_use);
        self.addresses.next = sight.choice.is_ok() && !stays;
        self.addresses.lost |= over && (stays || sight.choice.is_err());
        self.addresses.may_move = over && !stays && sight.choice.is_ok() && !self.is_reloading();
    }

    /// Only whether the address is there, or what could take its place.
    fn looked_in_a_stop(&mut self, sight: Option<&Sight>) {
        let Some(sight) = sight else { return };
        self.addresses.owed = false;
        self.addresses.carried = sight.carried;
        let Some(in_use) = self.addresses.in_use.filter(|_| sight.in_use.is_none()) else {
            self.addresses.gone = None;
            self.addresses.next = false;
            return;
        };
        self.addresses.gone.get_or_insert(self.now);
        self.addresses.next = sight.choice.is_ok() && !self.stays(sight, in_use);
    }

    /// Whether no other one can take its place.
    fn stays(&self, sight: &Sight, in_use: std::net::IpAddr) -> bool {
        let server = self.facts.server.unwrap_or(self.config.server);
        sight.pinned.is_some() || server && self.is_of_agent(in_use)
    }

    fn is_reloading(&self) -> bool {
        self.farewell.is_some()
            || self.reload.step != Step::None
            || self.reload.staging
            || self.reload.ends_agent
    }

    /// Whether the agent would have to be started anew without this address.
    fn is_of_agent(&self, ip: std::net::IpAddr) -> bool {
        let facts = &self.facts;
        let untold = facts.version.is_empty();
        let has = facts.advertise == Some(ip) || facts.listens.contains(&ip);
        self.config.hands_address || untold || has
    }

    /// Whether others know the node by this address. Who has lost its name is known to nobody.
    fn is_known_by(&self, ip: std::net::IpAddr) -> bool {
        self.ever_joined
            && !self.conflicts.is_lost()
            && self
                .facts
                .advertise
                .is_none_or(|advertised| advertised == ip)
    }

    /// Whether they know it by the one that was in use before.
    pub(super) fn is_known_by_old(&self) -> bool {
        let known = |ip| self.is_known_by(ip);
        self.addresses.not_begun || self.addresses.from.is_some_and(known)
    }

    /// Whether a leave is to be finished from another address.
    fn leaves_from_another(&self) -> bool {
        // What could not be started is to leave still.
        let not_begun = self.addresses.not_begun;
        let of_agent = |ip| not_begun || self.is_of_agent(ip) && self.is_known_by(ip);
        self.finish_now && self.addresses.next && self.addresses.in_use.is_some_and(of_agent)
    }

    /// The registration is for another address.
    pub(super) fn readdressed(&mut self, staged: Option<&Staged>) {
        let registers = staged.is_some_and(|staged| staged.directory.is_some());
        let starts = self.addresses.ends_agent;
        self.addresses.unwritten = staged.is_none();
        match self.stop {
            None if staged.is_none() => self.addresses.untell(self.now),
            None if starts || !registers => self.addresses.tell(),
            _ => {}
        }
        if registers && self.stop.is_none() && !self.addresses.ends_agent && !self.spawning {
            self.reload.wanted = true;
            self.reload.address = true;
        }
        self.addresses.spawns_now = std::mem::take(&mut self.addresses.ends_agent);
    }

    /// A reload has come to its end, which may have been for the registration or have read it.
    pub(super) fn registration_tried(&mut self) {
        let reload = &mut self.reload;
        let reads = reload.was_address || reload.was_anew || !self.config.staging;
        match reload.tried.take() {
            _ if self.stop.is_some() => {}
            Some(true) if reads && !self.addresses.unwritten => self.addresses.tell(),
            Some(false) if reload.was_address => self.addresses.untell(self.now),
            _ => {}
        }
    }

    /// An action that has to do with addresses is done.
    pub(super) fn moves(&mut self, action: &Action) {
        match action {
            Action::Readdress { to, adopt } => {
                let stop = self.stop.is_some();
                let addresses = &mut self.addresses;
                addresses.moved_in_stop = stop;
                addresses.next = false;
                addresses.from = addresses.in_use.replace(to.ip);
                addresses.gone = None;
                addresses.lost = false;
                match addresses.writes_again {
                    true => addresses.untold = None,
                    false => addresses.tell(),
                }
                addresses.trying = true;
                addresses.may_move = false;
                addresses.ends_agent = *adopt && !stop;
            }
            Action::Signal(SIGKILL) if self.addresses.may_move && self.stop.is_none() => {
                self.addresses.ends_agent = true;
                self.addresses.tell();
                self.addresses.trying = true;
            }
            Action::Spawn | Action::SpawnAs(_) => self.addresses.not_begun = false,
            _ => {}
        }
    }
}

pub(super) const ACTIONS: &[Invariant<Action>] = &[
    Invariant {
        name: "looks have a reason",
        sentence: "the host's addresses are looked at because they have changed, or because the one in use is gone, when time has \
                   passed; in a stop only whether it is there, while an agent lives",
        holds: |seen, action| match action {
            Action::LookAtAddresses(in_use) => {
                seen.config.follows_address
                    && seen.event == Event::Tick
                    && (seen.stop.is_none() || seen.agent.is_some())
                    && seen.addresses.is_owed()
                    && *in_use == seen.addresses.in_use
            }
            _ => true,
        },
    },
    Invariant {
        name: "an address is kept",
        sentence: "another address is used only if the one in use was seen gone for --address-grace, and in no look since then there, and nothing \
                   is under way with the agent; or for a registration that the agent did not get, when 5 s have passed, doubled with each time in vain up to 5 min, or to finish a leave from it; and, where that has to do with the old one, is ended for it",
        holds: |seen, action| match action {
            Action::Readdress { to, adopt } => {
                let again = seen.addresses.writes_again && seen.addresses.in_use == Some(to.ip);
                if seen.stop.is_some() {
                    return *adopt && seen.leaves_from_another();
                }
                let ended = seen.addresses.ended_now && *adopt;
                let none = seen.agent.is_none() && seen.addresses.may_move;
                let apart = seen.addresses.may_move && !adopt;
                ended || none || apart || again
            }
            _ => true,
        },
    },
];

pub(super) const MOMENTS: &[Invariant<Machine>] = &[
    Invariant {
        name: "changes are not forgotten",
        sentence: "while nothing has been looked at since addresses have changed, and no stop was begun, a deadline is set that is 1 s \
                   away at most",
        holds: |seen, machine| {
            let heard = seen.event == Event::AddressesChanged;
            let soon = seen.now + Duration::from_secs(1);
            !heard || machine.deadline().is_some_and(|at| at <= soon)
        },
    },
    Invariant {
        name: "a registration is not forgotten",
        sentence: "while the agent does not have the registration of the address in use a deadline is set that is no later than the \
                   next try, unless a stop was begun or none runs",
        holds: |seen, machine| match seen.addresses.untold {
            Some(due) if due > seen.now && seen.stop.is_none() && seen.agent.is_some() => {
                machine.deadline().is_some_and(|at| at <= due)
            }
            _ => true,
        },
    },
    Invariant {
        name: "no readiness without an address",
        sentence: "once the address is gone for good the agent is not ready until it is back, or another one is used",
        holds: |seen, machine| {
            !seen.addresses.lost || !machine.status().conditions.holds(Kind::Ready)
        },
    },
];

impl World {
    /// The kernel tells only somebody who listens.
    pub(super) fn addresses_change(&mut self) -> Option<Event> {
        self.machine.hears_addresses().then(|| {
            self.seen.addresses.owed = true;
            Event::AddressesChanged
        })
    }

    pub(super) fn look(&mut self, in_use: Option<std::net::IpAddr>) {
        let there = in_use.is_some() && percent(&mut self.rng, 40);
        let found = Address {
            ip: any(&mut self.rng, &HOSTS).parse().expect("an address"),
            ..address()
        };
        let good = percent(&mut self.rng, 80) && Some(found.ip) != in_use;
        let pinned = percent(&mut self.rng, 10);
        let sight = Sight {
            in_use: there.then(|| "eth0".to_owned()),
            carried: there || in_use.is_some() && percent(&mut self.rng, 20),
            choice: good.then_some(found).ok_or("by chance".to_owned()),
            pinned: pinned.then(|| "by chance".to_owned()),
        };
        let read = percent(&mut self.rng, 90);
        self.due.push_back(Event::Looked(
            read.then_some(sight).ok_or("by chance".to_owned()),
        ));
    }

    pub(super) fn readdress(&mut self) {
        let staged = Staged {
            services: vec![SERVICE.to_owned()],
            directory: percent(&mut self.rng, 90).then(|| "/run/lictor/registration".to_owned()),
            ..Staged::default()
        };
        let good = percent(&mut self.rng, 95);
        let result = good.then_some(staged).ok_or("by chance".to_owned());
        self.due.push_back(Event::Readdressed(result));
    }

    /// What the agent reads with another registration.
    pub(super) fn reregistered(&mut self) {
        let change = Change {
            changed: vec!["/run/lictor/registration/lictor-registration.json".to_owned()],
            way_back: percent(&mut self.rng, 90),
            dropped: [SERVICE.to_owned()].into(),
            ..Change::default()
        };
        let verdict = Verdict::default();
        let good = percent(&mut self.rng, 95);
        let candidate = Candidate { change, verdict };
        let result = good.then_some(candidate).ok_or("by chance".to_owned());
        self.due.push_back(Event::Restaged(result));
    }
}
