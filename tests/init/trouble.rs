//! After the program has been started nothing ends lictor but the program's end.

use std::fs;

use nix::sys::signal::Signal;
use testbed::process::{Process, Program};
use testbed::{Place, TestResult, wait};

use super::{SOON, behind, init_probe, pid1, scratch};

/// Sends signals, each of which is a line of the log at this level, and sees them arrive.
fn works(lictor: &Process) -> TestResult {
    lictor.wait_log("ready\n", SOON)?;
    for number in (34..=64).chain([10, 12]) {
        lictor.signal_number(number)?;
        lictor.wait_log(&format!("\n{number}\n"), SOON)?;
    }
    lictor.signal(Signal::SIGTERM)?;
    assert_eq!(lictor.exit_code(SOON)?, 0);
    Ok(())
}

#[test]
fn a_stderr_that_takes_nothing_is_no_trouble() -> TestResult {
    let fifo = scratch("stderr");
    for before in [
        "exec 2>/dev/full",
        "exec 2>&-",
        // Whoever read it has gone.
        "mkfifo $FIFO; exec 3<>$FIFO 2>$FIFO 3>&-; rm $FIFO",
        // Nobody reads it, and it is full: by a writer who does not wait for room.
        "mkfifo $FIFO; exec 3<>$FIFO 2>$FIFO; dd if=/dev/zero of=$FIFO bs=4096 count=100 oflag=nonblock 2>/dev/null; rm $FIFO",
    ] {
        let program = behind(before, &init_probe(&["-vv"], "signals")?).env("FIFO", &fifo);
        works(&pid1(&program)?)?;
    }
    Ok(())
}

/// A limit that is set on a running lictor, as `prlimit` does.
fn limit(lictor: &Process, limit: &str) -> TestResult {
    let prlimit = ["prlimit", "--pid", &lictor.pid()?.to_string(), limit];
    Place::Here.run(Program::from(prlimit))?.success()?;
    Ok(())
}

#[test]
fn neither_memory_nor_descriptors_nor_room_for_the_log_are_needed() -> TestResult {
    for what in ["--nofile=0", "--as=0", "--data=0", "--fsize=0"] {
        let lictor = pid1(&init_probe(&["-vv"], "signals")?)?;
        lictor.wait_log("ready\n", SOON)?;
        limit(&lictor, what)?;
        works(&lictor)?;
    }
    Ok(())
}

/// Even those who are left are found and ended without more memory.
#[test]
fn those_who_are_left_are_ended_without_memory() -> TestResult {
    let script = "sh -c 'for n in 1 2 3 4 5 6 7 8 9; do sleep 1000 & done'; echo ready; read line <$FIFO; exit 7";
    let fifo = scratch("left-memory");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU)?;
    let program = super::init(&["--kill-after", "60s"]).args(["sh", "-c", script]);
    let lictor = pid1(&program.env("FIFO", &fifo))?;
    lictor.wait_log("ready\n", SOON)?;
    wait::until("the orphans", SOON, || {
        (lictor.children().ok()?.len() == 10).then_some(())
    })?;
    limit(&lictor, "--as=0")?;
    fs::write(&fifo, "\n")?;
    assert_eq!(lictor.exit_code(SOON)?, 7);
    Ok(())
}
