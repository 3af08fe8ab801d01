//! Twins of this node: what has our name, or our address, and is not us. Judged after joining, then with the read of the minute, and
//! at once where the agent says that there is trouble; [`crate::core::identity`] says what each of them is.
//!
//! What is dead at our own address is taken out of the catalog, unless `--on-conflict=report`: after a second look that finds the
//! very same, by a request that the servers refuse should the entry have changed since, and seldom.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::core::Moment;
use crate::core::action::{Level, Question};
use crate::core::conditions::{Kind, Truth};
use crate::core::event::{CatalogNode, Neighbour, NodeView, Refusal, Trouble};
use crate::core::identity::{Twin, Us, shown};
use crate::core::machine::Machine;
use crate::core::timers::Timer;

mod after;
mod by_hand;
mod findings;
mod heal;
mod shared;

use after::After;
use by_hand::deregister;
use findings::Finding;

/// Between two reads of the nodes that carry our address: the servers go through all of their nodes for it.
const NEIGHBOURS: Duration = Duration::from_secs(600);
/// Between the two looks that have to agree. Whoever else of our name is alive has objected by then: members do so as we join.
const AGREE: Duration = Duration::from_millis(250);
/// Between two looks at a twin that is not dealt with; twice as long each time.
const AGAIN: Duration = Duration::from_secs(5);
const SELDOM: Duration = Duration::from_secs(60);
/// Between two looks that are made because the agent says something.
const TROUBLE: Duration = Duration::from_secs(5);

/// What is known of them.
#[derive(Debug, Default)]
pub(super) struct Twins {
    /// Names that are to be looked at.
    queue: Vec<String>,
    /// The one that is looked at.
    looking: Option<String>,
    /// When each was told of last.
    told: BTreeMap<String, Moment>,
    /// One that was found dead, when, and its entry.
    dead: Option<(String, Moment, CatalogNode)>,
    /// One that is being taken away.
    removing: Option<(String, CatalogNode)>,
    /// When the nodes of our address were read last, ...
    read: Option<Moment>,
    /// ... and whether they are being read.
    reading: bool,
    /// Looks without an end, in a row.
    in_vain: u32,
    /// When something was looked at since the agent said something.
    trouble: Option<Moment>,
    /// When the agent said last that another member has its id.
    shared: Option<Moment>,
    /// The servers refused to register this run's agent: our name was another's.
    refused: bool,
    /// ACLs do not let this run's agent register itself.
    pub(super) denied: bool,
    /// What was found, by the names.
    found: BTreeMap<String, Finding>,
    /// Who was taken away, and when.
    healed: Vec<(String, Moment)>,
    /// What is left to do after that.
    after: After,
    /// How many were.
    pub(super) total: u32,
}

impl Twins {
    /// Another agent runs; what was taken away stays so.
    pub(super) fn new_run(&mut self) {
        let (healed, total) = (std::mem::take(&mut self.healed), self.total);
        let after = std::mem::take(&mut self.after);
        *self = Self {
            healed,
            after,
            total,
            ..Self::default()
        };
    }

    /// What was asked will not be answered.
    pub(super) fn forget(&mut self) {
        self.looking = None;
        self.removing = None;
        self.reading = false;
        self.after.forget();
    }

    /// Whether what is known of a name is about to be told.
    pub(super) fn is_looking(&self) -> bool {
        self.looking.is_some()
    }
}

