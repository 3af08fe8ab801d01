//! SIGHUPs in an agent's first moments, which would end a bare one.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::unistd::Pid;
use testbed::net::Host;

use super::{Bed, Result};

/// How long after the start of lictor the signal is sent.
const DELAYS: [u64; 4] = [0, 20, 50, 100];
const START: Duration = Duration::from_secs(60);

/// Tries each delay `runs` times, one after the other on each of four hosts.
pub(super) fn run(bed: &Bed, runs: usize) -> Result<()> {
    println!("\nSIGHUP soon after the start, {runs} times each");
    let mut hosts = Vec::new();
    for (number, delay) in (11..).zip(DELAYS) {
        hosts.push((delay, bed.host(&format!("n{number}"), number)?));
    }
    let results = thread::scope(|scope| {
        let threads: Vec<_> = hosts
            .iter()
            .map(|(delay, host)| {
                scope.spawn(move || {
                    let seen: Vec<_> = (0..runs)
                        .map(|_| once(bed, host, *delay).map_err(|error| error.to_string()))
                        .collect();
                    (*delay, seen)
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| "run a thread to its end"))
            .collect::<std::result::Result<Vec<_>, _>>()
    })?;
    let mut failures = 0;
    for (delay, seen) in results {
        let failed: Vec<_> = seen.iter().filter_map(|run| run.as_ref().err()).collect();
        let count = |fate: Fate| seen.iter().flatten().filter(|seen| **seen == fate).count();
        println!(
            "  {delay:3} ms: agent alive and never restarted in {} of {runs}; reload seen: kept until the agent could take it {}, \
             at once {}; no reload: sent before lictor's first instruction, so the kernel dropped it, and the agent started \
             later {}",
            seen.len() - failed.len(),
            count(Fate::Kept),
            count(Fate::AtOnce),
            count(Fate::TooEarly),
        );
        for error in &failed {
            println!("    {error}");
        }
        failures += failed.len();
    }
    if failures > 0 {
        return Err(format!("keep every SIGHUP: {failures} runs failed, as told above").into());
    }
    Ok(())
}

/// What became of a SIGHUP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Kept,
    AtOnce,
    TooEarly,
}

/// One start and its SIGHUP.
fn once(bed: &Bed, host: &Host, delay: u64) -> Result<Fate> {
    let begin = Instant::now();
    let lictor = bed.lictor(host).start()?;
    thread::sleep(Duration::from_millis(delay).saturating_sub(begin.elapsed()));
    let blocked = blocks(lictor.pid()?, Signal::SIGHUP)?;
    lictor.hup()?;
    // A reload that was kept is asked for before the agent is ready, so readiness without one means that there is none.
    let status = lictor.wait_status("readiness, and what became of SIGHUP", START, |status| {
        status["phase"] == "Ready" && status["reload"]["pending"] == false
    })?;
    if status["agent"]["restarts"] != 0 {
        return Err(format!("see one agent: {status}").into());
    }
    let fate = match (status["reload"]["last"].as_str(), blocked) {
        (Some("reloaded"), _) => {
            let kept = lictor
                .log()
                .contains("reload kept until the agent can take it");
            if kept { Fate::Kept } else { Fate::AtOnce }
        }
        (None, false) if delay == 0 => Fate::TooEarly,
        _ => return Err(format!("see a reload: {status}").into()),
    };
    lictor.signal(Signal::SIGQUIT)?;
    lictor.exit(START)?;
    Ok(fate)
}

/// Whether a process has that signal blocked by now.
fn blocks(pid: Pid, signal: Signal) -> Result<bool> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigBlk:"))
        .ok_or("find SigBlk in /proc/PID/status")?;
    let mask = u64::from_str_radix(mask.trim(), 16)?;
    Ok(mask & (1 << (signal as i32 - 1)) != 0)
}
