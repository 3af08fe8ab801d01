//! What runs the agent of a host, and what is heard of it.

use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};

use super::Result;
use super::field::Field;
use crate::agent::Agent;
use crate::bare;
use crate::consul::Version;
use crate::lictor::{Lictor, Running};
use crate::net::Host;
use crate::process::Process;
use crate::wait;

/// Longer than every budget of a stop.
const END: Duration = Duration::from_secs(60);
const START: Duration = Duration::from_secs(60);

/// What runs the agents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// lictor.
    Lictor,
    /// Nothing: a bare agent, with the registration that lictor would write.
    Bare,
}

impl Way {
    /// What tables call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Lictor => "lictor",
            Self::Bare => "bare agent",
        }
    }
}

/// What lictor's condition `IdentityHeld` was from a moment on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// When that was heard, which is up to a second later.
    pub at: Instant,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// The word for it.
    pub reason: String,
    /// The sentence for it.
    pub message: String,
}

impl Said {
    /// Whether it holds it.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.status == "True"
    }
}

/// An agent's life.
#[derive(Debug)]
pub(super) enum Life {
    Lictor(Running),
    Bare(Agent),
}

/// How lives are begun.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start<'a> {
    pub(super) version: Version,
    pub(super) way: Way,
    pub(super) lictor: &'a Path,
    pub(super) options: &'a [&'a str],
    pub(super) arguments: &'a [&'a str],
}

impl Life {
    /// Begins one on a host with that number.
    pub(super) fn begin(host: &Host, number: u8, start: Start<'_>) -> Result<Self> {
        match start.way {
            Way::Lictor => {
                let lictor = Lictor::on(host, start.lictor)
                    .consul(start.version)
                    .args(start.options.iter().copied());
                Ok(Self::Lictor(lictor.start()?))
            }
            Way::Bare => bare(host, number, start),
        }
    }

    /// Waits until it knows that it is well.
    pub(super) fn ready(&self) -> Result<()> {
        if let Self::Lictor(lictor) = self {
            lictor.wait_phase("Ready", START)?;
        }
        Ok(())
    }

    /// Whether there is no lictor to say anything.
    pub(super) fn is_bare(&self) -> bool {
        matches!(self, Self::Bare(_))
    }

    pub(super) fn process(&self) -> &Process {
        match self {
            Self::Lictor(lictor) => lictor,
            Self::Bare(agent) => agent,
        }
    }

    /// Kills its agent and nothing else.
    pub(super) fn kill_agent(&self) -> Result<()> {
        let all = match self {
            Self::Lictor(lictor) => lictor.children()?,
            Self::Bare(agent) => vec![agent.process().pid()?],
        };
        let agent = all.first().ok_or("find the agent's process")?;
        Ok(kill(*agent, Signal::SIGKILL)?)
    }

    /// Waits until it leaves as what its node was before.
    pub(super) fn leaves_as_former(&self) -> Result<()> {
        let what = "a leave as what the node was before";
        wait::until_ok(what, START, || match self.says() {
            Some(said) if said.reason == "LeavingAsFormer" => Ok(()),
            other => Err(format!("{other:?}")),
        })?;
        Ok(())
    }

    /// Kills all of it.
    pub(super) fn kill(&self) -> Result<()> {
        self.process().signal(Signal::SIGKILL)?;
        self.process().exit_code(END)?;
        Ok(())
    }

    /// Has it leave, and returns its exit code.
    pub(super) fn leave(&self) -> Result<i32> {
        self.process().signal(Signal::SIGTERM)?;
        Ok(self.process().exit_code(END)?)
    }

    /// Adds what lictor says of its identity now, if that is another word than its last; its sentence for that may change.
    pub(super) fn hear(&self, said: &mut Vec<Said>) {
        let Some(now) = self.says() else {
            return;
        };
        match said.last_mut() {
            Some(last) if (&last.status, &last.reason) == (&now.status, &now.reason) => {
                last.message = now.message;
            }
            _ => said.push(now),
        }
    }

    /// What lictor says of its identity now.
    fn says(&self) -> Option<Said> {
        let Self::Lictor(lictor) = self else {
            return None;
        };
        let status = lictor.status().ok()?;
        let mut conditions = status["conditions"].as_array()?.iter();
        let held = conditions.find(|condition| condition["type"] == "IdentityHeld")?;
        let word = |key: &str| held[key].as_str().unwrap_or_default().to_owned();
        Some(Said {
            at: Instant::now(),
            status: word("status"),
            reason: word("reason"),
            message: word("message"),
        })
    }
}

fn bare(host: &Host, number: u8, start: Start<'_>) -> Result<Life> {
    let address = format!("--address={}", Field::address(number));
    bare::register(host, start.lictor, [address.as_str()])?;
    let agent = bare::start(host, start.version, start.arguments)?;
    Ok(Life::Bare(agent))
}
