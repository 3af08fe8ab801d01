//! Many orphans that end at once, and a PID 1 that has to reap them.

use std::fs;
use std::time::Duration;

use super::Result;
use super::contenders::{Contender, Contenders, Name};
use super::rounds::rounds;
use super::table;

/// How many the probe makes, if it is not told.
const ORPHANS: u64 = 10_000;
/// The fewest that give a median.
const FEWEST: usize = 5;
/// Most of a round is the making of the orphans, which is the same for all.
const SHARE: usize = 40;

pub(super) fn run(contenders: &Contenders, runs: usize) -> Result<()> {
    // No limit of root's own needs to be raised for that.
    let limit: u64 = fs::read_to_string("/proc/sys/kernel/pid_max")?
        .trim()
        .parse()?;
    if limit < 2 * ORPHANS {
        return Err(format!("make {ORPHANS} orphans: kernel.pid_max is only {limit}").into());
    }
    let runs = (runs / SHARE).max(FEWEST);
    // Without an init, the probe would be PID 1 itself, and it reaps nobody.
    let samples = rounds(&contenders.but(&[Name::None]), runs, |one, _| reap(one))?;
    let what = format!("{ORPHANS} orphans end → all are reaped, {runs} runs each");
    table::durations(&what, contenders, samples);
    Ok(())
}

/// What the probe measures itself.
fn reap(contender: &Contender) -> Result<Duration> {
    let mut init = contender.start(&["orphans"])?;
    let mut line = Vec::new();
    loop {
        match init.byte()? {
            Some((b'\n', _)) => break,
            Some((byte, _)) => line.push(byte),
            None => return Err(contender.ended("orphans be reaped", &init.end()?)),
        }
    }
    init.kill()?;
    let milliseconds: f64 = String::from_utf8(line)?.parse()?;
    Ok(Duration::from_secs_f64(milliseconds / 1000.0))
}
