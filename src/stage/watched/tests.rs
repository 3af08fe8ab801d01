//! What is watched for which sources, told by paths below a scratch directory; and that changes are noticed by it.

use std::ffi::OsString;
use std::os::unix::fs::symlink;

use super::*;
use crate::stage::scratch::Scratch;

fn sources(scratch: &Scratch, options: &[&str]) -> Sources {
    let args: Vec<OsString> = options.iter().map(OsString::from).collect();
    Sources::read(&args, &scratch.path("")).expect("read")
}

/// All that is watched below the scratch directory, in the order of the walk.
fn watched(scratch: &Scratch, options: &[&str]) -> Vec<String> {
    let root = scratch.path("");
    let root = Path::new(root.to_str().expect("a name").trim_end_matches('/'));
    let mut found = Vec::new();
    let mut add = |path: &Path, what: What| {
        let Ok(path) = path.strip_prefix(root) else {
            return;
        };
        let path = path.display();
        let told = match what {
            What::Itself => format!("{path} itself"),
            What::Content => format!("{path} content"),
            What::Entry(name) => format!("{path}/{}", name.display()),
            What::File(name) => format!("{path}/{} file", name.display()),
            What::Entries(_) => format!("{path}/*"),
        };
        if !found.contains(&told) {
            found.push(told);
        }
    };
    Walk::new(&[], &mut add).all(&sources(scratch, options));
    // Itself, as one that others are below.
    found.retain(|told| told != " itself");
    found
}

#[test]
fn a_directory_is_watched_whole_and_what_is_on_the_way_to_it_by_itself() {
    let scratch = Scratch::new("watch-directory");
    scratch.write("a/conf/x.json", "{}");
    scratch.write("a/conf/sub/y.json", "{}");
    assert_eq!(
        watched(&scratch, &["-config-dir=a/conf"]),
        ["a itself", "a/conf", "a/conf/*"]
    );
    assert_eq!(
        watched(&scratch, &["-config-dir=a/conf/sub/.."]),
        [
            "a itself",
            "a/conf itself",
            "a/conf/sub itself",
            "a/conf",
            "a/conf/*"
        ]
    );
    assert_eq!(
        watched(&scratch, &["-config-file=a/conf/x.json"]),
        ["a itself", "a/conf itself", "a/conf/x.json file"]
    );
}

#[test]
fn what_is_missing_is_waited_for_where_its_way_ends() {
    let scratch = Scratch::new("watch-missing");
    scratch.write("a/x", "");
    assert_eq!(
        watched(&scratch, &["-config-dir=a/b/c"]),
        ["a itself", "a/b", "/a"]
    );
    assert_eq!(
        watched(&scratch, &["-config-dir=a/x/c"]),
        ["a itself", "a/x", "a/x/c"]
    );
}

#[test]
fn a_volume_of_kubernetes_is_watched_where_it_is_swapped() {
    let scratch = Scratch::new("watch-volume");
    scratch.write("v/..2026/x.json", "{}");
    scratch.link("..2026", "v/..data");
    scratch.link("..data/x.json", "v/x.json");
    let found = watched(&scratch, &["-config-dir=v"]);
    for wanted in ["v/*", "v/..data", "v/..2026 itself", "v/..2026/x.json file"] {
        assert!(found.iter().any(|told| told == wanted), "{found:?}");
    }
}

#[test]
fn every_link_on_the_way_is_watched_where_it_is() {
    let scratch = Scratch::new("watch-links");
    scratch.write("real/conf/x.json", "{}");
    scratch.write("other/y.json", "{}");
    scratch.link("real", "one");
    scratch.link("one", "two");
    scratch.link(scratch.path("other/y.json"), "real/conf/y");
    scratch.link("gone", "real/conf/z.json");
    scratch.link(".#x.json", "real/conf/.#x.json");
    let found = watched(&scratch, &["-config-dir=two/conf"]);
    assert_eq!(found[..4], ["/two", "/one", "real itself", "real/conf"]);
    for wanted in [
        "real/conf/*",
        "real/conf/y",
        "other/y.json file",
        "real/conf/z.json",
        "real/conf/gone",
    ] {
        assert!(
            found.iter().any(|told| told == wanted),
            "{wanted}: {found:?}"
        );
    }
    scratch.link("loop", "loop");
    assert_eq!(watched(&scratch, &["-config-dir=loop"]), ["/loop"]);
}

#[test]
fn a_file_with_another_name_is_watched_by_what_it_holds() {
    let scratch = Scratch::new("watch-hard");
    scratch.write("conf/x.json", "{}");
    scratch.write("conf/x.log", "");
    std::fs::hard_link(scratch.path("conf/x.json"), scratch.path("y")).expect("linked");
    std::fs::hard_link(scratch.path("conf/x.log"), scratch.path("z")).expect("linked");
    let found = watched(&scratch, &["-config-dir=conf"]);
    assert_eq!(found, ["/conf", "conf/*", "conf/x.json content"]);
}

