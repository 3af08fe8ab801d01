//! The list of situations.

use nix::sys::signal::Signal::{SIGHUP, SIGINT, SIGKILL, SIGQUIT, SIGSTOP, SIGTERM};
use serde_json::json;

use super::situation::Act::{
    Agent, Ask, AwaitBackoff, ChangeConfig, ConsulLeave, Cut, Flip, LoseLeader, Mend, PutLeave,
    Signal, Stop, StopWithHook,
};
use super::situation::Begin::{After, FirstAnswer};
use super::situation::{Act, Cluster, Situation};
use super::view::View;

/// The agent's last synchronisation may come after its leave. Where lictor cannot look into the catalog it cannot take that ghost away
/// either, and the leader does within a minute.
const OUT_OF_REACH: [View; 3] = [View::LeftOrGhost, View::LeftOrGhost, View::Left];

const TERM: Act = Stop(SIGTERM);
/// A budget shorter than an agent's own leave.
const TWO_SECONDS: [&str; 1] = ["--stop-timeout=2s"];
/// A budget for what may need all of it, so that nobody waits long.
const TWELVE_SECONDS: [&str; 1] = ["--stop-timeout=12s"];

/// All of them, in the order in which one would tell them.
#[must_use]
pub fn situations() -> Vec<Situation> {
    let groups = [
        ("Nothing special", nothing_special()),
        ("More signals", more_signals()),
        ("Somebody else asks as well", other_hands()),
        ("Something breaks", breakage()),
        ("Ghosts", ghosts()),
        ("A budget", budgets()),
        ("Early", early()),
        ("Late", late()),
        ("No leave", no_leave()),
    ];
    groups
        .into_iter()
        .flat_map(|(group, situations)| {
            situations
                .into_iter()
                .map(move |situation| Situation { group, ..situation })
        })
        .collect()
}

/// A plain stop that has 2 s.
#[must_use]
pub fn in_two_seconds() -> Situation {
    sigterm("SIGTERM, --stop-timeout=2s")
        .options(&TWO_SECONDS)
        .perhaps_unconfirmed()
}

/// A SIGTERM to whoever has to end the agent, and what more is said of it.
fn sigterm(name: &'static str) -> Situation {
    plain(name).at(0, TERM)
}

/// Nothing yet but what is said of it.
fn plain(name: &'static str) -> Situation {
    Situation::new(name)
}

fn nothing_special() -> Vec<Situation> {
    let off = json!({ "leave_on_terminate": false });
    let never = json!({ "leave_on_terminate": false, "skip_leave_on_interrupt": true });
    vec![
        sigterm("SIGTERM"),
        plain("SIGINT").at(0, Stop(SIGINT)).lictor_only(),
        sigterm("SIGTERM, with the seed's own configuration").seeds_config(),
        sigterm("SIGTERM to a lictor that is not PID 1").not_pid1(),
        sigterm("leave_on_terminate=false").config(off),
        sigterm("leave_on_terminate=false, skip_leave_on_interrupt=true").config(never),
        sigterm("HTTP is off: nobody can ask, nobody can look")
            .config(json!({ "ports": { "http": -1 } }))
            .options(&["--check-http="])
            .unconfirmed(OUT_OF_REACH),
        sigterm("ACLs deny the leave and the catalog")
            .on(Cluster::Acl)
            .unconfirmed(OUT_OF_REACH),
    ]
}

fn more_signals() -> Vec<Situation> {
    vec![
        sigterm("a second SIGTERM at once").at(0, Signal(SIGTERM)),
        sigterm("a second SIGTERM 0.3 s later").at(300, Signal(SIGTERM)),
        sigterm("a second SIGTERM 1 s later").at(1000, Signal(SIGTERM)),
        sigterm("a second SIGTERM 3 s later").at(3000, Signal(SIGTERM)),
        sigterm("a third SIGTERM: at 0, 0.3 and 0.6 s")
            .at(300, Signal(SIGTERM))
            .at(600, Signal(SIGTERM)),
        sigterm("SIGINT on top, 0.3 s later").at(300, Signal(SIGINT)),
        sigterm("SIGQUIT on top, 0.3 s later").at(300, Signal(SIGQUIT)),
        sigterm("SIGHUP 0.3 s into the leave").at(300, Signal(SIGHUP)),
        sigterm("a changed configuration and SIGHUP 0.5 s into the leave")
            .at(500, ChangeConfig)
            .at(550, Signal(SIGHUP)),
        plain("SIGTERM in the middle of a reload")
            .at(0, Signal(SIGHUP))
            .at(10, TERM),
    ]
}

