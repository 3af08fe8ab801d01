//! Signals on their way to the program.
//!
//! lictor passes on every signal that can be; the real programs do not, and there lictor goes its own way:
//!
//! | | the real one | lictor |
//! |---|---|---|
//! | tini: those of a fault, sent by somebody (SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS) | ends by it, and leaves the program behind; as PID 1 it never gets it | passes it on |
//! | tini: SIGTTIN and SIGTTOU | drops it | passes it on |
//! | both: 32 and 33, which the C library keeps to itself | does not know it, and may end by it | passes it on |

use std::path::Path;

use testbed::process::{Process, Role, children, send};
use testbed::{TestResult, wait};

use super::{Pair, SOON, line, roles, start, wait_taken};

/// Two cannot be caught.
const NEVER: [i32; 2] = [9, 19];
/// Says only that there is something to reap.
const SIGCHLD: i32 = 17;
/// dumb-init stops itself: see `stops`.
const STOPS: [i32; 3] = [20, 21, 22];

/// What ends the real tini.
const FAULTS: [i32; 7] = [4, 5, 6, 7, 8, 11, 31];
const DROPPED_BY_TINI: [i32; 2] = [21, 22];
/// What is the C library's: to the real programs it does not exist, so it may end them too.
const LIBRARYS: [i32; 2] = [32, 33];

fn signals(role: Role, init: &Path, options: &str) -> TestResult<Process> {
    let process = start(
        role,
        &line(init, &format!("@ {options} \"$PROBE\" signals stay"))?,
    )?;
    process.wait_log("ready\n", SOON)?;
    Ok(process)
}

/// The numbers that the probe has told of.
fn got(process: &Process) -> Vec<i32> {
    let log = process.log();
    log.lines().filter_map(|line| line.parse().ok()).collect()
}

/// Sends them one after the other, and insists on what arrives, in order. The last one has to be one that does, and the
/// largest: whatever was to come before it has then come.
fn arrive(process: &Process, sent: &[i32], expected: &[i32]) -> TestResult {
    for number in sent {
        process.signal_number(*number)?;
        if expected.contains(number) {
            process.wait_log(&format!("\n{number}\n"), SOON)?;
        }
    }
    assert_eq!(got(process), expected, "of {sent:?}");
    Ok(())
}

fn without(numbers: &[i32], others: &[i32]) -> Vec<i32> {
    let mut left = numbers.to_vec();
    left.retain(|number| !others.contains(number));
    left
}

#[test]
fn tini_passes_on_what_does_not_end_it_and_lictor_all() -> TestResult {
    let pair = Pair::tini()?;
    let all = without(&(1..=64).collect::<Vec<_>>(), &NEVER);
    let caught = without(&all, &[SIGCHLD]);
    for options in ["-s", "-g -s"] {
        for role in roles() {
            arrive(&signals(role, &pair.ours, options)?, &all, &caught)?;
        }
        let fatal = [&FAULTS[..], &LIBRARYS].concat();
        let by_tini = without(&without(&caught, &fatal), &DROPPED_BY_TINI);
        // The kernel keeps from a PID 1 what would end it.
        let pid1 = signals(Role::Pid1, &pair.real, options)?;
        arrive(&pid1, &all, &by_tini)?;
        let other = signals(roles()[1], &pair.real, options)?;
        arrive(&other, &without(&all, &fatal), &by_tini)?;
    }
    for number in FAULTS {
        let process = signals(roles()[1], &pair.real, "-s")?;
        process.signal_number(number)?;
        assert_eq!(process.exit_code(SOON)?, 128 + number);
    }
    Ok(())
}

