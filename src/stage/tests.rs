//! The three parts together.

use super::scratch::Scratch;
use super::*;
use std::fs;

fn words(args: &[&str]) -> Vec<OsString> {
    args.iter().map(OsString::from).collect()
}

/// A stager, and arguments that name a directory by its full path.
fn bed(scratch: &Scratch) -> (Stager, Vec<OsString>) {
    let option = format!("-config-dir={}", scratch.path("conf").display());
    let stager = Stager::open(&scratch.path("stage")).expect("opened");
    (stager, words(&["agent", &option]))
}

fn shown(scratch: &Scratch, change: &Change) -> String {
    let below = format!("{}/", scratch.path("").display()).replace("//", "/");
    change.to_string().replace(&below, "")
}

#[test]
fn a_change_is_told_by_the_users_paths() {
    let scratch = Scratch::new("changes");
    let (stager, args) = bed(&scratch);
    scratch.write("conf/a.json", "1");
    scratch.write("conf/b.json", "1");
    let restage = || {
        let change = stager.restage(&args).expect("staged");
        let number = stager.stage().current().expect("current").number;
        (shown(&scratch, &change), number)
    };
    assert_eq!(restage(), ("added conf/a.json, conf/b.json".to_owned(), 1));
    // The same content under another identity is no change.
    scratch.write("conf/a.json", "1");
    assert_eq!(restage(), ("unchanged".to_owned(), 1));
    scratch.write("conf/a.json", "2");
    scratch.write("conf/c.json", "1");
    fs::remove_file(scratch.path("conf/b.json")).expect("removed");
    let told = "added conf/c.json; removed conf/b.json; changed conf/a.json";
    assert_eq!(restage(), (told.to_owned(), 2));
    stager.stage().swap_back().expect("swapped back");
    assert_eq!(
        restage(),
        (told.to_owned(), 3),
        "it is still not what is current"
    );
}

#[test]
fn what_is_left_out_is_told_and_is_no_change() {
    let scratch = Scratch::new("told");
    let (stager, args) = bed(&scratch);
    scratch.write("conf/a.json", "1");
    stager.restage(&args).expect("staged");
    scratch.write("conf/.a.json.swp", "");
    let change = stager.restage(&args).expect("staged");
    assert!(change.is_none());
    assert_eq!(change.left_out.len(), 1);
    assert!(change.left_out[0].ends_with("conf/.a.json.swp: a swap file of Vim"));
}

#[test]
fn an_empty_directory_is_staged_and_so_is_what_becomes_of_it() {
    let scratch = Scratch::new("kinds");
    let (stager, args) = bed(&scratch);
    let place = |stager: &Stager| {
        let path = stager.args(&args)[1].to_string_lossy().into_owned();
        PathBuf::from(path.split_once('=').expect("joined").1)
    };
    fs::create_dir(scratch.path("conf")).expect("made");
    assert!(stager.restage(&args).expect("staged").is_none());
    assert!(place(&stager).is_dir());
    // The option may name a file as well.
    fs::remove_dir(scratch.path("conf")).expect("removed");
    scratch.write("conf", "{}");
    stager.restage(&args).expect("staged");
    assert_eq!(fs::read(place(&stager)).expect("read"), b"{}");
}

#[test]
fn a_snapshot_that_fails_changes_nothing() {
    let scratch = Scratch::new("fails");
    let (stager, args) = bed(&scratch);
    scratch.write("conf/a.json", "1");
    stager.restage(&args).expect("staged");
    let before = stager.stage().current();
    scratch.link("nowhere", "conf/b.json");
    stager.restage(&args).expect_err("a dangling link");
    assert_eq!(stager.stage().current(), before);
}

#[test]
fn a_command_without_configuration_needs_no_stage() {
    let scratch = Scratch::new("nothing");
    let (stager, _) = bed(&scratch);
    let args = words(&["agent", "-dev"]);
    assert!(stager.restage(&args).expect("staged").is_none());
    assert_eq!(stager.args(&args), args);
    assert!(!scratch.path("stage").exists());
}

#[test]
fn the_agents_words_are_put_into_the_users() {
    let scratch = Scratch::new("words");
    let (stager, _) = bed(&scratch);
    let current = stager.stage().current_link();
    let current = current.display();
    let said = format!("failed to parse {current}/0/etc/a.json: x; and {current}/12/b.json: y");
    let told = "failed to parse /etc/a.json: x; and /b.json: y";
    assert_eq!(stager.in_users_words(&said), told);
    assert_eq!(stager.in_users_words("nothing of it"), "nothing of it");
}
