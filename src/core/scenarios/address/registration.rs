//! Only the registration has the address: the agent reloads, and again where it did not take it.

use super::*;
use crate::core::timers::Timer;

/// One that has nothing to do with it.
pub(super) fn elsewhere() -> Bed {
    Bed::ready_with(AgentFacts {
        advertise: Some("192.0.2.1".parse().expect("an address")),
        ..facts()
    })
}

/// What is to be read then.
fn registration() -> Change {
    Change {
        changed: vec!["/run/lictor/registration/lictor-registration.json".to_owned()],
        dropped: BTreeSet::from([SERVICE.to_owned()]),
        way_back: true,
        ..Change::default()
    }
}

#[test]
fn where_only_the_registration_has_it_the_agent_reloads() {
    let mut bed = elsewhere();
    bed.sees(only(another()));
    assert_eq!(bed.still_sees(only(another())), [readdress(false)]);
    let asked = bed.on(Event::Readdressed(Ok(staged())));
    assert_eq!(asked, [Action::Ask(Question::Services)]);
    assert_eq!(bed.lists(&SERVICES), [Action::Reregister]);
    assert_eq!(bed.takes(registration()), [Action::Ask(Question::Reload)]);
    assert_eq!(bed.reloads(Ok(())), [Action::Ask(Question::Services)]);
    let settled = bed.lists(&["by-api", "consul-10.0.0.6", "web"]);
    assert_eq!(settled, [Action::Settle]);
    assert_eq!(bed.known(), (Truth::True, "AgentAdvertisesAnother"));
    // It is the new one that the catalog has to show.
    bed.tick_until(&ask_catalog(None));
    bed.shows(in_catalog(&[SERVICE]));
    assert!(!bed.machine.conditions.holds(Kind::Registered));
}

/// What may be wrong with the user's files is another matter.
#[test]
fn the_new_registration_is_no_matter_of_what_else_is_to_be_reloaded() {
    let mut bed = elsewhere();
    bed.sees(only(another()));
    bed.on(Event::ReloadAsked(Waiter(1)));
    // It comes after the reload that is under way.
    assert_eq!(bed.still_sees(only(another())), []);
    bed.asked_to_reload();
    bed.on(Event::ReloadAsked(Waiter(2)));
    bed.reloads(Ok(()));
    let next = bed.lists(&SERVICES).to_vec();
    assert!(next.contains(&Action::Ask(Question::Services)), "{next:?}");
    // The second one is under way by now.
    assert_eq!(bed.lists(&SERVICES), [Action::Restage]);
    assert_eq!(bed.restaged(), [Action::Ask(Question::Reload)]);
    bed.reloads(Ok(()));
    bed.lists(&SERVICES);
    assert_eq!(bed.still_sees(only(another())), [readdress(false)]);
    let asked = bed.on(Event::Readdressed(Ok(staged())));
    assert_eq!(asked, [Action::Ask(Question::Services)]);
    // From here on the registration comes first.
    bed.on(Event::ReloadAsked(Waiter(3)));
    assert_eq!(bed.lists(&SERVICES), [Action::Reregister]);
}

impl Bed {
    /// The agent is to read the new registration, which is written.
    fn reads_registration(&mut self) {
        let asked = self.on(Event::Readdressed(Ok(staged())));
        assert_eq!(asked, [Action::Ask(Question::Services)]);
        assert_eq!(self.lists(&SERVICES), [Action::Reregister]);
        assert_eq!(self.takes(registration()), [Action::Ask(Question::Reload)]);
    }

    /// It does not load it, and loads what it had.
    fn goes_back(&mut self) {
        let failed = Refusal::Failed("500: by chance".to_owned());
        assert_eq!(self.reloads(Err(failed)), [Action::Unstage]);
        let unstaged = self.on(Event::Unstaged(Ok(())));
        assert_eq!(unstaged, [Action::Ask(Question::Reload)]);
        assert_eq!(self.reloads(Ok(())), [Action::Ask(Question::Services)]);
        self.lists(&SERVICES);
    }

    /// Nothing happens until it is time to look whether it is to be tried again: how long that was.
    fn looks_again(&mut self) -> Duration {
        let since = self.now;
        self.tick_until_look();
        self.now - since
    }

    fn tick_until_look(&mut self) {
        let look = Action::LookAtAddresses(Some(another().ip));
        for _ in 0..1000 {
            if self.tick().contains(&look) {
                return;
            }
            // The minutely read of a ready agent.
            if self.done.contains(&ask_catalog(None)) {
                self.shows(in_catalog(&[SERVICE, "consul-10.0.0.6"]));
            }
        }
        panic!("no look");
    }

