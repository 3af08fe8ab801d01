//! What is true, and what happens next.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::agent::{Asked, Process};
use super::answers::{any, how, percent, random_config, refuse};
use super::checks::Under;
use super::landmarks::landmark;
use super::seen::Seen;
use super::*;

/// A life that is not over by then goes round in a circle. Lives that are take some hundreds.
const STEPS: u32 = 20_000;

/// How the world behaves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Manners {
    /// The agent comes up, joins, leaves when it is asked to; answers are true and in time; trouble is rare.
    Plausible,
    /// Anything that can happen does, at any time.
    Hostile,
}

pub(super) struct World {
    pub(super) manners: Manners,
    pub(super) rng: fastrand::Rng,
    pub(super) now: Moment,
    pub(super) machine: Machine,
    pub(super) seen: Seen,
    pub(super) reached: BTreeSet<&'static str>,
    pub(super) transcript: Vec<(Moment, Event, Vec<Action>)>,
    pub(super) process: Option<Process>,
    pub(super) asked: Vec<Asked>,
    pub(super) under: Under,
    /// The address is being looked for.
    pub(super) addressing: bool,
    /// The user's directories will have been read by then.
    pub(super) staging: Option<Moment>,
    /// What was done at once, and is told before anything else.
    pub(super) due: VecDeque<Event>,
    /// What the agent has left behind will be gone by then, if ever.
    pub(super) alone: Option<Moment>,
    pub(super) next_waiter: u64,
    pub(super) next_pid: i32,
    /// What the catalog holds under our name: a node's id, and whether its services are there.
    pub(super) entry: Option<(String, bool)>,
    pub(super) index: u64,
    pub(super) leader: bool,
    /// The token allows nothing, ...
    pub(super) denies: bool,
    /// ... or no reload.
    pub(super) denies_reloads: bool,
    /// The agent's log will say that a reload failed.
    pub(super) says_failed: bool,
    /// The agent's log said that it begins to leave, and it is about to, ...
    pub(super) intends: bool,
    /// ... or it has, and its log will say so.
    pub(super) says: bool,
}

