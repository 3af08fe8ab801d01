//! What the program is given.
//!
//! Where lictor is not like the real programs, on purpose:
//!
//! | | the real one | lictor |
//! |---|---|---|
//! | dumb-init, blocked signals | blocks none in the program | the program gets the mask that dumb-init was started with |
//! | dumb-init, ignored signals | of 1 to 31 none is ignored | they stay ignored, which is what `nohup` is for |
//! | tini, SIGCHLD ignored | never sees the program's end, and stays for ever | ends with its code |

use nix::sys::signal::Signal;
use testbed::TestResult;
use testbed::process::Role;
use testbed::terminal::Terminal;
use testbed::{Place, wait};

use super::{Pair, SOON, line, roles, script, start, wait_taken};

/// An item of what the probe shows.
fn item<'a>(shown: &'a str, name: &str) -> &'a str {
    shown
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
        .unwrap_or_else(|| panic!("no {name} in {shown}"))
}

/// Where the program is: whom it leads, and who has the terminal.
fn standing(shown: &str, role: Role) -> [bool; 6] {
    let same = |one: &str, other: &str| item(shown, one) == item(shown, other);
    [
        same("pgid", "pid"),
        same("sid", "pid"),
        same("sid", "ppid"),
        same("foreground", "pgid"),
        item(shown, "ctty") == "yes",
        role == Role::Pid1 && item(shown, "ppid") == "1",
    ]
}

/// What the probe shows under both, behind what env(1) or a shell does before.
fn shown(pair: &Pair, role: Role, before: &str, options: &str) -> TestResult<[String; 2]> {
    let [real, ours] = pair.both().map(|init| -> TestResult<String> {
        let text = format!("{before} \"$INIT\" {options} -- \"$PROBE\" show 2>/dev/null");
        let process = start(role, &script(init, &text)?)?;
        assert_eq!(process.exit_code(SOON)?, 0, "{}", process.log());
        Ok(process.log())
    });
    Ok([real?, ours?])
}

/// By option and variable.
fn ways() -> TestResult<Vec<(Pair, &'static str, &'static str)>> {
    Ok(vec![
        (Pair::tini()?, "", ""),
        (Pair::tini()?, "", "-g -s"),
        (Pair::dumb_init()?, "", ""),
        (Pair::dumb_init()?, "", "-c"),
        (Pair::dumb_init()?, "DUMB_INIT_SETSID=0", ""),
        (Pair::dumb_init()?, "DUMB_INIT_SETSID=1", ""),
        (Pair::dumb_init()?, "DUMB_INIT_SETSID=00", ""),
        (Pair::dumb_init()?, "DUMB_INIT_SETSID=", ""),
        (Pair::dumb_init()?, "DUMB_INIT_SETSID=' 0'", ""),
    ])
}

#[test]
fn a_process_group_or_a_session() -> TestResult {
    for (pair, variable, options) in ways()? {
        for role in roles() {
            let before = format!("exec env {variable}");
            let [real, ours] = shown(&pair, role, &before, options)?;
            let told = format!("{variable} {options} as {role:?}:\n{real}\n{ours}");
            assert_eq!(standing(&ours, role), standing(&real, role), "{told}");
            assert_eq!(item(&ours, "cwd"), item(&real, "cwd"), "{told}");
        }
    }
    Ok(())
}

/// On a terminal, as `docker run -it` and as a terminal window start it.
#[test]
fn the_terminal() -> TestResult {
    for (pair, variable, options) in ways()? {
        for role in roles() {
            let [real, ours] = pair.both().map(|init| -> TestResult<[bool; 6]> {
                let words = format!("{variable} @ {options} -- \"$PROBE\" show");
                let program = line(init, &words)?;
                let terminal = Terminal::start(&Place::Here, role, "terminal", &program)?;
                let shown = terminal.wait_for("ctty yes\n", SOON)?;
                Ok(standing(&shown, role))
            });
            let (real, ours) = (real?, ours?);
            assert_eq!(ours, real, "{variable} {options} as {role:?}");
        }
    }
    Ok(())
}

