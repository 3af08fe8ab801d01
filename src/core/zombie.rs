//! An agent that has lost its name to another member: its process lives on, answers everything as if nothing had happened, and is a
//! member of nothing.
//!
//! The certain sign is that it does not listen on its own gossip port any more. It counts only where that port was seen to listen in
//! the same run, and is looked at twice. Such an agent is not ready, and is started anew, in place and without a leave, which it
//! could not make, once nobody who is alive has the name. It is left running until then: its servers refuse to register it, and tell it
//! who has the name. One whose id somebody else has too is not refused, and writes over the other's entry; so it is ended, and
//! tried again seldom.

use std::time::Duration;

use crate::core::Moment;
use crate::core::action::{Action, Level};
use crate::core::conditions::{Kind, Truth};
use crate::core::event::Trouble;
use crate::core::machine::{Machine, OnStop};
use crate::core::phase::Phase;
use crate::core::timers::Timer;
use crate::exit::{self, Exit};

mod way_back;

/// Between two looks at the port.
const LOOK: Duration = Duration::from_millis(3500);
/// The same while the name is in doubt, and between two looks that are to agree. An agent that ends by somebody else's leave has its
/// port closed for half a second.
const CLOSER: Duration = Duration::from_secs(1);
/// The same where the agent has said that it has lost its name.
const SOON: Duration = Duration::from_millis(200);
/// So many of these.
const LOOKS: u32 = 10;
/// An agent that meets another one of its name has kept or lost it so long after (3.4 s were seen).
const DOUBT: Duration = Duration::from_secs(5);
/// What is known of it.
#[derive(Debug, Default)]
pub(super) struct Zombie {
    /// Its port was seen to listen in this run.
    listened: bool,
    /// What the last look said.
    listens: Option<bool>,
    /// How often in a row it did not.
    closed: u32,
    /// It said that it has lost its name, and that is looked into so many times yet.
    said: u32,
    /// Until then another one may turn out to have the name.
    doubt: Moment,
    /// It has met another one of its name in this run.
    opposed: bool,
    lost: Option<Lost>,
    /// It is to end, for the next one to start.
    ends: bool,
    /// Starts that were made since the name was lost first, without a good run.
    tries: u32,
}

/// A lost name.
#[derive(Debug)]
struct Lost {
    since: Moment,
    /// Since when whoever has it counts as failed.
    failed: Option<Moment>,
    /// Who has it, by the catalog: the last thing that was told.
    told: String,
    /// Whether that is somebody else.
    by_another: bool,
    /// Somebody else lives under our id.
    copied: bool,
}

impl Zombie {
    /// Whether the agent has lost its name.
    pub(super) fn is_lost(&self) -> bool {
        self.lost.is_some()
    }

    /// Whether the agent gossips, and has met nobody of its name.
    pub(super) fn is_unopposed(&self) -> bool {
        self.listens == Some(true) && !self.opposed
    }

    /// A new agent runs.
    pub(super) fn new_run(&mut self, now: Moment) {
        *self = Self {
            tries: self.tries,
            // Whether the conflict is over will be seen.
            doubt: if self.tries > 0 { now + DOUBT } else { now },
            ..Self::default()
        };
    }

    /// A good run.
    pub(super) fn forgive(&mut self) {
        self.tries = 0;
    }
}

impl Machine {
    /// The agent has joined: from now on it may lose its name.
    pub(super) fn watch_gossip(&mut self) {
        if !self.timers.is_set(Timer::Gossip) {
            self.gossip_due();
        }
    }

    pub(super) fn gossip_due(&mut self) {
        if self.child.is_some() && self.stop.is_none() {
            // What is seen sets it anew.
            self.timers.set(Timer::Gossip, self.now + LOOK);
            self.out.push(Action::LookAtGossip);
        }
    }