impl Machine {
    /// Who we are, for a judgement.
    pub(super) fn us(&self) -> Us<'_> {
        Us {
            name: &self.facts.node_name,
            id: &self.facts.node_id,
            address: self.facts.advertise,
            port: self.facts.gossip.map(|place| place.port()),
            unopposed: self.zombie.is_unopposed(),
        }
    }

    fn may_look(&self) -> bool {
        let known = !self.facts.node_id.is_empty() && self.facts.advertise.is_some();
        let joined = self.conditions.holds(Kind::Joined) && self.child.is_some();
        known && joined && self.config.api && self.stop.is_none() && !self.zombie.is_lost()
    }

    /// The catalog's entry under our name was read: whether it is our own.
    pub(super) fn identity_seen(&mut self, node: &CatalogNode) {
        self.start.was_in_catalog = true;
        let name = self.facts.node_name.clone();
        if self.facts.node_id.is_empty() {
            return;
        }
        if node.id == self.facts.node_id {
            self.twins.refused = false;
            self.twins.found.remove(&name);
            self.conclude();
            self.look_at_health();
            return self.read_neighbours();
        }
        self.start.was_in_catalog = false;
        if self.twins.found.contains_key(&name) {
            let soon = self.now + AGREE;
            let due = self.timers.get(Timer::Identity).unwrap_or(soon);
            return self.timers.set(Timer::Identity, due);
        }
        let message = format!(
            "the catalog's node {name} is {}, not this agent ({})",
            shown(node),
            self.facts.node_id
        );
        self.found(&name, Truth::False, "AnotherNode", message);
        self.look_at(name);
    }

    /// The catalog holds nothing under our name.
    pub(super) fn identity_unseen(&mut self) {
        if self.twins.denied {
            let message = self.denied_registration();
            self.set(
                Kind::IdentityHeld,
                Truth::False,
                "RegistrationDenied",
                message,
            );
        }
    }

    /// What is to be done where the agent said that ACLs block its registration.
    pub(super) fn denied_registration(&self) -> String {
        format!(
            "ACLs do not let the agent register itself or its services, as its log says: give it a token (acl.tokens.agent or default) with node:write \
             on {}, and a token with service:write on them",
            self.facts.node_name
        )
    }

    /// The agent says something in its log: looked at anew soon, not at each line.
    pub(super) fn twins_trouble(&mut self, trouble: Trouble) {
        self.twins.refused |= trouble == Trouble::Reserved;
        let news = trouble == Trouble::Denied && !self.twins.denied;
        self.twins.denied |= trouble == Trouble::Denied;
        if news {
            self.registration_denied();
        }
        let now = self.now;
        let lately = self
            .twins
            .trouble
            .is_some_and(|at| now.saturating_sub(at) < TROUBLE);
        if lately && !news || !self.may_look() {
            return;
        }
        self.twins.trouble = Some(now);
        // What the token does not allow is said at every synchronisation, and has nothing to do with other nodes.
        if trouble != Trouble::Denied {
            self.twins.read = None;
        }
        self.timers.set(Timer::Identity, now + AGREE);
    }

    pub(super) fn identity_due(&mut self) {
        if !self.may_look() {
            return;
        }
        if let Some((name, ..)) = &self.twins.dead {
            return self.look_at(name.clone());
        }
        if !self.twins.queue.is_empty() {
            return self.look_at_next();
        }
        let open = self.twins.found.keys().chain(self.twins.after.parts());
        let open: Vec<String> = open.cloned().collect();
        if open.is_empty() {
            // What the agent said may be seen by the next read of our own entry.
            self.timers.set(Timer::Ask, self.now);
        }
        for name in open {
            self.look_at(name);
        }
    }

    fn look_at(&mut self, name: String) {
        let twins = &mut self.twins;
        let known = twins.looking.as_ref() == Some(&name) || twins.queue.contains(&name);
        let removing = twins.removing.as_ref().is_some_and(|(one, _)| *one == name);
        if !known && !removing {
            twins.queue.push(name);
        }
        self.look_at_next();
    }

    fn look_at_next(&mut self) {
        if self.twins.looking.is_some() || self.twins.queue.is_empty() || !self.may_look() {
            return;
        }
        let now = self.now;
        self.twins.told.retain(|_, at| now < *at + AGREE);
        let told = &self.twins.told;
        let Some(next) = self
            .twins
            .queue
            .iter()
            .position(|name| !told.contains_key(name))
        else {
            return self.timers.set(Timer::Identity, now + AGREE);
        };
        let node = self.twins.queue.remove(next);
        self.twins.looking = Some(node.clone());
        self.ask(Question::Node {
            node,
            members: true,
        });
    }

    fn read_neighbours(&mut self) {
        let due = self
            .twins
            .read
            .is_none_or(|at| self.now.saturating_sub(at) >= NEIGHBOURS);
        if !due || self.twins.reading || !self.may_look() {
            return;
        }
        let Some(address) = self.facts.advertise else {
            return;
        };
        self.twins.reading = true;
        self.ask(Question::Neighbours {
            address: address.to_string(),
        });
    }

    /// The nodes that carry our address.
    pub(super) fn neighbours_seen(&mut self, result: Result<Vec<Neighbour>, Refusal>) {
        self.twins.reading = false;
        self.twins.read = Some(self.now);
        if self.zombie.is_lost() {
            return;
        }
        let nodes = match result {
            Ok(nodes) => nodes,
            Err(refusal) => {
                return self.say(Level::Debug, format!("who has our address: {refusal}"));
            }
        };
        let own = self.facts.node_name.clone();
        let names: Vec<String> = nodes
            .into_iter()
            .map(|node| node.name)
            .filter(|name| *name != own)
            .collect();
        // Who has it no more is no twin any more.
        self.twins
            .found
            .retain(|name, _| *name == own || names.contains(name));
        self.conclude();
        names.into_iter().for_each(|name| self.look_at(name));
    }

    /// What is known of one name.
    pub(super) fn node_seen(&mut self, result: Result<Box<NodeView>, Refusal>) {
        let lost = self.zombie.is_lost();
        let Some(name) = self.twins.looking.take() else {
            if lost {
                self.holder_seen(result);
            }
            return;
        };
        if lost {
            return self.ask_holder();
        }
        self.twins.told.insert(name.clone(), self.now);
        match result {
            Ok(view) => {
                let twin = self.us().judge(&name, &view);
                self.twin_seen(&name, twin, *view);
            }
            Err(refusal) => {
                self.say(
                    Level::Debug,
                    format!("what {name} is cannot be told: {refusal}"),
                );
                self.twins_again();
            }
        }
        self.look_at_next();
    }

    fn twin_seen(&mut self, name: &str, twin: Twin, view: NodeView) {
        if matches!(twin, Twin::Gone | Twin::Ours) {
            self.twins.dead.take_if(|(one, ..)| one == name);
            return self.no_twin_seen(name, &view);
        }
        let entry = view.entry;
        let before = self.twins.dead.take_if(|(one, ..)| one == name);
        let who = format!("{name} ({})", shown(&entry));
        let own = name == self.facts.node_name;
        let (truth, reason, message) = match twin {
            Twin::Gone | Twin::Ours => return,
            Twin::Dead => return self.dead_seen(name, entry, before),
            // What has no agent may well have the address of one.
            Twin::External => (
                if own { Truth::False } else { Truth::True },
                "ExternalNode",
                format!(
                    "{who} has our address in the catalog and no agent: somebody has registered it by hand; whoever has can take it away: {}",
                    deregister(name, &self.facts)
                ),
            ),
            Twin::Beside => (
                Truth::True,
                "AddressShared",
                format!("another agent shares our address at another port, {who}; it is let be"),
            ),
            Twin::Unclear if own => (
                Truth::False,
                "AnotherNode",
                format!(
                    "the name {name} is reserved by {}, at our own address; whether it is alive is not known yet",
                    shown(&entry)
                ),
            ),
            Twin::Unclear => (
                Truth::False,
                "AddressUnderTwoNames",
                format!(
                    "our address is in the catalog under another name, too: {who}; it counts as alive so far"
                ),
            ),
            Twin::Namesake => (
                Truth::False,
                "Namesake",
                format!(
                    "the name {name} is held by {}, which is alive; give one of the two another name (-node)",
                    shown(&entry)
                ),
            ),
            Twin::DeadElsewhere => (
                Truth::False,
                "ReservedElsewhere",
                format!(
                    "the name {name} is reserved by {}, which has failed; if that host is gone for good: {}",
                    shown(&entry),
                    deregister(name, &self.facts)
                ),
            ),
        };
        self.found(name, truth, reason, message);
        if truth == Truth::False {
            self.twins_again();
        }
    }

    fn twins_again(&mut self) {
        let pause = AGAIN
            .saturating_mul(1 << self.twins.in_vain.min(8))
            .min(SELDOM);
        self.twins.in_vain += 1;
        let pause = pause.mul_f64(1.0 - 0.2 * self.rng.f64());
        self.timers.set(Timer::Identity, self.now + pause);
    }
}
