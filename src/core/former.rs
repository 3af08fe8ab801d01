//! A node that was known as something else leaves as that first.
//!
//! An agent that was killed is alive to the others for up to half a minute. One that comes back meanwhile under another name with
//! the same id is refused by all who know the old one, and so is everybody else who joins; one that comes back with another address
//! loses the vote over its name against its own predecessor. After a leave neither happens. So the agent is started once as what
//! it was ([`Action::SpawnAs`]), joins, which nobody minds, is asked to leave, and only its end is followed by the start of the
//! agent as it is.
//!
//! It is no stop: reloads and changed files wait for the agent as it is. A stop that comes meanwhile takes it over as an agent
//! that was started to leave. What cannot join in time, or breaks, is given up: the others take the old one for failed by then.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use crate::core::action::{Action, Level, Question};
use crate::core::conditions::{Kind, Truth};
use crate::core::event::{Answer, End, Event, Membership, Refusal};
use crate::core::leave::Course;
use crate::core::leave::way::Way;
use crate::core::machine::{Machine, last_words, seconds};
use crate::core::phase::Phase;
use crate::core::signal::SIGKILL;
use crate::core::timers::Timer;

mod heard;

/// From its start until it has joined. Others take one that was killed for failed after 30 s at most, and may forget it then.
const JOIN: Duration = Duration::from_secs(45);
/// Others have to hear that it is back before they can hear that it leaves.
const BACK: Duration = Duration::from_secs(1);
/// From the asking to its end: Consul gives a leave up after 15 s.
const LEAVE: Duration = Duration::from_secs(20);
/// Between two questions.
const PAUSE: Duration = Duration::from_millis(100);
/// One that says so long after it was asked to leave that it is a member like others has not begun.
const NOT_BEGUN: Duration = Duration::from_millis(1500);

/// What the node was known as, and is not any more.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Former {
    /// Its name, where that has changed.
    pub name: Option<String>,
    /// The address it advertised, where that has changed.
    pub address: Option<IpAddr>,
    /// Its id, where that has changed.
    pub id: Option<String>,
    /// How that is known: a sentence for a person, without its full stop.
    pub why: String,
}

impl fmt::Display for Former {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, self.address, &self.id) {
            (Some(name), Some(address), _) => write!(f, "{name} at {address}"),
            (Some(name), None, _) => f.write_str(name),
            (None, Some(address), _) => write!(f, "the node at {address}"),
            (None, None, Some(id)) => write!(f, "the node with the id {id}"),
            (None, None, None) => f.write_str("itself"),
        }
    }
}

/// How far the leave of the former is.
#[derive(Debug)]
pub(super) struct Farewell {
    former: Former,
    pub(super) course: Course,
    joined: bool,
    /// Its entry is looked for before it is asked to leave.
    seeks: bool,
    /// It has left, and the catalog has nothing of it.
    gone: bool,
    /// It was killed, and nothing more is asked of it.
    killed: bool,
}

impl Machine {
    /// Starts the agent as what it was, to leave.
    pub(super) fn bid_farewell(&mut self, former: Former) {
        self.checks_left_alone();
        self.enter(Phase::Leaving);
        self.say(
            Level::Info,
            format!(
                "{}: starting the agent once more as {former}, to leave, before it starts as it is",
                former.why
            ),
        );
        let message = format!("{former} leaves first");
        self.not_ready("LeavingAsFormer", &message);
        self.set(
            Kind::IdentityHeld,
            Truth::False,
            "LeavingAsFormer",
            &former.why,
        );
        if let Some(name) = &former.name {
            self.facts.node_name.clone_from(name);
        }
        self.out.push(Action::SpawnAs(former.clone()));
        self.farewell = Some(Farewell {
            former,
            course: Course::default(),
            joined: false,
            seeks: false,
            gone: false,
            killed: false,
        });
    }

    /// It runs.
    pub(super) fn farewell_begun(&mut self) {
        self.not_ready("LeavingAsFormer", "the agent runs as what it was, to leave");
        self.timers.set(Timer::Farewell, self.now + JOIN);
    }

    /// Whether the agent that runs, or is being started, is there to leave as what it was.
    pub(super) fn is_farewell(&self) -> bool {
        self.farewell.is_some()
    }

    /// It could not be started: what there is to leave as, for another try.
    pub(super) fn farewell_not_begun(&mut self) {
        if let Some(farewell) = self.farewell.take() {
            self.former = Some(farewell.former);
        }
    }

