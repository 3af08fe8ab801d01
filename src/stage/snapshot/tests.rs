//! Directories as people and programs leave them.

use super::*;
use crate::stage::scratch::Scratch;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};

fn sources(scratch: &Scratch, args: &[&str]) -> Sources {
    let args: Vec<OsString> = ["agent"].iter().chain(args).map(OsString::from).collect();
    Sources::read(&args, &scratch.path("")).expect("sources")
}

fn take(scratch: &Scratch, args: &[&str]) -> Result<Snapshot, Error> {
    Snapshot::take(&sources(scratch, args))
}

/// Each file by its place, with what it holds.
fn shown(snapshot: &Snapshot) -> Vec<(String, String)> {
    let text = |file: &Staged| {
        let place: PathBuf = file.place.components().skip(1).collect();
        let name = place.file_name().expect("a name").display().to_string();
        (name, String::from_utf8_lossy(&file.bytes).into_owned())
    };
    snapshot.files().map(text).collect()
}

fn names(snapshot: &Snapshot) -> Vec<String> {
    shown(snapshot).into_iter().map(|(name, _)| name).collect()
}

fn left_out(snapshot: &Snapshot) -> Vec<String> {
    let name = |left: &LeftOut| left.name().display().to_string();
    snapshot.left_out.iter().map(name).collect()
}

#[test]
fn a_directory_is_read_as_consul_reads_it() {
    let scratch = Scratch::new("as-consul");
    for name in [
        "b.json",
        "a.hcl",
        ".h.json",
        "Z.json",
        "empty.json",
        "x.JSON",
        "x.yaml",
    ] {
        scratch.write(&format!("conf/{name}"), name);
    }
    scratch.write("conf/sub/below.json", "");
    scratch.write("conf/sub.json/below.json", "");
    let snapshot = take(&scratch, &["-config-dir=conf"]).expect("taken");
    assert_eq!(
        names(&snapshot),
        [".h.json", "Z.json", "a.hcl", "b.json", "empty.json"]
    );
    assert_eq!(left_out(&snapshot), ["x.JSON", "x.yaml"]);
    assert!(snapshot.left_out[0].shown().contains(".hcl"));
    let snapshot = take(&scratch, &["-config-dir=conf", "-config-format=json"]).expect("taken");
    assert_eq!(snapshot.files().count(), 7, "{snapshot:?}");
    assert_eq!(left_out(&snapshot), [""; 0]);
}

#[test]
fn sources_are_of_both_kinds_and_in_order() {
    let scratch = Scratch::new("order");
    scratch.write("a/1.json", "a1");
    scratch.write("b/2.json", "b2");
    scratch.write("c.json", "c");
    scratch.write("plain", "p");
    let args = [
        "-config-file=b",
        "-config-dir",
        "c.json",
        "-config-dir=a",
        "-config-file=plain",
    ];
    let snapshot = take(&scratch, &args).expect("taken");
    let names = names(&snapshot);
    assert_eq!(names, ["2.json", "c.json", "1.json", "plain"]);
    let kinds: Vec<bool> = snapshot.contents.iter().map(|one| one.directory).collect();
    assert_eq!(kinds, [true, false, true, false]);
}

#[test]
fn a_link_counts_as_what_it_leads_to_and_keeps_its_place() {
    let scratch = Scratch::new("linked");
    scratch.write("real/y.json", "y");
    scratch.write("real/plain", "plain");
    scratch.write("conf/a.json", "a");
    scratch.write("conf/z.json", "z");
    scratch.link("../real/y.json", "conf/m.json");
    scratch.link("../real/plain", "conf/n.json");
    let snapshot = take(&scratch, &["-config-dir=conf"]).expect("taken");
    assert_eq!(names(&snapshot), ["a.json", "m.json", "z.json"]);
    assert_eq!(left_out(&snapshot), ["n.json"]);
    // By its own name this one would be no configuration, and would not be where it is among the others.
    scratch.link("../real/y.json", "conf/b");
    let snapshot = take(&scratch, &["-config-dir=conf"]).expect("taken");
    assert_eq!(
        names(&snapshot),
        [
            "00000-a.json",
            "00001-b.json",
            "00002-m.json",
            "00003-z.json"
        ]
    );
    assert!(snapshot.files().nth(1).expect("b").path.ends_with("conf/b"));
    // A file that is named itself goes by the name that was given.
    let snapshot = take(&scratch, &["-config-file=conf/n.json"]).expect("taken");
    assert_eq!(
        shown(&snapshot),
        [("n.json".to_owned(), "plain".to_owned())]
    );
}

