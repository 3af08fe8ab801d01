//! A seeded model test: random lives of an agent go through the core, and what must always hold is checked after each event.
//!
//! [`world`] is what is true (the clock, and by [`agent`] a process and its cluster) and decides by its seed what happens next;
//! in a plausible world the agent mostly behaves and the answers are true, in a hostile one anything comes at any time that
//! the driver could deliver. [`seen`] is what the driver saw, kept apart from the machine's own notes, so that a slip in those
//! does not excuse itself. [`actions`] and [`moments`] are the invariants, one by one, and those of a stop [`leaving`] and
//! [`stopping`]; [`hearing`] is about leaves that are heard of, [`reloads`] about reloads, [`noticed`] about changed files, [`addresses`] about those of the host, [`conflicts`] about the name; [`farewell`] about agents that leave as what they were, [`leave`] says what was seen of one, and [`end`] how a life must end.
//!
//! The driver's guarantees are the world's too: `Begin` comes first and once; staging, taking back and spawning are done before anything
//! else can happen; a snapshot is told once, whatever has happened meanwhile; a question is answered at most once, by an answer
//! of its own kind, and never after it was dropped; an agent's end is told up to 0.2 s after it, and signals to it in between are lost; that lictor is alone is told only once
//! its end is decided.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::*;
use crate::core::signal::{SIGCONT, SIGINT, SIGKILL};

mod actions;
mod addresses;
mod agent;
mod answers;
mod budget;
mod checks;
mod conflicts;
mod departing;
mod end;
mod farewell;
mod hearing;
mod landmarks;
mod leave;
mod leaving;
mod moments;
mod noticed;
mod records;
mod reloading;
mod reloads;
mod seen;
mod signaling;
mod stopping;
mod told;
mod world;

use landmarks::LANDMARKS;
use world::{Manners, World};

const SIGHUP: i32 = 1;
/// The signals that lictor sends the agent of its own accord; others it passes on.
const OWN: [i32; 4] = [SIGHUP, SIGINT, SIGKILL, SIGTERM];

/// How many lives a test goes through, ...
const LIVES: u64 = 15_000;
/// ... and how many at most, where some landmark was not reached by then: a few are by one life in some thousands.
const MOST: u64 = 10 * LIVES;

/// What must hold, and how to tell.
struct Invariant<T> {
    name: &'static str,
    sentence: &'static str,
    holds: fn(&seen::Seen, &T) -> bool,
}

/// What did not hold.
struct Broken {
    name: &'static str,
    sentence: String,
}

impl<T> Invariant<T> {
    fn check(&self, seen: &seen::Seen, of: &T) -> Result<(), Broken> {
        if (self.holds)(seen, of) {
            return Ok(());
        }
        Err(Broken {
            name: self.name,
            sentence: self.sentence.to_owned(),
        })
    }
}

#[test]
fn what_must_hold_does_in_a_plausible_world() {
    live_on(Manners::Plausible);
}

#[test]
fn what_must_hold_does_in_a_hostile_world() {
    live_on(Manners::Hostile);
}

/// The seed of the first life; each later one has the next number. So the seed of a life in which something broke, set for
/// another run, makes it the first of that run.
///
/// It is taken in at compile time, since the core reads no environment and its tests are held to that too. Cargo knows that
/// the variable was read and compiles anew when it changes.
fn first_seed() -> u64 {
    match option_env!("LICTOR_TEST_SEED") {
        Some(seed) => seed.parse().expect("LICTOR_TEST_SEED is a number"),
        None => fastrand::u64(..),
    }
}

fn live_on(manners: Manners) {
    let first = first_seed();
    let mut reached = BTreeSet::new();
    for life in 0..MOST {
        if life >= LIVES && LANDMARKS.iter().all(|it| reached.contains(it)) {
            break;
        }
        let seed = first.wrapping_add(life);
        let mut world = World::new(seed, manners);
        if let Err(broken) = world.live() {
            panic!("{}", report(seed, &world, &broken));
        }
        reached.extend(world.reached);
    }
    // What was never reached was not tested, however many lives there were.
    for landmark in LANDMARKS {
        assert!(
            reached.contains(landmark),
            "no life from seed {first} on came to: {landmark}"
        );
    }
}

/// Everything that somebody needs who was not there.
fn report(seed: u64, world: &World, broken: &Broken) -> String {
    let mut text = format!(
        "\nbroken: {}: {}\n\n{:?}\n",
        broken.name, broken.sentence, world.seen.config
    );
    for (now, event, actions) in &world.transcript {
        let _ = writeln!(text, "{:>10.3} s  {event:?}", now.as_secs_f64());
        for action in actions {
            let _ = writeln!(text, "{:16}{action:?}", "");
        }
    }
    let _ = writeln!(
        text,
        "\n{}: {}\nonce more: LICTOR_TEST_SEED={seed} cargo test --lib scenarios::model",
        broken.name, broken.sentence
    );
    text
}
