//! The choice of an address as text and as JSON.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::address::choose::{Choice, LinkState, Verdict};

/// Each candidate and what became of it, as a table, the default routes and the outcome behind it.
pub fn explain(choice: &Choice) -> String {
    let mut rows: Vec<[String; 3]> = choice
        .candidates
        .iter()
        .map(|(found, verdict)| {
            [
                found.interface.clone(),
                found.net.to_string(),
                verdict.to_string(),
            ]
        })
        .collect();
    for interface in &choice.without {
        let state = format!("without an address of the family; {}", interface.state());
        rows.push([interface.name.clone(), "-".to_owned(), state]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let (first, second) = (width(0), width(1));
    let mut text = String::new();
    for [interface, net, verdict] in &rows {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{interface:first$}  {net:second$}  {verdict}");
    }
    let _ = writeln!(text, "default route: {}", routes(choice));
    if let Some(note) = &choice.note {
        let _ = writeln!(text, "warning: {note}");
    }
    let _ = match &choice.outcome {
        Ok(chosen) => writeln!(text, "=> {}: {}", chosen.ip, chosen.reason),
        Err(failure) => writeln!(text, "=> none: failed to {failure}"),
    };
    text
}

fn routes(choice: &Choice) -> String {
    let routes = choice.default_routes.iter().map(|route| {
        let source = route.source.map(|ip| format!(" from {ip}"));
        format!("{}{}", route.interface, source.unwrap_or_default())
    });
    let routes: Vec<String> = routes.collect();
    if routes.is_empty() {
        "none".to_owned()
    } else {
        routes.join(", ")
    }
}

/// The same as JSON: `address` (or null), `interface`, `reason`, `warning`, `error`, `note`, `default_routes`, `without_address`,
/// `candidates`.
pub fn json(choice: &Choice) -> Value {
    let candidates: Vec<Value> = choice
        .candidates
        .iter()
        .map(|(found, verdict)| {
            let (name, why) = match verdict {
                Verdict::Chosen => ("chosen", None),
                Verdict::Lost(why) => ("lost", Some(why)),
                Verdict::Skipped(why) => ("skipped", Some(why)),
            };
            json!({
                "interface": found.interface,
                "address": found.net.addr(),
                "prefix": found.net.prefix_len(),
                "link": state(found.link),
                "verdict": name,
                "rule": why.map(|why| why.name()),
                "why": why.map(ToString::to_string).unwrap_or_default(),
            })
        })
        .collect();
    let routes = choice.default_routes.iter();
    let routes: Vec<Value> = routes
        .map(|route| json!({"interface": route.interface, "source": route.source}))
        .collect();
    let without = choice.without.iter();
    let without: Vec<Value> = without
        .map(|it| json!({"interface": it.name, "link": state(it.link), "port_of": it.port_of}))
        .collect();
    let chosen = choice.outcome.as_ref().ok();
    json!({
        "address": chosen.map(|chosen| chosen.ip),
        "interface": chosen.and_then(|chosen| chosen.interface.as_deref()),
        "reason": chosen.map(|chosen| chosen.reason.as_str()),
        "warning": chosen.and_then(|chosen| chosen.warning.as_deref()),
        "error": choice.outcome.as_ref().err().map(|error| format!("failed to {error}")),
        "note": choice.note,
        "default_routes": routes,
        "without_address": without,
        "candidates": candidates,
    })
}

fn state(link: LinkState) -> &'static str {
    match link {
        LinkState::Up => "up",
        LinkState::Down => "down",
        LinkState::NoCarrier => "no-carrier",
    }
}
