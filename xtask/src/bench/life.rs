//! The start and the stop of an agent, bare and under lictor, alternating on one host.

use std::fmt::Display;
use std::net::{Ipv4Addr, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use testbed::agent::Agent;
use testbed::net::Host;
use testbed::process::{Process, Role};

use super::figures::{Durations, compare};
use super::{Bed, Result, SERVICE};

const NODE: &str = "n1";
const START: Duration = Duration::from_secs(60);
const STOP: Duration = Duration::from_secs(40);
/// How finely the server's catalog is looked at; the resolution of every figure here.
const LOOK: Duration = Duration::from_millis(2);

/// What was seen of one life.
struct Life {
    registered: Duration,
    gone: Duration,
    ended: Duration,
}

#[derive(Default)]
struct Lives {
    registered: Durations,
    gone: Durations,
    ended: Durations,
    /// How often the node was back in the catalog after its agent had ended with 0.
    ghosts: usize,
}

impl Lives {
    fn push(&mut self, life: &Life) {
        self.registered.push(life.registered);
        self.gone.push(life.gone);
        self.ended.push(life.ended);
    }
}

/// Measures `runs` lives of each kind. Which kind goes first changes from pair to pair; one pair goes before, uncounted.
pub(super) fn run(bed: &Bed, runs: usize) -> Result<()> {
    let host = bed.host(NODE, 11)?;
    // What lictor would write is the bare agent's static file, so that both register the same.
    let registration = bed.lictor(&host).run("render")?.success()?;
    host.run(["mkdir", "-p", "/static"])?.success()?;
    host.write("/static/registration.json", registration)?;

    let (mut bare, mut lictor) = (Lives::default(), Lives::default());
    for pair in 0..=runs {
        let order = if pair % 2 == 0 {
            [false, true]
        } else {
            [true, false]
        };
        for supervised in order {
            let life = if supervised {
                under_lictor(bed, &host)?
            } else {
                without(bed, &host)?
            };
            let ghost = clear(bed)?;
            let kind = if supervised { "lictor" } else { "bare" };
            println!(
                "  {pair:2} {kind:6} registered {:.3} s, gone {:.3} s, ended {:.3} s{}",
                life.registered.as_secs_f64(),
                life.gone.as_secs_f64(),
                life.ended.as_secs_f64(),
                if ghost {
                    ", and was back afterwards"
                } else {
                    ""
                }
            );
            let lives = if supervised { &mut lictor } else { &mut bare };
            if pair > 0 {
                lives.push(&life);
                lives.ghosts += usize::from(ghost);
            }
        }
    }
    compare(
        "exec → service in the server's catalog",
        &bare.registered,
        &lictor.registered,
    );
    compare(
        "SIGTERM → node gone from the server's catalog",
        &bare.gone,
        &lictor.gone,
    );
    compare("SIGTERM → process ended", &bare.ended, &lictor.ended);
    println!("\nnodes that were back in the catalog after the end");
    println!("  bare agent  {} of {runs}", bare.ghosts);
    println!("  lictor      {} of {runs}", lictor.ghosts);
    own_share(bed, &host, runs)
}

/// What lictor itself adds to a start, which the seconds of an agent's own way to the catalog hide. An upper limit: what the
/// test bed does to start lictor is in it.
fn own_share(bed: &Bed, host: &Host, runs: usize) -> Result<()> {
    let mut spawned = Durations::default();
    for _ in 0..runs {
        let begin = Instant::now();
        let lictor = bed.lictor(host).start()?;
        let took = sample("the agent's process", begin, START, || {
            Ok(lictor.children().is_ok_and(|children| !children.is_empty()))
        })?;
        spawned.push(took);
        lictor.signal(Signal::SIGKILL)?;
        lictor.exit_code(STOP)?;
        clear(bed)?;
    }
    println!(
        "\nstart of lictor → the agent's process, the test bed's own work included\n  lictor      {spawned}"
    );
    Ok(())
}

/// Makes the catalog as if the host had never been; whether it was there.
fn clear(bed: &Bed) -> Result<bool> {
    let catalog = bed.server.catalog();
    let there = catalog.node(NODE)?.is_some();
    if there {
        let node = serde_json::json!({ "Node": NODE });
        bed.server.api().put("/v1/catalog/deregister", &node)?;
        catalog.wait_gone(NODE, STOP)?;
    }
    Ok(there)
}

fn under_lictor(bed: &Bed, host: &Host) -> Result<Life> {
    let begin = Instant::now();
    let lictor = bed.lictor(host).start()?;
    observe(bed, &lictor, begin)
}

fn without(bed: &Bed, host: &Host) -> Result<Life> {
    let begin = Instant::now();
    let agent = Agent::start(
        &host.into(),
        Role::Pid1,
        bed.version,
        &["agent", "-config-dir=/consul/config", "-config-dir=/static"],
        SocketAddr::from((Ipv4Addr::LOCALHOST, 8500)),
    )?;
    observe(bed, &agent, begin)
}

fn observe(bed: &Bed, process: &Process, begin: Instant) -> Result<Life> {
    let catalog = bed.server.catalog();
    let registered = sample("the service in the catalog", begin, START, || {
        Ok(!catalog.service(SERVICE)?.is_empty())
    })?;
    // A stop right after the registration would meet an agent that still joins the rest of its retry_join list.
    catalog.wait_passing(SERVICE, 1, START)?;
    let stop = Instant::now();
    process.signal(Signal::SIGTERM)?;
    let gone = sample("the node out of the catalog", stop, STOP, || {
        Ok(catalog.node(NODE)?.is_none())
    })?;
    let code = process.exit_code(STOP)?;
    let ended = stop.elapsed();
    if code != 0 {
        let (name, log) = (process.name(), process.log());
        return Err(format!("see {name} end with 0: {code}; its log:\n{log}").into());
    }
    Ok(Life {
        registered,
        gone,
        ended,
    })
}

/// How long after `begin` `look` first held.
fn sample(
    what: &str,
    begin: Instant,
    deadline: Duration,
    mut look: impl FnMut() -> std::result::Result<bool, testbed::agent::Error>,
) -> Result<Duration> {
    let failed = |seen: &dyn Display| format!("see {what} within {deadline:?}: {seen}");
    loop {
        let held = look();
        let elapsed = begin.elapsed();
        match held {
            Ok(true) => return Ok(elapsed),
            Ok(false) if elapsed > deadline => return Err(failed(&"not there").into()),
            Err(error) => return Err(failed(&error).into()),
            Ok(false) => thread::sleep(LOOK),
        }
    }
}