fn other_hands() -> Vec<Situation> {
    vec![
        plain("the seed's preStop hook, SIGTERM when it ends").at(0, StopWithHook),
        plain("`consul leave` by hand, SIGTERM 0.3 s later")
            .at(0, ConsulLeave)
            .at(300, TERM),
        plain("`consul leave` by hand, SIGTERM 2 s later")
            .at(0, ConsulLeave)
            .at(2000, TERM),
        sigterm("`consul leave` by hand at the same moment")
            .at(0, ConsulLeave)
            .told_late(),
        sigterm("`consul leave` by hand 0.3 s later")
            .at(300, ConsulLeave)
            .told_late(),
        sigterm("`consul leave` by hand 1 s later").at(1000, ConsulLeave),
        plain("`consul leave` by two hands at once, and no signal")
            .at(0, ConsulLeave)
            .at(0, ConsulLeave),
        sigterm("PUT /v1/agent/leave 0.3 s later")
            .at(300, PutLeave)
            .told_late(),
        plain("`lictor leave` in two shells at once")
            .at(0, Ask(&["leave"]))
            .at(0, Ask(&["leave"])),
        plain("`lictor leave`, SIGTERM 0.3 s later")
            .at(0, Ask(&["leave"]))
            .at(300, TERM),
        sigterm("SIGTERM, `lictor leave` 0.3 s later").at(300, Ask(&["leave"])),
        sigterm("SIGTERM, `lictor stop --stay` 0.3 s later").at(300, Ask(&["stop", "--stay"])),
        plain("`lictor stop`").at(0, Ask(&["stop"])),
    ]
}

fn breakage() -> Vec<Situation> {
    vec![
        sigterm("somebody's SIGTERM to the agent 0.3 s into the leave").at(300, Agent(SIGTERM)),
        sigterm("the agent is killed 0.1 s into the leave")
            .at(100, Agent(SIGKILL))
            .perhaps_unconfirmed(),
        sigterm("the agent is killed 0.5 s into the leave")
            .at(500, Agent(SIGKILL))
            .perhaps_unconfirmed(),
        sigterm("the agent is killed 2 s into the leave").at(2000, Agent(SIGKILL)),
        sigterm("the agent is frozen 0.3 s into the leave")
            .at(300, Agent(SIGSTOP))
            .options(&TWELVE_SECONDS),
        sigterm("the network is cut 0.5 s into the leave, for 3 s")
            .at(500, Cut)
            .at(3500, Mend)
            .perhaps_unconfirmed(),
    ]
}

fn ghosts() -> Vec<Situation> {
    let flapping = json!({ "check": { "id": "flap", "name": "flap", "interval": "1s",
        "args": ["sh", "-c", "exit $(( $(date +%s) % 2 * 2 ))"] } });
    vec![
        sigterm("a TTL check turns 2.2 s into the leave").at(2200, Flip),
        sigterm("a script check turns every second").config(flapping),
    ]
}

fn budgets() -> Vec<Situation> {
    vec![
        sigterm("2 s").options(&TWO_SECONDS).perhaps_unconfirmed(),
        sigterm("5 s").options(&["--stop-timeout=5s"]),
        sigterm("10 s").options(&["--stop-timeout=10s"]),
        sigterm("30 s").options(&["--stop-timeout=30s"]),
        sigterm("2 s, and the agent is 0.3 s old")
            .options(&TWO_SECONDS)
            .begin(After(300))
            .young(),
        sigterm("of which 2 s go to the load balancers")
            .options(&["--drain=2s"])
            .lictor_only(),
        sigterm("the same, and a second SIGTERM in the middle of them")
            .at(1000, Signal(SIGTERM))
            .options(&["--drain=2s"])
            .lictor_only(),
    ]
}

fn early() -> Vec<Situation> {
    vec![
        sigterm("while lictor waits for an address, without an agent")
            .begin(After(300))
            .options(&["--interface=eth7"])
            .young()
            .lictor_only(),
        sigterm("as soon as it runs").begin(After(0)).young(),
        sigterm("20 ms after the start").begin(After(20)).young(),
        sigterm("50 ms after the start").begin(After(50)).young(),
        sigterm("100 ms after the start").begin(After(100)).young(),
        sigterm("300 ms after the start").begin(After(300)).young(),
        sigterm("1 s after the start").begin(After(1000)).young(),
        sigterm("at the first answer of the agent's API")
            .begin(FirstAnswer)
            .young(),
        sigterm("before it has joined, and it never will")
            .cut_off()
            .options(&TWELVE_SECONDS)
            .young(),
        sigterm("before it has joined, which it can 2 s later")
            .at(2000, Mend)
            .cut_off()
            .options(&TWELVE_SECONDS)
            .young(),
    ]
}

fn late() -> Vec<Situation> {
    vec![
        sigterm("during the back-off after a crash")
            .before(&[Agent(SIGKILL), AwaitBackoff])
            .perhaps_unconfirmed()
            .lictor_only(),
        sigterm("the agent is frozen")
            .before(&[Agent(SIGSTOP)])
            .options(&TWELVE_SECONDS),
        sigterm("no server can be reached")
            .before(&[Cut])
            .options(&TWELVE_SECONDS)
            .unconfirmed([View::Anything, View::Anything, View::Failed]),
        sigterm("no server can be reached, until 3 s later")
            .before(&[Cut])
            .at(3000, Mend)
            .leaving(),
        sigterm("there is no leader")
            .on(Cluster::TwoServers)
            .before(&[LoseLeader])
            .options(&TWELVE_SECONDS)
            .unconfirmed([View::MemberLeft, View::MemberLeft, View::Left]),
    ]
}

fn no_leave() -> Vec<Situation> {
    vec![
        sigterm("--on-stop=stay")
            .options(&["--on-stop=stay"])
            .kept()
            .lictor_only(),
        plain("SIGQUIT").at(0, Signal(SIGQUIT)).kept(),
        plain("`lictor stop --stay`")
            .at(0, Ask(&["stop", "--stay"]))
            .kept(),
    ]
}
