//! What a reload does to a bare agent, fragment by fragment, beside what `consul validate` and `lictor check` say of it.

use std::path::Path;

use testbed::consul::Version;
use testbed::reloads::{self, ALL, Row, Start};

use super::Result;

/// Agents at a time; more would only wait for one another on a machine with few processors.
const WORKERS: usize = 4;

/// Prints the table.
pub(super) fn run(version: Version, lictor: &Path) -> Result<()> {
    let rows = reloads::run(version, Some(lictor), &ALL, WORKERS)?;
    println!(
        "| fragment | validate | reload | lost in agent | in catalog | changed | next start | lictor check |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for row in &rows {
        println!("{}", line(row));
    }
    Ok(())
}

fn line(row: &Row) -> String {
    let list = |names: &[&str]| match names.len() {
        0 => "–".to_owned(),
        7 => "all 7".to_owned(),
        _ => names.join(" "),
    };
    let validate = match row.validate.code {
        0 => "valid".to_owned(),
        code => code.to_string(),
    };
    let start = match &row.start {
        Start::Runs => "runs".to_owned(),
        Start::Refused => "refused".to_owned(),
        Start::Hangs(why) => format!("**hangs** {}", shorten(why)),
        Start::Ended(code, why) => format!("**{code}** {}", shorten(why)),
    };
    let reload = match row.reload.0 {
        200 => "200".to_owned(),
        status => format!("{status} {}", shorten(&row.reload.1)),
    };
    let check = match &row.check {
        None => String::new(),
        Some((code, findings)) => {
            let words: Vec<String> = findings
                .iter()
                .map(|finding| {
                    let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
                    format!("{} `{}`: {}", text("severity"), text("key"), text("what"))
                })
                .collect();
            format!("{code} {}", words.join("<br>"))
        }
    };
    let cells = [
        row.candidate.name.to_owned(),
        validate,
        reload,
        list(&row.lost),
        list(&row.lost_in_catalog),
        list(&row.changed),
        start,
        check,
    ];
    let cells = cells.map(|cell| cell.replace('|', "\\|").replace('\n', " "));
    format!("| {} |", cells.join(" | "))
}

fn shorten(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth(140) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
