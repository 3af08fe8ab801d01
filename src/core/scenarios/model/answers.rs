//! What can be said in answer to a question, true or not.

use super::addresses::ADVERTISED;
use super::*;
use crate::core::checks::Health;
use crate::core::event::{Member, MemberState, Membership, Neighbour, NodeView};

/// Mostly it is a member like others.
const MEMBERSHIPS: [Membership; 6] = [
    Membership::Unknown,
    Membership::Alive,
    Membership::Alive,
    Membership::Alive,
    Membership::Leaving,
    Membership::Left,
];

const IN_CATALOG: [&str; 2] = [SERVICE, "another"];

/// Some of those that an agent has.
pub(super) fn services(rng: &mut fastrand::Rng, percent_of: u32) -> BTreeSet<String> {
    let mut some = SERVICES.to_vec();
    some.retain(|_| percent(rng, percent_of));
    some.into_iter().map(str::to_owned).collect()
}

/// One of these, by chance.
pub(super) fn any<T: Clone>(rng: &mut fastrand::Rng, of: &[T]) -> T {
    of[rng.usize(0..of.len())].clone()
}

/// Yes, so many times out of a hundred.
pub(super) fn percent(rng: &mut fastrand::Rng, yes: u32) -> bool {
    rng.u32(0..100) < yes
}

pub(super) fn refusal(rng: &mut fastrand::Rng) -> Refusal {
    let kinds = [
        Refusal::Unreachable,
        Refusal::Lost,
        Refusal::Denied,
        Refusal::Failed,
        Refusal::TimedOut,
    ];
    any(rng, &kinds)("by chance".to_owned())
}

/// How a process may end.
pub(super) fn how(rng: &mut fastrand::Rng) -> How {
    let ways = [
        How::Exited(0),
        How::Exited(1),
        How::Exited(2),
        How::Signaled(6),
        How::Signaled(9),
        How::Signaled(11),
        How::Signaled(15),
    ];
    any(rng, &ways)
}

pub(super) fn facts(rng: &mut fastrand::Rng) -> AgentFacts {
    let maybe = [None, Some(true), Some(false)];
    AgentFacts {
        node_name: any(rng, &["n1", "n1", "n2"]).to_owned(),
        node_id: any(rng, &["id-1", "id-1", "id-2", ""]).to_owned(),
        server: any(rng, &maybe),
        leaves_on_terminate: any(rng, &maybe),
        leaves_on_interrupt: any(rng, &maybe),
        membership: any(rng, &MEMBERSHIPS),
        version: "1.22.5".to_owned(),
        advertise: any(rng, &ADVERTISED).parse().ok(),
        listens: any(rng, &[None, address().ip.into()]).into_iter().collect(),
        gossip: any(rng, &[None, Some("10.0.0.5:8301")]).and_then(|place| place.parse().ok()),
        ..AgentFacts::default()
    }
}

/// One that is dead by each rule there is.
fn dead_twin() -> NodeView {
    NodeView {
        entry: CatalogNode {
            id: "id-9".to_owned(),
            ..in_catalog(&[])
        },
        serf: Some(Health::Critical),
        member: Some(Member {
            address: "10.0.0.5".to_owned(),
            port: 8301,
            id: "id-1".to_owned(),
            state: MemberState::Failed,
        }),
    }
}

/// What is left of a name that was taken away: our own entry without `serfHealth`, or a member that has failed.
pub(super) fn afterwards(question: &Question, facts: &AgentFacts) -> Answer {
    let mut view = dead_twin();
    view.serf = None;
    view.entry.present =
        matches!(question, Question::Node { node, .. } if *node == facts.node_name);
    view.entry.id.clone_from(&facts.node_id);
    if let (true, Some(member)) = (view.entry.present, &mut view.member) {
        member.id.clone_from(&facts.node_id);
        member.state = MemberState::Alive;
    }
    Answer::Node(Ok(Box::new(view)))
}

