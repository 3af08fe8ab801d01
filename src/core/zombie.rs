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
use crate::core::action::{Action, Level, Question};
use crate::core::conditions::{Kind, Truth};
use crate::core::event::{End, NodeView, Refusal, Trouble};
use crate::core::identity::{Holder, shown};
use crate::core::machine::{Machine, OnStop, seconds};
use crate::core::phase::Phase;
use crate::core::signal::{SIGKILL, SIGTERM};
use crate::core::timers::Timer;
use crate::exit::{self, Exit};

/// Between two looks at the port.
const LOOK: Duration = Duration::from_millis(3500);
/// The same while the name is in doubt, and between two looks that are to agree. An agent that ends by somebody else's leave has its
/// port closed for half a second.
const CLOSER: Duration = Duration::from_secs(1);
/// The same where the agent has said that it has lost its name.
const SOON: Duration = Duration::from_millis(200);
/// An agent that meets another one of its name has kept or lost it so long after (3.4 s were seen).
const DOUBT: Duration = Duration::from_secs(5);
/// Between two questions who has the name.
const POLL: Duration = Duration::from_secs(5);
/// A name that nobody has is taken up again so long after it was lost, at the soonest: an agent that leaves for somebody else is no
/// member either, and ends within that.
const SOONEST: Duration = Duration::from_secs(2);
/// Members give a failed one's name to another address after 30 s; one that is started sooner is a member some 40 s later only.
const FAILED: Duration = Duration::from_secs(32);
/// An agent of before counts as failed by then (47 s were seen): who lives on under our id is another one.
const COPY: Duration = Duration::from_secs(75);
/// Between two starts that lose the name.
const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(60);
/// The same of an agent whose every start takes the entry of another one that has its id.
const SELDOM: Duration = Duration::from_secs(600);
/// How long it may take to its end.
const END: Duration = Duration::from_secs(5);

/// What is known of it.
#[derive(Debug, Default)]
pub(super) struct Zombie {
    /// Its port was seen to listen in this run.
    listened: bool,
    /// What the last look said.
    listens: Option<bool>,
    /// How often in a row it did not.
    closed: u32,
    /// It said that it has lost its name.
    said: bool,
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
        self.listens == Some(true) && !self.opposed && !self.said
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

    fn pause(&self) -> Duration {
        let longest = match &self.lost {
            Some(lost) if lost.copied => return SELDOM,
            _ => LONGEST,
        };
        FIRST.saturating_mul(1 << self.tries.min(16)).min(longest)
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
        let blind = !zombie.listened && listens != Some(true);
        let by_word = zombie.said && blind && !self.is_server();
        if !self.zombie.is_lost() && (self.zombie.closed > 1 || by_word) {
            self.name_lost();
        }
        let pause = if self.zombie.said && self.zombie.closed < 2 {
            SOON
        } else if self.zombie.closed == 1 || self.zombie.doubt > self.now {
            CLOSER
        } else {
            LOOK
        };
        if self.zombie.closed == 0 {
            // Another pool's word.
            self.zombie.said &= listens != Some(true);
        }
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
                self.zombie.said = true;
                self.timers.set(Timer::Gossip, self.now + SOON);
            }
            Trouble::Namesake => {
                self.zombie.opposed = true;
                self.zombie.doubt = self.now + DOUBT;
                self.timers.set(Timer::Gossip, self.now + CLOSER);
            }
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

    /// Asks who has the name, or waits where nobody can be asked.
    pub(super) fn ask_holder(&mut self) {
        if !self.zombie.is_lost() || self.zombie.ends || self.stop.is_some() {
            return;
        }
        if self.twins.is_looking() {
            // Asked when that is told.
            return;
        }
        if !self.config.api {
            return self.come_back_blindly("it has no API to ask who has it");
        }
        self.ask(Question::Node {
            node: self.facts.node_name.clone(),
            members: false,
        });
    }

