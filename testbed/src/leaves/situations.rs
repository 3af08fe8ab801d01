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

const TERM: Act = Stop(SIGTERM);
/// A budget for what needs all of it, so that nobody waits long.
const SHORT: [&str; 1] = ["--stop-timeout=12s"];

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
    Situation::new("SIGTERM, --stop-timeout=2s", &[(0, TERM)]).options(&["--stop-timeout=2s"])
}

fn nothing_special() -> Vec<Situation> {
    let off = || json!({ "leave_on_terminate": false });
    let never = || json!({ "leave_on_terminate": false, "skip_leave_on_interrupt": true });
    vec![
        Situation::new("SIGTERM", &[(0, TERM)]),
        Situation::new("SIGINT", &[(0, Stop(SIGINT))]).lictor_only(),
        Situation::new("SIGTERM, with the seed's own configuration", &[(0, TERM)]).seeds_config(),
        Situation::new("SIGTERM to a lictor that is not PID 1", &[(0, TERM)]).not_pid1(),
        Situation::new("leave_on_terminate=false", &[(0, TERM)]).config(off()),
        Situation::new(
            "leave_on_terminate=false, skip_leave_on_interrupt=true: no signal leaves",
            &[(0, TERM)],
        )
        .config(never()),
        Situation::new("HTTP is off: nobody can ask, nobody can see", &[(0, TERM)])
            .config(json!({ "ports": { "http": -1 } }))
            .options(&["--check-http="])
            .unconfirmed([View::Left; 3]),
        Situation::new("ACLs deny the leave and the catalog", &[(0, TERM)])
            .on(Cluster::Acl)
            .unconfirmed([View::Left; 3]),
    ]
}

fn more_signals() -> Vec<Situation> {
    let new = Situation::new;
    vec![
        new(
            "a second SIGTERM at once",
            &[(0, TERM), (0, Signal(SIGTERM))],
        ),
        new(
            "a second SIGTERM 0.3 s later",
            &[(0, TERM), (300, Signal(SIGTERM))],
        ),
        new(
            "a second SIGTERM 1 s later",
            &[(0, TERM), (1000, Signal(SIGTERM))],
        ),
        new(
            "a second SIGTERM 3 s later",
            &[(0, TERM), (3000, Signal(SIGTERM))],
        ),
        new(
            "a third SIGTERM: 0, 0.3 and 0.6 s",
            &[(0, TERM), (300, Signal(SIGTERM)), (600, Signal(SIGTERM))],
        ),
        new(
            "SIGINT on top, 0.3 s later",
            &[(0, TERM), (300, Signal(SIGINT))],
        ),
        new(
            "SIGQUIT on top, 0.3 s later",
            &[(0, TERM), (300, Signal(SIGQUIT))],
        ),
        new(
            "SIGHUP 0.3 s into the leave",
            &[(0, TERM), (300, Signal(SIGHUP))],
        ),
        new(
            "a changed configuration and SIGHUP 0.5 s into the leave",
            &[(0, TERM), (500, ChangeConfig), (550, Signal(SIGHUP))],
        ),
        new(
            "in the middle of a reload",
            &[(0, Signal(SIGHUP)), (10, TERM)],
        ),
    ]
}

fn other_hands() -> Vec<Situation> {
    let new = Situation::new;
    vec![
        new(
            "the seed's preStop hook, SIGTERM when it ends",
            &[(0, StopWithHook)],
        ),
        new(
            "`consul leave` by hand, SIGTERM 0.3 s later",
            &[(0, ConsulLeave), (300, TERM)],
        ),
        new(
            "`consul leave` by hand, SIGTERM 2 s later",
            &[(0, ConsulLeave), (2000, TERM)],
        ),
        new(
            "`consul leave` by hand at the same moment",
            &[(0, TERM), (0, ConsulLeave)],
        ),
        new(
            "`consul leave` by hand 0.3 s later",
            &[(0, TERM), (300, ConsulLeave)],
        ),
        new(
            "`consul leave` by hand 1 s later",
            &[(0, TERM), (1000, ConsulLeave)],
        ),
        new(
            "`consul leave` twice at once by hand, and no signal",
            &[(0, ConsulLeave), (0, ConsulLeave)],
        ),
        new(
            "PUT /v1/agent/leave 0.3 s later",
            &[(0, TERM), (300, PutLeave)],
        ),
        new(
            "`lictor leave` from two shells at once",
            &[(0, Ask(&["leave"])), (0, Ask(&["leave"]))],
        )
        .lictor_only(),
        new(
            "`lictor leave`, SIGTERM 0.3 s later",
            &[(0, Ask(&["leave"])), (300, TERM)],
        )
        .lictor_only(),
        new(
            "SIGTERM, `lictor leave` 0.3 s later",
            &[(0, TERM), (300, Ask(&["leave"]))],
        )
        .lictor_only(),
        new(
            "SIGTERM, `lictor stop --stay` 0.3 s later",
            &[(0, TERM), (300, Ask(&["stop", "--stay"]))],
        )
        .lictor_only(),
        new("`lictor stop`", &[(0, Ask(&["stop"]))]).lictor_only(),
    ]
}

