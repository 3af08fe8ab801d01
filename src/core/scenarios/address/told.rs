//! What is told of addresses, beside what is done.

use super::registration::elsewhere;
use super::*;
use crate::core::action::Level;

#[test]
fn what_the_agent_advertises_is_compared_again_and_told_once() {
    let mut bed = elsewhere();
    bed.sees(none());
    assert_eq!(bed.known(), (Truth::Unknown, "Gone"));
    bed.on(Event::AddressesChanged);
    bed.tick_until(&look());
    let said = bed.handle(Event::Looked(Ok(there())));
    let warns = |action: &Action| matches!(action, Action::Say(Level::Warn, _));
    assert!(!said.iter().any(warns), "{said:?}");
    assert_eq!(bed.known(), (Truth::True, "AgentAdvertisesAnother"));
}

/// Its agent has loaded what it was to load, and cannot tell anybody.
#[test]
fn a_reload_without_the_address_says_so() {
    let mut bed = Bed::advertising();
    bed.sees(none());
    bed.on(Event::ReloadAsked(Waiter(1)));
    bed.asked_to_reload();
    bed.reloads(Ok(()));
    bed.lists(&SERVICES);
    let replies = bed.done.iter().find_map(|action| match action {
        Action::Reply(_, ReloadOutcome::Reloaded(applied)) => Some(&applied.odd),
        _ => None,
    });
    let odd = replies.expect("a reply").join("; ");
    assert!(odd.contains("address 10.0.0.5 has been gone for"), "{odd}");
    // That may be why it fails.
    bed.on(Event::ReloadAsked(Waiter(2)));
    bed.asked_to_reload();
    bed.reloads(Err(Refusal::Failed("bind_addr cannot be empty".to_owned())));
    bed.on(Event::Unstaged(Ok(())));
    bed.reloads(Ok(()));
    bed.lists(&SERVICES);
    let why = bed.machine.status().last_reload.expect("a reload");
    assert!(
        why.contains("empty; address 10.0.0.5 has been gone for"),
        "{why}"
    );
}

#[test]
fn an_address_of_the_configuration_that_the_host_has_not_is_told() {
    let mut bed = Bed::new(config());
    bed.on(Event::Begin);
    bed.on(Event::Addressed(Ok(address())));
    let staged = Staged {
        unbindable: Some("bind_addr is 10.9.9.9".to_owned()),
        advertised: Some("advertise_addr is 192.0.2.1".to_owned()),
        ..Staged::default()
    };
    let done = bed.handle(Event::Staged(Ok(staged)));
    let said = |level, text: &str| done.contains(&Action::Say(level, text.to_owned()));
    assert!(said(Level::Warn, "bind_addr is 10.9.9.9"), "{done:?}");
    assert!(said(Level::Info, "advertise_addr is 192.0.2.1"), "{done:?}");
    assert_eq!(bed.known(), (Truth::True, "NotOfThisHost"));
}
