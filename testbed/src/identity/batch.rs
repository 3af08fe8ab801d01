//! Many situations, some of them at once.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::life::Way;
use super::namesake::{self, Namesake};
use super::outcome::Outcome;
use super::situation::Situation;
use super::watching::Patience;
use super::{Result, case};
use crate::consul::Version;

/// How situations are run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which Consul.
    pub version: Version,
    /// What runs the agents.
    pub way: Way,
    /// A lictor binary; a bare agent has its registration from it.
    pub lictor: PathBuf,
    /// How many clusters there are at once.
    pub width: usize,
    /// How long all must have been well.
    pub hold: Duration,
    /// How long it may take until it is.
    pub limit: Duration,
}

impl Options {
    pub(super) fn patience(&self) -> Patience {
        Patience {
            hold: self.hold,
            limit: self.limit,
        }
    }
}

/// Runs each situation on a cluster of its own, and returns what came of them, in their order; `told` hears of each at once.
pub fn run(
    situations: &[Situation],
    options: &Options,
    told: &(dyn Fn(&Outcome) + Sync),
) -> Vec<Outcome> {
    in_parallel(situations.len(), options.width, |place| {
        let situation = &situations[place];
        let outcome = case::run(situation, options);
        let outcome = outcome
            .unwrap_or_else(|error| Outcome::troubled(situation, options.way, error.to_string()));
        told(&outcome);
        outcome
    })
}

/// Lets a host meet a living namesake so many times; `told` hears of each at once.
pub fn namesakes(
    runs: usize,
    options: &Options,
    told: &(dyn Fn(&Result<Namesake>) + Sync),
) -> Vec<Result<Namesake>> {
    in_parallel(runs, options.width, |_| {
        let met = namesake::namesake(options);
        told(&met);
        met
    })
}

/// Does so many things, `width` at a time, and returns what came of them in their order.
fn in_parallel<T: Send>(count: usize, width: usize, thing: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..width.min(count) {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    if place >= count {
                        return;
                    }
                    let result = thing(place);
                    let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                    done.push((place, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, result)| result).collect()
}