#[test]
fn dumb_init_passes_on_what_does_not_end_it_and_lictor_all() -> TestResult {
    let pair = Pair::dumb_init()?;
    let all = without(&without(&(1..=64).collect::<Vec<_>>(), &NEVER), &STOPS);
    let caught = without(&all, &[SIGCHLD]);
    for options in ["", "-c"] {
        for role in roles() {
            arrive(&signals(role, &pair.ours, options)?, &all, &caught)?;
        }
        let by_dumb_init = without(&caught, &LIBRARYS);
        let pid1 = signals(Role::Pid1, &pair.real, options)?;
        arrive(&pid1, &all, &by_dumb_init)?;
        let other = signals(roles()[1], &pair.real, options)?;
        arrive(&other, &without(&all, &LIBRARYS), &by_dumb_init)?;
    }
    Ok(())
}

#[test]
fn dumb_init_rewrites() -> TestResult {
    let pair = Pair::dumb_init()?;
    for (options, sent, expected) in [
        ("-r 15:2", &[15, 64][..], &[2, 64][..]),
        ("-r 15:2 -r 15:3", &[15, 64], &[3, 64]),
        ("-r 15:0 -r 1:10", &[15, 1, 64], &[10, 64]),
        // Only the signal that came is rewritten, not what it has become.
        ("-r 15:2 -r 2:3", &[15, 2, 64], &[2, 3, 64]),
        ("-r 17:2", &[17, 64], &[64]),
        ("-r 18:0", &[18, 64], &[64]),
        ("-r 15:17", &[15, 64], &[17, 64]),
        ("--rewrite=31:1", &[31, 64], &[1, 64]),
        // 20 is not what stops the program in its session, so it arrives as itself.
        ("-r 2:20", &[2, 64], &[20, 64]),
        ("-c -r 2:20", &[2, 64], &[20, 64]),
        ("-c -r 15:2", &[15, 64], &[2, 64]),
    ] {
        for init in pair.both() {
            for role in roles() {
                let process = signals(role, init, options)?;
                for number in sent {
                    process.signal_number(*number)?;
                    // One after the other: those that wait come by their numbers.
                    wait_taken(process.pid()?)?;
                }
                process.wait_log("\n64\n", SOON)?;
                assert_eq!(got(&process), expected, "{options} as {role:?}");
            }
        }
    }
    Ok(())
}

/// One in a session of its own, one in the program's process group, and the program.
const THREE: &str = "sh -c 'setsid \"$PROBE\" signals stay & \"$PROBE\" signals stay & exec \"$PROBE\" signals stay'";

#[test]
fn the_program_alone_or_its_group_get_them() -> TestResult {
    let (tini, dumb_init) = (Pair::tini()?, Pair::dumb_init()?);
    for (pair, before, options, times) in [
        (&tini, "", "-s --", 1),
        (&tini, "", "-s -g --", 2),
        (&tini, "TINI_KILL_PROCESS_GROUP=", "-s --", 2),
        (&tini, "TINI_KILL_PROCESS_GROUP=0", "-s --", 2),
        (&dumb_init, "", "", 2),
        (&dumb_init, "", "-c", 1),
        (&dumb_init, "DUMB_INIT_SETSID=0", "", 1),
        (&dumb_init, "DUMB_INIT_SETSID=00", "", 2),
    ] {
        for init in pair.both() {
            for role in roles() {
                let words = format!("{before} @ {options} {THREE}");
                let process = start(role, &line(init, &words)?)?;
                all_say(&process, "ready\n")?;
                process.signal_number(10)?;
                process.wait_log("\n10\n", SOON)?;
                // The init sends to all of a group at once, so whoever was to get it has it by now, and says so first.
                let program = process.children()?[0];
                for probe in children(program).into_iter().chain([program]) {
                    send(probe, 64)?;
                }
                let log = all_say(&process, "64\n")?;
                let count = log.matches("10\n").count();
                assert_eq!(count, times, "{words} as {role:?}: {log}");
            }
        }
    }
    Ok(())
}

/// Waits until each of the three has said this.
fn all_say(process: &Process, text: &str) -> TestResult<String> {
    let what = format!("all three to say {text:?}");
    Ok(wait::until_ok(&what, SOON, || {
        let log = process.log();
        let all = log.matches(text).count() == 3;
        if all { Ok(log) } else { Err(log) }
    })?)
}
