//! What a program under lictor gets of the state that lictor was started in, and what lictor tells of its end.

use std::fs;
use std::path::Path;

use testbed::lictor::binary_under_test;
use testbed::process::{Output, Program};
use testbed::{Place, TestResult};

/// Starts `lictor run` behind a shell's `before`, and returns what the program under it printed.
fn under_lictor(name: &str, before: &str, program: &str) -> TestResult<String> {
    Ok(run(name, before, program)?.success()?)
}

fn run(name: &str, before: &str, program: &str) -> TestResult<Output> {
    run_at(name, before, program, "error")
}

fn run_at(name: &str, before: &str, program: &str, level: &str) -> TestResult<Output> {
    let binary = binary_under_test(env!("CARGO_BIN_EXE_lictor"));
    let runtime = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("inherited-{name}"));
    let _ = fs::remove_dir_all(&runtime);
    let script = format!("{before}\nexec \"$@\"");
    let command = Program::from(["sh", "-c", &script, "sh"])
        .arg(binary)
        .args(["run", "--no-registration", "--log-level", level])
        .arg("--runtime-dir")
        .arg(&runtime)
        .args(["--", "sh", "-c", program]);
    Ok(Place::Here.run(command)?)
}

/// The line of `/proc/self/status` that `field` begins.
fn signals(text: &str, field: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let mask = line.unwrap_or_else(|| panic!("no {field} in {text:?}"));
    u64::from_str_radix(mask.trim_start_matches(':').trim(), 16).expect("a mask")
}

const SHOW: &str = "grep -E '^Sig(Blk|Ign)' /proc/self/status";

#[test]
fn nothing_is_blocked_or_ignored_that_was_not_before() -> TestResult {
    let shown = under_lictor("plain", ":", SHOW)?;
    let bare = Place::Here
        .run(Program::from(["sh", "-c", SHOW]))?
        .success()?;
    for field in ["SigBlk", "SigIgn"] {
        assert_eq!(signals(&shown, field), signals(&bare, field), "{shown}");
    }
    Ok(())
}

#[test]
fn what_was_ignored_stays_ignored() -> TestResult {
    let ignoring = "trap '' HUP PIPE USR1";
    let shown = under_lictor("ignored", ignoring, SHOW)?;
    let bare = Place::Here
        .run(Program::from([
            "sh",
            "-c",
            &format!("{ignoring}; exec sh -c \"{SHOW}\""),
        ]))?
        .success()?;
    let ignored = signals(&shown, "SigIgn");
    for signal in [1, 13, 10] {
        assert_ne!(ignored & (1 << (signal - 1)), 0, "{signal}: {shown}");
    }
    assert_eq!(ignored, signals(&bare, "SigIgn"), "{shown}");
    Ok(())
}

/// A closed stream is no place for a socket of lictor's, into which its log would then go.
#[test]
fn closed_streams_are_no_trouble() -> TestResult {
    let show = "readlink /proc/$PPID/fd/0 /proc/$PPID/fd/2; echo alive; echo lost >&2";
    let shown = under_lictor("closed", "exec <&- 2>&-", show)?;
    assert_eq!(shown, "/dev/null\n/dev/null\nalive\n");
    let show = "readlink /proc/$PPID/fd/1 >&2";
    let output = run("closed-out", "exec >&-", show)?;
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stderr, "/dev/null\n");
    Ok(())
}

/// Somebody who read lictor's log and has died is no reason to die as well.
#[test]
fn a_reader_who_has_gone_is_no_trouble() -> TestResult {
    let gone = "mkfifo $TMPDIR/gone 2>/dev/null; exec 3<>$TMPDIR/gone 2>$TMPDIR/gone 3>&-";
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("inherited-gone-pipe");
    fs::create_dir_all(&directory)?;
    let before = format!("TMPDIR={}; {gone}", directory.display());
    // Every signal that is passed on is a line of the log at this level.
    let show = "for n in 1 2 3; do kill -USR2 $PPID; done; echo alive";
    let trap = format!("trap '' USR2; {show}");
    assert_eq!(
        run_at("gone", &before, &trap, "debug")?.success()?,
        "alive\n"
    );
    Ok(())
}

/// Neither lictor's own lines nor the agent's are worth a life.
#[test]
fn a_full_disk_is_no_trouble() -> TestResult {
    let show = "trap '' USR2; for n in 1 2 3; do kill -USR2 $PPID; done; echo alive; echo lost >&2";
    let shown = run_at("full", "exec 2>/dev/full", show, "debug")?.success()?;
    assert_eq!(shown, "alive\n");
    let show = "for n in 1 2 3; do echo lost; done; echo alive >&2";
    let output = run("full-out", "exec >/dev/full", show)?;
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.contains("alive\n"), "{output:?}");
    Ok(())
}

/// More signals than lictor can take put nothing off that is due. Real-time ones do not coalesce.
#[test]
fn a_flood_of_signals_is_no_trouble() -> TestResult {
    let flood =
        "trap '' TERM 34; for n in 1 2 3; do while :; do kill -34 $PPID; done & done; exit 7";
    let output = run("flood", "export LICTOR_KILL_AFTER=100ms", flood)?;
    assert_eq!(output.status.code(), Some(7), "{output:?}");
    Ok(())
}

/// A real-time signal has no name, and its number is passed on like another one's.
#[test]
fn any_signal_that_ended_the_program_is_in_the_exit_code() -> TestResult {
    for signal in [9, 15, 34, 64] {
        let program = format!("kill -{signal} $$");
        let output = run(&format!("signal-{signal}"), ":", &program)?;
        assert_eq!(output.status.code(), Some(128 + signal), "{output:?}");
        let said = format!("was ended by signal {signal}");
        assert!(output.stderr.contains(&said), "{output:?}");
    }
    Ok(())
}
