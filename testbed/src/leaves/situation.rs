//! What a situation consists of, and the words to write one down.

use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::view::View;

/// The code of a stop that was not confirmed.
pub(super) const UNCONFIRMED: i32 = 115;

/// A stop, what disturbs it, and what must be true in the end.
#[derive(Debug, Clone)]
pub struct Situation {
    /// Which part of the list it belongs to.
    pub group: &'static str,
    /// What happens, in one line.
    pub name: &'static str,
    /// On which cluster.
    pub(super) cluster: Cluster,
    /// The agent's configuration besides the usual; the seed's own file if there is none at all.
    pub(super) config: Option<Value>,
    /// lictor's options.
    pub(super) options: &'static [&'static str],
    /// Whether what stops the agent is PID 1.
    pub(super) pid1: bool,
    /// Whether the host has no network from the start.
    pub(super) cut_off: bool,
    /// When it begins.
    pub(super) begin: Begin,
    /// What is done before the clock starts, one after the other.
    pub(super) before: &'static [Act],
    /// What is done at its time, in milliseconds since the clock started.
    pub(super) steps: Vec<(u64, Act)>,
    /// Whether the seed's way can be put into this situation.
    pub(super) in_seeds_way: bool,
    /// The exit codes that are right.
    pub(super) codes: &'static [i32],
    /// What must be seen at the end, 12 s and 90 s after it.
    pub(super) views: [View; 3],
}

/// A cluster that situations are run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cluster {
    /// One server.
    Plain,
    /// One server whose ACLs deny all to whoever has no token, which is every agent here.
    Acl,
    /// Two servers, so that without one of them there is no leader.
    TwoServers,
}

/// When a situation begins.
#[derive(Debug, Clone, Copy)]
pub(super) enum Begin {
    /// When all see the node and its services.
    Settled,
    /// So many milliseconds after the start: lictor's first instructions, which block the signals, not counted.
    After(u64),
    /// When the agent's API answers for the first time.
    FirstAnswer,
}

/// What somebody does.
#[derive(Debug, Clone, Copy)]
pub(super) enum Act {
    /// The stop itself: this signal to lictor. In the seed's way it is [`Act::StopWithHook`], whatever the signal.
    Stop(Signal),
    /// kubelet's stop of the seed's pod: `consul leave` as the preStop hook, SIGTERM when that ends, SIGKILL after the grace.
    StopWithHook,
    /// A signal to PID 1: lictor, or the bare agent.
    Signal(Signal),
    /// A signal straight to the agent, from somebody who is not lictor.
    Agent(Signal),
    /// `consul leave` in somebody's shell on the host.
    ConsulLeave,
    /// `PUT /v1/agent/leave` by somebody on the host.
    PutLeave,
    /// A subcommand that asks the running lictor.
    Ask(&'static [&'static str]),
    /// No packet leaves or reaches the host any more.
    Cut,
    /// The network is back.
    Mend,
    /// A service more in the agent's configuration.
    ChangeConfig,
    /// The application of the service `web` says to its TTL check that all is well, which it was not.
    Flip,
    /// One of the two servers loses its network.
    LoseLeader,
    /// Waits until lictor has no agent: it will restart it, and has not yet.
    AwaitBackoff,
}

impl Situation {
    /// What must end with 0, `left`, and nothing in the catalog; of a settled agent with the usual configuration.
    pub(super) fn new(name: &'static str) -> Self {
        Self {
            group: "",
            name,
            cluster: Cluster::Plain,
            config: Some(json!({})),
            options: &[],
            pid1: true,
            cut_off: false,
            begin: Begin::Settled,
            before: &[],
            steps: Vec::new(),
            in_seeds_way: true,
            codes: &[0],
            views: [View::Left; 3],
        }
    }

    /// What somebody does so many milliseconds after the situation has begun.
    pub(super) fn at(mut self, milliseconds: u64, act: Act) -> Self {
        self.steps.push((milliseconds, act));
        // There is no lictor to ask in the seed's way.
        self.in_seeds_way &= !matches!(act, Act::Ask(_));
        self
    }

