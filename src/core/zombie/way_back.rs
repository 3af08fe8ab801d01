//! The way back of an agent that has lost its name: who has it, and when it is free.

use std::time::Duration;

use crate::core::action::{Action, Level, Question};
use crate::core::conditions::{Kind, Truth};
use crate::core::event::{End, NodeView, Refusal};
use crate::core::identity::{Holder, shown};
use crate::core::machine::{Machine, seconds};
use crate::core::phase::Phase;
use crate::core::signal::{SIGKILL, SIGTERM};
use crate::core::timers::Timer;
use crate::core::zombie::Zombie;

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

impl Zombie {
    fn pause(&self) -> Duration {
        let longest = match &self.lost {
            Some(lost) if lost.copied => return SELDOM,
            _ => LONGEST,
        };
        FIRST.saturating_mul(1 << self.tries.min(16)).min(longest)
    }
}

impl Machine {
    /// Asks who has the name, or waits where nobody can be asked.
    pub(in crate::core) fn ask_holder(&mut self) {
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

    pub(in crate::core) fn holder_seen(&mut self, result: Result<Box<NodeView>, Refusal>) {
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
    pub(in crate::core) fn start_anew(&mut self) {
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
    pub(in crate::core) fn comeback_late(&mut self) {
        self.out.push(Action::Signal(SIGKILL));
    }

    /// Somebody asks for a reload, since he has changed something: an agent that is started seldom is started for it.
    pub(in crate::core) fn come_back_now(&mut self) {
        let copied = self.zombie.lost.as_ref().is_some_and(|lost| lost.copied);
        let due = self.timers.get(Timer::Restart);
        // Whoever asks once a minute has changed nothing.
        let soon = self.now.max(self.phase_since + LONGEST);
        if copied && self.child.is_none() && due.is_some_and(|due| due > soon) {
            let text = format!(
                "starting the agent for the reload in {}",
                seconds(soon - self.now)
            );
            self.say(Level::Info, text);
            self.timers.set(Timer::Restart, soon);
        }
    }

    /// An agent that had lost its name has ended: whether the next one follows.
    pub(in crate::core) fn comes_back(&mut self, end: &End) -> bool {
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
}
