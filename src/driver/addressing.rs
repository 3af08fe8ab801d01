//! The hand that looks for the host's address.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::timeout;

use crate::address::choose::{
    Choice, Chosen, Failure, Family, Found, LinkState, Verdict, Wanted, choose,
};
use crate::address::interfaces;
use crate::core::event::{Address, Sight};
use crate::exit::{self, Exit};
use crate::os::address_events::AddressEvents;

/// Without the kernel's word for it, addresses are looked at this often.
const WITHOUT_EVENTS: Duration = Duration::from_secs(1);

/// Looks for the address until there is one, at each word of the kernel that something has changed.
///
/// Several addresses end the search at once: waiting would not make them fewer.
pub(super) async fn find_address(wanted: &Wanted, patience: Duration) -> Result<Address, Exit> {
    // Subscribed before the first look, so that a change after it is not missed.
    let mut events = AddressEvents::subscribe()
        .inspect_err(|error| tracing::warn!("no word of address changes from the kernel: {error}"))
        .ok();
    let mut last = None;
    let search = async {
        loop {
            match look(wanted) {
                Ok(choice) => match choice.outcome {
                    Ok(chosen) => {
                        return Ok(Address::from(chosen));
                    }
                    Err(Failure::Ambiguous(reason)) => return Err(reason),
                    Err(Failure::None(reason)) => last = Some(reason),
                },
                Err(error) => last = Some(format!("read the interfaces: {error}")),
            }
            let heard = match &mut events {
                Some(events) => events.changed().await.is_ok(),
                None => false,
            };
            if !heard {
                tokio::time::sleep(WITHOUT_EVENTS).await;
            }
        }
    };
    let outcome = match timeout(patience, search).await {
        Ok(outcome) => outcome,
        Err(_) => Err(format!(
            "{} (waited {:.1} s, --address-timeout)",
            last.unwrap_or_default(),
            patience.as_secs_f64()
        )),
    };
    outcome.map_err(|reason| Exit::new(exit::ADDRESS, format!("failed to {reason}")))
}

/// The kernel's word of changes while lictor runs, where the address is not given and may become another one. Needs a tokio runtime.
pub fn follow(wanted: &Wanted) -> Option<AddressEvents> {
    if wanted.address.is_some() {
        return None;
    }
    AddressEvents::follow(wanted.family == Family::V6)
        .inspect_err(|error| tracing::warn!("another address will not be noticed: {error}"))
        .ok()
}

/// What the host's addresses are now, of which one is in use.
pub(super) fn sight(wanted: &Wanted, in_use: Option<IpAddr>) -> io::Result<Sight> {
    let choice = look(wanted)?;
    let carriers = choice
        .candidates
        .iter()
        .filter(|(found, _)| in_use == Some(found.net.addr()));
    let carried = carriers.clone().next().is_some();
    let usable = |verdict: &Verdict| !matches!(verdict, Verdict::Skipped(_));
    // One that would not be chosen any more is still better than none, as long as packets can pass.
    let serves = |found: &Found| choice.outcome.is_err() && found.link == LinkState::Up;
    let mut carriers = carriers.filter(|(found, verdict)| usable(verdict) || serves(found));
    let carrier = carriers.next();
    Ok(Sight {
        in_use: carrier.map(|(found, _)| found.interface.clone()),
        carried,
        choice: choice
            .outcome
            .map(Address::from)
            .map_err(|failure| failure.to_string()),
        pinned: None,
    })
}

impl From<Chosen> for Address {
    fn from(chosen: Chosen) -> Self {
        Self {
            ip: chosen.ip,
            interface: chosen.interface,
            reason: chosen.reason,
            warning: chosen.warning,
        }
    }
}

/// One look at the interfaces.
pub fn look(wanted: &Wanted) -> io::Result<Choice> {
    Ok(choose(wanted, &interfaces::inventory()?))
}
