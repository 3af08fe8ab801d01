//! How long after its exec an init loses a SIGTERM: the kernel keeps from a PID 1 what it neither blocks nor handles.

use std::hint;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};

use super::Result;
use super::contenders::{Contender, Contenders, Name};
use super::rounds::rounds;
use super::table;

/// The latest that SIGTERM is sent.
const LATEST: Duration = Duration::from_millis(2);
/// How long the program lives if no SIGTERM comes, in milliseconds.
const LINGER: &str = "60";
const SIGTERM_ENDED_IT: i32 = 128 + Signal::SIGTERM as i32;

/// One SIGTERM.
#[derive(Debug, Clone, Copy)]
struct Shot {
    /// How long after the exec.
    delay: Duration,
    lost: bool,
}

pub(super) fn run(contenders: &Contenders, runs: usize) -> Result<()> {
    // Without an init, the program itself would have to handle it; and a supervisor passes none on.
    let inits = contenders.but(&[Name::None, Name::S6]);
    let samples = rounds(&inits, runs, |one, round| shoot(one, delay(round)))?;
    println!(
        "\nSIGTERM 0 to {} ms after the exec of the init, {runs} runs each: until when it is lost",
        LATEST.as_millis()
    );
    table::heading(&["threshold ms", "latest lost", "lost", "on the wrong side"]);
    for name in contenders.names() {
        let cells = match samples.iter().find(|(of, _)| *of == name) {
            None => vec!["-".to_owned(); 4],
            Some((_, shots)) => {
                let (threshold, wrong) = threshold(shots);
                let lost = shots.iter().filter(|shot| shot.lost);
                let latest = lost.clone().map(|shot| shot.delay).max();
                vec![
                    table::milliseconds(threshold),
                    latest.map_or("-".to_owned(), table::milliseconds),
                    lost.count().to_string(),
                    wrong.to_string(),
                ]
            }
        };
        table::row(name, &cells);
    }
    Ok(())
}

/// The delay of each round: the multiples of the golden ratio, without their whole part, cover an interval evenly, however
/// many there are; and they are the same for all contenders, and in each run.
fn delay(round: usize) -> Duration {
    const RATIO: f64 = 0.618_033_988_749_895;
    let round = u32::try_from(round).unwrap_or(u32::MAX);
    LATEST.mul_f64((f64::from(round) * RATIO).fract())
}

fn shoot(contender: &Contender, delay: Duration) -> Result<Shot> {
    let (sender, sent) = std::sync::mpsc::channel();
    let init = contender.start_with(&["linger", LINGER], move |start| {
        // A sleep would be too coarse.
        while start.exec.elapsed() < delay {
            hint::spin_loop();
        }
        let at = Instant::now();
        let _ = kill(start.pid, Signal::SIGTERM);
        let _ = sender.send(at - start.exec);
    })?;
    let end = init.end()?;
    let lost = match end.code {
        0 => true,
        SIGTERM_ENDED_IT => false,
        _ => return Err(contender.ended("the exit code 0 or 143", &end)),
    };
    let delay = sent.recv()?;
    Ok(Shot { delay, lost })
}

/// The delay that best separates the lost from the others, and how many are on the wrong side of it. It is in the middle
/// between two shots; before the first one if none was lost, at the last one if all were.
fn threshold(shots: &[Shot]) -> (Duration, usize) {
    let mut shots = shots.to_vec();
    shots.sort_unstable_by_key(|shot| shot.delay);
    // With the threshold before all of them, each one that was lost is wrong. Each step to the right puts one shot before it.
    let mut wrong = shots.iter().filter(|shot| shot.lost).count();
    let mut best = (Duration::ZERO, wrong);
    for (index, shot) in shots.iter().enumerate() {
        if shot.lost {
            wrong -= 1;
        } else {
            wrong += 1;
        }
        if wrong < best.1 {
            let next = shots.get(index + 1).unwrap_or(shot);
            best = ((shot.delay + next.delay) / 2, wrong);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::{LATEST, Shot, delay, threshold};
    use std::time::Duration;

    fn of(shots: &[(u64, bool)]) -> (u128, usize) {
        let shots: Vec<_> = shots
            .iter()
            .map(|&(delay, lost)| Shot {
                delay: Duration::from_micros(delay),
                lost,
            })
            .collect();
        let (threshold, wrong) = threshold(&shots);
        (threshold.as_micros(), wrong)
    }

    #[test]
    fn the_threshold_is_between_the_lost_and_the_others() {
        assert_eq!(
            of(&[(300, true), (900, false), (500, true), (700, false)]),
            (600, 0)
        );
    }

    #[test]
    fn the_threshold_leaves_the_fewest_on_the_wrong_side() {
        let mixed = [
            (100, true),
            (200, false),
            (300, true),
            (400, true),
            (500, false),
            (600, false),
        ];
        assert_eq!(of(&mixed), (450, 1));
    }

    #[test]
    fn the_threshold_is_at_an_end_if_all_are_alike() {
        assert_eq!(of(&[(100, false), (200, false)]), (0, 0));
        assert_eq!(of(&[(100, true), (200, true)]), (200, 0));
        assert_eq!(of(&[]), (0, 0));
    }

    #[test]
    fn delays_cover_all_of_it() {
        let tenth = |round| delay(round).as_micros() * 10 / LATEST.as_micros();
        for wanted in 0..10 {
            let hits = (1..=50).filter(|&round| tenth(round) == wanted).count();
            assert!((4..=6).contains(&hits), "{hits} in tenth {wanted}");
        }
    }
}
