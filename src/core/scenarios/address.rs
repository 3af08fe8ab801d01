//! The host's address while an agent runs: gone and back, another one, none.

use super::*;
use crate::core::conditions::Truth;
use crate::core::event::Sight;
use crate::core::former::Former;
use crate::core::signal::SIGKILL;

mod registration;
mod stopping;
mod told;

const GRACE: Duration = Duration::from_secs(5);

fn another() -> Address {
    Address {
        ip: "10.0.0.6".parse().expect("an address"),
        ..address()
    }
}

/// What another address is registered as.
fn staged() -> Staged {
    Staged {
        services: vec!["consul-10.0.0.6".to_owned()],
        directory: Some("/run/lictor/registration".to_owned()),
        ..Staged::default()
    }
}

/// The address in use is there, whatever else is.
fn there() -> Sight {
    Sight {
        in_use: Some("eth0".to_owned()),
        carried: true,
        choice: Err("find one address: there are several".to_owned()),
        pinned: None,
    }
}

/// It is not, and this is.
fn only(address: Address) -> Sight {
    Sight {
        in_use: None,
        carried: false,
        choice: Ok(address),
        pinned: None,
    }
}

fn none() -> Sight {
    Sight {
        in_use: None,
        carried: false,
        choice: Err("find a usable address".to_owned()),
        pinned: None,
    }
}

fn look() -> Action {
    Action::LookAtAddresses(Some(address().ip))
}

fn readdress(adopt: bool) -> Action {
    let to = another();
    Action::Readdress { to, adopt }
}

impl Bed {
    /// A ready agent that has told these of itself.
    fn ready_with(facts: AgentFacts) -> Self {
        let mut bed = Self::new(config()).started();
        assert_eq!(bed.tick(), [Action::Ask(Question::Agent)]);
        bed.on(Event::Answered(Answer::Agent(Ok(Box::new(facts)))));
        bed.joins();
        bed
    }

    /// One that advertises the address.
    fn advertising() -> Self {
        Self::ready_with(AgentFacts {
            advertise: Some(address().ip),
            ..facts()
        })
    }

    /// Something has changed, and this is seen.
    fn sees(&mut self, sight: Sight) -> &[Action] {
        assert_eq!(self.on(Event::AddressesChanged), []);
        self.tick_until(&look());
        self.on(Event::Looked(Ok(sight)))
    }

    /// The grace is over, and this is seen.
    fn still_sees(&mut self, sight: Sight) -> &[Action] {
        self.tick_until(&look());
        self.on(Event::Looked(Ok(sight)))
    }

    fn known(&self) -> (Truth, &'static str) {
        let condition = self.machine.conditions.get(Kind::AddressKnown);
        (condition.truth, condition.reason)
    }
}

#[test]
fn what_changes_together_is_looked_at_once_and_no_more_than_once_a_second() {
    let mut bed = Bed::advertising();
    for _ in 0..50 {
        assert_eq!(bed.on(Event::AddressesChanged), []);
        assert!(!bed.machine.hears_addresses(), "nobody need listen");
    }
    assert_eq!(bed.tick(), [look()]);
    let looked = bed.now;
    assert_eq!(bed.on(Event::Looked(Ok(there()))), []);
    assert!(bed.machine.hears_addresses());
    assert_eq!(bed.on(Event::AddressesChanged), []);
    assert_eq!(bed.tick(), [look()]);
    assert!(bed.now >= looked + Duration::from_secs(1));
}

#[test]
fn nothing_is_heard_before_there_is_an_address_and_during_a_stop() {
    let mut bed = Bed::new(config());
    assert_eq!(bed.on(Event::Begin), [Action::FindAddress]);
    assert!(!bed.machine.hears_addresses());
    assert_eq!(bed.on(Event::AddressesChanged), []);
    let mut bed = Bed::advertising().leaving();
    assert!(!bed.machine.hears_addresses());
    assert_eq!(bed.on(Event::AddressesChanged), []);
    let mut given = Bed::new(Config {
        follows_address: false,
        ..config()
    })
    .ready();
    assert!(!given.machine.hears_addresses());
    assert_eq!(given.on(Event::AddressesChanged), []);
}

#[test]
fn an_address_that_comes_beside_it_changes_nothing() {
    let mut bed = Bed::advertising();
    assert_eq!(bed.sees(there()), []);
    assert_eq!(bed.known(), (Truth::True, "Found"));
    assert_eq!(bed.machine.phase, Phase::Ready);
}

#[test]
fn one_that_is_back_within_the_grace_was_never_gone() {
    let mut bed = Bed::advertising();
    for sight in [none(), only(another()), none()] {
        assert_eq!(bed.sees(sight), []);
        assert!(bed.machine.conditions.holds(Kind::Ready));
        assert_eq!(bed.known(), (Truth::Unknown, "Gone"));
    }
    assert_eq!(bed.sees(there()), []);
    assert_eq!(bed.known(), (Truth::True, "Found"));
    // The next time it has all of its grace again.
    let gone = bed.now;
    assert_eq!(bed.sees(only(another())), []);
    assert_eq!(bed.still_sees(only(another())), [Action::Signal(SIGKILL)]);
    assert!(bed.now >= gone + GRACE);
}