#[test]
fn what_programs_leave_is_left_out_and_said() {
    let scratch = Scratch::new("temporary");
    scratch.write("conf/x.json", "x");
    scratch.link("me@host.1234:99", "conf/.#x.json");
    scratch.write("conf/.ansible_tmpabcx.json", "{");
    scratch.write("conf/._x.json", [0, 5, 0x16, 7, 0]);
    scratch.write("conf/._y.json", "{}");
    scratch.write("conf/x.json~", "old");
    scratch.write("conf/..2026_1/x.json", "");
    scratch.link("..2026_1", "conf/..data");
    scratch.link("..2026_2", "conf/..data_tmp");
    let snapshot = take(&scratch, &["-config-dir=conf"]).expect("taken");
    assert_eq!(names(&snapshot), ["._y.json", "x.json"]);
    assert_eq!(
        left_out(&snapshot),
        [".#x.json", "._x.json", ".ansible_tmpabcx.json", "x.json~"]
    );
    assert!(
        snapshot.left_out[0]
            .shown()
            .ends_with("conf/.#x.json: a lock of Emacs")
    );
}

#[test]
fn what_cannot_be_read_is_an_error_that_names_it() {
    let scratch = Scratch::new("errors");
    let says = |args: &[&str], parts: &[&str]| {
        let error = take(&scratch, args).expect_err("an error").to_string();
        for part in parts {
            assert!(error.contains(part), "{error} lacks {part}");
        }
    };
    says(&["-config-dir=none"], &["-config-dir", "none", "not there"]);
    scratch.write("a/x.json", "");
    scratch.link("nowhere", "a/d.tmp");
    says(
        &["-config-dir=a"],
        &["a/d.tmp", "nowhere", "remove the link"],
    );
    let mode = nix::sys::stat::Mode::from_bits_truncate(0o600);
    scratch.write("b/x.json", "");
    nix::unistd::mkfifo(&scratch.path("b/p.json"), mode).expect("a pipe");
    says(&["-config-dir=b"], &["b/p.json", "a named pipe"]);
    says(&["-config-file=b/p.json"], &["b/p.json", "a named pipe"]);
    says(&["-config-file=/dev/zero"], &["/dev/zero", "a device"]);
    scratch.write("c/x.json", vec![b' '; (16 << 20) + 1]);
    says(&["-config-dir=c"], &["c/x.json", "16 MiB", "--no-staging"]);
    scratch.link("x.json", "loop");
    scratch.link("loop", "x.json");
    says(&["-config-file=loop"], &["loop", "symbolic links"]);
}

#[test]
fn what_it_holds_is_in_no_log() {
    let scratch = Scratch::new("secret");
    scratch.write("conf/x.json", "s3cret");
    let snapshot = take(&scratch, &["-config-dir=conf"]).expect("taken");
    let shown = format!("{snapshot:?}");
    assert!(
        shown.contains("x.json") && !shown.contains("s3cret"),
        "{shown}"
    );
    assert!(!shown.contains("115"), "{shown}");
}

/// What the kubelet does, as fast as it goes.
fn swap(volume: &Path, number: u32) {
    let name = format!("..{number}");
    let directory = volume.join(&name);
    fs::create_dir(&directory).expect("made");
    for file in ["a.json", "b.json", "c.json", "d.hcl", "e.json"] {
        fs::write(directory.join(file), number.to_string()).expect("written");
    }
    let old = fs::read_link(volume.join("..data")).ok();
    symlink(&name, volume.join("..data_tmp")).expect("linked");
    fs::rename(volume.join("..data_tmp"), volume.join("..data")).expect("swapped");
    if let Some(old) = old {
        fs::remove_dir_all(volume.join(old)).expect("removed");
    }
}

#[test]
fn a_volume_that_swaps_is_never_torn() {
    const SWAPS: u32 = 200;
    let scratch = Scratch::new("volume");
    let volume = scratch.path("conf");
    fs::create_dir(&volume).expect("made");
    swap(&volume, 0);
    for file in ["a.json", "b.json", "c.json", "d.hcl", "e.json"] {
        scratch.link(Path::new("..data").join(file), &format!("conf/{file}"));
    }
    let sources = sources(&scratch, &["-config-dir=conf"]);
    let over = AtomicBool::new(false);
    let mut taken = 0;
    let one = |snapshot: &Snapshot| {
        let numbers: Vec<u32> = shown(snapshot)
            .into_iter()
            .map(|(_, text)| text.parse().expect("a number"))
            .collect();
        assert_eq!(numbers.len(), 5, "{snapshot:?}");
        assert!(
            numbers.iter().all(|number| *number == numbers[0]),
            "{numbers:?}"
        );
        numbers[0]
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 1..=SWAPS {
                swap(&volume, number);
            }
            over.store(true, Ordering::Release);
        });
        let mut last = 0;
        while !over.load(Ordering::Acquire) {
            let number = one(&Snapshot::take(&sources).expect("taken"));
            assert!(number >= last, "{number} after {last}");
            last = number;
            taken += 1;
        }
    });
    assert!(taken > 0);
    assert_eq!(one(&Snapshot::take(&sources).expect("taken")), SWAPS);
}

