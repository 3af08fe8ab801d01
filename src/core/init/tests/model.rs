//! Random lives of a plain init, each from a seed, held against what must always be true.

use super::*;

/// Everything a program and its surroundings can do, without regard to sense.
fn any_event(rng: &mut fastrand::Rng, world: &World) -> Event {
    let holders = [Holder::Nobody, Holder::Us, Holder::Program, Holder::Others];
    let holder = holders[rng.usize(..holders.len())];
    let stops = [SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU];
    match rng.u32(..12) {
        0..5 => Event::Signal(rng.i32(1..=signal::LAST)),
        5 => Event::Signal(SIGTERM),
        6 => Event::Stopped {
            signal: stops[rng.usize(..stops.len())],
            holder,
        },
        7 => Event::Continued,
        8 => Event::Resumed {
            stopped: rng.bool(),
            holder,
        },
        9 if world.program_runs => Event::Ended {
            how: if rng.bool() {
                How::Exited(rng.u8(..))
            } else {
                How::Signaled(rng.i32(1..=signal::LAST))
            },
            others: rng.bool(),
        },
        10 if !world.program_runs => Event::Alone,
        11 if rng.u32(..8) == 0 => Event::OutOfReach,
        _ => Event::Tick,
    }
}

struct World {
    program_runs: bool,
    /// What the exit code must be, known from the program's end on.
    code: Option<u8>,
    exits: u32,
    asked: Option<Duration>,
    kills: u32,
}

fn random_config(rng: &mut fastrand::Rng) -> Config {
    let mut rewrite = Rewrite::default();
    for _ in 0..rng.u32(..3) {
        rewrite.set(rng.i32(1..=signal::LAST), rng.i32(0..=signal::LAST));
    }
    let mut expected = Codes::default();
    for _ in 0..rng.u32(..3) {
        expected.insert(rng.u8(..));
    }
    let policies = [Policy::End(5 * SECOND), Policy::Tell, Policy::Leave];
    Config {
        target: if rng.bool() {
            Target::Child
        } else {
            Target::Group
        },
        rewrite,
        expected,
        leftovers: policies[rng.usize(..policies.len())],
        stops: [Stops::Program, Stops::Us, Stops::UsAlways][rng.usize(..3)],
    }
}

/// One life; an error is the name of what was not so.
fn live(seed: u64, transcript: &mut Vec<String>) -> Result<(), String> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let config = random_config(&mut rng);
    let mut init = Init::new(config.clone());
    let mut now = Duration::ZERO;
    let mut world = World {
        program_runs: true,
        code: None,
        exits: 0,
        asked: None,
        kills: 0,
    };
    for _ in 0..rng.u32(1..60) {
        let step = Duration::from_millis(rng.u64(..2000));
        let event = any_event(&mut rng, &world);
        now = match (event, init.deadline()) {
            (Event::Tick, Some(deadline)) if rng.bool() => deadline.max(now),
            _ => now + step,
        };
        if let Event::Ended { how, .. } = event {
            world.program_runs = false;
            let code = how.code();
            world.code = Some(if config.expected.contains(code) {
                0
            } else {
                code
            });
        }
        transcript.push(format!("{now:?} {event:?}"));
        let mut actions = Vec::new();
        init.handle(now, event, &mut |action| actions.push(action));
        for action in actions {
            transcript.push(format!("        {action:?}"));
            check(&config, &mut world, now, event, action)?;
        }
        must(
            world.program_runs == init.deadline().is_none() || world.exits == 1,
            "there is a deadline from the program's end to the exit, and at no other time",
        )?;
        if event == Event::Tick {
            must(
                init.deadline().is_none_or(|deadline| deadline > now),
                "after a tick no deadline has passed",
            )?;
        }
    }
    Ok(())
}

fn check(
    config: &Config,
    world: &mut World,
    now: Duration,
    event: Event,
    action: Action,
) -> Result<(), String> {
    must(world.exits == 0, "nothing is done after the exit")?;
    match action {
        Action::Send(signal, target) => {
            let farewell = config.leftovers == Policy::Tell && target == config.target;
            must(
                world.program_runs || farewell,
                "no signal is sent to a program that has ended, unless it is dumb-init's farewell",
            )?;
            must(
                (1..=signal::LAST).contains(&signal),
                "what is sent is a signal",
            )?;
            let causes = match event {
                Event::Signal(received) => config.rewrite.apply(received).is_some(),
                Event::Stopped { .. } | Event::Resumed { .. } | Event::Ended { .. } => true,
                _ => false,
            };
            must(causes, "a dropped signal, or none, causes none")?;
        }
        Action::Sweep(signal) => {
            must(
                !world.program_runs,
                "nothing is swept while the program runs",
            )?;
            must(
                matches!(config.leftovers, Policy::End(_)),
                "only what is to be ended is swept",
            )?;
            if signal == SIGTERM {
                must(world.asked.is_none(), "what is left is asked once")?;
                world.asked = Some(now);
            } else {
                must(signal == SIGKILL, "it is asked, or killed")?;
                let patience = world.asked.map(|asked| now.saturating_sub(asked));
                must(
                    patience.is_some_and(|patience| patience >= 5 * SECOND),
                    "it is killed only after it was asked and had its time",
                )?;
                world.kills += 1;
                must(world.kills <= 100, "killing comes to an end")?;
            }
        }
        Action::Exit(code) => {
            must(!world.program_runs, "no exit while the program runs")?;
            must(Some(code) == world.code, "the exit code is the program's")?;
            world.exits += 1;
        }
        Action::Suspend { .. } | Action::Halt | Action::GiveTerminal => {
            must(world.program_runs, "the terminal is the program's alone")?;
        }
        Action::Say(..) => {}
    }
    Ok(())
}

fn must(holds: bool, invariant: &str) -> Result<(), String> {
    if holds {
        Ok(())
    } else {
        Err(invariant.to_owned())
    }
}

/// How to repeat one life: `LICTOR_TEST_SEED=<seed> cargo test --lib init`. The variable is read by the compiler, since the core
/// reads no environment, not even here.
#[test]
fn whatever_happens_the_invariants_hold() {
    let given = option_env!("LICTOR_TEST_SEED").map(|seed| seed.parse().expect("a number"));
    let seeds: Box<dyn Iterator<Item = u64>> = match given {
        Some(seed) => Box::new(std::iter::once(seed)),
        None => {
            let mut rng = fastrand::Rng::new();
            Box::new((0..20_000).map(move |_| rng.u64(..)))
        }
    };
    for seed in seeds {
        let mut transcript = Vec::new();
        if let Err(invariant) = live(seed, &mut transcript) {
            panic!(
                "not so: {invariant}; LICTOR_TEST_SEED={seed}\n{}",
                transcript.join("\n")
            );
        }
    }
}
