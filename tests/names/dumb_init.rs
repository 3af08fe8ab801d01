//! dumb-init's command lines.

use testbed::TestResult;

use super::{Difference, Pair, different, outcomes, roles, same};

#[test]
fn options() -> TestResult {
    same(
        &Pair::dumb_init()?,
        &[
            "@",
            "@ --",
            "@ -",
            "@ - x",
            "@ -x",
            "@ -x true",
            "@ -e",
            "@ -g true",
            "@ -W help",
            "@ --bogus",
            "@ --bogus true",
            "@ --ver",
            "@ --ver true",
            "@ --v",
            "@ --vers",
            "@ --verb true",
            "@ --verbose true",
            "@ --h",
            "@ --s true",
            "@ --single true",
            "@ --single-child true",
            "@ --single-child=1 true",
            "@ --verbose=1 true",
            "@ --version=3",
            "@ --versionx",
            "@ --help",
            "@ --help true",
            "@ -h",
            "@ -h -x",
            "@ -x -h",
            "@ -h -V",
            "@ -V -h",
            "@ --version",
            "@ -V",
            "@ -V true",
            "@ -vV",
            "@ -c true",
            "@ -v true",
            "@ -cv true",
            "@ -vv true",
            "@ -c -c true",
            "@ -- true",
            "@ -- sh -c 'exit 3'",
            // Options end at the program.
            "@ true --help",
            "@ true -x",
            "@ true -V",
            "@ sh -c 'exit 4' -c",
        ],
    )
}

#[test]
fn variables() -> TestResult {
    same(
        &Pair::dumb_init()?,
        &[
            "DUMB_INIT_DEBUG=1 @ true",
            "DUMB_INIT_DEBUG=0 @ true",
            "DUMB_INIT_DEBUG=0 @ -v true",
            "DUMB_INIT_DEBUG=11 @ true",
            "DUMB_INIT_DEBUG=2 @ true",
            "DUMB_INIT_DEBUG=01 @ true",
            "DUMB_INIT_DEBUG=x @ true",
            "DUMB_INIT_DEBUG= @ true",
            "DUMB_INIT_DEBUG=' 1' @ true",
            "DUMB_INIT_DEBUG='1 ' @ true",
            "DUMB_INIT_SETSID=0 @ true",
            "DUMB_INIT_SETSID=1 @ -c true",
            "DUMB_INIT_SETSID=00 @ true",
        ],
    )
}

#[test]
fn rewrites() -> TestResult {
    let values = [
        "15:2",
        "15:0",
        "15:31",
        "31:15",
        "32:15",
        "15:32",
        "0:15",
        "1:1",
        "-1:2",
        "15:-1",
        "15",
        "0",
        "15:",
        "15:x",
        "x:15",
        ":15",
        ":",
        "",
        "15:2x",
        "15x:2",
        "15 :2",
        "15: 2",
        " 15:2",
        "15:2:3",
        "+15:2",
        "15:+2",
        "015:2",
        "15:02",
        "0xf:2",
        "SIGTERM:2",
        "TERM:2",
        "34:2",
        "2:34",
        "65:1",
        "9:2",
        "15:9",
        "17:2",
        "15:17",
        "19:2",
        "1:0\n",
        "15\t:2",
        "15:\t2",
        "-15:2",
        "15:-0",
        "\u{a0}15:2",
        "15,2",
        "15=2",
        "99999999999:2",
        "15:99999999999",
    ];
    let lines = values.map(|value| format!("@ -r '{value}' true"));
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let pair = Pair::dumb_init()?;
    same(&pair, &lines)?;
    same(
        &pair,
        &[
            "@ -r",
            "@ -r true",
            "@ --rewrite",
            "@ --rewrite true",
            "@ --rewrite= true",
            "@ --r 15:2 true",
            "@ --re=15:2 true",
            "@ -r15:2 true",
            "@ -cr 15:2 true",
            "@ -r 15:2 -r 15:3 true",
            "@ -r 15:2 -r x true",
            "@ -r bad -h",
            "@ -h -r bad",
        ],
    )
}

#[test]
fn programs() -> TestResult {
    same(
        &Pair::dumb_init()?,
        &[
            "@ no-such-program",
            "@ -v no-such-program",
            "@ -c no-such-program",
            "@ /no/such/program",
            "@ ''",
            "@ \"$FILES/plain\"",
            "@ \"$FILES/plain/x\"",
            "@ \"$FILES/directory\"",
            "@ \"$FILES/loop\"",
            "@ \"$FILES/empty\"",
            "@ \"$FILES/no-interpreter\"",
            "@ \"$FILES/missing-interpreter\"",
            "@ \"$FILES/odd-interpreter\"",
            "@ sh -c 'exit 255'",
            "@ sh -c 'kill -9 $$'",
            "@ sh -c 'kill -11 $$'",
            "@ sh -c 'kill -15 $$'",
            "@ sh -c 'kill -34 $$'",
            "@ sh -c 'kill -64 $$'",
            // Those who are left hold up nothing.
            "@ sh -c 'trap \"\" TERM; sleep 1000 & exit 7'",
            "@ -c sh -c 'sleep 1000 & exit 7'",
        ],
    )
}

#[test]
fn the_version_is_on_stderr_and_exactly_that() -> TestResult {
    let pair = Pair::dumb_init()?;
    for role in roles() {
        for option in ["--version", "-V"] {
            for said in outcomes(&pair, role, &format!("@ {option}"))? {
                assert_eq!(said.stderr, "dumb-init v1.2.5\n");
            }
        }
        for said in outcomes(&pair, role, "@ --help")? {
            assert!(said.stderr.starts_with("dumb-init v1.2.5\n"), "{said:?}");
        }
        for words in ["@ -v true", "@ no-such-program"] {
            for said in outcomes(&pair, role, words)? {
                assert!(said.stderr.starts_with("[dumb-init] "), "{said:?}");
            }
        }
    }
    Ok(())
}

#[test]
fn where_lictor_is_not_like_it() -> TestResult {
    let difference = |line| Difference {
        line,
        real: (0, false, false),
        ours: (1, false, true),
        why: "it is no number of a signal, whatever is left of it in 32 bits",
    };
    different(
        &Pair::dumb_init()?,
        &[
            difference("@ -r 4294967311:2 true"),
            difference("@ -r 15:4294967298 true"),
        ],
    )
}
