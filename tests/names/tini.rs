//! tini's command lines.

use testbed::TestResult;

use super::{Difference, Pair, different, outcomes, roles, same};

#[test]
fn options() -> TestResult {
    same(
        &Pair::tini()?,
        &[
            "@",
            "@ --",
            "@ -x",
            "@ -x true",
            "@ --foo true",
            "@ --help",
            "@ -V",
            "@ -",
            "@ - x",
            "@ --version",
            "@ --version true",
            "@ true --version",
            "@ -v --version",
            "@ --version --",
            "@ -h",
            "@ -h true",
            "@ true -h",
            "@ -h --version",
            "@ -h -x",
            "@ -x -h",
            "@ -l",
            "@ -l true",
            "@ -l -h",
            // The C library sorts options to the front.
            "@ true -v",
            "@ true -x",
            "@ sh -c 'exit 4'",
            "@ sh -e 4 -- -c 'exit 4'",
            "POSIXLY_CORRECT=1 @ sh -c 'exit 4'",
            "@ -- true",
            "@ -- sh -c 'exit 3'",
            "@ -sgwvvv true",
            "@ -gsx true",
            "@ -s -g -- sh -c 'exit 2'",
        ],
    )
}

#[test]
fn verbosity() -> TestResult {
    same(
        &Pair::tini()?,
        &[
            "@ -v true",
            "@ -vv true",
            "@ -vvv true",
            "@ -vvvv true",
            "@ -v -v -v -s true",
            "TINI_VERBOSITY=0 @ true",
            "TINI_VERBOSITY=1 @ true",
            "TINI_VERBOSITY=2 @ true",
            "TINI_VERBOSITY=3 @ true",
            "TINI_VERBOSITY=9 @ true",
            "TINI_VERBOSITY=x @ true",
            "TINI_VERBOSITY=3z @ true",
            "TINI_VERBOSITY=' 2' @ true",
            "TINI_VERBOSITY=+3 @ true",
            "TINI_VERBOSITY=0x3 @ true",
            "TINI_VERBOSITY= @ true",
            // It counts even where there is a `-v`.
            "TINI_VERBOSITY=0 @ -vvv true",
            "TINI_VERBOSITY=x @ -v true",
            "TINI_VERBOSITY=0 @ no-such-program",
            "TINI_VERBOSITY=3 @ --version",
        ],
    )
}

/// Without `-s`, and not as PID 1, there is a warning on stderr; as PID 1 there is none.
#[test]
fn orphans() -> TestResult {
    // The orphan lives until its parent has ended, and the program until nobody has it as a child.
    let reap = "-- sh -c 'mkfifo \"$DIR/pipe\"; orphan=$(sh -c \"cat \\\"$DIR/pipe\\\" >/dev/null & echo \\$!\"); \
                : >\"$DIR/pipe\"; while kill -0 $orphan 2>/dev/null; do sleep 0.01; done'";
    let [reap, warn] = ["@ -s", "@ -s -w"].map(|options| format!("{options} {reap}"));
    same(
        &Pair::tini()?,
        &[
            "@ true",
            "@ -s true",
            "@ -w true",
            "@ -w -s true",
            "TINI_SUBREAPER= @ true",
            "TINI_SUBREAPER=1 @ true",
            "TINI_SUBREAPER=0 @ true",
            "TINI_KILL_PROCESS_GROUP= @ -s true",
            "TINI_KILL_PROCESS_GROUP=0 @ -s true",
            &reap,
            &warn,
        ],
    )
}

#[test]
fn the_warning_and_the_versions_are_where_they_should_be() -> TestResult {
    let pair = Pair::tini()?;
    for role in roles() {
        for said in outcomes(&pair, role, "@ --version")? {
            assert!(said.stdout.starts_with("tini version 0.19.0"), "{said:?}");
            assert_eq!(said.stdout.lines().count(), 1, "{said:?}");
        }
        for said in outcomes(&pair, role, "@ true")? {
            let warned = said.stderr.starts_with("[WARN  tini (");
            assert_eq!(warned, role != testbed::process::Role::Pid1, "{said:?}");
        }
        for said in outcomes(&pair, role, "@ -s no-such-program")? {
            assert!(said.stderr.starts_with("[FATAL tini ("), "{said:?}");
        }
        for said in outcomes(&pair, role, "@ -s -v true")? {
            assert!(said.stdout.starts_with("[INFO  tini ("), "{said:?}");
        }
    }
    Ok(())
}

#[test]
fn parent_death() -> TestResult {
    same(
        &Pair::tini()?,
        &[
            "@ -p",
            "@ -p true",
            "@ -p SIGTERM true",
            "@ -pSIGHUP true",
            "@ -p SIGKILL true",
            "@ -p SIGCHLD true",
            "@ -p SIGSYS true",
            "@ -p SIGWINCH true",
            "@ -p TERM true",
            "@ -p 15 true",
            "@ -p sigterm true",
            "@ -p '' true",
            "@ -p ' SIGTERM' true",
            "@ -p 'SIGTERM ' true",
            "@ -p SIGRTMIN true",
            "@ -p SIGIOT true",
            "@ -p SIGPOLL true",
            "@ -p SIGCLD true",
            "@ -vp SIGINT true",
            "@ -p bad -h",
            "@ -h -p bad",
        ],
    )
}

