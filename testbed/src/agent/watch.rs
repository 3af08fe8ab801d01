//! Everything that a server ever says of a node's checks, or of its services.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Api, Error};
use crate::agent::catalog::{names, statuses};

/// How long a query blocks, and so how long the end of a watch may take.
const WAIT: &str = "1s";

/// What a server says, from a moment on.
#[derive(Debug, Clone)]
pub struct Look {
    /// When the server said so.
    pub at: Instant,
    /// What it said, by id: the status of each check, or the name of each service.
    pub states: BTreeMap<String, String>,
}

/// For how long something held, between two moments.
pub fn during(
    looks: &[Look],
    (begin, end): (Instant, Instant),
    held: impl Fn(&BTreeMap<String, String>) -> bool,
) -> Duration {
    let ends = looks.iter().skip(1).map(|look| look.at).chain([end]);
    looks
        .iter()
        .zip(ends)
        .filter(|(look, _)| held(&look.states))
        .map(|(look, until)| until.min(end).saturating_duration_since(look.at.max(begin)))
        .sum()
}

/// A watch over a node's checks or services by blocking queries, from its beginning to [`Watch::end`]. Of two changes within
/// a millisecond or so the first may be missed.
#[derive(Debug)]
pub struct Watch {
    over: Arc<AtomicBool>,
    thread: JoinHandle<Result<Vec<Look>, Error>>,
}

impl Watch {
    /// Begins to watch the checks of `node` through that agent. The first look has been taken when it returns.
    ///
    /// # Errors
    /// The API does not answer with 200.
    pub fn begin(api: &Api, node: &str) -> Result<Self, Error> {
        Self::of(api, format!("/v1/health/node/{node}"), statuses)
    }

    /// Likewise the services of `node` in the catalog.
    ///
    /// # Errors
    /// The API does not answer with 200.
    pub fn services(api: &Api, node: &str) -> Result<Self, Error> {
        Self::of(api, format!("/v1/catalog/node/{node}"), names)
    }

    fn of(api: &Api, path: String, read: Reader) -> Result<Self, Error> {
        let api = api.clone();
        let (first, mut index) = look(&api, &path, read)?;
        let over = Arc::new(AtomicBool::new(false));
        let stop = over.clone();
        let thread = thread::spawn(move || {
            let mut looks = vec![first];
            while !stop.load(Ordering::Relaxed) {
                let (seen, next) = look(&api, &format!("{path}?wait={WAIT}&index={index}"), read)?;
                index = next;
                if looks.last().is_none_or(|last| last.states != seen.states) {
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

/// Makes states of an answer.
type Reader = fn(&Value) -> BTreeMap<String, String>;

fn look(api: &Api, path: &str, read: Reader) -> Result<(Look, u64), Error> {
    let answer = api.request("GET", path, b"")?;
    let at = Instant::now();
    let index = answer.header("x-consul-index");
    // An index of 0 makes the next query return at once, which does no harm.
    let index = index.and_then(|index| index.parse().ok()).unwrap_or(0);
    let states = read(&answer.json()?);
    Ok((Look { at, states }, index))
}