    pub(super) fn holder_seen(&mut self, result: Result<Box<NodeView>, Refusal>) {
        let (us, now) = (self.us(), self.now);
        let seen = result.map(|view| (us.holder(&view), view.entry));
        let Some(lost) = &mut self.zombie.lost else {
            return;
        };
        let (holder, entry) = match seen {
            Ok(seen) => seen,
            Err(refusal) => return self.come_back_blindly(&refusal.to_string()),
        };
        lost.by_another = matches!(holder, Holder::Another);
        lost.failed = (holder == Holder::Dead).then(|| lost.failed.unwrap_or(now));
        let (since, failed) = (lost.since, lost.failed);
        let who = shown(&entry);
        match holder {
            Holder::Nobody => {
                let soonest = since + if self.zombie.tries == 0 { SOONEST } else { self.zombie.pause() };
                if now >= soonest {
                    return self.come_back("nobody has the name any more");
                }
                return self.timers.set(Timer::Holder, soonest);
            }
            Holder::Another => self.say_lost(&format!(
                "it is held by {who}, which is alive; give one of the two another name, or stop one: this agent takes the name \
                 up again when it is free"
            )),
            Holder::Dead => {
                let due = failed.unwrap_or(now) + FAILED;
                if now >= due {
                    return self.come_back(&format!("whoever has the name, {who}, has failed"));
                }
                self.say_lost(&format!(
                    "it is held by {who}, which has failed; its members give it back 30 s after that"
                ));
                let poll = now + POLL.min(due.saturating_sub(now));
                return self.timers.set(Timer::Holder, poll);
            }
            Holder::OurId if now >= since + COPY => return self.end_copy(&who),
            Holder::OurId => self.say_lost(&format!(
                "a member of the same node id is alive, {who}: this node as it was before, until it counts as failed, or a copy"
            )),
        }
        let poll = POLL.mul_f64(1.0 - 0.1 * self.rng.f64());
        self.timers.set(Timer::Holder, now + poll);
    }

    /// Nobody tells who has the name: tries again, more seldom each time.
    fn come_back_blindly(&mut self, why: &str) {
        let Some(lost) = &self.zombie.lost else {
            return;
        };
        let due = lost.since + self.zombie.pause();
        if self.now >= due {
            return self.come_back("who has the name cannot be told, so it is tried again");
        }
        self.say_lost(&format!("who has it cannot be told: {why}"));
        let poll = POLL.min(due.saturating_sub(self.now));
        self.timers.set(Timer::Holder, self.now + poll);
    }

    /// Ends the agent, for another one to start. It is no member, so there is no leave to make, and it makes none.
    fn come_back(&mut self, why: &str) {
        self.say(
            Level::Info,
            format!("restarting the agent for the name it has lost, without a leave: {why}"),
        );
        self.zombie.ends = true;
        self.timers.clear(Timer::Holder);
        self.timers.set(Timer::Comeback, self.now + END);
        self.out.push(Action::Signal(SIGTERM));
    }

    fn end_copy(&mut self, who: &str) {
        let data_dir = match self.facts.data_dir.as_str() {
            "" => "the data directory",
            path => path,
        };
        let to = format!(
            "another member of the same node id is alive, {who}: {data_dir} was copied from there; remove its file node-id and give this \
             agent another name. Each writes over the other's entry, so this one is ended until then, and tried again now and then"
        );
        self.say_lost(&to);
        if let Some(lost) = &mut self.zombie.lost {
            lost.copied = true;
            lost.by_another = true;
        }
        self.come_back("it is to write no more over the other's entry");
    }

    /// Ends an agent that has nothing in the catalog, for another one to start at once. It is a member: without a leave that is not
    /// noticed.
    pub(super) fn start_anew(&mut self) {
        let (signal, name) = self.staying_signal();
        self.say(
            Level::Info,
            format!("restarting the agent, so that it registers itself at once: {name}"),
        );
        self.zombie.ends = true;
        self.timers.set(Timer::Comeback, self.now + END);
        self.out.push(Action::Signal(signal));
    }

    /// It does not end.
    pub(super) fn comeback_late(&mut self) {
        self.out.push(Action::Signal(SIGKILL));
    }

    /// An agent that had lost its name has ended: whether the next one follows.
    pub(super) fn comes_back(&mut self, end: &End) -> bool {
        let wanted = std::mem::take(&mut self.zombie.ends);
        let Some(lost) = &self.zombie.lost else {
            if wanted {
                self.restarts.total += 1;
                self.spawn();
            }
            return wanted;
        };
        // Whoever ends with 0 of himself was asked to, by somebody else.
        if !wanted && (end.how.code() == 0 || !self.config.restart) {
            return false;
        }
        let (told, copied) = (lost.told.clone(), lost.copied);
        let at_once = wanted && !copied;
        let pause = self.zombie.pause().mul_f64(1.0 - 0.2 * self.rng.f64());
        self.zombie.tries += 1;
        self.restarts.total += 1;
        if at_once {
            self.spawn();
            return true;
        }
        for kind in [Kind::IdentityHeld, Kind::Joined] {
            self.set(kind, Truth::False, "NameLost", &told);
        }
        self.not_ready("NameLost", &told);
        let text = format!(
            "the agent {}; the next one is started in {}",
            end.how,
            seconds(pause)
        );
        self.say(Level::Warn, text);
        self.enter(Phase::Backoff);
        self.timers.set(Timer::Restart, self.now + pause);
        true
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
            None if self.zombie.doubt > self.now && held.truth == Truth::False => Exit::new(
                exit::IDENTITY,
                format!(
                    "stopped without a leave, which would have been another's: {}",
                    held.message
                ),
            ),
            None => return (mode, because),
        };
        (OnStop::Stay, Some(exit))
    }
}