    pub(super) fn gossip_seen(&mut self, listens: Option<bool>) {
        if self.child.is_none() || self.stop.is_some() {
            return;
        }
        let zombie = &mut self.zombie;
        zombie.listens = listens;
        zombie.listened |= listens == Some(true);
        zombie.closed = match listens {
            Some(false) if zombie.listened => zombie.closed + 1,
            _ => 0,
        };
        // Where the port tells nothing the agent's word has to do; a server gossips elsewhere, too, and may mean that.
        let said = zombie.said > 0;
        let blind = !zombie.listened && listens != Some(true);
        // Where it listens another pool is meant.
        zombie.said = match listens {
            Some(true) => 0,
            _ => zombie.said.saturating_sub(1),
        };
        let by_word = said && blind && !self.is_server();
        if !self.zombie.is_lost() && (self.zombie.closed > 1 || by_word) {
            self.name_lost();
        }
        let pause = if self.zombie.is_lost() {
            LOOK
        } else if self.zombie.said > 0 {
            SOON
        } else if self.zombie.closed == 1 || self.zombie.doubt > self.now {
            CLOSER
        } else {
            LOOK
        };
        let pause = pause.mul_f64(1.0 - 0.1 * self.rng.f64());
        self.timers.set(Timer::Gossip, self.now + pause);
    }

    /// The agent says something of its name in its log.
    pub(super) fn trouble_heard(&mut self, trouble: Trouble) {
        if self.child.is_none() || self.stop.is_some() {
            return;
        }
        match trouble {
            Trouble::NameLost => {
                self.zombie.said = LOOKS;
                self.zombie.opposed = true;
                self.timers.set(Timer::Gossip, self.now + SOON);
            }
            Trouble::Namesake => {
                self.zombie.opposed = true;
                self.zombie.doubt = self.now + DOUBT;
                self.timers.set(Timer::Gossip, self.now + CLOSER);
            }
            Trouble::SharedId => self.id_is_shared(),
            Trouble::Reserved | Trouble::ConflictingId | Trouble::Denied => {}
        }
        self.twins_trouble(trouble);
    }

    /// Until when the name is in doubt, so that the agent must not count as ready.
    pub(super) fn name_in_doubt(&self) -> Option<Moment> {
        // Whom the catalog holds has it already.
        let sure = self.conditions.holds(Kind::Ready) || self.conditions.holds(Kind::IdentityHeld);
        Some(self.zombie.doubt).filter(|until| *until > self.now && !sure)
    }

    fn name_lost(&mut self) {
        self.zombie.lost = Some(Lost {
            since: self.now,
            failed: None,
            told: String::new(),
            by_another: false,
            copied: false,
        });
        for timer in [Timer::Ask, Timer::Settle, Timer::GoodRun, Timer::Identity] {
            self.timers.clear(timer);
        }
        // Whose entry it is from here on will be seen by the next agent.
        self.start.was_in_catalog = false;
        self.say_lost("another member has it");
        if self.phase != Phase::Reloading {
            self.enter(Phase::Joining);
        }
        self.ask_holder();
    }

    /// Says whom the name was lost to, where that is news.
    fn say_lost(&mut self, to: &str) {
        let name = self.facts.node_name.clone();
        let message = format!(
            "the agent has lost the name {name} and is a member of nothing any more, although it still answers: {to}"
        );
        let Some(lost) = &mut self.zombie.lost else {
            return;
        };
        let news = lost.told != message;
        lost.told.clone_from(&message);
        for kind in [Kind::IdentityHeld, Kind::Joined] {
            self.set(kind, Truth::False, "NameLost", &message);
        }
        self.set(Kind::Registered, Truth::Unknown, "NameLost", "");
        self.not_ready("NameLost", &message);
        if news {
            self.say(Level::Error, message);
        }
    }

    /// What a stop is to do to an agent whose name is another's: it has no leave to make, and must not make one for the other.
    pub(super) fn stop_without_name(
        &self,
        mode: OnStop,
        because: Option<Exit>,
    ) -> (OnStop, Option<Exit>) {
        if mode == OnStop::Stay || because.is_some() {
            return (mode, because);
        }
        let held = self.conditions.get(Kind::IdentityHeld);
        let exit = match &self.zombie.lost {
            Some(lost) if lost.by_another => Exit::new(
                exit::IDENTITY,
                format!(
                    "stopped without a leave, which was not this agent's to make: {}",
                    lost.told
                ),
            ),
            Some(lost) => Exit::new(
                exit::UNCONFIRMED,
                format!(
                    "the leave is not confirmed: an agent that has lost its name cannot leave, so what the catalog holds of it stays until \
                     the servers take it away: {}",
                    lost.told
                ),
            ),
            None if self.zombie.doubt > self.now
                && ["AnotherNode", "Namesake"].contains(&held.reason) =>
            {
                Exit::new(
                    exit::IDENTITY,
                    format!(
                        "stopped without a leave, which would have been another's: {}",
                        held.message
                    ),
                )
            }
            None => return (mode, because),
        };
        (OnStop::Stay, Some(exit))
    }
}