impl World {
    pub(super) fn new(seed: u64, manners: Manners) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let config = random_config(&mut rng);
        Self {
            manners,
            now: Moment::ZERO,
            machine: Machine::new(config.clone()),
            seen: Seen::new(config),
            reached: BTreeSet::new(),
            transcript: Vec::new(),
            process: None,
            asked: Vec::new(),
            under: Under::default(),
            addressing: false,
            staging: None,
            due: VecDeque::new(),
            alone: None,
            next_waiter: 0,
            next_pid: 42,
            entry: None,
            index: 5,
            leader: true,
            denies: percent(&mut rng, 15),
            denies_reloads: percent(&mut rng, 20),
            says_failed: false,
            intends: false,
            says: false,
            rng,
        }
    }

    /// A whole life, to its exit.
    pub(super) fn live(&mut self) -> Result<(), Broken> {
        let stop_at = self.rng.u32(1..250);
        self.happen(Event::Begin)?;
        for step in 0..STEPS {
            if self.seen.exit.is_some() {
                break;
            }
            let event = match self.due.pop_front() {
                Some(event) => Some(event),
                None if step >= stop_at
                    && self.seen.stop.is_none()
                    && !self.machine.is_ending() =>
                {
                    Some(Event::Signal(Signal::Terminate))
                }
                None if self.manners == Manners::Plausible => self.plausible(),
                None => self.hostile(),
            };
            if let Some(event) = event {
                self.happen(event)?;
            }
        }
        if self.seen.exit.is_none() {
            return Err(Broken {
                name: "a life ends",
                sentence: format!("after SIGTERM and {STEPS} steps there must have been an exit"),
            });
        }
        for event in [
            Event::Tick,
            Event::Signal(Signal::Terminate),
            Event::Notified,
        ] {
            self.happen(event)?;
        }
        Ok(())
    }

    /// One event, its actions, and whether all holds that must.
    fn happen(&mut self, event: Event) -> Result<(), Broken> {
        self.seen.event(self.now, &event);
        let handled = catch_unwind(AssertUnwindSafe(|| {
            self.machine.handle(self.now, event.clone())
        }));
        let Ok(actions) = handled else {
            self.transcript.push((self.now, event, Vec::new()));
            return Err(Broken {
                name: "no panic",
                sentence: "the machine never panics".to_owned(),
            });
        };
        self.transcript.push((self.now, event, actions.clone()));
        let status = self.machine.status();
        let held = status.conditions.get(Kind::IdentityHeld).reason;
        let unheld = ["AnotherNode", "Namesake"].contains(&held);
        self.seen.ready(status.conditions.holds(Kind::Ready));
        for action in &actions {
            for invariant in super::actions::INVARIANTS
                .iter()
                .chain(super::leaving::INVARIANTS)
                .chain(super::checks::INVARIANTS)
                .chain(super::hearing::ACTIONS)
                .chain(super::reloads::ACTIONS)
                .chain(super::signaling::ACTIONS)
                .chain(super::addresses::ACTIONS)
                .chain(super::farewell::ACTIONS)
                .chain(super::conflicts::ACTIONS)
            {
                invariant.check(&self.seen, action)?;
            }
            self.reached.extend(landmark(&self.seen, action));
            self.seen.action(action);
            self.perform(action);
        }
        self.seen.conflicts.unheld = unheld;
        for invariant in super::moments::INVARIANTS
            .iter()
            .chain(super::stopping::INVARIANTS)
            .chain(super::hearing::MOMENTS)
            .chain(super::reloads::MOMENTS)
            .chain(super::signaling::MOMENTS)
            .chain(super::noticed::MOMENTS)
            .chain(super::addresses::MOMENTS)
            .chain(super::farewell::MOMENTS)
            .chain(super::conflicts::MOMENTS)
        {
            invariant.check(&self.seen, &self.machine)?;
        }
        Ok(())
    }

    /// The driver's and the agent's part.
    fn perform(&mut self, action: &Action) {
        match action {
            Action::FindAddress => self.addressing = true,
            Action::Stage => {
                let staged = Staged {
                    services: vec![SERVICE.to_owned()],
                    former: self.former(),
                    ..Staged::default()
                };
                let failed = Exit::new(exit::STAGE, "by chance");
                let good = percent(&mut self.rng, 97);
                self.due
                    .push_back(Event::Staged(good.then_some(staged).ok_or(failed)));
            }
            Action::LookAtAddresses(in_use) => self.look(*in_use),
            Action::Readdress { .. } => self.readdress(),
            Action::Reregister => self.reregistered(),
            Action::Restage => {
                let longest = any(&mut self.rng, &[1, 50, 5000]);
                let takes = Duration::from_millis(self.rng.u64(0..longest));
                self.staging = Some(self.now + takes);
            }
            Action::Adopt => {
                let failed = Err("by chance".to_owned());
                let good = percent(&mut self.rng, 97);
                self.due
                    .push_back(Event::Adopted(if good { Ok(()) } else { failed }));
            }
            Action::Unstage => {
                let failed = Err("by chance".to_owned());
                let good = percent(&mut self.rng, 97);
                self.due
                    .push_back(Event::Unstaged(if good { Ok(()) } else { failed }));
            }
            Action::Spawn | Action::SpawnAs(_) => self.spawn(),
            Action::Signal(number) => self.signal(*number),
            Action::Suspend => self.now += Duration::from_secs(self.rng.u64(0..90)),
            Action::Sweep(signal) => self.sweep(*signal),
            Action::LookAtGossip => {
                let listens = self.gossips();
                self.due.push_back(Event::Gossip(listens));
            }
            Action::Ask(question) => self.ask(question),
            Action::Checks(work) => self.check_work(work),
            Action::Forget => {
                self.asked.clear();
                self.forget_checks();
            }
            _ => {}
        }
    }

    /// What an agent that mostly behaves brings next.
    fn plausible(&mut self) -> Option<Event> {
        match self.rng.u32(0..1000) {
            0..8 => self.outside(),
            8..15 => {
                self.leader ^= true;
                None
            }
            15..17 => self.meddle(),
            17 => self.meets_another(),
            22..30 => self.addresses_change(),
            18..20 if self.seen.stop.is_some() => self.meddle(),
            18..22 => {
                let how = how(&mut self.rng);
                self.end_within(200, how);
                None
            }
            30..300 => {
                self.thaw();
                self.grow()
            }
            300..600 => self.answer(),
            600..640 => self.log(),
            640..700 => self.wait_a_bit(),
            // Whoever has an answer mostly gives it in time.
            700..980 => self.answer().or_else(|| self.pass()),
            _ => self.pass(),
        }
    }

    /// What a hostile world brings next.
    fn hostile(&mut self) -> Option<Event> {
        match self.rng.u32(0..1000) {
            0..60 => self.outside(),
            60..72 => Some(Event::Notified),
            72..78 => Some(Event::LeaveHeard),
            480..490 => self.addresses_change(),
            78..79 => Some(Event::FailureHeard("by chance".to_owned())),
            79 => self.trouble(),
            80..86 => self.end(),
            // A leave asks much and takes long.
            86..98 if self.seen.stop.is_some() => self.end(),
            86..500 => self.answer(),
            500..515 => Some(Event::Tick),
            515..520 => self.freeze(),
            // The whole host was suspended: whatever was due in between was not told.
            520..525 => {
                self.now += Duration::from_secs(self.rng.u64(0..90));
                None
            }
            525..800 => self.wait_a_bit(),
            _ => self.pass(),
        }
    }

    /// What comes from people and orchestrators.
    fn outside(&mut self) -> Option<Event> {
        Some(match self.rng.u32(0..100) {
            0..6 => Event::Signal(Signal::Terminate),
            6..10 => Event::Signal(Signal::Interrupt),
            10..14 => Event::Signal(Signal::Quit),
            14..34 => Event::Signal(Signal::Hangup),
            34..37 => Event::StopAsked {
                by: "lictor stop",
                mode: any(
                    &mut self.rng,
                    &[None, Some(OnStop::Leave), Some(OnStop::Stay)],
                ),
            },
            37..47 if self.machine.config.staging => Event::FilesChanged,
            37..50 => Event::Signal(Signal::Other(any(
                &mut self.rng,
                &[10, 12, 18, 20, 21, 28, 34],
            ))),
            60..66 => {
                self.next_waiter += 1;
                Event::ForceAsked(Waiter(self.next_waiter))
            }
            50..60 => {
                self.next_waiter += 1;
                Event::JudgementAsked(Waiter(self.next_waiter))
            }
            _ => {
                self.next_waiter += 1;
                Event::ReloadAsked(Waiter(self.next_waiter))
            }
        })
    }

    /// Time passes until something is due, and that happens.
    fn pass(&mut self) -> Option<Event> {
        if self.addressing {
            self.addressing = false;
            let good = percent(&mut self.rng, 95);
            let failed = Exit::new(exit::ADDRESS, "by chance");
            return Some(Event::Addressed(good.then(address).ok_or(failed)));
        }
        let deadline = self.machine.deadline();
        let next = self.next_moment()?;
        self.now = self.now.max(next);
        if self
            .process
            .as_ref()
            .is_some_and(|process| process.ends.is_some_and(|(at, _)| at <= next))
        {
            return self.end();
        }
        if self.under.noted.is_some_and(|at| at <= next) {
            self.under.noted = None;
            return Some(Event::Checks(crate::core::checks::CheckNews::Noted));
        }
        if self.alone.is_some_and(|at| at <= next) {
            self.alone = None;
            return Some(Event::Alone);
        }
        if self.staging.is_some_and(|at| at <= next) {
            self.staging = None;
            return Some(self.restaged());
        }
        if deadline.is_some_and(|at| at <= next) {
            return Some(Event::Tick);
        }
        let late = self.asked.iter().position(|asked| asked.until <= next)?;
        let question = self.asked.remove(late).question;
        let refusal = Refusal::TimedOut("by the clock".to_owned());
        Some(Event::Answered(refuse(&question, refusal)))
    }

    /// When something is due next. A hostile world may leave a question without an answer.
    fn next_moment(&self) -> Option<Moment> {
        let ends = self
            .process
            .as_ref()
            .and_then(|process| Some(process.ends?.0));
        let late = match self.manners {
            Manners::Plausible => self.asked.iter().map(|asked| asked.until).min(),
            Manners::Hostile => None,
        };
        let noted = self.under.noted;
        [
            self.machine.deadline(),
            noted,
            ends,
            late,
            self.alone,
            self.staging,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Some time passes, and nothing is due in it.
    fn wait_a_bit(&mut self) -> Option<Event> {
        let longest = any(&mut self.rng, &[2, 20, 200, 2000]);
        let then = self.now + Duration::from_millis(self.rng.u64(0..longest));
        self.now = then.min(self.next_moment().unwrap_or(then)).max(self.now);
        None
    }
}
