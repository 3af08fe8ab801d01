//! Who the agent is, by its own word: `agent/self`, which is asked for until it is told.

use std::time::Duration;

use crate::core::Moment;
use crate::core::action::{Level, Question};
use crate::core::conditions::Kind;
use crate::core::event::{AgentFacts, Refusal};
use crate::core::machine::Machine;
use crate::core::phase::Phase;
use crate::core::timers::Timer;

/// The first pause after a denial; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// An agent that answers and does not tell who it is.
#[derive(Debug, Default)]
pub(super) struct Who {
    /// When it is asked once more.
    at: Option<Moment>,
    in_vain: u32,
}

impl Machine {
    pub(in crate::core) fn agent_answered(&mut self, result: Result<Box<AgentFacts>, Refusal>) {
        self.start.asking = false;
        let first = !self.start.answered;
        match result {
            Ok(facts) => {
                self.say(
                    Level::Info,
                    format!(
                        "the agent answers: Consul {} as node {} in {}",
                        facts.version, facts.node_name, facts.datacenter
                    ),
                );
                self.start.who = Who::default();
                self.told(*facts);
                self.compare_addresses();
            }
            Err(refusal @ (Refusal::Unreachable(_) | Refusal::Lost(_) | Refusal::TimedOut(_)))
                if !self.start.answered =>
            {
                if self.start.in_vain == 15 {
                    self.say(Level::Warn, format!("not started yet: {refusal}"));
                }
                self.not_ready("Starting", &refusal.to_string());
                return self.ask_again();
            }
            Err(refusal) => self.not_told(&refusal),
        }
        self.start.answered = true;
        // One that has lost its name is not on its way.
        if !self.conditions.holds(Kind::Joined) && !self.zombie.is_lost() {
            self.enter(Phase::Joining);
            self.not_ready("Joining", "the agent answers and has not joined yet");
        }
        if first {
            self.start.in_vain = 0;
        }
        self.checks_restore();
        self.ask_next();
        self.reload_if_possible();
    }

    /// It answers, it just does not tell: the command line's facts have to do, and the identity cannot be judged.
    ///
    /// That need not last. An agent of 1.8 looks tokens up in a way that denies everything until it has heard, a moment after its
    /// join, that the servers know the newer one; and tokens change.
    fn not_told(&mut self, refusal: &Refusal) {
        self.remember(false);
        let who = &mut self.start.who;
        let pause = FIRST_PAUSE * 2_u32.pow(who.in_vain.min(6));
        let level = if who.in_vain == 0 {
            Level::Warn
        } else {
            Level::Debug
        };
        who.in_vain += 1;
        who.at = Some(self.now + pause.min(LONGEST_PAUSE));
        self.say(
            level,
            format!("agent/self cannot be read ({refusal}); going by the agent's command line"),
        );
    }

    /// When `agent/self` is asked for once more.
    pub(super) fn who_at(&self) -> Option<Moment> {
        self.start.who.at
    }

    pub(super) fn is_who_due(&self) -> bool {
        self.who_at().is_some_and(|at| at <= self.now)
    }

    /// Asks `agent/self` once more.
    pub(super) fn ask_who(&mut self) {
        self.start.asking = true;
        self.timers.clear(Timer::Ask);
        self.ask(Question::Agent);
    }
}
