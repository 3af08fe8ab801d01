//! Stopping: dumb-init stops itself where a terminal's signals ask for a stop; a program that is stopped is not one that has
//! ended.
//!
//! Where lictor is not like the real programs, on purpose: to a program that is stopped they send SIGTERM alone, which it takes
//! only once somebody continues it; lictor continues it.

use nix::sys::signal::Signal;
use nix::unistd::Pid;
use testbed::process::{Process, Role, send};
use testbed::{TestResult, wait};

use super::{Pair, SOON, line, pending, roles, start, state, wait_taken};

fn wait_state(pid: Pid, wanted: char) -> TestResult {
    wait::until_ok(&format!("state {wanted} of {pid}"), SOON, || {
        let state = state(pid);
        (state == Some(wanted))
            .then_some(())
            .ok_or(format!("{state:?}"))
    })?;
    Ok(())
}

/// What a signal for dumb-init does.
struct Stop {
    options: &'static str,
    signal: i32,
    /// What the program receives. It stops of nothing but SIGSTOP, which it cannot tell of.
    received: Option<i32>,
    program: bool,
    us: bool,
}

#[test]
fn dumb_init_stops_itself_whatever_becomes_of_the_signal() -> TestResult {
    let stop = |options, signal, received, program, us| Stop {
        options,
        signal,
        received,
        program,
        us,
    };
    for stop in [
        stop("", 20, None, true, true),
        stop("", 21, None, true, true),
        stop("", 22, None, true, true),
        stop("-c", 20, Some(20), false, true),
        stop("-c", 21, Some(21), false, true),
        stop("-c", 22, Some(22), false, true),
        stop("-r 20:2", 20, Some(2), false, true),
        stop("-r 20:20", 20, Some(20), false, true),
        stop("-r 20:21", 20, Some(21), false, true),
        stop("-r 20:0", 20, None, false, true),
        stop("-r 20:2", 21, None, true, true),
        stop("-c -r 20:2", 20, Some(2), false, true),
        stop("-c -r 20:0", 20, None, false, true),
        stop("-r 2:19", 2, None, true, false),
        stop("-r 2:20", 2, Some(20), false, false),
    ] {
        for init in Pair::dumb_init()?.both() {
            for role in roles() {
                let words = format!("@ {} \"$PROBE\" signals stay", stop.options);
                let process = start(role, &line(init, &words)?)?;
                process.wait_log("ready\n", SOON)?;
                let log = stop_and_continue(&process, &stop, role)?;
                let told = format!("{} for {words} as {role:?}", stop.signal);
                let received = stop.received.map(|number| format!("{number}\n"));
                let expected = format!("ready\n{}18\n64\n", received.unwrap_or_default());
                assert_eq!(log, expected, "{told}");
            }
        }
    }
    Ok(())
}

fn stop_and_continue(process: &Process, stop: &Stop, role: Role) -> TestResult<String> {
    let (init, program) = (process.pid()?, process.children()?[0]);
    process.signal_number(stop.signal)?;
    if let Some(number) = stop.received {
        process.wait_log(&format!("\n{number}\n"), SOON)?;
    }
    if stop.program {
        wait_state(program, 'T')?;
    }
    // The kernel does not stop a PID 1.
    let stopped = stop.us && role != Role::Pid1;
    if stopped {
        wait_state(init, 'T')?;
    } else {
        wait_taken(init)?;
    }
    process.signal(Signal::SIGCONT)?;
    process.wait_log("\n18\n", SOON)?;
    process.signal_number(64)?;
    process.wait_log("\n64\n", SOON)?;
    assert_ne!(state(init), Some('T'));
    assert_ne!(state(program), Some('T'));
    Ok(process.log())
}

#[test]
fn a_stopped_program_has_not_ended_and_only_lictor_continues_it_to_be_ended() -> TestResult {
    for pair in [Pair::tini()?, Pair::dumb_init()?] {
        for role in roles() {
            let [real, ours] = pair.both().map(|init| -> TestResult<Process> {
                let process = start(role, &line(init, "@ -- sh -c 'kill -STOP $$; exit 3'")?)?;
                wait::until("the program to be stopped", SOON, || {
                    let program = *process.children().ok()?.first()?;
                    (state(program)? == 'T').then_some(())
                })?;
                assert!(!process.has_ended());
                process.signal(Signal::SIGTERM)?;
                Ok(process)
            });
            assert_eq!(ours?.exit_code(SOON)?, 128 + 15);
            let real = real?;
            let program = real.children()?[0];
            wait::until("SIGTERM to wait for the program", SOON, || {
                (pending(program)? & 1 << 14 != 0).then_some(())
            })?;
            assert_eq!(state(program), Some('T'));
            send(program, Signal::SIGCONT as i32)?;
            assert_eq!(real.exit_code(SOON)?, 128 + 15);
        }
    }
    Ok(())
}

/// Every stop and every continuation of the program is a SIGCHLD.
#[test]
fn stops_and_continuations_of_the_program_are_nobodys_end() -> TestResult {
    for pair in [Pair::tini()?, Pair::dumb_init()?] {
        for role in roles() {
            for init in pair.both() {
                let process = start(role, &line(init, "@ \"$PROBE\" signals")?)?;
                process.wait_log("ready\n", SOON)?;
                let program = process.children()?[0];
                for _ in 0..10 {
                    send(program, Signal::SIGSTOP as i32)?;
                    wait_state(program, 'T')?;
                    send(program, Signal::SIGCONT as i32)?;
                    wait_state(program, 'S')?;
                }
                process.signal(Signal::SIGTERM)?;
                assert_eq!(process.exit_code(SOON)?, 0);
            }
        }
    }
    Ok(())
}