    /// Settings of Consul's configuration on top of the usual ones.
    pub(super) fn config(mut self, settings: Value) -> Self {
        self.config = Some(settings);
        self
    }

    /// The seed's configuration, byte for byte, instead of the usual one.
    pub(super) fn seeds_config(mut self) -> Self {
        self.config = None;
        self
    }

    pub(super) fn on(mut self, cluster: Cluster) -> Self {
        self.cluster = cluster;
        self
    }

    pub(super) fn options(mut self, options: &'static [&'static str]) -> Self {
        self.options = options;
        self
    }

    pub(super) fn not_pid1(mut self) -> Self {
        self.pid1 = false;
        self.lictor_only()
    }

    /// Its host has no network from the start; it begins when the agent answers.
    pub(super) fn cut_off(mut self) -> Self {
        self.cut_off = true;
        self.begin(Begin::FirstAnswer)
    }

    pub(super) fn begin(mut self, begin: Begin) -> Self {
        self.begin = begin;
        self
    }

    pub(super) fn before(mut self, acts: &'static [Act]) -> Self {
        self.before = acts;
        self
    }

    /// There is nothing like it in the seed's way.
    pub(super) fn lictor_only(mut self) -> Self {
        self.in_seeds_way = false;
        self
    }

    pub(super) fn codes(mut self, codes: &'static [i32]) -> Self {
        self.codes = codes;
        self
    }

    /// The leave cannot be confirmed: lictor has to say so, and the cluster sees this.
    pub(super) fn unconfirmed(mut self, views: [View; 3]) -> Self {
        self.views = views;
        self.codes(&[UNCONFIRMED])
    }

    /// The agent was so young that it may never have been a member, and its leave nothing that could be confirmed.
    pub(super) fn young(mut self) -> Self {
        self.views = [View::Gone; 3];
        self.codes(&[0, UNCONFIRMED])
    }

    /// A second leave breaks the first one off while others are being told of it: those who know that it is leaving take it for
    /// left some seconds later, when they no longer hear of it. Its entry may then have to be taken away.
    pub(super) fn told_late(mut self) -> Self {
        self.views[0] = View::Leaving;
        self.perhaps_unconfirmed()
    }

    /// The servers may learn of the node's end before they learn of its leave, and then keep it as failed until lictor takes its
    /// entry away; or they take longer over it than a small budget lasts. That it is gone is certain, that it left is not, and lictor
    /// has to be free to say so.
    pub(super) fn perhaps_unconfirmed(self) -> Self {
        self.codes(&[0, UNCONFIRMED])
    }

    /// The others have begun to suspect the agent by the time of its leave: they may hear of it and yet mark it as `left` only
    /// when it does not answer any more.
    pub(super) fn leaving(mut self) -> Self {
        self.views = [View::Leaving, View::Leaving, View::Left];
        self.perhaps_unconfirmed()
    }

    /// A stop without a leave: its entry is kept.
    pub(super) fn kept(mut self) -> Self {
        self.views = [View::Kept; 3];
        self
    }

    /// Whether the seed's way can be put into it.
    #[must_use]
    pub fn for_seed(&self) -> bool {
        self.in_seeds_way
    }

    /// Whether it must end with a node that has left.
    #[must_use]
    pub fn must_leave(&self) -> bool {
        matches!(self.views[1], View::Left | View::Gone | View::Leaving)
    }

    /// Those of lictor's options that are about the registration.
    pub(super) fn registration(&self) -> impl Iterator<Item = &'static str> {
        let all = self.options.iter().copied();
        all.filter(|option| option.starts_with("--check-"))
    }

    /// `--stop-timeout`, which is the pod's grace period in the seed's way.
    pub(super) fn budget(&self) -> Option<Duration> {
        let seconds = |option: &&str| {
            let text = option.strip_prefix("--stop-timeout=")?.strip_suffix('s')?;
            text.parse().ok()
        };
        self.options
            .iter()
            .find_map(seconds)
            .map(Duration::from_secs)
    }
}
