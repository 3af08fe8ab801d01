//! What a reload does to a bare agent: a table of fragments, each put beside a good configuration with 5 services from files and
//! 2 registered through the API, and what becomes of those 7.
//!
//! Beside it stands what `consul validate` and `lictor check` say of the same files, and whether an agent starts with them.

mod candidates;
mod field;
mod tls;

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::Value;

pub use candidates::{ALL, Candidate};
pub use field::{FILE_SERVICES, Field, SERVICES};
pub use tls::Certificates;

use crate::consul::Version;
use crate::{agent, net, process};

/// Why a candidate could not be tried.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A host could not be made or changed.
    #[error(transparent)]
    Net(#[from] net::Error),
    /// An agent could not be started or asked.
    #[error(transparent)]
    Agent(#[from] agent::Error),
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
}

/// Tries every candidate of `candidates` with this Consul, on `workers` hosts at a time, each a bare agent with the 7 services.
///
/// # Errors
/// A candidate could not be tried.
pub fn run(
    version: Version,
    lictor: Option<&Path>,
    candidates: &'static [Candidate],
    workers: usize,
) -> Result<Vec<Row>, Error> {
    let certificates = Certificates::new()?;
    let field = Field::new(version, lictor, certificates)?;
    let next = AtomicUsize::new(0);
    let rows = Mutex::new(Vec::new());
    let work = |worker: usize| -> Result<(), Error> {
        let mut pair = field.pair(worker)?;
        while let Some(candidate) = candidates.get(next.fetch_add(1, Ordering::Relaxed)) {
            let row = pair.tries(candidate)?;
            rows.lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .push(row);
        }
        Ok(())
    };
    thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = (0..workers)
            .map(|worker| scope.spawn(move || work(worker)))
            .collect();
        threads.into_iter().try_for_each(|thread| {
            thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    })?;
    let mut rows = rows
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let place = |row: &Row| {
        candidates
            .iter()
            .position(|one| one.name == row.candidate.name)
    };
    rows.sort_by_key(place);
    Ok(rows)
}
