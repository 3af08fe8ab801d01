//! SIGHUPs in an agent's first moments, which would end a bare one.

use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
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
        let held = seen.len() - failed.len();
        let before = seen.iter().flatten().filter(|early| **early).count();
        println!(
            "  {delay:3} ms: {held} of {runs}: agent alive and never restarted, reload seen after readiness ({before} of them kept until then)"
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

/// One start and its SIGHUP; whether the signal came before the agent could take it.
fn once(bed: &Bed, host: &Host, delay: u64) -> Result<bool> {
    let begin = Instant::now();
    let lictor = bed.lictor(host).start()?;
    thread::sleep(Duration::from_millis(delay).saturating_sub(begin.elapsed()));
    lictor.hup()?;
    let status = lictor.wait_status("a reload and readiness", START, |status| {
        status["phase"] == "Ready" && status["reload"]["count"].as_u64() >= Some(1)
    })?;
    if status["agent"]["restarts"] != 0 || status["reload"]["last"] != "reloaded" {
        return Err(format!("see one agent and a reload: {status}").into());
    }
    lictor.signal(Signal::SIGQUIT)?;
    lictor.exit(START)?;
    Ok(lictor
        .log()
        .contains("reload kept until the agent can take it"))
}
