//! The same for each contender, again and again.

use super::Result;
use super::contenders::{Contender, Name};

/// What was sampled of each contender.
pub(super) type Samples<T> = Vec<(Name, Vec<T>)>;

/// Takes `rounds` samples of each contender, which `sample` is given the number of. They take turns, each round begins with
/// another one, and one round goes before, uncounted.
pub(super) fn rounds<T>(
    contenders: &[&Contender],
    rounds: usize,
    mut sample: impl FnMut(&Contender, usize) -> Result<T>,
) -> Result<Samples<T>> {
    let mut samples: Samples<T> = contenders
        .iter()
        .map(|contender| (contender.name, Vec::with_capacity(rounds)))
        .collect();
    for round in 0..=rounds {
        for turn in 0..contenders.len() {
            let index = (round + turn) % contenders.len();
            let contender = contenders[index];
            let taken = sample(contender, round)
                .map_err(|error| format!("measure {}: {error}", contender.name))?;
            if round > 0 {
                samples[index].1.push(taken);
            }
        }
    }
    Ok(samples)
}
