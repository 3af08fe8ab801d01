//! Everything that a server ever says of a node's checks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use super::{Api, Error};
use crate::agent::catalog::statuses;

/// How long a query blocks, and so how long the end of a watch may take.
const WAIT: &str = "1s";

/// The status of each check by its id, from a moment on.
#[derive(Debug, Clone)]
pub struct Look {
    /// When the server said so.
    pub at: Instant,
    /// What it said.
    pub checks: BTreeMap<String, String>,
}

/// A watch over a node's checks by blocking queries, from [`Watch::begin`] to [`Watch::end`]. Of two changes within a
/// millisecond or so the first may be missed.
#[derive(Debug)]
pub struct Watch {
    over: Arc<AtomicBool>,
    thread: JoinHandle<Result<Vec<Look>, Error>>,
}

impl Watch {
    /// Begins to watch `node` through that agent. The first look has been taken when it returns.
    ///
    /// # Errors
    /// The API does not answer with 200.
    pub fn begin(api: &Api, node: &str) -> Result<Self, Error> {
        let (api, path) = (api.clone(), format!("/v1/health/node/{node}"));
        let (first, mut index) = look(&api, &path)?;
        let over = Arc::new(AtomicBool::new(false));
        let stop = over.clone();
        let thread = thread::spawn(move || {
            let mut looks = vec![first];
            while !stop.load(Ordering::Relaxed) {
                let (seen, next) = look(&api, &format!("{path}?wait={WAIT}&index={index}"))?;
                index = next;
                if looks.last().is_none_or(|last| last.checks != seen.checks) {
                    looks.push(seen);
                }
            }
            Ok(looks)
        });
        Ok(Self { over, thread })
    }

    /// Ends it: all that was seen, each look another than the one before it.
    ///
    /// # Errors
    /// The API has failed to answer with 200 meanwhile.
    ///
    /// # Panics
    /// The watch itself has panicked.
    pub fn end(self) -> Result<Vec<Look>, Error> {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().expect("a watch does not panic")
    }
}

fn look(api: &Api, path: &str) -> Result<(Look, u64), Error> {
    let answer = api.request("GET", path, b"")?;
    let at = Instant::now();
    let index = answer.header("x-consul-index");
    // An index of 0 makes the next query return at once, which does no harm.
    let index = index.and_then(|index| index.parse().ok()).unwrap_or(0);
    let checks = statuses(&answer.json()?);
    Ok((Look { at, checks }, index))
}
