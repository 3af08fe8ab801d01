//! What becomes of a host whose id, name or address is lost, changed or doubled: a bare agent's, and under lictor.

use std::fs;
use std::path::Path;
use std::time::Duration;

use testbed::consul::Version;
use testbed::identity::{self, Options, Outcome, Situation, Way};

use super::Result;

/// Clusters at a time. Most of the time they only wait.
const WIDTH: usize = 5;
/// What is well for as long is well: a bare agent under a new name loses its services after 25 s.
const HOLD: Duration = Duration::from_secs(30);
/// What is not well by then never is.
const LIMIT: Duration = Duration::from_secs(90);
/// The name of the case with two hosts.
const NAMESAKE: &str = "namesake";
/// Where the logs are kept of what was not as it must be under lictor.
const LOGS: &str = "target/bench/identity";

/// Runs each situation with one of `patterns` in its name, or all, `runs` times in both ways; prints the table.
pub(super) fn run(version: Version, binary: &Path, patterns: &[String], runs: usize) -> Result<()> {
    let wanted =
        |name: &str| patterns.is_empty() || patterns.iter().any(|text| name.contains(text));
    let situations: Vec<_> = identity::situations()
        .into_iter()
        .filter(|one| wanted(one.name))
        .collect();
    if situations.is_empty() && !wanted(NAMESAKE) {
        return Err(format!(
            "find a situation with {} in its name",
            patterns.join(" or ")
        )
        .into());
    }
    let options = |way| -> Result<Options> {
        Ok(Options {
            version,
            way,
            // Hosts have another working directory.
            lictor: binary.canonicalize()?,
            width: WIDTH,
            hold: HOLD,
            limit: LIMIT,
        })
    };
    if !situations.is_empty() {
        all(&situations, runs, &options)?;
    }
    if wanted(NAMESAKE) {
        namesakes(runs, &options)?;
    }
    Ok(())
}

fn all(
    situations: &[Situation],
    runs: usize,
    options: &impl Fn(Way) -> Result<Options>,
) -> Result<()> {
    // The runs of a situation stand together in its row.
    let repeated = |for_way: &dyn Fn(&Situation) -> bool| -> Vec<Situation> {
        let fitting = situations.iter().filter(|one| for_way(one));
        fitting.flat_map(|one| vec![one.clone(); runs]).collect()
    };
    let of = |way: Way, list: &[Situation]| -> Result<Vec<Outcome>> {
        let (options, count) = (options(way)?, list.len());
        println!(
            "\nidentity with Consul {}, {}: {count} runs",
            options.version,
            way.name()
        );
        Ok(identity::run(list, &options, &progress))
    };
    let lictor = of(Way::Lictor, &repeated(&|_| true))?;
    let bare = of(Way::Bare, &repeated(&Situation::for_bare))?;
    let title = format!("Consul {}", options(Way::Lictor)?.version);
    println!("{}", identity::beside(&title, &bare, &lictor));
    let version = options(Way::Lictor)?.version;
    keep(
        &format!("{version}-lictor.log"),
        &identity::failures(&lictor),
    )?;
    keep(&format!("{version}-bare.log"), &identity::failures(&bare))
}

fn progress(outcome: &Outcome) {
    let settled = outcome.settled.map_or("never".to_owned(), |after| {
        format!("after {:.1} s", after.as_secs_f64())
    });
    let (way, name) = (outcome.way.name(), outcome.situation.name);
    println!("  {way}: {name}: one node {settled}");
    if outcome.way == Way::Lictor {
        for fault in outcome.faults() {
            println!("    {}", fault.lines().next().unwrap_or_default());
        }
    }
}

fn namesakes(runs: usize, options: &impl Fn(Way) -> Result<Options>) -> Result<()> {
    for way in [Way::Lictor, Way::Bare] {
        let options = options(way)?;
        println!(
            "\n{NAMESAKE} with Consul {}, {}",
            options.version,
            way.name()
        );
        let met = identity::namesakes(runs, &options, &|met| match met {
            Ok(met) => {
                let faults = met.faults();
                println!(
                    "  {} has the name",
                    met.winner.as_deref().unwrap_or("nobody")
                );
                if way == Way::Lictor {
                    faults.iter().for_each(|fault| println!("    {fault}"));
                }
            }
            Err(error) => println!("  not run: {error}"),
        });
        let title = format!(
            "A living namesake, Consul {}, {}",
            options.version,
            way.name()
        );
        println!("{}", identity::namesake_table(&title, &met));
        let logs = met.iter().flatten().map(|met| {
            format!(
                "\n==== {:?}\n{:#?}\n==== first\n{}\n==== newcomer\n{}",
                met.faults(),
                met.looks,
                met.first.log,
                met.second.log
            )
        });
        let name = format!("{}-{NAMESAKE}-{}.log", options.version, way.name());
        keep(&name, &logs.collect::<String>())?;
    }
    Ok(())
}

fn keep(name: &str, text: &str) -> Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    fs::create_dir_all(LOGS)?;
    let path = format!("{LOGS}/{name}");
    fs::write(&path, text)?;
    println!("logs: {path}");
    Ok(())
}
