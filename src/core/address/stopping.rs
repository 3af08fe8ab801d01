//! A stop of a node whose address is gone.
//!
//! An agent that is bound to an address that the host has not can tell nobody that it leaves, and none can be started to tell it in its
//! place. So no other one is started, and the exit says why. The address may be back before that: the kernel is listened to until
//! the agent has ended.

use crate::core::action::Level;
use crate::core::event::Sight;
use crate::core::machine::{Machine, seconds};
use crate::core::timers::Timer;
use crate::exit;

impl Machine {
    /// A leave has begun: what has changed and was not looked at is looked at now.
    pub(in crate::core) fn addresses_in_a_leave(&mut self) {
        if self.addresses.changed {
            self.timers.set(Timer::Addresses, self.now);
        }
        self.say_unbindable();
    }

    /// What was seen of the addresses meanwhile.
    pub(super) fn looked_in_a_stop(&mut self, seen: Result<Sight, String>) {
        // What could not be seen has not changed.
        let Ok(sight) = seen else { return };
        self.addresses.changed = false;
        self.addresses.carried = sight.carried;
        if sight.in_use.is_some() || self.address.is_none() {
            self.addresses.gone = None;
            self.addresses.next = None;
            return;
        }
        let known = self.addresses.gone.is_some();
        self.addresses.gone.get_or_insert(self.now);
        let stays = sight.pinned.is_some() || self.why_it_stays().is_some();
        self.addresses.next = sight.choice.ok().filter(|_| !stays);
        if !known {
            self.say_unbindable();
        }
    }

    fn say_unbindable(&mut self) {
        let Some(why) = self.why_none_could_bind() else {
            return;
        };
        let text = format!(
            "{why}: hardly anybody will hear of its leave, and no agent can be started once more to make it good; the exit code is \
             {} unless the leave is seen done",
            exit::UNCONFIRMED
        );
        self.say(Level::Warn, text);
    }

    /// Why an agent that is started now could not bind, if that is known: a sentence without its full stop.
    pub(in crate::core) fn why_none_could_bind(&self) -> Option<String> {
        let ip = self.address.as_ref()?.ip;
        let since = self.addresses.gone?;
        // Whoever binds to what a link has that is down may be heard once that is up.
        let bound = self.facts.listens.contains(&ip) && !self.addresses.carried;
        (bound && self.addresses.next.is_none()).then(|| {
            format!(
                "address {ip}, to which the agent is bound, has been gone for {}",
                seconds(self.now.saturating_sub(since))
            )
        })
    }
}
