//! The table: a line for each fragment.

use std::time::Duration;

use testbed::reloads::{Census, Row, Start, Trial, Way, message};

use super::{All, name};

const HEAD: [&str; 11] = [
    "fragment",
    "validate",
    "lictor check",
    "next start",
    "reload, bare",
    "bare",
    "`lictor reload`",
    "lictor",
    "short, ms",
    "behind its back",
    "both at once",
];

pub(super) fn print(all: &All) {
    println!(
        "\nof 7 services: in the agent / in the catalog / passing there; what is not whole is bold; \
         short: how long the catalog lacked one\n"
    );
    println!("| {} |", HEAD.join(" | "));
    println!("|{}", "---|".repeat(HEAD.len()));
    for row in &all.rows {
        let of = |way| {
            all.of(way)
                .find(|one| one.candidate.name == row.candidate.name)
        };
        let cells = line(row, Way::ALL.map(of));
        let cells = cells.map(|cell| cell.replace('|', "\\|").replace('\n', " "));
        println!("| {} |", cells.join(" | "));
    }
}

/// A line while it goes on.
pub(super) fn progress(trial: &Trial) -> String {
    format!(
        "{}: {}: {}: {}",
        name(trial.way),
        trial.candidate.name,
        shorten(message(&trial.said.text)),
        found(trial)
    )
}

fn line(row: &Row, [lictor, consul, both]: [Option<&Trial>; 3]) -> [String; HEAD.len()] {
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
    let said = lictor.map(|trial| match trial.said.code {
        0 => shorten(message(&trial.said.text)),
        code => format!("{code} {}", shorten(message(&trial.said.text))),
    });
    let short = lictor.map(|trial| match trial.short {
        Duration::ZERO => "–".to_owned(),
        short => short.as_millis().to_string(),
    });
    [
        row.candidate.name.to_owned(),
        validate,
        check(row),
        start,
        reload,
        census(&row.census()),
        said.unwrap_or_default(),
        lictor.map(found).unwrap_or_default(),
        short.unwrap_or_default(),
        consul.map(found).unwrap_or_default(),
        both.map(found).unwrap_or_default(),
    ]
}

fn check(row: &Row) -> String {
    let Some((code, findings)) = &row.check else {
        return String::new();
    };
    let words: Vec<String> = findings
        .iter()
        .map(|finding| {
            let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
            format!("{} `{}`: {}", text("severity"), text("key"), text("what"))
        })
        .collect();
    format!("{code} {}", words.join("<br>"))
}

/// The services 5 s later, and all that was not as it should be.
fn found(trial: &Trial) -> String {
    let mut words = vec![census(&trial.seen)];
    if trial.way == Way::Both
        && let Some(outcome) = trial.outcome()
    {
        words.insert(0, outcome.name().to_owned());
    }
    if trial.way != Way::Lictor && !trial.short.is_zero() {
        words.push(format!("**short** for {} ms", trial.short.as_millis()));
    }
    if !trial.critical.is_zero() {
        words.push(format!("critical for {} ms", trial.critical.as_millis()));
    }
    if trial.restarts != 0 {
        words.push(format!("**{} restarts**", trial.restarts));
    }
    // Where lictor was asked it has said so.
    if let (Way::Consul, Some(reason)) = (trial.way, &trial.condition) {
        words.push(reason.clone());
    }
    if let Some(after) = &trial.after {
        words.push(format!("**not whole afterwards**: {}", shorten(after)));
    }
    words.join("; ")
}

fn census(census: &Census) -> String {
    if census.is_whole() {
        census.to_string()
    } else {
        format!("**{census}**")
    }
}

fn shorten(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth(140) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