/// Anything that can be known of a name.
pub(super) fn node(rng: &mut fastrand::Rng) -> NodeView {
    if rng.bool() {
        return dead_twin();
    }
    let states = [
        MemberState::Alive,
        MemberState::Left,
        MemberState::Failed,
        MemberState::Failed,
    ];
    let member = Member {
        address: any(rng, &ADDRESSES).to_owned(),
        port: any(rng, &[8301, 8301, 8311]),
        id: any(rng, &["id-1", "id-2", "id-3"]).to_owned(),
        state: any(rng, &states),
    };
    NodeView {
        entry: CatalogNode {
            present: percent(rng, 90),
            created: any(rng, &[3, 3, 3, 3, 2]),
            modified: any(rng, &[4, 4, 4, 4, 5]),
            id: any(rng, &["id-1", "id-2", "id-2", "id-2", "id-3"]).to_owned(),
            address: any(rng, &ADDRESSES).to_owned(),
            external: percent(rng, 10),
            ..CatalogNode::default()
        },
        serf: any(rng, &[None, Some(Health::Passing), Some(Health::Critical)]),
        member: percent(rng, 80).then_some(member),
    }
}

const ADDRESSES: [&str; 4] = ["10.0.0.5", "10.0.0.5", "10.0.0.5", "10.0.0.6"];

pub(super) fn neighbours(rng: &mut fastrand::Rng) -> Vec<Neighbour> {
    let all = [("n1", "id-1"), ("n2", "id-2"), ("n3", "id-3")];
    let some = all.into_iter().filter(|_| rng.bool());
    some.map(|(name, id)| Neighbour {
        name: name.to_owned(),
        id: id.to_owned(),
    })
    .collect()
}

/// Any answer that is one to this question.
pub(super) fn whatever(rng: &mut fastrand::Rng, question: &Question) -> Answer {
    let good = percent(rng, 60);
    let refused = refusal(rng);
    let done = if good { Ok(()) } else { Err(refused.clone()) };
    match question {
        Question::Agent if good => Answer::Agent(Ok(Box::new(facts(rng)))),
        Question::Membership if good => Answer::Membership(Ok(any(rng, &MEMBERSHIPS))),
        Question::Leader if good => {
            Answer::Leader(Ok(percent(rng, 80).then(|| "10.0.0.1:8300".to_owned())))
        }
        Question::Catalog { .. } if good => Answer::Catalog(Ok(CatalogNode {
            index: rng.u64(0..12),
            present: percent(rng, 60),
            created: 0,
            modified: 0,
            external: false,
            id: any(rng, &["id-1", "id-1", "id-2", ""]).to_owned(),
            address: "10.0.0.5".to_owned(),
            services: IN_CATALOG
                .iter()
                .filter(|_| rng.bool())
                .map(|id| (*id).to_owned())
                .collect(),
        })),
        Question::Node { .. } if good => Answer::Node(Ok(Box::new(node(rng)))),
        Question::Node { .. } => Answer::Node(Err(refused)),
        Question::Neighbours { .. } if good => Answer::Neighbours(Ok(neighbours(rng))),
        Question::Neighbours { .. } => Answer::Neighbours(Err(refused)),
        Question::Vouch { .. } if good => Answer::Vouched(Ok(rng.bool())),
        Question::Vouch { .. } => Answer::Vouched(Err(refused)),
        Question::Remove { .. } if good => Answer::Removed(Ok(rng.bool())),
        Question::Remove { .. } => Answer::Removed(Err(refused)),
        Question::Agent => Answer::Agent(Err(refused)),
        Question::Membership => Answer::Membership(Err(refused)),
        Question::Leader => Answer::Leader(Err(refused)),
        Question::Catalog { .. } => Answer::Catalog(Err(refused)),
        Question::Services if good => Answer::Services(Ok(services(rng, 80))),
        Question::Services => Answer::Services(Err(refused)),
        Question::Reload => Answer::Reload(done),
        Question::Leave => Answer::Leave(done),
        Question::ForceLeave { .. } => Answer::ForceLeave(done),
        Question::Deregister { .. } => Answer::Deregister(done),
    }
}

