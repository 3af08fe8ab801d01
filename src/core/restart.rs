//! Restarts after a crash: back-off, jitter and a limit.

use std::time::Duration;

use crate::core::action::Level;
use crate::core::machine::{Machine, seconds};
use crate::core::phase::Phase;
use crate::core::timers::Timer;
use crate::exit::{self, Exit};

const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(30);

/// A run that has been ready for this long makes earlier crashes count no more.
pub(super) const GOOD_RUN: Duration = Duration::from_secs(60);

/// The crashes so far.
#[derive(Debug, Default)]
pub(super) struct Restarts {
    in_a_row: u32,
    /// All restarts since lictor's start.
    pub(super) total: u32,
}

impl Restarts {
    /// Counts a crash: how long to wait before the next start, or `None` once `limit` restarts in a row were of no use.
    ///
    /// The delay doubles from a quarter of a second to half a minute. Up to a fifth of it is taken off by chance, so that
    /// agents that crashed together on many hosts do not come back together.
    pub(super) fn next(&mut self, limit: u32, rng: &mut fastrand::Rng) -> Option<Duration> {
        if self.in_a_row >= limit {
            self.in_a_row += 1;
            return None;
        }
        let full = FIRST
            .saturating_mul(1 << self.in_a_row.min(16))
            .min(LONGEST);
        self.in_a_row += 1;
        self.total += 1;
        Some(full.mul_f64(1.0 - 0.2 * rng.f64()))
    }

    /// How many crashes there were without a good run between them.
    pub(super) fn in_a_row(&self) -> u32 {
        self.in_a_row
    }

    /// A good run: earlier crashes no longer count.
    pub(super) fn forgive(&mut self) {
        self.in_a_row = 0;
    }
}

impl Machine {
    /// After a crash: a restart in place, unless that is not wanted or was tried too often.
    pub(super) fn restart_or_exit(&mut self, exit: Exit) {
        if !self.config.restart {
            return self.exit(exit);
        }
        let Some(delay) = self.restarts.next(self.config.restart_limit, &mut self.rng) else {
            let reason = format!(
                "the agent crashed {} times in a row, the limit of --restart-limit; the last time {}",
                self.restarts.in_a_row(),
                exit.reason
            );
            return self.exit(Exit::new(exit::RESTARTS, reason));
        };
        self.say(
            Level::Warn,
            format!("{}; restarting it in {}", exit.reason, seconds(delay)),
        );
        self.enter(Phase::Backoff);
        self.timers.set(Timer::Restart, self.now + delay);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_doubles_is_jittered_and_ends_at_the_limit() {
        let mut rng = fastrand::Rng::with_seed(1);
        let mut restarts = Restarts::default();
        for n in 0..10 {
            let full = FIRST.saturating_mul(1 << n).min(LONGEST);
            let delay = restarts.next(10, &mut rng).expect("under the limit");
            assert!(
                delay <= full && delay >= full.mul_f64(0.8),
                "{delay:?} of {full:?}"
            );
        }
        assert_eq!(restarts.next(10, &mut rng), None);
        restarts.forgive();
        assert!(restarts.next(10, &mut rng).expect("forgiven") <= FIRST);
        assert_eq!(restarts.total, 11);
    }

    #[test]
    fn a_limit_of_none_allows_none() {
        let mut rng = fastrand::Rng::with_seed(1);
        assert_eq!(Restarts::default().next(0, &mut rng), None);
    }
}