    /// What happens while it runs. Its word that it leaves is no news, and nothing of it is for reloads.
    pub(super) fn in_farewell(&mut self, event: Event) {
        let killed = self.farewell.as_ref().is_some_and(|it| it.killed);
        match event {
            Event::Answered(Answer::Agent(Ok(facts))) if killed => self.told(*facts),
            Event::Notified => {
                self.start.notified = true;
                if !killed {
                    self.farewell_joined();
                }
            }
            Event::Answered(Answer::Catalog(Ok(node))) if killed => self.farewell_entry(&node),
            Event::Answered(_) if killed => {}
            Event::Answered(answer) => self.farewell_answered(answer),
            // Whether it keeps its name is for the agent as it is.
            Event::Gossip(_) | Event::TroubleHeard(_) => {}
            Event::LeaveHeard | Event::FailureHeard(_) => {}
            event => self.dispatch(event),
        }
    }

    /// Asks whatever is not known yet.
    pub(super) fn ask_in_farewell(&mut self) {
        let now = self.now;
        let Some(farewell) = &mut self.farewell else {
            return;
        };
        if self.start.asking || self.child.is_none() || !self.config.api {
            return;
        }
        farewell.course.put = now;
        let seeks = farewell.seeks && farewell.course.asked.is_none();
        let question = match (
            farewell.course.looked && !farewell.joined,
            seeks || farewell.course.left.is_some(),
        ) {
            (true, _) => Question::Leader,
            (false, true) => Question::Catalog {
                node: self.facts.node_name.clone(),
                change: None,
            },
            (false, false) => Question::Agent,
        };
        self.start.asking = true;
        self.timers.clear(Timer::Ask);
        self.ask(question);
    }

    fn farewell_answered(&mut self, answer: Answer) {
        match answer {
            Answer::Agent(result) => {
                self.start.asking = false;
                match result {
                    Ok(facts) => {
                        self.told(*facts);
                        self.farewell_looked();
                    }
                    Err(Refusal::Denied(_)) => {
                        self.facts.membership = Membership::Unknown;
                        self.start.answered = true;
                        self.farewell_looked();
                    }
                    Err(_) => self.timers.set(Timer::Ask, self.now + PAUSE),
                }
            }
            Answer::Leader(result) => {
                self.start.asking = false;
                match result {
                    Ok(Some(_)) => {
                        self.start.leader_since.get_or_insert(self.now);
                        self.farewell_joined();
                    }
                    Ok(None) | Err(_) => self.timers.set(Timer::Ask, self.now + PAUSE),
                }
            }
            Answer::Catalog(result) => self.farewell_seen(result),
            Answer::ForceLeave(result) => self.told_again(result),
            // It was not put, or not taken: another way is no second leave.
            Answer::Leave(Err(Refusal::Denied(_) | Refusal::Unreachable(_))) => {
                self.leave_as_former_in_the_other_way();
            }
            _ => {}
        }
    }

    /// It said how it is.
    fn farewell_looked(&mut self) {
        let (now, membership) = (self.now, self.facts.membership);
        let Some(farewell) = &mut self.farewell else {
            return;
        };
        farewell.course.looked = true;
        let put = farewell.course.put;
        let Some((_, asked)) = farewell.course.asked else {
            return match farewell.joined {
                // `READY=1` came before its first answer.
                true => self.wait_until_others_know(),
                false => self.ask_in_farewell(),
            };
        };
        if membership != Membership::Unknown {
            farewell.course.membership = membership;
        }
        if membership == Membership::Left && farewell.course.left.is_none() {
            farewell.course.left = Some(now);
            self.leave_was_told(now);
        }
        if membership == Membership::Alive && put >= asked + NOT_BEGUN {
            self.leave_as_former_in_the_other_way();
        }
        self.timers.set(Timer::Ask, now + PAUSE);
    }

    /// It is a member, as it says or as its servers do.
    fn farewell_joined(&mut self) {
        let Some(farewell) = &mut self.farewell else {
            return;
        };
        if std::mem::replace(&mut farewell.joined, true) {
            return;
        }
        if farewell.course.looked || !self.config.api {
            return self.wait_until_others_know();
        }
        // Its API may answer yet.
        let until = self.sought_until().max(self.now + BACK);
        self.timers.set(Timer::Back, until);
    }

