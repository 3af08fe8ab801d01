//! Random signals for a PID 1, each sequence from a seed.

use std::env;
use std::thread;

use testbed::process::{Process, Role, send};
use testbed::{Place, wait};

use super::{SOON, init_probe};

const SEQUENCES: u64 = 1000;
const THREADS: u64 = 4;

/// A sequence repeats with `LICTOR_TEST_SEED=<seed> cargo test --test init random`.
#[test]
fn a_thousand_random_sequences_of_signals_end_with_the_right_exit() {
    if let Ok(seed) = env::var("LICTOR_TEST_SEED") {
        return sequence(seed.parse().expect("a number"));
    }
    let first = fastrand::u64(..1 << 48);
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            thread::spawn(move || {
                for n in 0..SEQUENCES / THREADS {
                    sequence(first + n * THREADS + thread);
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("every sequence as it should be");
    }
}

/// SIGKILL and SIGSTOP from outside are the kernel's business even for a PID 1, SIGCHLD is nobody's, SIGTERM comes last. A stop and a continuation undo each other while they wait, so
/// whether they arrive is not known.
const LAST: i32 = 15;
const NOT_SENT: [i32; 4] = [9, 17, 19, LAST];
const UNCERTAIN: [i32; 4] = [18, 20, 21, 22];

fn sequence(seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let options: &[&str] =
        [&[][..], &["-g"], &["--setsid"], &["-vv", "--setsid", "-g"]][rng.usize(..4)];
    let repeat = format!("LICTOR_TEST_SEED={seed}");
    let program = init_probe(options, "signals").expect("a probe");
    let lictor = Place::Here
        .start(Role::Pid1, "lictor", &program)
        .expect("started");
    if rng.bool() {
        lictor.wait_log("ready\n", SOON).expect(&repeat);
    } else {
        // What comes before the program has blocked its signals may end it, so it has to be there; lictor need not have seen so.
        wait::until("the probe", SOON, || {
            lictor.log().contains("ready").then_some(())
        })
        .expect(&repeat);
    }
    let mut sent = Vec::new();
    for _ in 0..rng.u32(1..40) {
        let number = rng.i32(1..=64);
        if NOT_SENT.contains(&number) {
            continue;
        }
        if rng.u8(..8) == 0 {
            stop_program(&lictor);
        }
        lictor.signal_number(number).expect(&repeat);
        sent.push(number);
    }
    lictor.signal_number(LAST).expect(&repeat);
    let code = lictor.exit_code(SOON);
    let log = lictor.log();
    let told = |what: &str| format!("{what}; {repeat}; {options:?}; sent {sent:?}; log:\n{log}");
    assert_eq!(code.ok(), Some(0), "{}", told("not the exit code"));
    let got: Vec<i32> = log.lines().filter_map(|line| line.parse().ok()).collect();
    // SIGTERM has a lower number than some of the others, which the program may then not have taken any more.
    let due = sent
        .iter()
        .filter(|n| **n < LAST && !UNCERTAIN.contains(*n));
    for number in due {
        assert!(
            got.contains(number),
            "{}",
            told(&format!("{number} is missing"))
        );
    }
    for number in &got {
        let known = sent.contains(number) || *number == LAST || *number == 18;
        assert!(known, "{}", told(&format!("{number} was never sent")));
    }
}

fn stop_program(lictor: &Process) {
    if let Some(program) = lictor.children().ok().and_then(|all| all.first().copied()) {
        // It may have ended.
        let _ = send(program, 19);
    }
}
