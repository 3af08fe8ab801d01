//! The one loop: everything that can happen becomes an event for the core, and the core's actions are done.
//!
//! The loop holds the clock, the sources of events ([`sources`]) and the hands ([`effects`], [`checks`] for an agent's checks,
//! [`lending`] for those that files define). It decides nothing.

use std::collections::VecDeque;
use std::time::Instant;

use crate::core::action::Level;
use crate::core::event::Event;
use crate::core::machine::Machine;
use crate::driver::effects::Effects;
use crate::driver::sources::Sources;
use crate::exit::Exit;

pub mod addressing;
mod audience;
mod auto_reload;
mod checks;
mod children;
pub mod effects;
mod identity;
pub mod init;
mod judging;
mod lending;
pub mod sources;
pub mod staging;
pub mod watching;

/// Writes a line of lictor's own log.
fn say(level: Level, text: &str) {
    match level {
        Level::Debug => tracing::debug!("{text}"),
        Level::Info => tracing::info!("{text}"),
        Level::Warn => tracing::warn!("{text}"),
        Level::Error => tracing::error!("{text}"),
    }
}

/// Runs the machine to its end.
pub async fn run(mut machine: Machine, mut sources: Sources, mut effects: Effects) -> Exit {
    #[expect(clippy::disallowed_methods, reason = "the driver owns the clock")]
    let begin = Instant::now();
    let mut due = VecDeque::from([Event::Begin]);
    loop {
        let event = match due.pop_front() {
            Some(event) => event,
            None => sources.next(&machine, &mut effects, begin).await,
        };
        let event = effects.staging.in_users_words(event);
        tracing::debug!("event {event:?}");
        effects.note(&event, begin.elapsed());
        for action in machine.handle(begin.elapsed(), event) {
            tracing::debug!("action {action:?}");
            match effects.perform(action, &mut sources, &mut due) {
                None => {}
                Some(exit) => {
                    effects.last_output().await;
                    effects.audience.gone().await;
                    sources.last_answers(&machine, &mut effects).await;
                    return exit;
                }
            }
        }
    }
}