    fn wait_until_others_know(&mut self) {
        self.timers.clear(Timer::Ask);
        self.timers.set(Timer::Back, self.now + BACK);
    }

    /// Others have heard that it is back, as far as that can be seen.
    fn leave_as_former(&mut self) {
        self.timers.clear(Timer::Back);
        // What was asked before would be answered beside what is asked from here on.
        self.forget();
        let way = self.way_of_former();
        self.leave_as_former_by(way);
        self.timers.set(Timer::Farewell, self.now + LEAVE);
        if self.config.api {
            self.timers.set(Timer::Ask, self.now + PAUSE);
        }
    }

    /// One that says that it has joined takes signals, and is sent one where its API has not answered by then.
    fn way_of_former(&mut self) -> Way {
        let (usual, _) = self.way_to_leave();
        let mute = self.farewell.as_ref().is_some_and(|it| !it.course.looked) && self.config.api;
        let signal = self.leaving_signal().filter(|_| mute);
        if mute {
            let what = "the agent has joined, as it says, and its API does not answer";
            self.say(Level::Warn, what);
        }
        signal.unwrap_or(usual)
    }

    fn leave_as_former_by(&mut self, way: Way) {
        let now = self.now;
        let Some(farewell) = &mut self.farewell else {
            return;
        };
        farewell.course.twice = farewell.course.asked.is_some();
        farewell.course.asked = Some((way, now));
        let text = format!("asking {} to leave: {}", farewell.former, way.name());
        self.say(Level::Info, text);
        match way.signal() {
            Some(signal) => self.out.push(Action::Signal(signal)),
            None => self.ask(Question::Leave),
        }
    }

    fn leave_as_former_in_the_other_way(&mut self) {
        let Some(farewell) = self
            .farewell
            .as_ref()
            .filter(|it| !it.course.twice && it.course.left.is_none())
        else {
            return;
        };
        let Some((way, _)) = farewell.course.asked else {
            return;
        };
        let other = self.other_way(way);
        if self.facts.membership.is_leaving() {
            return;
        }
        match other == way {
            true => self.give_farewell_up("cannot be asked to leave"),
            false => self.leave_as_former_by(other),
        }
    }

    /// It has not joined in time, or does not end.
    pub(super) fn farewell_overdue(&mut self) {
        if self.farewell.as_ref().is_some_and(|it| it.gone) {
            return self.kill_farewell();
        }
        let asked = self
            .farewell
            .as_ref()
            .is_some_and(|it| it.course.asked.is_some());
        let what = match asked {
            false => format!("could not join within {}", seconds(JOIN)),
            true => format!(
                "has not ended {} after it was asked to leave",
                seconds(LEAVE)
            ),
        };
        self.give_farewell_up(&what);
    }

    fn give_farewell_up(&mut self, what: &str) {
        if let Some(farewell) = &self.farewell {
            let text = format!("{} {what}; SIGKILL", farewell.former);
            self.say(Level::Warn, text);
            self.kill_farewell();
        }
    }

    /// Nothing more is asked of it.
    fn kill_farewell(&mut self) {
        if let Some(farewell) = &mut self.farewell {
            farewell.killed = true;
        }
        for timer in [Timer::Ask, Timer::Back, Timer::Farewell, Timer::TellAgain] {
            self.timers.clear(timer);
        }
        self.out.push(Action::Signal(SIGKILL));
    }

    /// It has ended: the agent is started as it is.
    pub(super) fn farewell_over(&mut self, farewell: Farewell, end: &End) {
        let Farewell { former, course, .. } = farewell;
        let well = end.how.code() == 0 && !end.broke_its_leave;
        if course.asked.is_some() && (course.left.is_some() || well) {
            self.say(Level::Info, format!("{former} has left"));
            self.remember(true);
            // Nobody knows the node any more.
            self.start.ever_joined = false;
            self.start.has_left = true;
        } else {
            let words = last_words(end);
            let text = format!(
                "the leave as {former} is not confirmed, the agent {}{words}; starting it as it is all the same, which others may refuse \
                 until they take {former} for failed",
                end.how
            );
            self.say(Level::Warn, text);
        }
        // What was seen of its entry tells nothing of the agent as it is.
        self.start.was_in_catalog = false;
        self.facts = self.config.facts();
        self.spawn();
    }
}
