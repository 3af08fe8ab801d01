//! What the program is given of the state that lictor was started in.

use testbed::TestResult;
use testbed::probe::probe;
use testbed::process::Program;

use super::{behind, init_probe, run};

/// What the probe shows behind a shell's `before`: under lictor, and without.
fn shown(before: &str) -> TestResult<[String; 2]> {
    let bare = Program::new(probe()?).arg("show");
    let outputs = [init_probe(&[], "show")?, bare].map(|program| run(behind(before, &program)));
    let [lictor, bare] = outputs;
    Ok([lictor?.success()?, bare?.success()?])
}

fn item<'a>(shown: &'a str, name: &str) -> &'a str {
    shown
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
        .unwrap_or_else(|| panic!("no {name} in {shown}"))
}

#[test]
fn the_mask_and_what_is_ignored_are_what_they_were() -> TestResult {
    for env in [
        "",
        "--ignore-signal=HUP,PIPE,USR1",
        "--block-signal=USR2,TERM,RTMIN+3,CHLD",
        "--block-signal --ignore-signal=QUIT",
        "--default-signal=PIPE",
    ] {
        let [lictor, bare] = shown(&format!("set -- env {env} \"$@\""))?;
        for name in ["blocked", "ignored", "cwd"] {
            assert_eq!(item(&lictor, name), item(&bare, name), "{env}");
        }
    }
    // What `nohup` is for.
    let [lictor, _] = shown("trap '' HUP")?;
    assert_ne!(u64::from_str_radix(item(&lictor, "ignored"), 16)? & 1, 0);
    Ok(())
}

#[test]
fn descriptors_end_at_lictor_unless_they_were_passed_on_purpose() -> TestResult {
    let open = "exec 3</dev/null 4</dev/null 9</dev/null";
    let [lictor, bare] = shown(open)?;
    // The test itself may have been given more.
    assert!(item(&bare, "fds").starts_with("0 1 2 3 4 9"), "{bare}");
    assert_eq!(item(&lictor, "fds"), "0 1 2");

    // systemd's protocol: lictor is meant, and the program after it. The shell's number is lictor's.
    let listen = "LISTEN_FDS=2 LISTEN_PID=$$ LISTEN_PIDFDID=12345";
    let [lictor, _] = shown(&format!("{open}; export {listen}"))?;
    assert_eq!(item(&lictor, "fds"), "0 1 2 3 4");
    assert!(lictor.contains("LISTEN_FDS=2\n"), "{lictor}");
    let meant = format!("LISTEN_PID={}\n", item(&lictor, "pid"));
    assert!(lictor.contains(&meant), "{lictor}");
    // It would say that somebody else is meant.
    assert!(!lictor.contains("LISTEN_PIDFDID"), "{lictor}");

    // Somebody else was meant.
    let [lictor, _] = shown(&format!("{open}; export LISTEN_FDS=2 LISTEN_PID=1"))?;
    assert_eq!(item(&lictor, "fds"), "0 1 2");
    Ok(())
}

#[test]
fn the_program_is_in_a_process_group_of_its_own_and_in_our_session() -> TestResult {
    let [lictor, bare] = shown(":")?;
    assert_eq!(item(&lictor, "pgid"), item(&lictor, "pid"));
    assert_ne!(item(&lictor, "sid"), item(&lictor, "pid"));
    assert_ne!(item(&bare, "pgid"), "");
    let own = run(init_probe(&["--setsid"], "show")?)?.success()?;
    assert_eq!(item(&own, "sid"), item(&own, "pid"));
    Ok(())
}

#[test]
fn closed_streams_are_dev_null() -> TestResult {
    let show = Program::from(["sh", "-c", "readlink /proc/self/fd/0 /proc/self/fd/2"]);
    let lictor = super::init(&[]).args(show.words());
    let shown = run(behind("exec <&- 2>&-", &lictor))?.success()?;
    assert_eq!(shown, "/dev/null\n/dev/null\n");
    Ok(())
}
