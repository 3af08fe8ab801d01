//! What a run prints, and how it waits: for the thing itself, with a deadline, and never once a signal has come.

use super::Error;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

static INTERRUPTED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// From here on SIGINT and SIGTERM end the run at its next look instead of at once, so that it clears up.
pub(super) fn watch_signals() -> Result<(), Error> {
    let flag = INTERRUPTED.get_or_init(Arc::default);
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(flag))
            .map_err(Error::file("the signal handlers"))?;
    }
    Ok(())
}

fn interrupted() -> bool {
    INTERRUPTED
        .get()
        .is_some_and(|flag| flag.load(Ordering::Relaxed))
}

/// The run's own clock, for one line a step.
pub(super) struct Steps {
    started: Instant,
    done: u32,
}

impl Steps {
    /// Starts the clock and names the scenario.
    pub(super) fn new(title: &str) -> Self {
        println!("{title}");
        Self {
            started: Instant::now(),
            done: 0,
        }
    }

    /// Does one step and prints its line: OK, how long it took, what it is, and what was seen.
    pub(super) fn step<T: Seen>(
        &mut self,
        what: &str,
        act: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        if interrupted() {
            return Err(Error::Interrupted);
        }
        let begun = Instant::now();
        let result = act();
        let took = begun.elapsed().as_secs_f64();
        match &result {
            Ok(seen) => {
                self.done += 1;
                let seen = seen.seen();
                let dash = if seen.is_empty() { "" } else { ": " };
                println!("  OK   {took:6.1} s  {what}{dash}{seen}");
            }
            Err(_) => println!("  FAIL {took:6.1} s  {what}"),
        }
        result
    }

    /// The last line.
    pub(super) fn end(self) {
        println!(
            "all {} steps seen, {:.0} s",
            self.done,
            self.started.elapsed().as_secs_f64()
        );
    }
}

/// What a step's result adds to its line.
pub(super) trait Seen {
    /// A few words; empty for none.
    fn seen(&self) -> String;
}

impl Seen for () {
    fn seen(&self) -> String {
        String::new()
    }
}

impl Seen for String {
    fn seen(&self) -> String {
        self.clone()
    }
}

/// A result for the steps after it, with words for its line.
pub(super) struct With<T>(pub(super) T, pub(super) String);

impl<T> Seen for With<T> {
    fn seen(&self) -> String {
        self.1.clone()
    }
}

/// Between two looks. Short, because what is measured is measured with it.
const POLL: Duration = Duration::from_millis(50);

/// Looks until `look` is satisfied; it returns what it saw instead as an error, which the failure then quotes.
pub(super) fn until<T>(
    what: &str,
    limit: Duration,
    mut look: impl FnMut() -> Result<T, String>,
) -> Result<T, Error> {
    settle(what, limit, || {
        if interrupted() {
            Ok(None)
        } else {
            look().map(Some)
        }
    })?
    .ok_or(Error::Interrupted)
}

/// As [`until`], for what must be waited for even after a signal: the end of what was started.
pub(super) fn settle<T>(
    what: &str,
    limit: Duration,
    mut look: impl FnMut() -> Result<T, String>,
) -> Result<T, Error> {
    let begun = Instant::now();
    loop {
        match look() {
            Ok(seen) => return Ok(seen),
            Err(last) if begun.elapsed() > limit => {
                return Err(Error::Timeout {
                    what: what.to_owned(),
                    limit,
                    last,
                });
            }
            Err(_) => std::thread::sleep(POLL),
        }
    }
}

/// Seconds, with one digit, for a step's line.
pub(super) fn seconds(since: Instant) -> String {
    format!("{:.1} s", since.elapsed().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_failure_says_what_was_waited_for_and_what_was_there() {
        let error = until("a leader", Duration::ZERO, || {
            Err::<(), _>("\"\"".to_owned())
        })
        .expect_err("no leader");
        assert_eq!(
            error.to_string(),
            "see a leader within 0 s; what is there: \"\""
        );
    }

    #[test]
    fn a_look_that_succeeds_later_is_seen() {
        let mut looks = 0;
        let seen = until("the third look", Duration::from_secs(5), || {
            looks += 1;
            if looks == 3 {
                Ok(looks)
            } else {
                Err(looks.to_string())
            }
        });
        assert_eq!(seen.expect("in time"), 3);
    }
}
