//! A registration of another address that the agent did not get, or that it would not load, is tried again.
//!
//! Without it others are sent to an address that the host has not. Each time the agent may unload all that it has, so each pause is
//! twice as long as the one before; what else changes on the host makes it no shorter, unless it is another address.

use std::net::IpAddr;
use std::time::Duration;

use crate::core::Moment;
use crate::core::action::Level;
use crate::core::conditions::{Kind, Truth};
use crate::core::machine::{Machine, seconds};
use crate::core::timers::Timer;

use super::REST;
use super::moving::Moving;

/// The first pause.
const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(300);

/// The reasons of `ConfigGood` where nothing else is wrong: it could not be written, ...
pub(super) const NOT_WRITTEN: &str = "NotWritten";
/// ... or the agent does not have it.
const OWED: &str = "NotRegistered";

/// A registration that the agent is to have.
#[derive(Debug, Default)]
pub(super) struct Owed {
    /// When it is tried next, where it is owed and not being tried.
    due: Option<Moment>,
    /// How often it was in vain.
    tries: u32,
    /// It is not even written.
    unwritten: bool,
}

impl Machine {
    /// The agent has not the registration of the address in use.
    pub(in crate::core) fn registration_owed(&mut self) {
        let ip = self.address.as_ref().map(|address| address.ip);
        let Some(ip) = ip.filter(|_| self.stop.is_none()) else {
            return;
        };
        let owed = &mut self.addresses.owed;
        let pause = FIRST.saturating_mul(1 << owed.tries.min(8)).min(LONGEST);
        owed.tries += 1;
        self.owe_registration(pause);
        let again = format!("trying again in {}", seconds(pause));
        let text = lacks(ip);
        self.say(Level::Warn, format!("{text}; {again}"));
        let good = self.conditions.get(Kind::ConfigGood);
        // What time is a reason to judge again is known by its own words.
        if good.truth == Truth::False && !self.is_held_off() {
            let (reason, why) = (good.reason, &good.message);
            let message = format!("{why}; {text}; it is tried again");
            self.set(Kind::ConfigGood, Truth::False, reason, message);
        }
    }

    /// It could not be written.
    pub(super) fn registration_unwritten(&mut self) {
        self.addresses.owed.unwritten = true;
        self.registration_owed();
    }

    /// What the agent has loaded has the registration in it.
    pub(in crate::core) fn registration_held(&mut self) {
        if !self.addresses.owed.unwritten {
            self.addresses.owed = Owed::default();
            self.timers.clear(Timer::Reregister);
        }
    }

    /// The configuration is good but for a registration that is owed.
    pub(in crate::core) fn say_owed(&mut self) {
        let owed = &self.addresses.owed;
        let reason = match (owed.unwritten, owed.due) {
            (true, _) => NOT_WRITTEN,
            (false, Some(_)) => OWED,
            (false, None) => return,
        };
        let ip = self.address.as_ref().map(|address| address.ip);
        if let Some(ip) = ip.filter(|_| self.conditions.holds(Kind::ConfigGood)) {
            let message = format!("{}; it is tried again", lacks(ip));
            self.set(Kind::ConfigGood, Truth::False, reason, message);
        }
    }

    /// There is none to be owed any more.
    pub(super) fn registration_is_well(&mut self) {
        let reason = self.conditions.get(Kind::ConfigGood).reason;
        if [NOT_WRITTEN, OWED].contains(&reason) {
            self.set(Kind::ConfigGood, Truth::True, "Staged", "");
        }
    }

    /// It is written.
    pub(super) fn registration_written(&mut self) {
        self.addresses.owed.unwritten = false;
    }

    /// For another address all begins anew.
    pub(super) fn registration_outdated(&mut self) {
        self.registration_written();
        self.registration_held();
    }

    fn owe_registration(&mut self, pause: Duration) {
        let due = self.now + pause;
        self.addresses.owed.due = Some(due);
        self.timers.set(Timer::Reregister, due);
    }

    /// Whether it is time to try it again.
    pub(super) fn is_registration_due(&self) -> bool {
        self.addresses.owed.due.is_some_and(|due| due <= self.now)
    }

    /// Tries it once more if it is time to, and nothing is in the way.
    pub(super) fn try_registration_again(&mut self) {
        if !self.is_registration_due() || self.child.is_none() {
            return;
        }
        if self.is_busy() {
            return self.owe_registration(FIRST);
        }
        if let Some(to) = self.address.clone() {
            self.addresses.owed.due = None;
            self.timers.clear(Timer::Reregister);
            self.addresses.moving = Some(Moving::of_registration(to));
            self.readdress();
        }
    }

    /// Another agent runs; every deadline has ended with the one before.
    pub(in crate::core) fn registration_kept(&mut self) {
        if let Some(due) = self.addresses.owed.due {
            let at = if due > self.now { due } else { self.now + REST };
            self.timers.set(Timer::Reregister, at);
        }
    }
}

fn lacks(ip: IpAddr) -> String {
    format!("the agent has no registration for {ip}, which is its address now")
}
