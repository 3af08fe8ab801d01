//! What is left once the main child has ended: asked to end by SIGTERM, then ended by SIGKILL.

use std::time::Duration;

use crate::core::Moment;

/// A process that a SIGKILL has not ended yet may have given birth to others before: they are looked for again.
const AGAIN: Duration = Duration::from_millis(100);
/// So often; what is left then cannot be killed: it hangs in the kernel, or belongs to somebody else.
const TRIES: u32 = 20;

/// How far it is.
#[derive(Debug, Clone, Copy)]
pub struct Leftovers {
    due: Moment,
    kills: u32,
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// SIGKILL for all that is left.
    Kill,
    /// Nothing more can be done.
    GiveUp,
}

impl Leftovers {
    /// What is left has just been sent SIGTERM, and has `patience` to end.
    pub fn asked(now: Moment, patience: Duration) -> Self {
        Self {
            due: now.saturating_add(patience),
            kills: 0,
        }
    }

    /// Whether their time is over.
    pub fn was_overdue(&self) -> bool {
        self.kills > 0
    }

    /// When [`Self::take_due`] is next of use.
    pub fn deadline(&self) -> Moment {
        self.due
    }

    /// What is due at `now`, if anything.
    pub fn take_due(&mut self, now: Moment) -> Option<Due> {
        if now < self.due {
            return None;
        }
        if self.kills == TRIES {
            return Some(Due::GiveUp);
        }
        self.kills += 1;
        self.due = now + AGAIN;
        Some(Due::Kill)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_end_is_killed_again_and_given_up_in_the_end() {
        let start = Duration::from_secs(1);
        let mut leftovers = Leftovers::asked(start, Duration::from_secs(5));
        assert_eq!(leftovers.take_due(Duration::from_secs(5)), None);
        let mut kills = 0;
        loop {
            let now = leftovers.deadline();
            match leftovers.take_due(now) {
                Some(Due::Kill) => kills += 1,
                Some(Due::GiveUp) => break,
                None => panic!("nothing due at its own deadline"),
            }
            assert!(leftovers.deadline() > now);
        }
        assert_eq!(kills, TRIES);
    }
}
