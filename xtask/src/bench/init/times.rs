//! How long an init takes to start a program, to hand on SIGTERM, and to end.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use testbed::pid1::Pid1;

use super::Result;
use super::contenders::{Contender, Contenders, Name};
use super::rounds::rounds;
use super::table;

/// What an init may still do when the program runs already.
const SETTLE: Duration = Duration::from_millis(5);

pub(super) fn run(contenders: &Contenders, runs: usize) -> Result<()> {
    // A service that ends is started again: there is no end to wait for.
    let samples = rounds(&contenders.but(&[Name::S6]), runs, |one, _| life(one))?;
    let what = format!("start → exit of `true`, {runs} runs each");
    table::durations(&what, contenders, samples);

    let samples = rounds(&contenders.but(&[]), runs, |one, _| readiness(one))?;
    let what = format!("start → the program runs, {runs} runs each");
    table::durations(&what, contenders, samples);

    let samples = rounds(&contenders.but(&[]), runs, |one, _| termination(one))?;
    let what = format!(
        "SIGTERM → the program's handler, {runs} runs each (s6: the command of `s6-svc -t`, written to its pipe)"
    );
    table::durations(&what, contenders, samples);
    Ok(())
}

fn life(contender: &Contender) -> Result<Duration> {
    let mut init = contender.start(&["true"])?;
    let begin = init.started()?.begin;
    let end = init.end()?;
    if end.code == 0 {
        Ok(end.at - begin)
    } else {
        Err(contender.ended("the exit code 0", &end))
    }
}

fn readiness(contender: &Contender) -> Result<Duration> {
    let (mut init, at) = ready(contender, "ready")?;
    let begin = init.started()?.begin;
    init.kill()?;
    Ok(at - begin)
}

fn termination(contender: &Contender) -> Result<Duration> {
    let (mut init, _) = ready(contender, "term")?;
    thread::sleep(SETTLE);
    let begin = Instant::now();
    if contender.name == Name::S6 {
        fs::write(contender.control(), "t")?;
    } else {
        init.signal(Signal::SIGTERM)?;
    }
    let Some((_, at)) = init.byte()? else {
        return Err(contender.ended("SIGTERM arrive at the program", &init.end()?));
    };
    init.kill()?;
    Ok(at - begin)
}

/// The probe in a mode that says when it runs, and when that was.
pub(super) fn ready(contender: &Contender, mode: &str) -> Result<(Pid1, Instant)> {
    let mut init = contender.start(&[mode])?;
    match init.byte()? {
        Some((_, at)) => Ok((init, at)),
        None => Err(contender.ended("the program run", &init.end()?)),
    }
}
