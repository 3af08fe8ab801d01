//! Every situation of a disturbed stop, once with lictor and once in the seed's way.

use std::path::Path;

use testbed::consul::Version;
use testbed::leaves::{self, Options, Outcome, Situation, Way};

use super::Result;

/// How many hosts are busy at once.
const WIDTH: usize = 10;

/// Runs the whole list `runs` times in both ways, each on clusters of its own so that neither disturbs the other.
pub(super) fn run(version: Version, binary: &Path, runs: usize) -> Result<()> {
    // Hosts have another working directory.
    let binary = &binary.canonicalize()?;
    let (mut all_lictor, mut all_seed) = (Vec::new(), Vec::new());
    let every = leaves::situations();
    let applies: Vec<_> = every.iter().filter(|one| one.for_seed()).cloned().collect();
    for run in 1..=runs {
        println!("\nrun {run} of {runs}: some 3 minutes with lictor, and as long without");
        let way = Way::Lictor(binary.to_owned());
        let lictor = on_fields(version, way, &every)?;
        let way = Way::Seed {
            lictor: binary.to_owned(),
        };
        let seed = on_fields(version, way, &applies)?;
        let title = format!("Consul {version}, run {run} of {runs}: lictor | the seed's way");
        println!("{}", leaves::beside(&title, &lictor, &seed));
        println!("{}", leaves::summary(&lictor, &seed));
        all_lictor.extend(lictor);
        all_seed.extend(seed);
    }
    if runs > 1 {
        let summary = leaves::summary(&all_lictor, &all_seed);
        println!("\nall {runs} runs: {summary}");
    }
    Ok(())
}

fn on_fields(version: Version, way: Way, situations: &[Situation]) -> Result<Vec<Outcome>> {
    let options = Options {
        version,
        way,
        width: WIDTH,
        late: true,
    };
    Ok(leaves::run(situations, &options).map_err(|error| error.to_string())?)
}
