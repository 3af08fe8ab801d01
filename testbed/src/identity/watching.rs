//! Watching a life until it is well, or not well for too long.

use std::time::{Duration, Instant};

use super::field::{Field, own_id};
use super::life::{Life, Said};
use super::look::{Look, Wanted};
use crate::net::Host;

/// How often the life itself is asked.
const ASK: Duration = Duration::from_secs(1);

/// How long is watched.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// How long all must have been well: what is well only for a while does not count.
    pub(super) hold: Duration,
    /// How long that may take in all, but for the hold.
    pub(super) limit: Duration,
}

/// What was seen and heard.
#[derive(Debug)]
pub(super) struct Watched {
    /// What the server said, each look another than the one before.
    pub(super) looks: Vec<Look>,
    /// What lictor said of its identity, each word another than the one before.
    pub(super) said: Vec<Said>,
    /// The node that should have been there, with the id that its agent had in the end.
    pub(super) wanted: Wanted,
    /// When it came to be there to stay, if it did.
    pub(super) settled: Option<Instant>,
}

/// Watches until the node that is `wanted` was there for as long as `patience` has it, or no longer.
pub(super) fn watch(
    field: &Field,
    host: &Host,
    life: &Life,
    mut wanted: Wanted,
    patience: Patience,
) -> Watched {
    let begin = Instant::now();
    let (mut said, mut asked) = (Vec::<Said>::new(), None::<Instant>);
    let mut well: Option<Instant> = None;
    let limit = begin + patience.limit + patience.hold;
    let looks = field.watch(limit, |look| {
        if asked.is_none_or(|asked| asked.elapsed() >= ASK) {
            asked = Some(Instant::now());
            wanted.id = own_id(host).or(wanted.id.take());
            life.hear(&mut said);
        }
        well = look.is(&wanted).then(|| well.unwrap_or(look.at));
        let gone = life.process().has_ended();
        let too_late = well.is_none() && begin.elapsed() >= patience.limit;
        // Where lictor has to say so as well, it may be a little late.
        let knows = life.is_bare() || said.last().is_some_and(Said::is_held);
        gone || too_late || knows && well.is_some_and(|since| since.elapsed() >= patience.hold)
    });
    let settled = well.filter(|since| since.elapsed() >= patience.hold);
    Watched {
        looks,
        said,
        wanted,
        settled,
    }
}
