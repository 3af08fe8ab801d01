//! The matrix of broken leaves: every situation of `testbed::leaves`, on both versions of Consul.

use std::env;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use testbed::consul::Version;
use testbed::leaves::{self, Options, Situation, Way};

/// The binary under test.
const LICTOR: &str = env!("CARGO_BIN_EXE_lictor");
/// How many hosts are busy at once.
const WIDTH: usize = 7;
/// The same where there is no time to tell a leave once more. An agent tells only four others, in a tenth of a second; where six more
/// leave at that moment all four may take the word along, and nobody who stays has heard it.
const WIDTH_IN_TWO_SECONDS: usize = 3;
/// One field at a time: servers that a busy machine holds up take entries away so late that lictor has to doubt a good leave.
static FIELD: Mutex<()> = Mutex::new(());

/// Runs situations and insists on each.
fn all_must_hold(version: Version, situations: &[Situation], width: usize, late: bool) {
    let options = Options {
        version,
        way: Way::Lictor(testbed::lictor::binary_under_test(LICTOR)),
        width,
        late,
    };
    let _alone = FIELD.lock().unwrap_or_else(PoisonError::into_inner);
    let outcomes = leaves::run(situations, &options).expect("a cluster");
    let table = leaves::table(&format!("lictor with Consul {version}"), &outcomes);
    let failures = leaves::failures(&outcomes);
    assert!(failures.is_empty(), "{table}\n{failures}");
    // Not by `println!`, which would be captured: whoever reads the log of a build should see what was seen.
    let _ = writeln!(io::stderr(), "{table}");
}

/// Every situation ends as it must. With `LICTOR_TEST_LEAVES=TEXT` only those run that have the text in their group's or own name.
fn matrix(version: Version) {
    let only = env::var("LICTOR_TEST_LEAVES").unwrap_or_default();
    let situations: Vec<_> = leaves::situations()
        .into_iter()
        .filter(|situation| situation.name.contains(&only) || situation.group.contains(&only))
        .collect();
    assert!(!situations.is_empty(), "no situation has {only:?}");
    all_must_hold(version, &situations, WIDTH, true);
}

#[test]
fn no_situation_breaks_a_leave_1_8_7() {
    matrix(Version::V1_8_7);
}

#[test]
fn no_situation_breaks_a_leave_1_22_5() {
    matrix(Version::V1_22_5);
}

/// In a budget shorter than an agent's own leave the node still ends as `left`: twenty times of twenty.
fn two_seconds_will_do(version: Version) {
    let situations = vec![leaves::in_two_seconds(); 20];
    all_must_hold(version, &situations, WIDTH_IN_TWO_SECONDS, false);
}

#[test]
fn two_seconds_will_do_1_8_7() {
    two_seconds_will_do(Version::V1_8_7);
}

#[test]
fn two_seconds_will_do_1_22_5() {
    two_seconds_will_do(Version::V1_22_5);
}