#[test]
fn expected_exit_codes() -> TestResult {
    same(
        &Pair::tini()?,
        &[
            "@ -e",
            "@ -e true",
            "@ -e 3 -- sh -c 'exit 3'",
            "@ -e3 -- sh -c 'exit 3'",
            "@ -e 3 -- sh -c 'exit 4'",
            "@ -e 3 -e 4 -- sh -c 'exit 3'",
            "@ -e 3 -e 4 -- sh -c 'exit 4'",
            "@ -e 3 -e 3 -- sh -c 'exit 3'",
            "@ -e 0 -- sh -c 'exit 3'",
            "@ -e 255 -- sh -c 'exit 255'",
            "@ -e 256 true",
            "@ -e -1 true",
            "@ -e -0 true",
            "@ -e x true",
            "@ -e - true",
            "@ -e '' true",
            "@ -e '' -- sh -c 'exit 3'",
            "@ -e ' ' true",
            "@ -e ' 3' -- sh -c 'exit 3'",
            "@ -e '\t3' -- sh -c 'exit 3'",
            "@ -e '\n3' -- sh -c 'exit 3'",
            "@ -e '\u{b}3' -- sh -c 'exit 3'",
            "@ -e '\u{a0}3' -- sh -c 'exit 3'",
            "@ -e '3 ' -- sh -c 'exit 3'",
            "@ -e 3x -- sh -c 'exit 3'",
            "@ -e +3 -- sh -c 'exit 3'",
            "@ -e 03 -- sh -c 'exit 3'",
            "@ -e 0x3 -- sh -c 'exit 3'",
            "@ -e -253 -- sh -c 'exit 3'",
            "@ -e 4294967299 -- sh -c 'exit 3'",
            "@ -e 99999999999999999999 true",
            "@ -e 143 -- sh -c 'kill $$'",
            // A program that could not be started counts as one that has ended.
            "@ -e 127 no-such-program",
            "@ -e 126 \"$FILES/plain\"",
            "@ -e 1 \"$FILES/loop\"",
        ],
    )
}

#[test]
fn programs() -> TestResult {
    same(
        &Pair::tini()?,
        &[
            "@ no-such-program",
            "@ /no/such/program",
            "@ ''",
            "@ \"$FILES/plain\"",
            "@ \"$FILES/plain/x\"",
            "@ \"$FILES/directory\"",
            "@ \"$FILES/directory/\"",
            "@ \"$FILES/loop\"",
            "@ \"$FILES/dangling\"",
            "@ \"$FILES/empty\"",
            "@ \"$FILES/no-interpreter\"",
            "@ \"$FILES/no-interpreter/\"",
            "@ \"$FILES/missing-interpreter\"",
            "@ \"$FILES/odd-interpreter\"",
            "PATH=\"$FILES\" @ no-interpreter",
            "PATH=\"$FILES\" @ plain",
            "PATH=\"$FILES\" @ directory",
            "PATH=\"$FILES/plain:$PATH\" @ no-such-program",
            "PATH=\"$FILES:$PATH\" @ no-such-program",
            "@ -- sh -c 'exit 255'",
            "@ -- sh -c 'kill -9 $$'",
            "@ -- sh -c 'kill -11 $$'",
            "@ -- sh -c 'kill -15 $$'",
            "@ -- sh -c 'kill -34 $$'",
            "@ -- sh -c 'kill -64 $$'",
            // Those who are left hold up nothing.
            "@ -- sh -c 'sleep 1000 & exit 7'",
            "@ -g -s -- sh -c 'sleep 1000 & exit 7'",
        ],
    )
}

#[test]
fn where_lictor_is_not_like_it() -> TestResult {
    let difference = |line, real, ours, why| Difference {
        line,
        real,
        ours,
        why,
    };
    let refused = (1, false, true);
    let fine = (0, false, false);
    different(
        &Pair::tini()?,
        &[
            difference("@ -s -p SIGIO true", refused, fine, "it is a signal"),
            difference("@ -s -p SIGPWR true", refused, fine, "it is a signal"),
            difference("@ -s -p SIGSTKFLT true", refused, fine, "it is a signal"),
            difference(
                "TINI_VERBOSITY=-1 @ -s true",
                (0, true, false),
                fine,
                "less than nothing is no reason to say all",
            ),
            difference(
                "TINI_VERBOSITY=99999999999 @ -s true",
                (0, true, false),
                fine,
                "no number that there is counts as 0, as `x` does",
            ),
            difference(
                "@ -s -v no-such-program",
                (127, true, true),
                (127, false, true),
                "a program that is not there was not started",
            ),
        ],
    )
}
