//! A generation for one start: an agent that starts reads what is current with the states of its checks put in, and nobody else
//! ever does.
//!
//! While it is lent, `current` leads to a generation that counts for nothing: it is neither what a later snapshot is compared
//! with nor a way back. `lender` says where `current` leads once the agent has read it. Whoever changes `current` for another reason
//! ends that first.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{CURRENT, Generation, LENDER, Stage, Step, perform, steps_to_remove, unwritable};
use crate::stage::Error;

impl Stage {
    /// Has the agent read these files in the place of those that are current, which have the same paths, until [`Stage::reclaim`]. No
    /// other generation may be written meanwhile.
    pub(in crate::stage) fn lend(&self, files: &BTreeMap<PathBuf, Vec<u8>>) -> Result<(), Error> {
        self.reclaim()?;
        let Some(current) = self.current() else {
            return Ok(());
        };
        let lent = self.new_generation();
        let written = self
            .steps_to_copy(&current, &lent, files)
            .and_then(|steps| perform(&steps))
            .and_then(|()| perform(&self.steps_to_lend(&current, &lent)));
        if written.is_err() {
            // The first error is the one to tell.
            let _ = self.reclaim();
            let _ = fs::remove_dir_all(&lent.path);
        }
        written
    }

    /// What the agent reads is again what is current.
    pub fn reclaim(&self) -> Result<(), Error> {
        perform(&self.steps_to_reclaim())
    }

    /// A copy of a generation, with files that may hold something else.
    pub(super) fn steps_to_copy<'a>(
        &self,
        current: &Generation,
        lent: &Generation,
        files: &'a BTreeMap<PathBuf, Vec<u8>>,
    ) -> Result<Vec<Step<'a>>, Error> {
        let mut below = Vec::new();
        directories(&current.path, &mut below)
            .map_err(|error| unwritable(&current.path, &error))?;
        let mut steps = vec![Step::Directory(lent.path.clone())];
        for directory in below {
            // A directory without a file is a source as well.
            if let Ok(place) = directory.strip_prefix(&current.path) {
                steps.push(Step::Directory(lent.path.join(place)));
            }
        }
        for (place, bytes) in files {
            steps.push(Step::File(lent.path.join(place), bytes));
        }
        Ok(steps)
    }

    fn steps_to_lend(&self, current: &Generation, lent: &Generation) -> Vec<Step<'static>> {
        let mut steps = self.steps_to_link(current.number, LENDER);
        steps.extend(self.steps_to_link(lent.number, CURRENT));
        steps
    }

    /// A snapshot may have been written meanwhile to which nothing leads yet, so only what was lent goes.
    pub(super) fn steps_to_reclaim(&self) -> Vec<Step<'static>> {
        let lender = self.path.join(LENDER);
        let mut steps = Vec::new();
        let (to, lent) = (self.linked(LENDER), self.linked(CURRENT));
        if let Some(to) = &to {
            steps.extend(self.steps_to_link(to.number, CURRENT));
        }
        if fs::symlink_metadata(&lender).is_ok() {
            steps.push(Step::Remove(lender));
        }
        if let (Some(to), Some(lent)) = (to, lent)
            && to != lent
        {
            steps.extend(steps_to_remove(lent.path));
        }
        steps
    }
}