/// A single reading already has all of one volume or all of the other, so two of the same kind cannot agree on a mixture.
#[test]
fn a_reading_of_two_volumes_in_turn_is_one_of_them() {
    let scratch = Scratch::new("in-turn");
    for number in ["0", "1"] {
        for file in ["a.json", "b.json", "c.json"] {
            scratch.write(&format!("conf/..{number}/{file}"), number);
        }
    }
    scratch.link("..0", "conf/..data");
    for file in ["a.json", "b.json", "c.json"] {
        scratch.link(Path::new("..data").join(file), &format!("conf/{file}"));
    }
    let sources = sources(&scratch, &["-config-dir=conf"]);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for turn in 1_u32.. {
                if over.load(Ordering::Acquire) {
                    break;
                }
                let target = format!("..{}", turn % 2);
                symlink(target, scratch.path("conf/next")).expect("linked");
                fs::rename(scratch.path("conf/next"), scratch.path("conf/..data"))
                    .expect("swapped");
            }
        });
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..2000 {
            // The link under its first name comes and goes.
            let Ok(snapshot) = read(&sources) else {
                continue;
            };
            let texts: Vec<String> = shown(&snapshot).into_iter().map(|(_, text)| text).collect();
            assert!(texts.iter().all(|text| *text == texts[0]), "{texts:?}");
            seen.insert(texts[0].clone());
        }
        over.store(true, Ordering::Release);
        assert_eq!(seen.len(), 2, "both were seen");
    });
}

#[test]
fn what_is_never_at_rest_is_named_and_what_comes_to_rest_is_taken() {
    let scratch = Scratch::new("restless");
    scratch.write("conf/a.json", "");
    scratch.write("conf/x.json", "");
    let sources = sources(&scratch, &["-config-dir=conf"]);
    // So often it changes before it is read.
    let changing = |times: u32| {
        let mut readings = 0;
        let read = || {
            readings += 1;
            if readings <= times {
                scratch.write("conf/x.json", readings.to_string());
            }
            read(&sources)
        };
        settle(read, Duration::ZERO)
    };
    let error = changing(u32::MAX).expect_err("never at rest");
    assert!(
        error.to_string().contains("conf/x.json was never at rest"),
        "{error}"
    );
    let snapshot = changing(10).expect("at rest");
    let last = ("x.json".to_owned(), "10".to_owned());
    assert_eq!(shown(&snapshot)[1], last);
}

/// In place, with the same length and within one tick of the file system's clock: only the content tells.
#[test]
fn a_file_that_is_written_between_two_readings_is_read_anew() {
    let scratch = Scratch::new("in-place");
    scratch.write("conf/x.json", "a");
    let sources = sources(&scratch, &["-config-dir=conf"]);
    let mut readings = 0;
    let snapshot = settle(
        || {
            let snapshot = read(&sources);
            readings += 1;
            if readings == 1 {
                scratch.write("conf/x.json", "b");
            }
            snapshot
        },
        Duration::ZERO,
    );
    assert_eq!(shown(&snapshot.expect("taken"))[0].1, "b");
    assert_eq!(readings, 3);
}

/// What is missing under the same name, and each time in another directory, is not missing: the volume was swapped.
#[test]
fn an_error_is_believed_only_if_it_is_the_same_place() {
    let scratch = Scratch::new("missing");
    fs::create_dir(scratch.path("conf")).expect("made");
    scratch.link("..data/x.json", "conf/x.json");
    let sources = sources(&scratch, &["-config-dir=conf"]);
    let mut number = 0;
    let reading = || {
        number += 1;
        let directory = format!("conf/..{number}");
        if number <= 6 {
            let _ = fs::remove_file(scratch.path("conf/..data"));
            fs::create_dir(scratch.path(&directory)).expect("made");
            scratch.link(format!("..{number}"), "conf/..data");
        }
        if number == 6 {
            scratch.write(&format!("{directory}/x.json"), "x");
        }
        read(&sources)
    };
    let snapshot = settle(reading, Duration::ZERO).expect("taken");
    assert_eq!(names(&snapshot), ["x.json"]);
}
