//! An agent that has done nothing wrong, and wants to join meanwhile.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::Value;

use super::Result;
use super::field::Field;
use crate::agent::{Api, Client};
use crate::consul::Version;
use crate::net::Host;
use crate::wait;

/// Between two of its requests to join.
const PAUSE: Duration = Duration::from_millis(500);
/// What one is told who is not let join because of somebody else; all else is a matter of the network, or of a busy machine.
const REFUSAL: &str = "conflicting node ID";
const END: Duration = Duration::from_secs(20);

/// It is started again in each situation, and then asks to join again and again: each time its agent and the server tell each
/// other all members, and each of the two refuses the other where one id has two names, just as at a first join.
#[derive(Debug)]
pub(super) struct Bystander {
    host: Host,
    version: Version,
    agent: Mutex<Option<Client>>,
}

/// What its requests came to.
#[derive(Debug, Clone, Default)]
pub(super) struct Joins {
    /// For how long they were refused, in all.
    pub(super) refused: Duration,
    /// How many were accepted.
    pub(super) accepted: usize,
    /// What it was told the first time.
    pub(super) words: Option<String>,
}

impl Bystander {
    pub(super) fn start(host: Host, version: Version) -> Result<Self> {
        let agent = Client::start(&host, version, &[&Field::address(1)])?;
        Ok(Self {
            host,
            version,
            agent: Mutex::new(Some(agent)),
        })
    }

    /// Starts its agent again, and asks to join until it is `over`.
    pub(super) fn joins(&self, over: &AtomicBool) -> Result<Joins> {
        let mut agent = self.agent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(agent) = agent.take() {
            agent.signal(Signal::SIGKILL)?;
            agent.exit_code(END)?;
        }
        let api = agent
            .insert(Client::configured(&self.host, self.version)?)
            .api()
            .clone();
        let mut joins = Joins::default();
        while !over.load(Ordering::Relaxed) {
            let asked = Instant::now();
            let answer = join(&api);
            wait::let_pass(asked + PAUSE);
            match answer {
                Answer::Accepted => joins.accepted += 1,
                Answer::Refused(words) => {
                    joins.refused += asked.elapsed();
                    joins.words.get_or_insert(words);
                }
                Answer::None => {}
            }
        }
        Ok(joins)
    }
}

enum Answer {
    Accepted,
    Refused(String),
    /// Nobody was there to say anything, or not in time.
    None,
}

/// Asks to join the server.
fn join(api: &Api) -> Answer {
    let path = format!("/v1/agent/join/{}", Field::address(1));
    let answer = api.request("PUT", &path, Value::Null.to_string().as_bytes());
    match answer.map(|answer| (answer.status, answer.text().trim().to_owned())) {
        Ok((200, _)) => Answer::Accepted,
        Ok((_, words)) if words.contains(REFUSAL) => Answer::Refused(words),
        _ => Answer::None,
    }
}
