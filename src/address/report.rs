//! The choice of an address as text and as JSON.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::address::choose::{Choice, Verdict};

/// Each candidate and what became of it, as a table, and the outcome behind it.
pub fn explain(choice: &Choice) -> String {
    let rows: Vec<[String; 3]> = choice
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
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let (first, second) = (width(0), width(1));
    let mut text = String::new();
    for [interface, net, verdict] in &rows {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{interface:first$}  {net:second$}  {verdict}");
    }
    let _ = match &choice.outcome {
        Ok(chosen) => writeln!(text, "=> {}: {}", chosen.ip, chosen.reason),
        Err(failure) => writeln!(text, "=> none: failed to {failure}"),
    };
    text
}

/// The same as JSON: `address` (or null), `interface`, `reason`, `warning`, `error`, `candidates`.
pub fn json(choice: &Choice) -> Value {
    let candidates: Vec<Value> = choice
        .candidates
        .iter()
        .map(|(found, verdict)| {
            let (name, why) = match verdict {
                Verdict::Chosen => ("chosen", ""),
                Verdict::Lost(why) => ("lost", why.as_str()),
                Verdict::Skipped(why) => ("skipped", why.as_str()),
            };
            json!({
                "interface": found.interface,
                "address": found.net.addr(),
                "prefix": found.net.prefix_len(),
                "verdict": name,
                "why": why,
            })
        })
        .collect();
    let chosen = choice.outcome.as_ref().ok();
    json!({
        "address": chosen.map(|chosen| chosen.ip),
        "interface": chosen.and_then(|chosen| chosen.interface.as_deref()),
        "reason": chosen.map(|chosen| chosen.reason.as_str()),
        "warning": chosen.and_then(|chosen| chosen.warning.as_deref()),
        "error": choice.outcome.as_ref().err().map(ToString::to_string),
        "candidates": candidates,
    })
}
