//! Reaping: many at once, and never the wrong one.

use std::thread;

use testbed::probe::probe;
use testbed::process::Program;
use testbed::{Place, TestResult, wait};

use super::{SOON, both, init, init_probe, pid1};

/// The probe ends with 0 only when none of them exists any more, not even as a zombie.
#[test]
fn ten_thousand_orphans_at_once_are_reaped() -> TestResult {
    for lictor in both(&init_probe(&[], "orphans 10000")?)? {
        assert_eq!(lictor.exit_code(2 * SOON)?, 0);
    }
    Ok(())
}

/// Each run ends at about the same time as eight orphans of its own, so that its status comes in the middle of theirs.
#[test]
fn no_status_is_lost_in_five_thousand_storms() -> TestResult {
    const THREADS: usize = 4;
    const RUNS: usize = 5000 / THREADS;
    // In one shell for each thread, which says which code was not what it had to be.
    let script = format!(
        "n=0; while [ $n -lt {RUNS} ]; do code=$((n % 251 + 2)); \
         \"$0\" init -- \"$1\" storm 8 $code; got=$?; \
         [ $got = $code ] || {{ echo run $n: $got for $code; exit 1; }}; n=$((n + 1)); done; echo all"
    );
    let lictor = init(&[]).words()[0].clone();
    let probe = probe()?;
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let shell = Program::from(["sh", "-c", &script])
                .arg(&lictor)
                .arg(&probe);
            thread::spawn(move || -> Result<String, testbed::process::Error> {
                let process = Place::Here.start(Place::Here.child_role(), "storms", &shell)?;
                process.wait(10 * SOON)?;
                Ok(process.log())
            })
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().expect("no panic")?, "all\n");
    }
    Ok(())
}

#[test]
fn reaping_others_is_told_to_whoever_wants_to_know() -> TestResult {
    let script = "sh -c 'sleep 0.1 & echo $!'; sleep 1000";
    let lictor = pid1(&init(&["-w"]).args(["sh", "-c", script]))?;
    let log = lictor.wait_log("reaped", SOON)?;
    let orphan = log.lines().next().unwrap_or_default();
    let told = format!("lictor: reaped {orphan}, which exited with 0");
    assert!(log.contains(&told), "{log}");
    Ok(())
}

/// SIGCHLD comes for a stop as well.
#[test]
fn stopped_orphans_are_not_reaped() -> TestResult {
    let script = "sh -c 'sleep 1000 & kill -STOP $!'; echo ready; sleep 1000";
    let lictor = pid1(&init(&["-w"]).args(["sh", "-c", script]))?;
    lictor.wait_log("ready", SOON)?;
    wait::until("the stopped orphan", SOON, || {
        (lictor.children().ok()?.len() == 2).then_some(())
    })?;
    lictor.signal(nix::sys::signal::Signal::SIGTERM)?;
    // The program ends by SIGTERM, and what is stopped then is continued to end as well.
    assert_eq!(lictor.exit_code(SOON)?, 143);
    Ok(())
}
