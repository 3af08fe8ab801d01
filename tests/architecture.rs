//! ARCHITECTURE.md held against the source: who may use whom, what the core is free of, and how large each module is.
//! `LICTOR_BLESS=1` writes the sizes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Every source file with the module it belongs to (the first part of its path below `src`).
fn sources() -> Vec<(String, PathBuf, String)> {
    fn walk(directory: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(directory).expect("src can be read").flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(path);
            }
        }
    }
    let src = Path::new(ROOT).join("src");
    let mut paths = Vec::new();
    walk(&src, &mut paths);
    paths.sort();
    let module = |path: &Path| {
        let below = path.strip_prefix(&src).expect("below src");
        let first = below.components().next().expect("a name").as_os_str();
        first.to_string_lossy().trim_end_matches(".rs").to_owned()
    };
    paths
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).expect("UTF-8");
            (module(&path), path, text)
        })
        .collect()
}

fn page() -> String {
    fs::read_to_string(Path::new(ROOT).join("ARCHITECTURE.md")).expect("ARCHITECTURE.md")
}

/// The order, from the line that states it: each step is a module, or several in braces that do not know one another.
fn order(page: &str) -> Vec<Vec<String>> {
    let line = page
        .lines()
        .find(|line| line.starts_with("`main → "))
        .expect("the line of the order");
    let line = line.split('`').nth(1).expect("code");
    let step = |step: &str| {
        step.trim_matches(['{', '}'])
            .split(", ")
            .map(str::to_owned)
            .collect()
    };
    line.split(" → ").map(step).collect()
}

/// The modules that a source file names by `crate::` or, from the outside, by `lictor::`.
fn used(text: &str) -> Vec<String> {
    let code: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    let code = code.join("\n");
    ["crate::", "lictor::"]
        .iter()
        .flat_map(|prefix| code.split(prefix).skip(1))
        .flat_map(|rest| match rest.strip_prefix('{') {
            // `use crate::{driver, log}`
            Some(group) => group
                .split_once("};")
                .map_or(group, |(names, _)| names)
                .split(',')
                .map(first_word)
                .collect::<Vec<_>>(),
            None => vec![first_word(rest)],
        })
        .filter(|name| !name.is_empty())
        .collect()
}

fn first_word(text: &str) -> String {
    text.trim_start()
        .chars()
        .take_while(|c| c.is_ascii_lowercase() || *c == '_')
        .collect()
}

#[test]
fn each_module_uses_only_what_stands_after_it() {
    let order = order(&page());
    let rank = |module: &str| {
        order
            .iter()
            .position(|step| step.iter().any(|m| m == module))
    };
    let mut checked = 0;
    for (module, path, text) in sources() {
        if module == "lib" {
            continue;
        }
        let own = rank(&module).unwrap_or_else(|| panic!("ARCHITECTURE.md's order lacks {module}"));
        for used in used(&text) {
            let Some(theirs) = rank(&used) else {
                panic!("{}: uses {used}, which the order lacks", path.display());
            };
            assert!(
                used == module || own < theirs,
                "{}: {module} may not use {used}, by the order in ARCHITECTURE.md",
                path.display()
            );
            checked += 1;
        }
    }
    assert!(checked > 100, "only {checked} uses were found");
}

#[test]
fn the_core_is_pure() {
    let mut files = 0;
    for (_, path, text) in sources().into_iter().filter(|(m, ..)| m == "core") {
        files += 1;
        for impure in [
            "std::env",
            "std::fs",
            "std::io",
            "std::process",
            "std::thread",
            "Instant",
            "SystemTime",
            "async ",
            "tokio",
            "nix::",
            "reqwest",
            "tracing",
        ] {
            assert!(!text.contains(impure), "{}: {impure}", path.display());
        }
    }
    assert!(files > 0, "src/core has no files");
}

#[test]
fn the_sizes_of_the_modules_are_current() {
    let mut sizes: BTreeMap<String, usize> = BTreeMap::new();
    for (module, _, text) in sources() {
        *sizes.entry(module).or_default() += text.lines().count();
    }
    let page = page();
    let mut seen = Vec::new();
    let mut wanted = String::new();
    for line in page.lines() {
        let cells: Vec<&str> = line.split(" | ").collect();
        let module = line
            .strip_prefix("| `")
            .and_then(|rest| Some(rest.split_once("` |")?.0));
        match (
            module.and_then(|module| sizes.get_key_value(module)),
            cells.as_slice(),
        ) {
            (Some((module, lines)), [_, _, what]) => {
                seen.push(module.clone());
                wanted += &format!("| `{module}` | {lines} | {what}\n");
            }
            _ => wanted += &format!("{line}\n"),
        }
    }
    let missing: Vec<&String> = sizes.keys().filter(|m| !seen.contains(m)).collect();
    assert!(
        missing.is_empty(),
        "ARCHITECTURE.md's table lacks {missing:?}"
    );
    if std::env::var_os("LICTOR_BLESS").is_some() {
        return fs::write(Path::new(ROOT).join("ARCHITECTURE.md"), wanted).expect("written");
    }
    assert!(
        page == wanted,
        "the sizes in ARCHITECTURE.md are not current: run `LICTOR_BLESS=1 cargo test --test architecture`"
    );
}
