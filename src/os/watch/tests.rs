//! The real kernel's events on real files, which are there as soon as what they tell of is done.

use std::fs::{self, File, OpenOptions};
use std::io::Write;

use super::*;

struct Bed {
    directory: PathBuf,
    watch: Watch,
}

impl Bed {
    fn new(name: &str) -> Self {
        let name = format!("lictor-watch-{name}-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).expect("made");
        let watch = Watch::open().expect("a watch");
        Self { directory, watch }
    }

    fn path(&self, below: &str) -> PathBuf {
        self.directory.join(below)
    }

    fn write(&self, below: &str) {
        fs::write(self.path(below), "x").expect("written");
    }

    fn watch(&self, what: &[(&str, What)]) {
        let mut renewal = self.watch.renew();
        for (below, what) in what {
            renewal.add(&self.path(below), what.clone());
        }
        renewal.done();
    }

    fn noticed(&self) -> bool {
        self.watch.read().expect("read")
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn json(name: &OsStr, content: bool) -> bool {
    !content || name.to_string_lossy().ends_with(".json")
}

#[test]
fn of_a_directory_what_matters_is_noticed_by_name() {
    let bed = Bed::new("entries");
    bed.write("a.json");
    bed.write("a.log");
    bed.watch(&[("", What::Entries(json))]);
    assert!(!bed.noticed());
    bed.write("a.json");
    assert!(bed.noticed(), "written");
    assert!(!bed.noticed(), "once");
    bed.write("a.log");
    assert!(!bed.noticed(), "a log");
    bed.write("b.log");
    assert!(bed.noticed(), "a new entry");
    fs::rename(bed.path("b.log"), bed.path("a.json")).expect("renamed");
    assert!(bed.noticed(), "renamed");
    fs::remove_file(bed.path("a.log")).expect("removed");
    assert!(bed.noticed(), "removed");
    let mut open = OpenOptions::new()
        .append(true)
        .open(bed.path("a.json"))
        .expect("opened");
    assert!(!bed.noticed(), "opened");
    open.write_all(b"more").expect("written");
    assert!(bed.noticed(), "written to and not closed");
    fs::read(bed.path("a.json")).expect("read");
    assert!(!bed.noticed(), "read");
}

#[test]
fn one_entry_is_noticed_without_the_others() {
    let bed = Bed::new("entry");
    let entry = |name: &str| What::Entry(name.into());
    let file = |name: &str| What::File(name.into());
    bed.watch(&[("", entry("link")), ("", file("file"))]);
    bed.write("other");
    assert!(!bed.noticed(), "another entry");
    bed.write("link");
    assert!(bed.noticed(), "it comes");
    bed.write("link");
    assert!(!bed.noticed(), "what it holds");
    bed.write("file");
    assert!(bed.noticed(), "a file comes");
    bed.write("file");
    assert!(bed.noticed(), "what a file holds");
    bed.write("other");
    fs::remove_file(bed.path("other")).expect("removed");
    assert!(!bed.noticed(), "another entry");
}

#[test]
fn a_directory_is_missed_when_it_moves() {
    let bed = Bed::new("itself");
    fs::create_dir(bed.path("a")).expect("made");
    bed.watch(&[("a", What::Itself)]);
    bed.write("a/x");
    bed.write("b");
    assert!(!bed.noticed(), "what is in it, and beside it");
    fs::rename(bed.path("a"), bed.path("c")).expect("renamed");
    assert!(bed.noticed(), "moved");
    fs::remove_file(bed.path("c/x")).expect("removed");
    fs::remove_dir(bed.path("c")).expect("removed");
    assert!(bed.noticed(), "removed");
    assert!(!bed.noticed(), "and forgotten");
}

#[test]
fn a_file_is_watched_by_whatever_name() {
    let bed = Bed::new("content");
    bed.write("a");
    fs::hard_link(bed.path("a"), bed.path("b")).expect("linked");
    bed.watch(&[("a", What::Content)]);
    bed.write("b");
    assert!(bed.noticed());
}

#[test]
fn a_renewal_keeps_what_is_in_it_and_ends_the_rest() {
    let bed = Bed::new("renewal");
    for name in ["a", "b"] {
        fs::create_dir(bed.path(name)).expect("made");
    }
    let all = || What::Entries(json);
    bed.watch(&[("a", all()), ("b", all())]);
    bed.watch(&[("b", all())]);
    bed.write("a/x");
    assert!(!bed.noticed(), "not watched any more");
    bed.write("b/x");
    assert!(bed.noticed(), "still watched");
    // Renewed less of it is watched less.
    bed.watch(&[("b", What::Itself)]);
    bed.write("b/y");
    assert!(!bed.noticed());
    // The same directory by two wishes, and by two paths.
    bed.watch(&[("b", What::Itself), ("b", What::File("z".into()))]);
    bed.write("b/z");
    assert!(bed.noticed());
    bed.watch(&[("b", What::Entry("z".into())), ("a/../b", What::Itself)]);
    fs::remove_file(bed.path("b/z")).expect("removed");
    assert!(bed.noticed());
    // What is not there is nothing to fail for.
    bed.watch(&[("none", all()), ("b", all())]);
    bed.write("b/w");
    assert!(bed.noticed());
}

#[test]
fn too_much_is_a_change() {
    let bed = Bed::new("overflow");
    let limit = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").expect("a limit");
    let limit: usize = limit.trim().parse().expect("a number");
    bed.watch(&[("", What::File("a".into()))]);
    let create = |name: &str| File::create(bed.path(name)).expect("created");
    let mut others = [create("b"), create("c")];
    assert!(!bed.noticed());
    for number in 0..=limit {
        others[number % 2].write_all(b"x").expect("written");
    }
    assert!(bed.noticed());
}