#[test]
fn an_agent_that_advertises_it_leaves_under_the_old_one_before_it_starts_with_another() {
    let mut bed = Bed::advertising();
    bed.sees(only(another()));
    assert_eq!(bed.still_sees(only(another())), [Action::Signal(SIGKILL)]);
    assert!(!bed.machine.conditions.holds(Kind::Ready));
    let ended = end(How::Signaled(SIGKILL));
    assert_eq!(bed.on(ended), [readdress(true)]);
    let begun = bed.on(Event::Readdressed(Ok(staged()))).to_vec();
    let [
        Action::SpawnAs(Former {
            name, address: at, ..
        }),
    ] = begun.as_slice()
    else {
        panic!("{begun:?}");
    };
    assert_eq!((name, *at), (&None, Some(address().ip)));
    bed.on(Event::Spawned(Ok(Spawned { pid: 43, api: true })));
    assert_eq!(bed.on(end(How::Exited(1))), [Action::Spawn]);
    bed.spawned();
    let status = bed.machine.status();
    assert_eq!(status.address.map(|it| it.ip), Some(another().ip));
    assert_eq!(status.staged.services, ["consul-10.0.0.6"]);
    assert_eq!(status.restarts, 1);
    assert_eq!(bed.known(), (Truth::True, "Found"));
}

/// As with an address that is advertised beside the one that lictor found.
#[test]
fn an_agent_that_others_know_by_another_is_only_restarted() {
    let mut bed = Bed::ready_with(AgentFacts {
        advertise: Some("192.0.2.1".parse().expect("an address")),
        listens: vec![address().ip],
        ..facts()
    });
    assert_eq!(bed.known(), (Truth::True, "AgentAdvertisesAnother"));
    bed.sees(only(another()));
    assert_eq!(bed.still_sees(only(another())), [Action::Signal(SIGKILL)]);
    let ended = end(How::Signaled(SIGKILL));
    assert_eq!(bed.on(ended), [readdress(true)]);
    let spawned = bed.on(Event::Readdressed(Ok(staged())));
    assert_eq!(spawned, [Action::Spawn]);
}

#[test]
fn without_any_address_the_agent_is_not_ready_and_it_is_not_given_up() {
    let mut bed = Bed::advertising();
    bed.sees(none());
    assert_eq!(bed.still_sees(none()), []);
    assert_eq!(bed.known(), (Truth::False, "Gone"));
    assert!(!bed.machine.conditions.holds(Kind::Ready));
    // The agent is asked as before, and knows a leader for as long as it is not told otherwise.
    bed.tick_until(&ask_catalog(None));
    bed.shows(in_catalog(&[SERVICE]));
    assert!(!bed.machine.conditions.holds(Kind::Ready));
    // Back as it was.
    assert_eq!(bed.sees(there()), []);
    assert_eq!(bed.known(), (Truth::True, "Found"));
    bed.tick_until(&ask_catalog(None));
    bed.shows(in_catalog(&[SERVICE]));
    assert!(bed.machine.conditions.holds(Kind::Ready));
    // Gone again, and then there is another one.
    bed.sees(none());
    bed.still_sees(none());
    assert_eq!(bed.sees(only(another())), [Action::Signal(SIGKILL)]);
}

#[test]
fn an_agent_that_could_not_be_started_anew_is_left_alone() {
    let mut bed = Bed::advertising();
    let pinned = Sight {
        pinned: Some("bind_addr is 10.0.0.5".to_owned()),
        ..only(another())
    };
    bed.sees(pinned.clone());
    assert_eq!(bed.still_sees(pinned), []);
    assert_eq!(bed.known(), (Truth::False, "Pinned"));
    let mut server = Bed::ready_with(AgentFacts {
        advertise: Some(address().ip),
        server: Some(true),
        ..facts()
    });
    server.sees(only(another()));
    assert_eq!(server.still_sees(only(another())), []);
    assert_eq!(server.known(), (Truth::False, "Pinned"));
}

/// Between two runs there is nobody to end.
#[test]
fn an_agent_that_has_crashed_starts_with_the_new_address() {
    let mut bed = Bed::advertising();
    bed.sees(only(another()));
    assert_eq!(bed.on(end(How::Exited(1))), []);
    assert_eq!(bed.machine.phase, Phase::Backoff);
    bed.now += GRACE;
    // Both are due by then.
    assert_eq!(bed.on(Event::Tick), [Action::Spawn, look()]);
    bed.spawned();
    let ends = bed.on(Event::Looked(Ok(only(another()))));
    assert_eq!(ends, [Action::Signal(SIGKILL)]);
    assert_eq!(bed.on(end(How::Signaled(SIGKILL))), [readdress(true)]);
}

#[test]
fn an_address_that_nobody_needs_may_come_later() {
    let mut bed = Bed::new(Config {
        needs_address: false,
        ..config()
    });
    bed.on(Event::Begin);
    let reason = Exit::new(exit::ADDRESS, "failed to find a usable address");
    assert_eq!(bed.on(Event::Addressed(Err(reason))), [Action::Stage]);
    let spawned = bed.on(Event::Staged(Ok(Staged::default())));
    assert_eq!(spawned, [Action::Spawn]);
    bed.spawned();
    bed.on(Event::AddressesChanged);
    bed.tick_until(&Action::LookAtAddresses(None));
    let readdressed = bed.on(Event::Looked(Ok(only(another()))));
    assert_eq!(readdressed, [readdress(false)]);
    assert_eq!(bed.on(Event::Readdressed(Ok(Staged::default()))), []);
    assert_eq!(bed.known(), (Truth::True, "Found"));
}

#[test]
fn what_cannot_be_read_is_no_change_and_is_looked_at_again() {
    let mut bed = Bed::advertising();
    assert_eq!(bed.on(Event::AddressesChanged), []);
    bed.tick_until(&look());
    for _ in 0..3 {
        let since = bed.now;
        assert_eq!(bed.on(Event::Looked(Err("by chance".to_owned()))), []);
        assert_eq!(bed.known(), (Truth::True, "Found"));
        bed.tick_until(&look());
        assert!(bed.now >= since + Duration::from_secs(5));
    }
    assert_eq!(bed.on(Event::Looked(Ok(there()))), []);
    assert_eq!(bed.known(), (Truth::True, "Found"));
}