/// No answer to this question, and why.
pub(super) fn refuse(question: &Question, refusal: Refusal) -> Answer {
    match question {
        Question::Agent => Answer::Agent(Err(refusal)),
        Question::Membership => Answer::Membership(Err(refusal)),
        Question::Leader => Answer::Leader(Err(refusal)),
        Question::Catalog { .. } => Answer::Catalog(Err(refusal)),
        Question::Node { .. } => Answer::Node(Err(refusal)),
        Question::Neighbours { .. } => Answer::Neighbours(Err(refusal)),
        Question::Vouch { .. } => Answer::Vouched(Err(refusal)),
        Question::Remove { .. } => Answer::Removed(Err(refusal)),
        Question::Services => Answer::Services(Err(refusal)),
        Question::Reload => Answer::Reload(Err(refusal)),
        Question::Leave => Answer::Leave(Err(refusal)),
        Question::ForceLeave { .. } => Answer::ForceLeave(Err(refusal)),
        Question::Deregister { .. } => Answer::Deregister(Err(refusal)),
    }
}

/// Whether an answer is one to this question.
pub(super) fn answers(answer: &Answer, question: &Question) -> bool {
    matches!(
        (answer, question),
        (Answer::Agent(_), Question::Agent)
            | (Answer::Membership(_), Question::Membership)
            | (Answer::Leader(_), Question::Leader)
            | (Answer::Catalog(_), Question::Catalog { .. })
            | (Answer::Node(_), Question::Node { .. })
            | (Answer::Neighbours(_), Question::Neighbours { .. })
            | (Answer::Vouched(_), Question::Vouch { .. })
            | (Answer::Removed(_), Question::Remove { .. })
            | (Answer::Services(_), Question::Services)
            | (Answer::Reload(_), Question::Reload)
            | (Answer::Leave(_), Question::Leave)
            | (Answer::ForceLeave(_), Question::ForceLeave { .. })
            | (Answer::Deregister(_), Question::Deregister { .. })
    )
}

/// Any settings that can be.
pub(super) fn random_config(rng: &mut fastrand::Rng) -> Config {
    let maybe = [None, Some(true), Some(false)];
    let leave = Some(OnStop::Leave);
    let on_stop = [None, leave, leave, leave, Some(OnStop::Stay)];
    let stop_timeout = [1, 250, 2000, 10_000, 25_000, 25_000, 25_000];
    let start_timeout = [None, None, None, Some(1000), Some(5000), Some(30_000)];
    Config {
        needs_address: rng.bool(),
        follows_address: percent(rng, 85),
        hands_address: percent(rng, 30),
        address_grace: Duration::from_millis(any(rng, &[0, 500, 5000])),
        api: percent(rng, 80),
        staging: percent(rng, 80),
        leaves_on_terminate: any(rng, &maybe),
        leaves_on_interrupt: any(rng, &maybe),
        server: percent(rng, 20),
        on_stop: any(rng, &on_stop),
        stop_timeout: Duration::from_millis(any(rng, &stop_timeout)),
        drain: Duration::from_millis(any(rng, &[0, 0, 0, 700, 8000])),
        splay: Duration::from_millis(any(rng, &[0, 0, 900, 30_000])),
        start_timeout: any(rng, &start_timeout).map(Duration::from_millis),
        kill_after: Duration::from_millis(any(rng, &[0, 300, 5000])),
        restart: percent(rng, 80),
        restart_limit: rng.u32(0..6),
        restart_for_changes: percent(rng, 40),
        watch: percent(rng, 70),
        carry_checks: percent(rng, 60),
        heals: percent(rng, 70),
        seed: rng.u64(..),
        ..config()
    }
}