    fn good(&self) -> (Truth, &'static str, &str) {
        let condition = self.machine.conditions.get(Kind::ConfigGood);
        (condition.truth, condition.reason, &condition.message)
    }
}

#[test]
fn a_registration_that_is_rolled_back_is_tried_again_later_each_time() {
    let mut bed = elsewhere();
    bed.sees(only(another()));
    assert_eq!(bed.still_sees(only(another())), [readdress(false)]);
    for pause in [5, 10, 20, 40, 80, 160, 300, 300] {
        bed.reads_registration();
        bed.goes_back();
        let (truth, reason, why) = bed.good();
        assert_eq!((truth, reason), (Truth::False, "RolledBack"));
        assert!(why.contains("no registration for 10.0.0.6"), "{why}");
        assert_eq!(bed.looks_again().as_secs(), pause);
        assert_eq!(bed.on(Event::Looked(Ok(there()))), [readdress(false)]);
    }
    bed.reads_registration();
    bed.reloads(Ok(()));
    let settled = bed.lists(&["by-api", "consul-10.0.0.6", "web"]);
    assert_eq!(settled, [Action::Settle]);
    assert_eq!(bed.good(), (Truth::True, "Reloaded", ""));
    // Nothing is owed any more: what changes is looked at, and that is all.
    bed.on(Event::AddressesChanged);
    bed.tick_until_look();
    assert_eq!(bed.on(Event::Looked(Ok(there()))), []);
    assert!(!bed.machine.timers.is_set(Timer::Reregister));
}

/// Each try unloads all that the agent has.
#[test]
fn what_else_changes_on_the_host_does_not_hasten_it_and_another_address_does() {
    let mut bed = elsewhere();
    bed.sees(only(another()));
    bed.still_sees(only(another()));
    bed.reads_registration();
    bed.goes_back();
    bed.on(Event::AddressesChanged);
    assert!(bed.looks_again() < Duration::from_secs(5));
    assert_eq!(bed.on(Event::Looked(Ok(there()))), []);
    assert!(bed.machine.hears_addresses());
    bed.tick_until_look();
    bed.on(Event::Looked(Ok(only(address()))));
    bed.tick_until_look();
    let to = address();
    let back = Action::Readdress { to, adopt: false };
    assert_eq!(bed.on(Event::Looked(Ok(only(address())))), [back]);
}

#[test]
fn an_agent_that_ends_over_it_leaves_it_to_the_next_one() {
    let mut bed = elsewhere();
    bed.sees(only(another()));
    bed.still_sees(only(another()));
    bed.reads_registration();
    assert_eq!(bed.on(end(How::Exited(1))), [Action::Unstage]);
    assert_eq!(bed.on(Event::Unstaged(Ok(()))), []);
    assert_eq!(bed.tick(), [Action::Spawn]);
    bed.spawned();
    bed.answers();
    bed.tick_until_look();
    assert_eq!(bed.on(Event::Looked(Ok(there()))), [readdress(false)]);
    bed.reads_registration();
}

#[test]
fn one_that_cannot_be_written_is_written_later_and_a_reload_of_the_user_s_does_not_count() {
    let mut bed = elsewhere();
    bed.sees(only(another()));
    bed.still_sees(only(another()));
    let failed = || Event::Readdressed(Err("write x: no space".to_owned()));
    assert_eq!(bed.on(failed()), []);
    assert_eq!(bed.good().1, "NotWritten");
    bed = bed.reloading();
    bed.reloads(Ok(()));
    bed.lists(&SERVICES);
    assert_eq!((bed.good().0, bed.good().1), (Truth::False, "NotWritten"));
    assert!(bed.looks_again() <= Duration::from_secs(5));
    assert_eq!(bed.on(Event::Looked(Ok(there()))), [readdress(false)]);
    assert_eq!(bed.on(failed()), []);
    assert_eq!(bed.looks_again().as_secs(), 10);
    assert_eq!(bed.on(Event::Looked(Ok(there()))), [readdress(false)]);
    bed.reads_registration();
}

/// What the user's reload takes anew has the registration with it.
#[test]
fn a_good_reload_of_the_user_s_has_it_with_it() {
    let mut bed = elsewhere();
    bed.sees(only(another()));
    bed.still_sees(only(another()));
    bed.reads_registration();
    bed.goes_back();
    bed = bed.reloading();
    bed.reloads(Ok(()));
    bed.lists(&["by-api", "consul-10.0.0.6", "web", SERVICE]);
    assert_eq!(bed.good(), (Truth::True, "Reloaded", ""));
    assert!(!bed.machine.timers.is_set(Timer::Reregister));
}
