//! What a reload does to a bare agent: a table of fragments, each put beside a good configuration with 5 services from files and
//! 2 registered through the API, and what becomes of those 7.
//!
//! Beside it stands what `consul validate` and `lictor check` say of the same files, and whether an agent starts with them; and what
//! becomes of the seven under `lictor run`, whoever asks for the reload.

mod candidates;
mod field;
mod node;
mod pair;
mod tls;
mod trial;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use serde_json::Value;

pub use candidates::{ALL, Candidate, choose};
pub use field::{FILE_SERVICES, Field, SERVICES};
pub use node::Node;
pub use pair::Pair;
pub use tls::Certificates;
pub use trial::{Census, Outcome, Trial, Way, message};

use crate::consul::Version;
use crate::{agent, lictor, net, process};

/// Why a candidate could not be tried.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A host could not be made or changed.
    #[error(transparent)]
    Net(#[from] net::Error),
    /// An agent could not be started or asked.
    #[error(transparent)]
    Agent(#[from] agent::Error),
    /// lictor could not be started or asked.
    #[error(transparent)]
    Lictor(#[from] lictor::Error),
    /// A program could not be run.
    #[error(transparent)]
    Process(#[from] process::Error),
    /// No certificates could be made.
    #[error("make certificates: {0}")]
    Certificates(#[from] rcgen::Error),
    /// What was waited for did not happen.
    #[error(transparent)]
    Timeout(#[from] crate::wait::Timeout),
    /// Something of the machine's failed.
    #[error("listen on a host: {0}")]
    Listen(std::io::Error),
}

/// What a short-lived program said.
#[derive(Debug, Clone)]
pub struct Said {
    /// Its exit code.
    pub code: i32,
    /// What it printed.
    pub text: String,
}

fn said(output: process::Output) -> Said {
    Said {
        code: output.status.code().unwrap_or(-1),
        text: format!("{}{}", output.stderr, output.stdout)
            .trim()
            .to_owned(),
    }
}

/// How an agent's start with a candidate ended.
#[derive(Debug, Clone)]
pub enum Start {
    /// It runs.
    Runs,
    /// It ended with this code, and these last words.
    Ended(i32, String),
    /// `consul validate` refuses it, and so does a start.
    Refused,
    /// It neither runs nor ends.
    Hangs(String),
}

/// What became of one candidate.
#[derive(Debug, Clone)]
pub struct Row {
    /// Which.
    pub candidate: &'static Candidate,
    /// Which Consul.
    pub version: Version,
    /// What `consul validate` said.
    pub validate: Said,
    /// What `lictor check --json` said, if a lictor was given: its exit code and findings.
    pub check: Option<(i32, Vec<Value>)>,
    /// The status of the reload's answer, and its text.
    pub reload: (u16, String),
    /// Which of [`SERVICES`] the agent has lost.
    pub lost: Vec<&'static str>,
    /// Which of [`SERVICES`] the catalog has lost.
    pub lost_in_catalog: Vec<&'static str>,
    /// Which of [`SERVICES`] are in the catalog and not passing, or are not what they were.
    pub changed: Vec<&'static str>,
    /// How an agent's start with it ended.
    pub start: Start,
}

impl Row {
    /// Whether `consul validate` takes it.
    #[must_use]
    pub fn valid(&self) -> bool {
        self.validate.code == 0
    }

    /// Whether it does harm: a reload loses services or stays incomplete, or the next start fails.
    #[must_use]
    pub fn harms(&self) -> bool {
        !self.lost.is_empty()
            || !self.changed.is_empty()
            || self.reload.0 != 200
            || !matches!(self.start, Start::Runs)
    }

    /// What the bare agent and the catalog had after the reload, once the catalog had followed.
    #[must_use]
    pub fn census(&self) -> Census {
        let not_passing = self.lost_in_catalog.iter().chain(&self.changed);
        Census {
            not_in_agent: self.lost.clone(),
            not_in_catalog: self.lost_in_catalog.clone(),
            not_passing: not_passing.copied().collect(),
        }
    }
}

/// Tries every candidate with this Consul, on `workers` hosts at a time, each a bare agent with the 7 services. `told` hears of each
/// at once; the result is in the order of `candidates`.
///
/// # Errors
/// A candidate could not be tried.
pub fn run(
    version: Version,
    lictor: Option<&Path>,
    candidates: &[&'static Candidate],
    workers: usize,
    told: &(dyn Fn(&Row) + Sync),
) -> Result<Vec<Row>, Error> {
    let field = Field::new(version, lictor, Certificates::new()?)?;
    let queue = Queue::new(candidates);
    side_by_side(0..workers, |worker| {
        let mut pair = Pair::on(&field, worker)?;
        queue.work(|candidate| {
            let row = pair.tries(candidate)?;
            told(&row);
            Ok(row)
        })
    })?;
    Ok(queue.done())
}

/// Tries every candidate in every way under `lictor run`, on `workers` hosts at a time for each way; `told` hears
/// of each. A node
/// that has not all of its services again is started anew.
///
/// # Errors
/// A candidate could not be tried, or a node did not start again.
pub fn under_lictor(
    version: Version,
    lictor: &Path,
    candidates: &[&'static Candidate],
    workers: usize,
    told: &(dyn Fn(&Trial) + Sync),
) -> Result<(), Error> {
    let field = Field::new(version, Some(lictor), Certificates::new()?)?;
    let queues = Way::ALL.map(|way| (way, Queue::new(candidates)));
    let places = queues
        .iter()
        .flat_map(|queue| (0..workers).map(move |worker| (queue, worker)));
    side_by_side(places, |((way, queue), worker)| {
        let mut node = Node::on(&field, lictor, *way, worker)?;
        queue.work(|candidate| {
            let trial = node.tries(candidate)?;
            told(&trial);
            if trial.after.is_some() {
                node.renew(candidate, lictor)?;
            }
            Ok(())
        })
    })
}

/// Candidates that several workers share, and what came of them.
struct Queue<'a, T> {
    candidates: &'a [&'static Candidate],
    next: AtomicUsize,
    results: Mutex<BTreeMap<usize, T>>,
}

impl<'a, T> Queue<'a, T> {
    fn new(candidates: &'a [&'static Candidate]) -> Self {
        Self {
            candidates,
            next: AtomicUsize::new(0),
            results: Mutex::new(BTreeMap::new()),
        }
    }

    /// Takes one after the other, until all are taken.
    fn work(
        &self,
        mut tries: impl FnMut(&'static Candidate) -> Result<T, Error>,
    ) -> Result<(), Error> {
        loop {
            let place = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(candidate) = self.candidates.get(place) else {
                return Ok(());
            };
            let result = tries(candidate)?;
            self.results
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(place, result);
        }
    }

    fn done(self) -> Vec<T> {
        self.results
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
            .into_values()
            .collect()
    }
}

/// Does the work of each of `workers` on a thread of its own.
fn side_by_side<W: Send>(
    workers: impl IntoIterator<Item = W>,
    work: impl Fn(W) -> Result<(), Error> + Sync,
) -> Result<(), Error> {
    thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = workers
            .into_iter()
            .map(|worker| scope.spawn(move || work(worker)))
            .collect();
        threads.into_iter().try_for_each(|thread| {
            thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    })
}
