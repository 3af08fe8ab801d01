//! Many situations at once.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::Result;
use super::case::{Case, Way};
use super::field::Field;
use super::outcome::Outcome;
use super::situation::{Cluster, Situation};
use super::view::Look;
use crate::consul::Version;
use crate::wait;

/// When an entry that is a ghost would not have been noticed by the leader yet.
const SOON: Duration = Duration::from_secs(12);
/// When it would.
const LATE: Duration = Duration::from_secs(90);
/// The number of the first host.
const FIRST: u8 = 11;

/// How a list is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which Consul.
    pub version: Version,
    /// What runs the agents.
    pub way: Way,
    /// How many hosts are busy at once, on each cluster.
    pub width: usize,
    /// Whether to look once more, 90 s after the last end.
    pub late: bool,
}

/// Runs each situation on a host of its own, and returns what came of them, in their order.
///
/// # Errors
/// A cluster cannot be started. What happens to a single situation is in its outcome.
pub fn run(situations: &[Situation], options: &Options) -> Result<Vec<Outcome>> {
    let clusters = [Cluster::Plain, Cluster::Acl, Cluster::TwoServers];
    let on = |cluster: Cluster| {
        let all = situations.iter().enumerate();
        all.filter(move |(_, situation)| situation.cluster == cluster)
            .collect::<Vec<_>>()
    };
    let outcomes = thread::scope(|scope| {
        let fields: Vec<_> = clusters
            .into_iter()
            .map(|cluster| (cluster, on(cluster)))
            .filter(|(_, cases)| !cases.is_empty())
            .map(|(cluster, cases)| scope.spawn(move || on_field(cluster, &cases, options)))
            .collect();
        fields
            .into_iter()
            .map(|field| field.join().map_err(|_| "run a cluster to its end")?)
            .collect::<Result<Vec<_>>>()
    })?;
    Ok(outcomes
        .into_iter()
        .flatten()
        .collect::<BTreeMap<_, _>>()
        .into_values()
        .collect())
}

/// Those of one cluster.
fn on_field(
    cluster: Cluster,
    cases: &[(usize, &Situation)],
    options: &Options,
) -> Result<Vec<(usize, Outcome)>> {
    let field = Field::of(cluster, options.version)?;
    let places = Places::new(options.width);
    let mut outcomes = thread::scope(|scope| {
        let threads: Vec<_> = cases
            .iter()
            .zip(FIRST..)
            .map(|((order, situation), number)| {
                let (field, places) = (&field, &places);
                scope.spawn(move || {
                    let outcome = one(field, situation, options, number, places);
                    let troubled = |error: Box<dyn std::error::Error + Send + Sync>| {
                        Outcome::troubled(situation, error.to_string())
                    };
                    ((*order, number), outcome.unwrap_or_else(troubled))
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .map_err(|_| "run a situation to its end".into())
            })
            .collect::<Result<Vec<_>>>()
    })?;
    if options.late {
        let last = outcomes.iter().map(|(_, outcome)| outcome.ended).max();
        wait::let_pass(last.unwrap_or_else(Instant::now) + LATE);
        for ((_, number), outcome) in &mut outcomes {
            if outcome.trouble.is_none() {
                let look = field.look(&Field::node(*number));
                outcome.looks.push(Look { late: true, ..look });
            }
        }
    }
    Ok(outcomes
        .into_iter()
        .map(|((order, _), outcome)| (order, outcome))
        .collect())
}

/// One of them, up to the look 12 s after its end.
fn one(
    field: &Field,
    situation: &Situation,
    options: &Options,
    number: u8,
    places: &Places,
) -> Result<Outcome> {
    let place = places.take()?;
    let case = Case::begin(field, situation, &options.way, number)?;
    let mut outcome = case.run()?;
    drop(place);
    wait::let_pass(outcome.ended + SOON);
    outcome.looks.push(field.look(&Field::node(number)));
    field.mend()?;
    Ok(outcome)
}

/// Room for so many at once.
struct Places {
    back: Sender<()>,
    free: Mutex<Receiver<()>>,
}

/// A taken place, which is free again when this is dropped.
struct Taken<'a>(&'a Sender<()>);

impl Places {
    fn new(count: usize) -> Self {
        let (back, free) = channel();
        for _ in 0..count {
            // The other end is ours.
            let _ = back.send(());
        }
        Self {
            back,
            free: Mutex::new(free),
        }
    }

    /// Waits for a free place.
    fn take(&self) -> Result<Taken<'_>> {
        self.free
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv()?;
        Ok(Taken(&self.back))
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}