#[test]
fn all_descriptors() -> TestResult {
    for (pair, variable, options) in ways()? {
        let before = format!("exec 3</dev/null 5</dev/null 9</dev/null; exec env {variable}");
        for variables in ["", "LISTEN_FDS=1"] {
            let before = format!("{before} {variables}");
            let bare = script(&pair.ours, &format!("{before} \"$PROBE\" show"))?;
            let bare = start(Role::Plain, &bare)?;
            bare.wait(SOON)?;
            let all = bare.log();
            assert!(item(&all, "fds").contains("0 1 2 3 5 9"), "{all}");
            for shown in shown(&pair, Role::Plain, &before, options)? {
                assert_eq!(item(&shown, "fds"), item(&all, "fds"), "{variables}");
            }
        }
    }
    Ok(())
}

const TREATMENTS: [&str; 5] = [
    "",
    "--ignore-signal=HUP,PIPE,USR1,TTIN,TTOU,RTMIN+3",
    "--block-signal=HUP,TERM,SEGV,CHLD,TTIN,TTOU,RTMIN+3",
    "--block-signal",
    "--ignore-signal=INT,QUIT --block-signal=USR2",
];

#[test]
fn signals_are_treated_under_tini_as_they_were_before() -> TestResult {
    let pair = Pair::tini()?;
    for treatment in TREATMENTS {
        let [real, ours] = shown(&pair, Role::Plain, &format!("exec env {treatment}"), "")?;
        for name in ["blocked", "ignored"] {
            assert_eq!(item(&ours, name), item(&real, name), "{treatment}");
        }
    }
    Ok(())
}

#[test]
fn signals_are_treated_under_dumb_init_as_they_were_before_by_lictor_alone() -> TestResult {
    let pair = Pair::dumb_init()?;
    for treatment in TREATMENTS {
        let before = format!("exec env {treatment}");
        let bare = start(
            Role::Plain,
            &script(&pair.ours, &format!("{before} \"$PROBE\" show"))?,
        )?;
        bare.wait(SOON)?;
        let [real, ours] = shown(&pair, Role::Plain, &before, "")?;
        for name in ["blocked", "ignored"] {
            assert_eq!(item(&ours, name), item(&bare.log(), name), "{treatment}");
        }
        assert_eq!(item(&real, "blocked"), "0000000000000000", "{treatment}");
        let ignored = u64::from_str_radix(item(&real, "ignored"), 16)?;
        assert_eq!(ignored & 0x7fff_ffff, 0, "{treatment}");
    }
    Ok(())
}

/// With it ignored the kernel would keep the program's status to itself.
#[test]
fn an_ignored_sigchld_hides_no_end() -> TestResult {
    let (tini, dumb_init) = (Pair::tini()?, Pair::dumb_init()?);
    for init in [&tini.ours, &dumb_init.ours, &dumb_init.real] {
        for role in roles() {
            let words = "--ignore-signal=CHLD @ -- sh -c 'exit 3'";
            assert_eq!(start(role, &line(init, words)?)?.exit_code(SOON)?, 3);
        }
    }
    // It goes on without a program, and a SIGTERM does not end it either.
    let stuck = start(
        Role::Pid1,
        &line(&tini.real, "--ignore-signal=CHLD @ echo started")?,
    )?;
    stuck.wait_log("started", SOON)?;
    wait::until("its program's end", SOON, || {
        stuck.children().ok()?.is_empty().then_some(())
    })?;
    stuck.signal(Signal::SIGTERM)?;
    wait_taken(stuck.pid()?)?;
    assert!(!stuck.has_ended());
    for treatment in ["--ignore-signal=CHLD", "--default-signal=CHLD"] {
        let process = start(
            Role::Plain,
            &line(&tini.ours, &format!("{treatment} @ -s \"$PROBE\" show"))?,
        )?;
        process.wait(SOON)?;
        let ignored = u64::from_str_radix(item(&process.log(), "ignored"), 16)? & 1 << 16;
        assert_eq!(ignored != 0, treatment.starts_with("--ignore"));
    }
    Ok(())
}
