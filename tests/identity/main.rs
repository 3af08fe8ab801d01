//! One host, one node: the host is renamed or loses its data between two lives, by a kill or by a leave, and two living hosts have
//! one name; on both versions of Consul.

use std::env;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use testbed::consul::Version;
use testbed::identity::{self, Options, Situation, Way};

/// The binary under test.
const LICTOR: &str = env!("CARGO_BIN_EXE_lictor");
/// How many clusters there are at once.
const WIDTH: usize = 4;
/// What is well for as long stays well: the word of the second life has reached all by then.
const HOLD: Duration = Duration::from_secs(10);
/// Generous, for a machine that is busy. Figures are the matter of `cargo xtask bench identity`.
const LIMIT: Duration = Duration::from_secs(120);
/// One list at a time: servers that a busy machine holds up notice a dead agent late.
static LIST: Mutex<()> = Mutex::new(());
/// And one meeting.
static MEETING: Mutex<()> = Mutex::new(());

fn options(version: Version, width: usize) -> Options {
    Options {
        version,
        way: Way::Lictor,
        lictor: testbed::lictor::binary_under_test(LICTOR),
        width,
        hold: HOLD,
        limit: LIMIT,
    }
}

/// Runs situations, and insists on each.
fn all_must_hold(version: Version, situations: &[Situation]) {
    let _alone = LIST.lock().unwrap_or_else(PoisonError::into_inner);
    let options = options(version, WIDTH);
    let outcomes = identity::run(situations, &options, &|_| {});
    let title = format!("lictor with Consul {version}");
    let table = identity::beside(&title, &[], &outcomes);
    let failures = identity::failures(&outcomes);
    assert!(failures.is_empty(), "{table}\n{failures}");
    tell(&table);
}

/// Not by `println!`, which would be captured: whoever reads the log of a build should see what was seen.
fn tell(table: &str) {
    let _ = writeln!(io::stderr(), "{table}");
}

/// The host is renamed, or its data directory is lost, between a life that is killed or leaves and the next: in the end there are one
/// node, one id and one name, the service passes there, the catalog never held both names of a host that was renamed, and no other
/// agent's join was refused. With `LICTOR_TEST_IDENTITY=TEXT` those of all situations run that have the text in their name.
fn one_host_is_one_node(version: Version) {
    let situations = match env::var("LICTOR_TEST_IDENTITY") {
        Ok(text) => identity::situations()
            .into_iter()
            .filter(|situation| situation.name.contains(&text))
            .collect(),
        Err(_) => identity::seeds_of_trouble(),
    };
    assert!(!situations.is_empty(), "no situation has that name");
    all_must_hold(version, &situations);
}

#[test]
fn one_host_is_one_node_1_8_7() {
    one_host_is_one_node(Version::V1_8_7);
}

#[test]
fn one_host_is_one_node_1_22_5() {
    one_host_is_one_node(Version::V1_22_5);
}

/// A second host comes with the name of one that lives: the first keeps it, the newcomer says who has it and is not ready, and has it
/// once the first has left.
fn a_living_namesake_keeps_its_name(version: Version) {
    let _alone = MEETING.lock().unwrap_or_else(PoisonError::into_inner);
    let met = identity::namesake(&options(version, 1)).expect("two hosts of one name");
    let faults = met.faults();
    let title = format!("a namesake, lictor with Consul {version}");
    let table = identity::namesake_table(&title, &[Ok::<_, String>(met.clone())]);
    assert!(
        faults.is_empty(),
        "{table}\n{faults:#?}\n{:#?}\nthe first:\n{}\nthe newcomer:\n{}",
        met.looks,
        met.first.log,
        met.second.log
    );
    tell(&table);
}

#[test]
fn a_living_namesake_keeps_its_name_1_8_7() {
    a_living_namesake_keeps_its_name(Version::V1_8_7);
}

#[test]
fn a_living_namesake_keeps_its_name_1_22_5() {
    a_living_namesake_keeps_its_name(Version::V1_22_5);
}