#[test]
fn what_consul_does_not_load_may_be_written_to() {
    let matters = |name: &str| {
        let name = OsStr::new(name);
        [
            configuration(name, false),
            configuration(name, true),
            any(name, true),
        ]
    };
    for name in ["x.json", ".x.hcl"] {
        assert_eq!(matters(name), [true; 3], "{name}");
    }
    // It may be a link to one that does.
    for name in ["x", "consul.log", "..data"] {
        assert_eq!(matters(name), [true, false, true], "{name}");
    }
    for name in [".x.json.swp", ".#x.json", "x.json~", "4913"] {
        assert_eq!(matters(name), [false; 3], "{name}");
    }
}

#[test]
fn a_file_that_is_mounted_is_one_that_cannot_change() {
    let mount = |point: &str, root: &str| Mount {
        point: point.into(),
        root: root.into(),
        kind: "ext4".to_owned(),
    };
    const VOLUME: &str = "/pods/7/volumes/kubernetes.io~configmap/c";
    let mounts = [
        mount("/", "/"),
        mount("/consul/whole", VOLUME),
        mount("/consul/part", &format!("{VOLUME}/..2026_11_25/part")),
        mount(
            "/consul/config/x.json",
            &format!("{VOLUME}/..2026_11_25/x.json"),
        ),
        mount("/consul/claim", "/volumes/claim/sub"),
        mount("/consul/over", &format!("{VOLUME}/..2026_11_25/part")),
        mount("/consul/over", "/elsewhere"),
    ];
    for (file, why) in [
        ("/consul/config/x.json", Some(Why::File)),
        ("/consul/config/y.json", None),
        ("/consul/whole/..2026_11_25/x.json", None),
        ("/consul/part/x.json", Some(Why::Volume)),
        ("/consul/claim/x.json", None),
        ("/consul/over/x.json", None),
    ] {
        assert_eq!(why_fixed(&mounts, Path::new(file)), why, "{file}");
    }
    let scratch = Scratch::new("watch-mounted");
    scratch.write("conf/x.json", "{}");
    scratch.write("conf/y.json", "{}");
    let point = scratch.path("conf/x.json");
    let mounts = [
        mount("/", "/"),
        mount(point.to_str().expect("a name"), "/x"),
    ];
    let mut none = |_: &Path, _| {};
    let mut walk = Walk::new(&mounts, &mut none);
    walk.all(&sources(&scratch, &["-config-dir=conf"]));
    let told: Vec<String> = walk.fixed.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with("conf/x.json is mounted by itself"),
        "{told:?}"
    );
}

/// Each change, by whatever way it comes, is noticed with the watches that were there before it; and once they are renewed, the next.
#[test]
fn no_change_goes_unnoticed() {
    let scratch = Scratch::new("watch-changes");
    let watch = std::sync::Arc::new(Watch::open().expect("a watch"));
    scratch.write("one/conf/x.json", "1");
    scratch.write("two/conf/x.json", "2");
    scratch.write("away/y.json", "1");
    scratch.link("one", "current");
    scratch.link(scratch.path("away/y.json"), "one/conf/y.json");
    let sources = sources(
        &scratch,
        &["-config-dir=current/conf", "-config-file=later/z.json"],
    );
    let path = |below: &str| scratch.path(below);
    let swap = |to: &str, link: &str| {
        symlink(to, path("tmp")).expect("linked");
        fs::rename(path("tmp"), path(link)).expect("swapped");
    };
    let changes: &[(&str, &dyn Fn())] = &[
        ("written in place", &|| {
            scratch.write("one/conf/x.json", "3")
        }),
        ("written elsewhere", &|| scratch.write("away/y.json", "2")),
        ("a link above is swapped", &|| swap("two", "current")),
        ("written there", &|| scratch.write("two/conf/x.json", "4")),
        ("removed", &|| {
            fs::remove_dir_all(path("two/conf")).expect("removed")
        }),
        ("recreated", &|| {
            fs::create_dir(path("two/conf")).expect("made")
        }),
        ("a file in it", &|| scratch.write("two/conf/n.json", "1")),
        ("moved away with what is above", &|| {
            fs::rename(path("two"), path("three")).expect("renamed");
        }),
        ("another in its place", &|| {
            fs::rename(path("one"), path("two")).expect("renamed");
        }),
        ("its link removed", &|| {
            fs::remove_file(path("current")).expect("removed")
        }),
        ("its link is back", &|| swap("two", "current")),
        ("a directory on the way comes", &|| {
            fs::create_dir(path("later")).expect("made")
        }),
        ("a file that was missing comes", &|| {
            scratch.write("later/z.json", "1")
        }),
        ("and goes", &|| {
            fs::remove_dir_all(path("later")).expect("removed")
        }),
    ];
    for (what, change) in changes {
        renew(&watch, &sources);
        assert!(!noticed(&watch), "before it is {what}");
        change();
        assert!(noticed(&watch), "{what}");
    }
    renew(&watch, &sources);
    scratch.write("three/conf/n.json", "2");
    assert!(!noticed(&watch), "what leads there no more");
}

/// Whether the kernel has said anything that matters; it says it at once.
fn noticed(watch: &std::sync::Arc<Watch>) -> bool {
    watch.read().expect("read")
}
