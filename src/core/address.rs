//! The host's address while lictor runs: it may go, come back, or be another one.
//!
//! The kernel says that something has changed, and then the host's addresses are looked at: soon, and at most once a second,
//! since on a host with many containers something changes all the time. The address in use stays in use as long as it can be
//! used, whatever else there is by then. One that is gone for less than `--address-grace` was never gone. After that another one
//! takes its place ([`moving`]), as soon as there is one; until then the agent is not ready.

use std::time::Duration;

use crate::core::Moment;
use crate::core::action::{Action, Level};
use crate::core::conditions::{Kind, Truth};
use crate::core::event::{Address, Sight};
use crate::core::machine::{Machine, seconds};
use crate::core::phase::Phase;
use crate::core::timers::Timer;

mod again;
mod moving;
mod stopping;

use again::Owed;
use moving::Moving;

/// What changes together is looked at together.
const REST: Duration = Duration::from_millis(200);
/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);
/// The same after one that has seen nothing.
const UNREAD: Duration = Duration::from_secs(5);

/// What is known of the host's addresses.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    /// They have changed, and were not looked at since.
    changed: bool,
    /// When they were looked at last.
    looked: Option<Moment>,
    /// Since when the address in use has been gone, as far as was seen.
    gone: Option<Moment>,
    /// Whether the host has it all the same, on a link that is down.
    carried: bool,
    /// What could take its place then.
    next: Option<Address>,
    /// It was told that it is.
    lost: bool,
    /// What was told of another one that the agent advertises.
    another: Option<String>,
    /// The agent is to have its registration yet.
    owed: Owed,
    /// What takes its place, and how far that is.
    moving: Option<Moving>,
}

impl Addresses {
    /// Whether another one is taking the place of the one in use.
    pub(super) fn are_moving(&self) -> bool {
        self.moving.is_some()
    }

    /// Whether the address in use is gone for good, as far as can be known.
    pub(super) fn are_lost(&self) -> bool {
        self.lost
    }
}

impl Machine {
    /// Whether anything would come of the kernel's word now. Otherwise nobody need listen to it.
    pub fn hears_addresses(&self) -> bool {
        let early = matches!(self.phase, Phase::Addressing | Phase::Staging);
        // In a stop only whether the one that is gone comes back.
        let stopping = self.stop.is_some() && self.addresses.gone.is_none();
        let over = self.is_ending() || self.phase == Phase::Exited;
        let deaf = early || stopping || over;
        self.config.follows_address && !deaf && !self.timers.is_set(Timer::Addresses)
    }

    /// Addresses, links or routes have changed.
    pub(super) fn addresses_changed(&mut self) {
        if !self.hears_addresses() {
            return;
        }
        self.addresses.changed = true;
        let free = self.addresses.looked.map_or(self.now, |at| at + PAUSE);
        self.timers.set(Timer::Addresses, free.max(self.now + REST));
    }

    /// It is time to look.
    pub(super) fn look_at_addresses(&mut self) {
        // Whatever there was to look for, one look will do.
        self.timers.clear(Timer::Addresses);
        self.timers.clear(Timer::Grace);
        if self.is_registration_due() {
            self.timers.clear(Timer::Reregister);
        }
        let in_use = self.address.as_ref().map(|address| address.ip);
        self.out.push(Action::LookAtAddresses(in_use));
    }

    pub(super) fn looked_at_addresses(&mut self, seen: Result<Sight, String>) {
        self.addresses.looked = Some(self.now);
        if self.stop.is_some() {
            return self.looked_in_a_stop(seen);
        }
        let sight = match seen {
            Ok(sight) => sight,
            // What could not be seen has not changed.
            Err(why) => {
                let text = format!("failed to {why}; looking again in {}", seconds(UNREAD));
                self.say(Level::Warn, text);
                self.addresses.changed = true;
                return self.timers.set(Timer::Addresses, self.now + UNREAD);
            }
        };
        // What changes while one takes the place of another, or an agent is being started, is looked at afterwards.
        let starting = self.child.is_none() && self.phase != Phase::Backoff;
        if self.addresses.moving.is_some() || starting {
            return self.timers.set(Timer::Addresses, self.now + REST);
        }
        self.addresses.changed = false;
        self.addresses.carried = sight.carried;
        match (sight.in_use, sight.choice) {
            (Some(interface), _) => {
                self.address_is_there(interface);
                self.try_registration_again();
            }
            (None, Ok(address)) if self.address.is_none() => self.move_to(address),
            (None, _) if self.address.is_none() => {}
            (None, choice) => self.address_is_gone(choice, sight.pinned),
        }
    }

