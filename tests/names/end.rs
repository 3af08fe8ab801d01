//! The end: what happens to those who are left, and what the end of the parent does.

use nix::sys::signal::{Signal, kill};
use testbed::{Place, TestResult};

use super::{Pair, SOON, script, start};

/// What an orphan has received when its init has ended, with a last signal that somebody else sends.
fn orphan(pair: &Pair, options: &str, expected: &str) -> TestResult {
    // The shell waits until the orphan is there, which ends only by SIGKILL.
    let text = format!(
        "\"$INIT\" {options} -- sh -c '\"$PROBE\" signals stay >\"$DIR/got\" & echo $! >\"$DIR/orphan\"; \
         until grep -q ready \"$DIR/got\"; do sleep 0.01; done; exit 7' 2>/dev/null\n\
         echo code $?\n\
         kill -64 \"$(cat \"$DIR/orphan\")\"\n\
         until grep -q 64 \"$DIR/got\"; do sleep 0.01; done\n\
         cat \"$DIR/got\""
    );
    for init in pair.both() {
        let process = start(Place::Here.child_role(), &script(init, &text)?)?;
        process.wait(SOON)?;
        let got = process.log();
        let expected = format!("code 7\nready\n{expected}64\n");
        assert_eq!(got, expected, "{options} of {}", init.display());
    }
    Ok(())
}

#[test]
fn tini_leaves_those_who_are_left_alone() -> TestResult {
    let pair = Pair::tini()?;
    for options in ["", "-s", "-g", "-s -g"] {
        orphan(&pair, options, "")?;
    }
    Ok(())
}

#[test]
fn dumb_init_sends_sigterm_to_the_session_that_is_left_as_it_is_rewritten() -> TestResult {
    let pair = Pair::dumb_init()?;
    for (options, expected) in [
        ("", "15\n"),
        ("-c", ""),
        ("-r 15:2", "2\n"),
        ("-r 15:0", ""),
        ("-r 15:17", "17\n"),
        ("-c -r 15:2", ""),
    ] {
        orphan(&pair, options, expected)?;
    }
    Ok(())
}

#[test]
fn the_end_of_tinis_parent_is_a_signal_where_one_is_asked_for() -> TestResult {
    let pair = Pair::tini()?;
    // The inner shell is the parent.
    let text = "sh -c '\"$INIT\" -s -p SIGUSR1 -- \"$PROBE\" signals stay & wait'; exec sleep 1000";
    for init in pair.both() {
        let process = start(Place::Here.child_role(), &script(init, text)?)?;
        process.wait_log("ready\n", SOON)?;
        let parent = process.children()?;
        assert_eq!(parent.len(), 1);
        kill(parent[0], Signal::SIGKILL)?;
        process.wait_log("\n10\n", SOON)?;
    }
    Ok(())
}
