//! Swaps, and a lictor that is killed at each point of one.

use super::*;
use crate::stage::scratch::Scratch;
use crate::stage::sources::Sources;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;

/// A configuration of one directory and one file, in which everything says `word`.
pub(super) fn snapshot(scratch: &Scratch, word: &str) -> Snapshot {
    scratch.write("conf/a.json", word);
    scratch.write("conf/b.json", word);
    scratch.write("more.json", word);
    let args = ["agent", "-config-dir=conf", "-config-file=more.json"].map(OsString::from);
    let sources = Sources::read(&args, &scratch.path("")).expect("sources");
    Snapshot::take(&sources).expect("taken")
}

/// What an agent would read: all files that are current say the same, and this is it.
pub(super) fn word(stage: &Stage) -> Option<String> {
    let files = stage.read(&stage.current()?).expect("read");
    assert_eq!(files.len(), 3, "{:?}", files.keys());
    let words: BTreeSet<&Vec<u8>> = files.values().collect();
    assert_eq!(words.len(), 1, "torn");
    Some(String::from_utf8_lossy(words.first().expect("one")).into_owned())
}

pub(super) fn entries(scratch: &Scratch) -> Vec<String> {
    let entries = fs::read_dir(scratch.path("stage")).expect("read");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("read").file_name().display().to_string())
        .collect();
    names.sort();
    names
}

#[test]
fn generations_are_swapped_in_and_back() {
    let scratch = Scratch::new("generations");
    let stage = Stage::open(&scratch.path("stage")).expect("opened");
    assert_eq!(stage.current(), None);
    for (number, said) in [(1, "one"), (2, "two"), (3, "three")] {
        let generation = stage.write(&snapshot(&scratch, said)).expect("written");
        assert_eq!(generation.number, number);
        stage.swap_in(&generation).expect("swapped");
        assert_eq!(word(&stage).as_deref(), Some(said));
    }
    assert_eq!(entries(&scratch), ["2", "3", "current", "previous"]);
    stage.swap_back().expect("swapped back");
    assert_eq!(word(&stage).as_deref(), Some("two"));
    assert_eq!(stage.previous(), None);
    assert_eq!(stage.rejected().expect("kept").number, 3);
    assert_eq!(entries(&scratch), ["2", "3", "current", "rejected"]);
    stage.swap_back().expect("there is no way further back");
    assert_eq!(word(&stage).as_deref(), Some("two"));

    let next = stage.write(&snapshot(&scratch, "four")).expect("written");
    stage.reject(&next).expect("rejected");
    assert_eq!(entries(&scratch), ["2", "4", "current", "rejected"]);
    let next = stage.write(&snapshot(&scratch, "five")).expect("written");
    stage.swap_in(&next).expect("swapped");
    assert_eq!(
        entries(&scratch),
        ["2", "4", "5", "current", "previous", "rejected"]
    );
    stage.settle();
    assert_eq!(entries(&scratch), ["5", "current"]);
    assert_eq!(word(&stage).as_deref(), Some("five"));

    let again = Stage::open(&scratch.path("stage")).expect("opened");
    assert_eq!(word(&again).as_deref(), Some("five"));
}

#[test]
fn nobody_else_can_read_it() {
    let scratch = Scratch::new("modes");
    let stage = Stage::open(&scratch.path("stage")).expect("opened");
    let taken = snapshot(&scratch, "secret");
    let generation = stage.write(&taken).expect("written");
    let mut paths = vec![scratch.path("stage")];
    let mut seen = 0;
    while let Some(path) = paths.pop() {
        let mode = fs::metadata(&path).expect("there").permissions().mode() & 0o7777;
        if path.is_dir() {
            assert_eq!(mode, 0o700, "{}", path.display());
            let entries = fs::read_dir(&path).expect("read");
            paths.extend(entries.map(|entry| entry.expect("read").path()));
        } else {
            assert_eq!(mode, 0o600, "{}", path.display());
            seen += 1;
        }
    }
    assert_eq!(seen, taken.files().count());
    assert!(stage.has_places(&generation, &taken));
}

