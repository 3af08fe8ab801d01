//! Signals on their way to the program.

use nix::sys::signal::Signal;
use nix::unistd::Pid;
use testbed::process::{Process, children};
use testbed::{TestResult, wait};

use super::{SOON, both, init, init_probe, overwrite_code, pid1, scratch};

/// Not these: two cannot be caught, and SIGCHLD says only that there is something to reap.
const NOT_PASSED_ON: [i32; 3] = [9, 17, 19];

/// Waits until the probe has told of this signal.
fn wait_for(process: &Process, number: i32) -> TestResult {
    process.wait_log(&format!("\n{number}\n"), SOON)?;
    Ok(())
}

/// The real-time ones too, those that the C library keeps to itself, and those of a fault that somebody else sends.
#[test]
fn every_signal_reaches_the_program() -> TestResult {
    for lictor in both(&init_probe(&[], "signals stay")?)? {
        lictor.wait_log("ready\n", SOON)?;
        for number in (1..=64).filter(|number| !NOT_PASSED_ON.contains(number)) {
            lictor.signal_number(number)?;
            wait_for(&lictor, number)?;
        }
        assert!(!lictor.has_ended());
    }
    Ok(())
}

#[test]
fn only_the_program_gets_them_unless_its_group_is_to_have_them() -> TestResult {
    let probe = testbed::probe::probe()?.display().to_string();
    // The first probe is the shell's child, and so in the program's process group.
    let script = format!("{probe} signals stay & exec {probe} signals stay");
    for (options, times) in [(&[][..], 1), (&["--group"][..], 2)] {
        let lictor = pid1(&init(options).args(["sh", "-c", &script]))?;
        wait::until("both probes", SOON, || {
            (lictor.log().matches("ready\n").count() == 2).then_some(())
        })?;
        lictor.signal(Signal::SIGUSR1)?;
        wait_for(&lictor, 10)?;
        // Had the other one got the first signal, it would have told of it before this one.
        for probe in children(children(lictor.pid()?)[0])
            .into_iter()
            .chain(lictor.children()?)
        {
            testbed::process::send(probe, 12)?;
        }
        let log = wait::until("the last signal at both", SOON, || {
            let log = lictor.log();
            (log.matches("12\n").count() == 2).then_some(log)
        })?;
        assert_eq!(log.matches("10\n").count(), times, "{options:?}: {log}");
    }
    Ok(())
}

/// PID 1 loses what comes before it blocks signals, and nothing that comes after.
#[test]
fn nothing_is_lost_once_signals_are_blocked() -> TestResult {
    for _ in 0..100 {
        let lictor = pid1(&init_probe(&[], "linger 20000")?)?;
        let status = format!("/proc/{}/status", lictor.pid()?);
        wait::until("all signals to be blocked", SOON, || {
            // SIGKILL and SIGSTOP cannot be. While lictor waits for them the kernel shows another mask; it has a child then.
            let all = "SigBlk:\tfffffffffffbfeff";
            let blocked = std::fs::read_to_string(&status).ok()?.contains(all);
            (blocked || !lictor.children().ok()?.is_empty()).then_some(())
        })?;
        lictor.signal(Signal::SIGTERM)?;
        assert_eq!(lictor.exit_code(SOON)?, 128 + 15);
    }
    Ok(())
}

/// Stops a process, and waits until it is.
fn stop(pid: Pid) -> TestResult {
    testbed::process::send(pid, Signal::SIGSTOP as i32)?;
    let stat = format!("/proc/{pid}/stat");
    wait::until("the stop", SOON, || {
        let stat = std::fs::read_to_string(&stat).ok()?;
        stat.contains(") T ").then_some(())
    })?;
    Ok(())
}

#[test]
fn a_stopped_program_is_alive_and_is_continued_to_be_ended() -> TestResult {
    for lictor in both(&init_probe(&[], "term")?)? {
        lictor.wait_log("!", SOON)?;
        stop(lictor.children()?[0])?;
        lictor.signal(Signal::SIGTERM)?;
        // It gets to its handler, which tells so and ends it with 0.
        assert_eq!(lictor.exit_code(SOON)?, 0);
        assert_eq!(lictor.log(), "!!");
    }
    Ok(())
}

#[test]
fn a_stopped_program_is_continued_whatever_sigterm_is_rewritten_to() -> TestResult {
    let lictor = pid1(&init_probe(&["--rewrite", "TERM:INT"], "signals")?)?;
    lictor.wait_log("ready\n", SOON)?;
    stop(lictor.children()?[0])?;
    lictor.signal(Signal::SIGTERM)?;
    wait_for(&lictor, 2)
}

