//! The reference pages in `docs/`, held against the source they describe. `LICTOR_BLESS=1` writes the generated part.

use std::fs;

use clap::Arg;

const CONFIGURATION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md");
const BEGIN: &str = "<!-- options: begin -->\n";
const HEAD: &str = "| option | variable | default | meaning |\n|---|---|---|---|\n";
const END: &str = "<!-- options: end -->\n";

#[test]
fn the_tables_of_options_are_current() {
    let page = fs::read_to_string(CONFIGURATION).expect("docs/configuration.md");
    let (before, rest) = page.split_once(BEGIN).expect("the first marker");
    let (found, after) = rest.split_once(END).expect("the second marker");
    let wanted = tables();
    if std::env::var_os("LICTOR_BLESS").is_some() {
        let page = format!("{before}{BEGIN}{wanted}{END}{after}");
        return fs::write(CONFIGURATION, page).expect("written");
    }
    assert!(
        found == wanted,
        "docs/configuration.md is not current: run `LICTOR_BLESS=1 cargo test --test reference`; wanted:\n{wanted}"
    );
}

#[test]
fn every_exit_code_has_a_row() {
    let page = include_str!("../docs/exit-codes.md");
    let codes: Vec<(&str, &str)> = include_str!("../src/exit.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("pub const ")?.strip_suffix(';'))
        .filter_map(|constant| constant.split_once(": u8 = "))
        .collect();
    assert!(!codes.is_empty(), "src/exit.rs has no constants");
    for (name, code) in codes {
        let row = format!("| {code} |");
        assert!(
            page.lines().any(|line| line.starts_with(&row)),
            "docs/exit-codes.md has no row that begins with `{row}`, for {name} of src/exit.rs"
        );
    }
}

#[test]
fn every_reason_against_an_address_has_a_row() {
    let page = include_str!("../docs/address.md");
    let names: Vec<&str> = include_str!("../src/address/reason.rs")
        .lines()
        .skip_while(|line| !line.contains("fn name("))
        .take_while(|line| *line != "    }")
        .filter_map(|line| line.split_once("=> \"")?.1.strip_suffix("\","))
        .collect();
    assert!(names.len() > 15, "{names:?}");
    for name in names {
        let cell = format!("`{name}`");
        assert!(
            page.lines()
                .filter(|line| line.starts_with("| `"))
                .any(|line| line
                    .split(" | ")
                    .next()
                    .is_some_and(|first| first.contains(&cell))),
            "docs/address.md has no row for {name} of src/address/reason.rs"
        );
    }
}

/// The options of every subcommand. What is shown for `run`, which comes first, is only named for the others.
fn tables() -> String {
    let mut of_run: Vec<String> = Vec::new();
    let mut text = String::new();
    for command in lictor::cli::definition().get_subcommands() {
        let options = command.get_arguments().filter(|a| a.get_long().is_some());
        let (known, new): (Vec<&Arg>, Vec<&Arg>) = options.partition(|a| of_run.contains(&long(a)));
        if known.is_empty() && new.is_empty() {
            continue;
        }
        text += &format!("\n### `lictor {}`\n", command.get_name());
        if !known.is_empty() {
            let names: Vec<String> = known.iter().map(|arg| code(&long(arg))).collect();
            text += &format!("\nAs for `run`: {}.\n", names.join(", "));
        }
        text += &groups(&new);
        if of_run.is_empty() {
            of_run = new.into_iter().map(long).collect();
        }
    }
    text + "\n"
}

/// A table for each heading, in the order of the definition.
fn groups(options: &[&Arg]) -> String {
    let mut tables: Vec<(&str, String)> = Vec::new();
    for arg in options {
        let heading = arg.get_help_heading().unwrap_or("Options");
        match tables.iter_mut().find(|(known, _)| *known == heading) {
            Some((_, rows)) => *rows += &row(arg),
            None => tables.push((heading, row(arg))),
        }
    }
    let table = |(heading, rows)| format!("\n**{heading}**\n\n{HEAD}{rows}");
    tables.into_iter().map(table).collect()
}

fn row(arg: &Arg) -> String {
    let told = arg.get_help().map(ToString::to_string).unwrap_or_default();
    // Where only the program can tell the default, the help text does.
    let (help, told) = told.split_once(" [default: ").unwrap_or((&told, ""));
    let default = match (arg.get_default_values(), told) {
        ([value, ..], _) => code(&value.to_string_lossy()),
        ([], "") if arg.get_action().takes_values() => "none".to_owned(),
        ([], "") => "off".to_owned(),
        ([], told) => told.trim_end_matches(']').to_owned(),
    };
    let mut meaning = help.to_owned();
    let values = arg.get_possible_values();
    for value in values.iter().filter(|value| value.get_help().is_some()) {
        let help = value.get_help().cloned().unwrap_or_default();
        meaning += &format!("<br>`{}`: {help}", value.get_name());
    }
    if arg.get_value_delimiter().is_some() {
        meaning += "; a list, with commas";
    }
    let variable = arg.get_env().unwrap_or_default().to_string_lossy();
    let cells = [code(&long(arg)), code(&variable), default, meaning];
    let cells = cells.map(|cell| cell.replace('|', "\\|"));
    format!("| {} |\n", cells.join(" | "))
}

fn long(arg: &Arg) -> String {
    format!("--{}", arg.get_long().unwrap_or_default())
}

fn code(text: &str) -> String {
    format!("`{text}`")
}