#[test]
fn what_cannot_be_written_leaves_nothing() {
    let scratch = Scratch::new("unwritable");
    let stage = Stage::open(&scratch.path("stage")).expect("opened");
    let mut taken = snapshot(&scratch, "one");
    // A file where a directory has to be.
    taken.contents[1].files[0].place = taken.contents[0].files[0].place.join("x.json");
    let error = stage.write(&taken).expect_err("unwritable").to_string();
    assert!(error.contains("--runtime-dir"), "{error}");
    assert_eq!(entries(&scratch), [""; 0]);
}

/// Performs the first `count` steps, the last of them by half where it is the writing of a file: whether there were as many.
pub(super) fn killed_after(steps: &[Step<'_>], count: usize) -> bool {
    let done = &steps[..count.min(steps.len())];
    for (at, step) in done.iter().enumerate() {
        match step {
            Step::File(path, bytes) if at + 1 == count => {
                Step::File(path.clone(), &bytes[..bytes.len() / 2]).perform()
            }
            step => step.perform(),
        }
        .expect("performed");
    }
    count < steps.len()
}

/// A lictor is killed in `operation`, after each of its steps in turn; each time the agent, and the lictor that comes after it,
/// find one of `words` whole, and that one goes on from there.
pub(super) fn killed_at_each_point(
    name: &str,
    before: &[&str],
    operation: fn(&Scratch, &Stage, usize) -> bool,
    words: &[&str],
) {
    let mut points = 0;
    let mut seen = BTreeSet::new();
    for count in 0.. {
        let scratch = Scratch::new(name);
        let stage = Stage::open(&scratch.path("stage")).expect("opened");
        for said in before {
            let generation = stage.write(&snapshot(&scratch, said)).expect("written");
            stage.swap_in(&generation).expect("swapped");
        }
        let more = operation(&scratch, &stage, count);
        let found = word(&stage).expect("a current one");
        assert!(
            words.contains(&found.as_str()),
            "{found} after {count} steps"
        );

        let next = Stage::open(&scratch.path("stage")).expect("opened");
        assert_eq!(word(&next).as_deref(), Some(found.as_str()));
        let number = next.current().expect("a current one").number.to_string();
        assert_eq!(
            entries(&scratch),
            [number.as_str(), "current"],
            "after {count} steps"
        );
        let generation = next.write(&snapshot(&scratch, "next")).expect("written");
        next.swap_in(&generation).expect("swapped");
        assert_eq!(word(&next).as_deref(), Some("next"));
        seen.insert(found);
        points += 1;
        if !more {
            break;
        }
    }
    assert!(points > 3, "{points}");
    assert_eq!(seen, words.iter().map(|word| (*word).to_owned()).collect());
}

#[test]
fn a_lictor_killed_while_it_writes_leaves_what_was() {
    killed_at_each_point(
        "killed-writing",
        &["one", "two"],
        |scratch, stage, count| {
            let taken = snapshot(scratch, "three");
            killed_after(&stage.steps_to_write(&stage.generation(3), &taken), count)
        },
        &["two"],
    );
}

#[test]
fn a_lictor_killed_while_it_swaps_leaves_the_old_or_the_new() {
    killed_at_each_point(
        "killed-swapping",
        &["one", "two"],
        |scratch, stage, count| {
            let generation = stage.write(&snapshot(scratch, "three")).expect("written");
            let steps = stage.steps_to_swap_in(&generation);
            if count <= steps.len() {
                killed_after(&steps, count);
                return true;
            }
            killed_after(&steps, steps.len());
            let tidy = stage.steps_to_tidy(&[CURRENT, PREVIOUS, REJECTED]);
            killed_after(&tidy, count - steps.len())
        },
        &["two", "three"],
    );
}

#[test]
fn a_lictor_killed_while_it_swaps_back_leaves_one_of_them() {
    killed_at_each_point(
        "killed-back",
        &["one", "two"],
        |_, stage, count| killed_after(&stage.steps_to_swap_back(), count),
        &["one", "two"],
    );
}

#[test]
fn a_lictor_killed_while_it_tidies_leaves_what_is_current() {
    killed_at_each_point(
        "killed-tidying",
        &["one", "two"],
        |scratch, stage, count| {
            stage.write(&snapshot(scratch, "three")).expect("written");
            killed_after(&stage.steps_to_tidy(&[CURRENT]), count)
        },
        &["two"],
    );
}
