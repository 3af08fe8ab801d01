//! Tables for people.

use std::time::Duration;

use super::contenders::{Contenders, Name};
use super::rounds::Samples;
use crate::bench::figures::Durations;

/// Prints durations of each contender in milliseconds; those without any have a dash.
pub(super) fn durations(what: &str, contenders: &Contenders, samples: Samples<Duration>) {
    let samples: Vec<(Name, Durations)> = samples
        .into_iter()
        .map(|(name, durations)| (name, durations.into_iter().collect()))
        .collect();
    let best = samples
        .iter()
        .filter(|(name, _)| name.is_c_init())
        .map(|(name, durations)| (*name, durations.median()))
        .min_by_key(|(_, median)| *median);
    let ratio = best.map_or(String::new(), |(name, _)| format!("ratio to {name}"));
    println!("\n{what}");
    heading(&["median ms", "min", "p90", &ratio]);
    for name in contenders.names() {
        let cells = match samples.iter().find(|(of, _)| *of == name) {
            None => vec!["-".to_owned(); 4],
            Some((_, durations)) => vec![
                milliseconds(durations.median()),
                milliseconds(durations.min()),
                milliseconds(durations.percentile(90)),
                best.map_or("-".to_owned(), |(_, best)| {
                    let ratio = durations.median().as_secs_f64() / best.as_secs_f64();
                    format!("{ratio:.2}")
                }),
            ],
        };
        row(name, &cells);
    }
}

/// The names of columns.
pub(super) fn heading(columns: &[&str]) {
    print!("  {:14}", "");
    for column in columns {
        print!("  {column:>20}");
    }
    println!();
}

/// One contender's line.
pub(super) fn row(name: Name, cells: &[String]) {
    print!("  {name:14}");
    for cell in cells {
        print!("  {cell:>20}");
    }
    println!();
}

pub(super) fn milliseconds(duration: Duration) -> String {
    format!("{:.3}", duration.as_secs_f64() * 1000.0)
}
