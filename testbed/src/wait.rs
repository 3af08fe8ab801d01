//! Waiting for a thing itself, with a deadline and a name for what was waited for.
//!
//! This is the only place of the test bed that pauses: everything else asks these functions.

use std::fmt::Display;
use std::thread;
use std::time::{Duration, Instant};

/// What was waited for did not happen in time.
#[derive(Debug, thiserror::Error)]
#[error("waited {waited:.1?} in vain for {what}{}", last.as_ref().map(|last| format!("; last seen: {last}")).unwrap_or_default())]
pub struct Timeout {
    /// What was waited for.
    pub what: String,
    /// How long, in all.
    pub waited: Duration,
    /// What was seen instead at the last look, if the look said so.
    pub last: Option<String>,
}

/// What had to hold for a while did not.
#[derive(Debug, thiserror::Error)]
#[error("{what} held for only {held:.1?} of {wanted:.1?}: {seen}")]
pub struct Broken {
    /// What had to hold.
    pub what: String,
    /// How long it held.
    pub held: Duration,
    /// How long it had to.
    pub wanted: Duration,
    /// What was seen instead.
    pub seen: String,
}

/// Looks again and again until `look` returns something.
///
/// # Errors
/// [`Timeout`] when `deadline` has passed and the last look found nothing. There is always at least one look.
pub fn until<T>(
    what: &str,
    deadline: Duration,
    mut look: impl FnMut() -> Option<T>,
) -> Result<T, Timeout> {
    poll(what, deadline, || look().ok_or(None))
}

/// Like [`until`], for looks that say what they saw instead; the last of that is part of the error.
///
/// # Errors
/// [`Timeout`] when `deadline` has passed and the last look failed.
pub fn until_ok<T, E: Display>(
    what: &str,
    deadline: Duration,
    mut look: impl FnMut() -> Result<T, E>,
) -> Result<T, Timeout> {
    poll(what, deadline, || {
        look().map_err(|seen| Some(seen.to_string()))
    })
}

/// Looks again and again for the whole of `duration` and insists that every look succeeds.
///
/// # Errors
/// [`Broken`] at the first look that fails.
pub fn stays<E: Display>(
    what: &str,
    duration: Duration,
    mut look: impl FnMut() -> Result<(), E>,
) -> Result<(), Broken> {
    let start = Instant::now();
    loop {
        if let Err(seen) = look() {
            let (what, seen) = (what.to_owned(), seen.to_string());
            return Err(Broken {
                what,
                held: start.elapsed(),
                wanted: duration,
                seen,
            });
        }
        if start.elapsed() >= duration {
            return Ok(());
        }
        pause(start);
    }
}

/// Lets time pass until `moment`, for what happens at a certain time because that is what is tried. It is no way to wait for
/// a thing.
pub fn let_pass(moment: Instant) {
    thread::sleep(moment.saturating_duration_since(Instant::now()));
}

fn poll<T>(
    what: &str,
    deadline: Duration,
    mut look: impl FnMut() -> Result<T, Option<String>>,
) -> Result<T, Timeout> {
    let start = Instant::now();
    loop {
        match look() {
            Ok(found) => return Ok(found),
            Err(last) if start.elapsed() >= deadline => {
                return Err(Timeout {
                    what: what.to_owned(),
                    waited: start.elapsed(),
                    last,
                });
            }
            Err(_) => pause(start),
        }
    }
}

/// Pauses between two looks: briefly at first, so that waiting adds little to what is quick, and longer after a while,
/// so that waiting takes no processor time from what is slow.
fn pause(start: Instant) {
    let fraction = start.elapsed() / 20;
    thread::sleep(fraction.clamp(Duration::from_millis(5), Duration::from_millis(100)));
}
