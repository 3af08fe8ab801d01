//! What scenarios are made of: settings, answers and actions that most of them share.

use super::*;

pub(super) fn config() -> Config {
    Config {
        needs_address: true,
        follows_address: true,
        hands_address: false,
        address_grace: Duration::from_secs(5),
        api: true,
        staging: true,
        watch: true,
        splay: Duration::ZERO,
        node_name: "n1".to_owned(),
        leaves_on_terminate: None,
        leaves_on_interrupt: None,
        server: false,
        on_stop: Some(OnStop::Leave),
        stop_timeout: Duration::from_secs(25),
        drain: Duration::ZERO,
        start_timeout: None,
        restart: true,
        restart_limit: 3,
        restart_for_changes: false,
        carry_checks: false,
        heals: true,
        kill_after: Duration::from_secs(5),
        seed: 7,
    }
}

/// A budget in which nothing that breaks can be finished.
pub(super) fn short() -> Config {
    Config {
        stop_timeout: Duration::from_secs(3),
        ..config()
    }
}

pub(super) fn address() -> Address {
    Address {
        ip: "10.0.0.5".parse().expect("an address"),
        interface: Some("eth0".to_owned()),
        reason: "the only one".to_owned(),
        warning: None,
    }
}

pub(super) fn facts() -> AgentFacts {
    AgentFacts {
        node_name: "n1".to_owned(),
        node_id: "id-1".to_owned(),
        version: "1.22.5".to_owned(),
        leaves_on_terminate: Some(true),
        leaves_on_interrupt: Some(true),
        ..AgentFacts::default()
    }
}

pub(super) fn in_catalog(services: &[&str]) -> CatalogNode {
    CatalogNode {
        index: 9,
        present: true,
        created: 5,
        modified: 6,
        external: false,
        id: "id-1".to_owned(),
        address: "10.0.0.5".to_owned(),
        services: services.iter().map(|id| (*id).to_owned()).collect(),
    }
}

pub(super) fn absent(index: u64) -> CatalogNode {
    CatalogNode {
        index,
        ..CatalogNode::default()
    }
}

pub(super) fn end(how: How) -> Event {
    Event::Ended(End {
        how,
        last_words: "the last line".to_owned(),
        broke_its_leave: false,
    })
}

/// What the one who waits is told where the change was that.
pub(super) fn reloaded(waiter: u64, files: &str) -> Action {
    let files = files.to_owned();
    let applied = Applied {
        files,
        ..Applied::default()
    };
    Action::Reply(Waiter(waiter), ReloadOutcome::Reloaded(applied))
}

/// What [`Bed::restaged`] comes to.
pub(super) const CHANGED: &str = "changed /consul/config/x.json";

pub(super) fn deregister() -> Action {
    Action::Ask(Question::Deregister {
        node: "n1".to_owned(),
    })
}

/// Another node's entry under our name.
pub(super) fn another_s() -> CatalogNode {
    CatalogNode {
        id: "id-2".to_owned(),
        ..in_catalog(&[])
    }
}

pub(super) fn ask_catalog(change: Option<(u64, Moment)>) -> Action {
    Action::Ask(Question::Catalog {
        node: "n1".to_owned(),
        change,
    })
}
