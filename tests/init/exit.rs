//! The end: exit codes, and those who are left.

use nix::sys::signal::Signal;
use testbed::process::Program;
use testbed::{TestResult, wait};

use super::{SOON, both, init, pid1, roles, run, scratch, start};

fn shell(options: &[&str], script: &str) -> Program {
    init(options).args(["sh", "-c", script])
}

#[test]
fn the_exit_code_is_the_programs() -> TestResult {
    for (script, code) in [
        ("exit 0", 0),
        ("exit 7", 7),
        ("exit 255", 255),
        ("kill -9 $$", 137),
        ("kill -15 $$", 143),
        ("kill -64 $$", 192),
    ] {
        for lictor in both(&shell(&[], script))? {
            assert_eq!(lictor.exit_code(SOON)?, code, "{script}");
        }
    }
    Ok(())
}

#[test]
fn an_exit_that_is_expected_is_a_0() -> TestResult {
    for (options, script, code) in [
        (&["-e", "143"][..], "kill -15 $$", 0),
        (&["--expect-exit", "3,4"], "exit 4", 0),
        (&["-e", "3", "-e", "255"], "exit 255", 0),
        (&["-e", "3"], "exit 4", 4),
    ] {
        assert_eq!(
            run(shell(options, script))?.status.code(),
            Some(code),
            "{options:?}"
        );
    }
    Ok(())
}

#[test]
fn a_program_that_cannot_be_started_is_named_with_a_shells_code() -> TestResult {
    let scripts = scratch("scripts");
    std::fs::create_dir_all(&scripts)?;
    let interpreter = scripts.join("missing-interpreter");
    std::fs::write(&interpreter, "#!/no/such/interpreter\n")?;
    let plain = scripts.join("no-interpreter");
    std::fs::write(&plain, "exit $1\n")?;
    for script in [&interpreter, &plain] {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(script, mode)?;
    }
    let circle = scripts.join("circle");
    let _ = std::fs::remove_file(&circle);
    std::os::unix::fs::symlink(&circle, &circle)?;
    for (program, code, told) in [
        ("no-such-program", 127, "was not found in PATH"),
        ("/no/such/program", 127, "does not exist"),
        ("", 127, "name is empty"),
        ("/etc/passwd", 126, "chmod +x"),
        ("/etc", 126, "is a directory"),
        (&*circle.to_string_lossy(), 126, "symbolic links"),
        (&*interpreter.to_string_lossy(), 127, "what runs it is not"),
    ] {
        let output = run(init(&[]).arg(program))?;
        assert_eq!(output.status.code(), Some(code), "{program}");
        assert!(output.stderr.contains(program), "{}", output.stderr);
        assert!(output.stderr.contains(told), "{}", output.stderr);
    }
    // A script that does not say what runs it is a shell's, as everywhere.
    assert_eq!(run(init(&[]).arg(&plain).arg("5"))?.status.code(), Some(5));
    Ok(())
}

/// The deadline of the test is half of the time that lictor would wait at most.
#[test]
fn those_who_are_left_are_asked_to_end_and_the_exit_comes_with_the_last_of_them() -> TestResult {
    let script = "(trap 'echo asked; exit' TERM; echo up >$UP; while :; do sleep 0.01; done) & \
                  (setsid sleep 1000 & sleep 1000) & \
                  while ! [ -s $UP ]; do sleep 0.01; done; exit 7";
    for role in roles() {
        let up = scratch("up");
        let program = shell(&["--kill-after", "60s"], script).env("UP", &up);
        let lictor = start(role, &program)?;
        assert_eq!(lictor.exit_code(SOON)?, 7);
        assert!(lictor.log().contains("asked"), "{}", lictor.log());
    }
    Ok(())
}

#[test]
fn those_who_do_not_end_are_killed() -> TestResult {
    let script = "(trap '' TERM; echo deaf >$DEAF; sleep 1000) & \
                  while ! [ -s $DEAF ]; do sleep 0.01; done; exit 7";
    for role in roles() {
        let deaf = scratch("deaf");
        let program = shell(&["-v", "--kill-after", "100ms"], script).env("DEAF", &deaf);
        let lictor = start(role, &program)?;
        assert_eq!(lictor.exit_code(SOON)?, 7);
        assert!(lictor.log().contains("SIGKILL to"), "{}", lictor.log());
    }
    Ok(())
}

/// More signals than lictor can take, from those who are to be killed. Real-time ones do not coalesce.
#[test]
fn those_who_do_not_end_are_killed_in_a_flood_of_signals() -> TestResult {
    let flood = "trap '' TERM 34; for n in 1 2 3; do while :; do kill -34 1; done & done; exit 7";
    let lictor = pid1(&init(&["--kill-after", "100ms"]).args(["bash", "-c", flood]))?;
    assert_eq!(lictor.exit_code(SOON)?, 7);
    Ok(())
}

/// Whoever is not below lictor is none of its business: not its siblings, and not those who entered a container from outside.
#[test]
fn others_are_left_alone() -> TestResult {
    let script = "sleep 1000 & \"$@\"; code=$?; kill -0 $! && echo alive; kill $!; exit $code";
    let lictor = init(&[]).args(["sh", "-c", "sleep 1000 & exit 7"]);
    let shell = Program::from(["sh", "-c", script, "sh"]).args(lictor.words());
    let process = pid1(&shell)?;
    assert_eq!(process.exit_code(SOON)?, 7);
    assert_eq!(process.log(), "alive\n");
    Ok(())
}

#[test]
fn without_proc_the_rest_is_the_kernels_business() -> TestResult {
    // Another PID namespace's /proc shows numbers that are others' here.
    let script = "mount -t tmpfs none /proc; exec \"$@\"";
    let lictor = init(&["--kill-after", "100ms"]).args(["sh", "-c", "sleep 1000 & exit 7"]);
    let lictor = Program::from(["sh", "-c", script, "sh"]).args(lictor.words());
    let process = pid1(&lictor)?;
    assert_eq!(process.exit_code(SOON)?, 7);
    let log = process.log();
    // For SIGTERM and for SIGKILL.
    assert_eq!(log.matches("/proc is not there").count(), 2, "{log}");
    assert!(log.contains("could not be ended"), "{log}");
    Ok(())
}

#[test]
fn a_signal_after_the_programs_end_changes_nothing() -> TestResult {
    let script = "(trap '' TERM; echo deaf; sleep 1000) & exit 7";
    let lictor = pid1(&shell(&["-v", "--kill-after", "300ms"], script))?;
    lictor.wait_log("exited with 7", SOON)?;
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        // It may have ended by now.
        let _ = lictor.signal(signal);
    }
    assert_eq!(lictor.exit_code(SOON)?, 7);
    Ok(())
}

/// Under a parent that is no init its orphans are its own.
#[test]
fn lictor_takes_in_orphans_wherever_it_is() -> TestResult {
    let script = "sh -c 'sleep 1000 & echo orphan $!'; echo ready; sleep 1000";
    for lictor in both(&shell(&[], script))? {
        lictor.wait_log("ready", SOON)?;
        wait::until("the orphan among lictor's children", SOON, || {
            (lictor.children().ok()?.len() == 2).then_some(())
        })?;
    }
    Ok(())
}