fn breakage() -> Vec<Situation> {
    let new = Situation::new;
    vec![
        new(
            "somebody's SIGTERM to the agent 0.3 s into the leave",
            &[(0, TERM), (300, Agent(SIGTERM))],
        ),
        new(
            "the agent is killed 0.1 s into the leave",
            &[(0, TERM), (100, Agent(SIGKILL))],
        ),
        new(
            "the agent is killed 0.5 s into the leave",
            &[(0, TERM), (500, Agent(SIGKILL))],
        ),
        new(
            "the agent is killed 2 s into the leave",
            &[(0, TERM), (2000, Agent(SIGKILL))],
        ),
        new(
            "the agent is frozen 0.3 s into the leave",
            &[(0, TERM), (300, Agent(SIGSTOP))],
        )
        .options(&SHORT),
        new(
            "the network is cut 0.5 s into the leave, for 3 s",
            &[(0, TERM), (500, Cut), (3500, Mend)],
        ),
    ]
}

fn ghosts() -> Vec<Situation> {
    let flapping = json!({ "check": { "id": "flap", "name": "flap", "interval": "1s",
        "args": ["sh", "-c", "exit $(( $(date +%s) % 2 * 2 ))"] } });
    vec![
        Situation::new(
            "a TTL check turns 2.2 s into the leave",
            &[(0, TERM), (2200, Flip)],
        ),
        Situation::new("a script check turns every second", &[(0, TERM)]).config(flapping),
    ]
}

fn budgets() -> Vec<Situation> {
    let new = |name| Situation::new(name, &[(0, TERM)]);
    vec![
        new("2 s").options(&["--stop-timeout=2s"]),
        new("5 s").options(&["--stop-timeout=5s"]),
        new("10 s").options(&["--stop-timeout=10s"]),
        new("30 s").options(&["--stop-timeout=30s"]),
        new("2 s, and the agent is 0.3 s old")
            .options(&["--stop-timeout=2s"])
            .begin(After(300))
            .young(),
        new("of which 2 s are for the load balancers: --drain")
            .options(&["--drain=2s"])
            .lictor_only(),
    ]
}

fn early() -> Vec<Situation> {
    let new = |name| Situation::new(name, &[(0, TERM)]);
    vec![
        new("as soon as lictor runs").begin(After(0)).young(),
        new("20 ms after the start").begin(After(20)).young(),
        new("50 ms after the start").begin(After(50)).young(),
        new("100 ms after the start").begin(After(100)).young(),
        new("300 ms after the start").begin(After(300)).young(),
        new("1 s after the start").begin(After(1000)).young(),
        new("at the first answer of the agent's API")
            .begin(FirstAnswer)
            .young(),
        new("before it has joined, and it never will")
            .begin(FirstAnswer)
            .cut_off()
            .young()
            .options(&SHORT),
        Situation::new(
            "before it has joined, which it can 2 s later",
            &[(0, TERM), (2000, Mend)],
        )
        .begin(FirstAnswer)
        .cut_off()
        .young()
        .options(&SHORT),
    ]
}

fn late() -> Vec<Situation> {
    let new = |name| Situation::new(name, &[(0, TERM)]);
    vec![
        new("during the back-off after a crash")
            .before(&[Agent(SIGKILL), AwaitBackoff])
            .lictor_only(),
        new("the agent is frozen")
            .before(&[Agent(SIGSTOP)])
            .options(&SHORT),
        new("no server can be reached")
            .before(&[Cut])
            .options(&SHORT)
            .unconfirmed([View::Anything, View::Anything, View::Failed]),
        new("there is no leader")
            .on(Cluster::TwoServers)
            .before(&[LoseLeader])
            .options(&SHORT)
            .unconfirmed([View::MemberLeft, View::MemberLeft, View::Left]),
    ]
}

fn no_leave() -> Vec<Situation> {
    let new = Situation::new;
    vec![
        new("--on-stop=stay", &[(0, TERM)])
            .options(&["--on-stop=stay"])
            .kept()
            .lictor_only(),
        new("SIGQUIT", &[(0, Signal(SIGQUIT))]).kept(),
        new("`lictor stop --stay`", &[(0, Ask(&["stop", "--stay"]))])
            .kept()
            .lictor_only(),
    ]
}