    /// The address in use can be used.
    fn address_is_there(&mut self, interface: String) {
        self.timers.clear(Timer::Grace);
        self.addresses.next = None;
        let Some(address) = &mut self.address else {
            return;
        };
        let ip = address.ip;
        if address.interface.as_ref() != Some(&interface) {
            address.interface = Some(interface);
        }
        let reason = address.reason.clone();
        let Some(since) = self.addresses.gone.take() else {
            return;
        };
        let took = seconds(self.now.saturating_sub(since));
        self.set(Kind::AddressKnown, Truth::True, "Found", reason);
        self.compare_addresses();
        if !std::mem::take(&mut self.addresses.lost) {
            return self.say(
                Level::Info,
                format!("address {ip} is back after {took}, within --address-grace"),
            );
        }
        self.say(Level::Info, format!("address {ip} is back after {took}"));
        self.ask_for_readiness();
    }

    /// Readiness is seen anew, by the questions that it always takes.
    fn ask_for_readiness(&mut self) {
        if self.child.is_none() || !self.start.was_ready {
            return;
        }
        match self.config.api {
            true => self.timers.set(Timer::Ask, self.now),
            false => self.settled(),
        }
    }

    /// The address in use cannot be used: is it gone for long enough, and is there another one?
    fn address_is_gone(&mut self, choice: Result<Address, String>, pinned: Option<String>) {
        let Some(ip) = self.address.as_ref().map(|address| address.ip) else {
            return;
        };
        let grace = self.config.address_grace;
        if self.addresses.gone.is_none() {
            let text = format!(
                "address {ip} is gone; waiting {} for it to return (--address-grace)",
                seconds(grace)
            );
            self.say(Level::Warn, text);
            // Nobody can tell yet, and the agent stays ready for as long.
            let text = format!(
                "{ip} is gone; the agent counts as before until --address-grace, {}, is over",
                seconds(grace)
            );
            self.set(Kind::AddressKnown, Truth::Unknown, "Gone", text);
        }
        let stays = pinned.or_else(|| self.why_it_stays());
        self.addresses.next = choice.clone().ok().filter(|_| stays.is_none());
        let since = *self.addresses.gone.get_or_insert(self.now);
        if self.now < since + grace {
            return self.timers.set(Timer::Grace, since + grace);
        }
        match (choice, stays) {
            (Ok(to), None) if self.is_busy() => {
                let ip = to.ip;
                self.say(Level::Debug, format!("{ip} is used after the reload"));
                self.timers.set(Timer::Grace, self.now + PAUSE);
            }
            (Ok(to), None) => self.move_to(to),
            (Ok(to), Some(why)) => {
                let why = format!("{ip} is gone, and {} is there: {why}", to.ip);
                self.address_is_lost("Pinned", why);
            }
            (Err(why), _) => {
                let why = format!("{ip} is gone, and there is no other: failed to {why}");
                self.address_is_lost("Gone", why);
            }
        }
    }

    /// Nothing can be done about it before something changes.
    fn address_is_lost(&mut self, reason: &'static str, why: String) {
        let known = self.conditions.get(Kind::AddressKnown);
        let news = !self.addresses.lost || known.message != why;
        self.addresses.lost = true;
        self.set(Kind::AddressKnown, Truth::False, reason, &why);
        self.not_ready("AddressLost", &why);
        self.timers.clear(Timer::GoodRun);
        if news {
            self.say(Level::Error, format!("not ready: {why}"));
        }
    }

    /// The agent has ended, and with it every deadline: what is owed is looked at all the same.
    pub(super) fn addresses_kept(&mut self) {
        let owes = self.addresses.changed || self.addresses.gone.is_some();
        if owes && self.stop.is_none() {
            self.timers.set(Timer::Addresses, self.now + REST);
        }
    }

    /// That the address in use is gone, if it is, as far as was seen: a sentence without its full stop.
    pub(super) fn address_gone(&self) -> Option<String> {
        let ip = self.address.as_ref()?.ip;
        let gone = seconds(self.now.saturating_sub(self.addresses.gone?));
        Some(format!("address {ip} has been gone for {gone}"))
    }

    /// Whether the agent advertises what lictor found, once it has told.
    pub(super) fn compare_addresses(&mut self) {
        let (Some(address), Some(advertised)) = (&self.address, self.facts.advertise) else {
            return;
        };
        if !self.conditions.holds(Kind::AddressKnown) {
            return;
        }
        let ip = address.ip;
        if advertised == ip {
            let reason = address.reason.clone();
            self.set(Kind::AddressKnown, Truth::True, "Found", reason);
            return;
        }
        let text = format!(
            "the agent advertises {advertised}, and lictor found {ip} ({}); if {advertised} is meant, say so with \
             --address {advertised}; if {ip} is, hand it to the agent with --advertise",
            address.reason
        );
        self.set(
            Kind::AddressKnown,
            Truth::True,
            "AgentAdvertisesAnother",
            &text,
        );
        let news = self.addresses.another.as_ref() != Some(&text);
        if news && self.config.needs_address {
            self.say(Level::Warn, &text);
        }
        self.addresses.another = Some(text);
    }
}