/// The program waits for a member of its group, which is stopped while it is not itself.
#[test]
fn those_who_are_stopped_in_the_programs_group_are_continued_too() -> TestResult {
    let probe = testbed::probe::probe()?.display().to_string();
    let script = format!("trap : TERM; {probe} term & wait; wait; exit 7");
    let lictor = pid1(&init(&["--group"]).args(["sh", "-c", &script]))?;
    lictor.wait_log("!", SOON)?;
    stop(children(lictor.children()?[0])[0])?;
    lictor.signal(Signal::SIGTERM)?;
    assert_eq!(lictor.exit_code(SOON)?, 7);
    Ok(())
}

/// The other order: the stop is under way when SIGTERM comes.
#[test]
fn a_program_that_is_stopped_on_its_way_to_its_end_is_continued() -> TestResult {
    for _ in 0..50 {
        let lictor = pid1(&init_probe(&[], "term")?)?;
        lictor.wait_log("!", SOON)?;
        testbed::process::send(lictor.children()?[0], Signal::SIGSTOP as i32)?;
        lictor.signal(Signal::SIGTERM)?;
        assert_eq!(lictor.exit_code(SOON)?, 0);
    }
    Ok(())
}

/// A fault of lictor's own is real: its code is overwritten while it waits.
#[test]
fn a_fault_of_its_own_still_kills_it() -> TestResult {
    for lictor in both(&init_probe(&[], "signals")?)? {
        lictor.wait_log("ready\n", SOON)?;
        overwrite_code(lictor.pid()?)?;
        // The program may have been ready before lictor was back at its wait: then the fault has come already.
        let _ = lictor.signal(Signal::SIGUSR1);
        let code = lictor.exit_code(SOON)?;
        let faults = [
            Signal::SIGILL,
            Signal::SIGSEGV,
            Signal::SIGBUS,
            Signal::SIGTRAP,
        ];
        assert!(
            faults.iter().any(|fault| code == 128 + *fault as i32),
            "{code}"
        );
        assert!(!lictor.log().contains("\n10\n"));
    }
    Ok(())
}

#[test]
fn signals_are_rewritten_and_dropped() -> TestResult {
    let options = ["-r", "TERM:QUIT", "--rewrite", "12:RTMIN+3,SIGUSR1:0"];
    let lictor = pid1(&init_probe(&options, "signals")?)?;
    lictor.wait_log("ready\n", SOON)?;
    for signal in [Signal::SIGUSR1, Signal::SIGTERM, Signal::SIGUSR2] {
        lictor.signal(signal)?;
    }
    wait_for(&lictor, 3)?;
    wait_for(&lictor, 37)?;
    let log = lictor.log();
    assert_eq!(log.lines().count(), 3, "{log}");
    Ok(())
}

#[test]
fn a_rewrite_that_makes_no_sense_is_named() -> TestResult {
    for (value, told) in [
        ("TERM", "lacks a colon"),
        ("TERM:99", "there is no signal 99"),
        ("KILL:TERM", "SIGKILL never comes"),
    ] {
        let refused = super::run(init_probe(&["--rewrite", value], "true")?)?;
        assert_eq!(refused.status.code(), Some(2));
        assert!(refused.stderr.contains(told), "{}", refused.stderr);
    }
    Ok(())
}

#[test]
fn the_parents_death_is_no_signal_that_would_not_arrive() -> TestResult {
    for value in ["KILL", "STOP", "CHLD"] {
        let refused = super::run(init_probe(&["--parent-death", value], "true")?)?;
        assert_eq!(refused.status.code(), Some(2));
        assert!(
            refused.stderr.contains("would not reach"),
            "{}",
            refused.stderr
        );
    }
    Ok(())
}

#[test]
fn the_parents_death_is_a_signal() -> TestResult {
    let program = init_probe(&["--parent-death", "USR1"], "signals stay")?;
    // The shell that starts lictor ends once it has read a line, and the one around it goes on.
    let fifo = scratch("parents-death");
    let shell = testbed::process::Program::from([
        "sh",
        "-c",
        "mkfifo $FIFO; sh -c '\"$@\" & read line <$FIFO' sh \"$@\"; sleep 1000",
        "sh",
    ])
    .args(program.words())
    .env("FIFO", &fifo);
    let process = pid1(&shell)?;
    process.wait_log("ready\n", SOON)?;
    std::fs::write(&fifo, "\n")?;
    wait_for(&process, 10)?;
    Ok(())
}
