//! The matrix of broken leaves: every situation of `testbed::leaves`, on both versions of Consul.

use std::env;

use testbed::consul::Version;
use testbed::leaves::{self, Options, Way};

/// The binary under test.
const LICTOR: &str = env!("CARGO_BIN_EXE_lictor");
/// How many hosts of one version are busy at once; the two versions run side by side.
const WIDTH: usize = 7;

/// Each of them ends as it must. `LICTOR_TEST_LEAVES=TEXT` runs only those whose group or name has that text.
fn matrix(version: Version) {
    let only = env::var("LICTOR_TEST_LEAVES").unwrap_or_default();
    let situations: Vec<_> = leaves::situations()
        .into_iter()
        .filter(|situation| situation.name.contains(&only) || situation.group.contains(&only))
        .collect();
    let options = Options {
        version,
        way: Way::Lictor(testbed::lictor::binary_under_test(LICTOR)),
        width: WIDTH,
    };
    let outcomes = leaves::run(&situations, &options).expect("a cluster");
    let table = leaves::table(&format!("lictor with Consul {version}"), &outcomes);
    println!("{table}");
    let failures = leaves::failures(&outcomes);
    assert!(failures.is_empty(), "{table}\n{failures}");
}

#[test]
fn no_situation_breaks_a_leave_1_8_7() {
    matrix(Version::V1_8_7);
}

#[test]
fn no_situation_breaks_a_leave_1_22_5() {
    matrix(Version::V1_22_5);
}