/// All directories below one, each before those in it.
fn directories(path: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.push(entry.path());
            directories(&entry.path(), found)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{entries, killed_after, killed_at_each_point, snapshot, word};
    use super::*;
    use crate::stage::scratch::Scratch;
    use std::os::unix::fs::PermissionsExt;

    /// The files of what is current, all of which say `word`.
    fn saying(stage: &Stage, word: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let files = stage.read(&stage.current().expect("current"));
        let places = files.expect("read").into_keys();
        places.map(|place| (place, word.into())).collect()
    }

    /// What an agent reads that starts now.
    fn read_by_agent(stage: &Stage) -> String {
        let current = stage.linked(CURRENT).expect("current");
        let files = stage.read(&current).expect("read");
        assert_eq!(files.len(), 3);
        let said: Vec<&Vec<u8>> = files.values().collect();
        assert!(said.iter().all(|one| *one == said[0]), "torn");
        String::from_utf8_lossy(said[0]).into_owned()
    }

    fn lent(scratch: &Scratch) -> Stage {
        let stage = Stage::open(&scratch.path("stage")).expect("opened");
        for said in ["one", "two"] {
            let generation = stage.write(&snapshot(scratch, said)).expect("written");
            stage.swap_in(&generation).expect("swapped");
        }
        stage.lend(&saying(&stage, "lent")).expect("lent");
        assert_eq!(read_by_agent(&stage), "lent");
        stage
    }

    #[test]
    fn what_is_lent_counts_for_nothing() {
        let scratch = Scratch::new("lent");
        let stage = lent(&scratch);
        assert_eq!(word(&stage).as_deref(), Some("two"));
        assert_eq!(
            entries(&scratch),
            ["1", "2", "3", "current", "lender", "previous"]
        );
        // Once more, as after an agent that did not come up.
        stage.lend(&saying(&stage, "again")).expect("lent");
        assert_eq!(read_by_agent(&stage), "again");
        stage.settle();
        assert_eq!(read_by_agent(&stage), "again");
        for _ in 0..2 {
            stage.reclaim().expect("reclaimed");
            assert_eq!(read_by_agent(&stage), "two");
            assert_eq!(entries(&scratch), ["2", "current"]);
        }
    }

    #[test]
    fn nobody_else_can_read_it_and_empty_directories_are_there() {
        let scratch = Scratch::new("lent-modes");
        let stage = Stage::open(&scratch.path("stage")).expect("opened");
        let mut taken = snapshot(&scratch, "secret");
        taken.contents[0].files.clear();
        let generation = stage.write(&taken).expect("written");
        stage.swap_in(&generation).expect("swapped");
        stage.lend(&saying(&stage, "lent")).expect("lent");
        let lent = stage.linked(CURRENT).expect("current").path;
        let mode = |path: PathBuf| fs::metadata(path).expect("there").permissions().mode() & 0o7777;
        assert_eq!(mode(lent.clone()), 0o700);
        assert_eq!(mode(lent.join(&taken.contents[0].place)), 0o700);
        assert_eq!(mode(lent.join(&taken.contents[1].place)), 0o600);
    }

    #[test]
    fn what_cannot_be_written_is_not_lent() {
        let scratch = Scratch::new("lent-full");
        let stage = Stage::open(&scratch.path("stage")).expect("opened");
        let generation = stage.write(&snapshot(&scratch, "one")).expect("written");
        stage.swap_in(&generation).expect("swapped");
        // It is in the way of the new one's link.
        scratch.write("stage/lender/x", "");
        stage.lend(&saying(&stage, "lent")).expect_err("in the way");
        assert_eq!(read_by_agent(&stage), "one");
    }

    #[test]
    fn a_swap_ends_it_first() {
        let scratch = Scratch::new("lent-swapped");
        let stage = lent(&scratch);
        let generation = stage.write(&snapshot(&scratch, "three")).expect("written");
        // What waits to be swapped in stays.
        stage.lend(&saying(&stage, "lent")).expect("lent");
        stage.reclaim().expect("reclaimed");
        stage.lend(&saying(&stage, "lent")).expect("lent");
        stage.swap_in(&generation).expect("swapped");
        assert_eq!(read_by_agent(&stage), "three");
        let previous = stage.previous().expect("a way back");
        assert_eq!(stage.read(&previous).expect("read").len(), 3);
        stage.lend(&saying(&stage, "lent")).expect("lent");
        stage.swap_back().expect("swapped back");
        assert_eq!(read_by_agent(&stage), "two");
        assert_eq!(stage.rejected(), Some(generation));
    }

    fn lends(stage: &Stage, count: usize) -> bool {
        let (current, files) = (stage.current().expect("current"), saying(stage, "lent"));
        let lent = stage.new_generation();
        let written = stage.steps_to_copy(&current, &lent, &files);
        let mut steps = written.expect("steps");
        steps.extend(stage.steps_to_lend(&current, &lent));
        killed_after(&steps, count)
    }

    #[test]
    fn a_lictor_killed_while_it_lends_leaves_what_was() {
        killed_at_each_point(
            "killed-lending",
            &["one", "two"],
            |_, stage, count| lends(stage, count),
            &["two"],
        );
    }

    #[test]
    fn a_lictor_killed_while_it_is_lent_or_reclaims_leaves_what_was() {
        let reclaims = |_: &Scratch, stage: &Stage, count: usize| {
            lends(stage, usize::MAX);
            assert_eq!(read_by_agent(stage), "lent");
            killed_after(&stage.steps_to_reclaim(), count)
        };
        killed_at_each_point("killed-reclaiming", &["one", "two"], reclaims, &["two"]);
    }

    #[test]
    fn a_lictor_killed_while_it_swaps_what_is_lent_leaves_the_old_or_the_new() {
        killed_at_each_point(
            "killed-lent-swapping",
            &["one", "two"],
            |scratch, stage, count| {
                lends(stage, usize::MAX);
                let generation = stage.write(&snapshot(scratch, "three")).expect("written");
                killed_after(&stage.steps_to_swap_in(&generation), count)
            },
            &["two", "three"],
        );
    }

    #[test]
    fn a_lictor_killed_while_it_swaps_back_what_is_lent_leaves_one_of_them() {
        killed_at_each_point(
            "killed-lent-back",
            &["one", "two"],
            |_, stage, count| {
                lends(stage, usize::MAX);
                killed_after(&stage.steps_to_swap_back(), count)
            },
            &["one", "two"],
        );
    }
}
