//! The hand that stages: what the agent reads, taken from the user's directories, or those themselves.

use std::ffi::OsString;
use std::time::Duration;

use tokio::time::timeout;

use crate::admin::wire;
use crate::consul::command::AgentConfig;
use crate::core::event::{Answer, Change, End, Event, Refusal};
use crate::driver::sources::Work;
use crate::exit::{self, Exit};
use crate::os::background;
use crate::os::runtime_dir::RuntimeDir;
use crate::settings::Settings;
use crate::stage::{Candidate, Error, Stager};

/// What `--no-staging` costs.
const WITHOUT: &str = "without staging the agent reads its configuration from where it is: half-written files too, and a change that breaks \
                       a reload cannot be taken back";

/// How long a snapshot may take, for a file system that hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// What stands between the user's directories and the agent.
#[derive(Debug)]
pub struct Staging(Option<Stager>);

impl Staging {
    /// Readies the stage, unless the settings say that there is to be none.
    pub fn open(settings: &Settings, runtime_dir: &RuntimeDir) -> Result<Self, Exit> {
        if !settings.staging {
            tracing::warn!("{WITHOUT}");
            return Ok(Self(None));
        }
        let stager = Stager::open(&runtime_dir.stage());
        stager.map(|stager| Self(Some(stager))).map_err(unstaged)
    }

    /// The stage, where there is one.
    pub(super) fn stager(&self) -> Option<&Stager> {
        self.0.as_ref()
    }

    /// What the agent will read of what these arguments name, taken now.
    pub fn look(&self, args: &[OsString]) -> Result<AgentConfig, Exit> {
        self.take(args)?;
        Ok(self.config(args))
    }

    /// Takes what these arguments name.
    pub(super) fn take(&self, args: &[OsString]) -> Result<Change, Exit> {
        let change = self.0.as_ref().map(|stager| stager.restage(args));
        change
            .transpose()
            .map_err(unstaged)
            .map(Option::unwrap_or_default)
    }

    /// Has the agent read again what it read before.
    pub(super) fn take_back(&self) -> Result<(), String> {
        let stager = self.0.as_ref();
        stager.map_or(Ok(()), |stager| stager.stage().swap_back().map_err(told))
    }

    /// What was taken is good: there is no way back from it.
    pub(super) fn settle(&self) {
        if let Some(stager) = &self.0 {
            stager.stage().settle();
        }
    }

    /// What the agent reads when these are its arguments, as it was taken last.
    pub(super) fn config(&self, args: &[OsString]) -> AgentConfig {
        AgentConfig::read(&self.args(args))
    }

    /// The arguments that the agent is started with.
    pub(super) fn args(&self, args: &[OsString]) -> Vec<OsString> {
        match &self.0 {
            Some(stager) => stager.args(args),
            None => args.to_vec(),
        }
    }

    /// [`Staging::take`] beside everything else, since a file system may hang.
    pub(super) fn retake(&self, args: Vec<OsString>) -> Work {
        let Some(stager) = self.0.clone() else {
            return Box::pin(async { Event::Restaged(Ok(Change::default())) });
        };
        Box::pin(async move {
            let result = candidate(&stager, args).await;
            let adopted = result.and_then(|candidate| stager.adopt(candidate).map_err(told));
            Event::Restaged(adopted)
        })
    }

    /// Where the stage is, and what is there, for whoever looks.
    pub(super) fn report(&self) -> Option<wire::Stage> {
        let stage = self.0.as_ref()?.stage();
        let rejected = stage.rejected();
        Some(wire::Stage {
            path: stage.current_link().display().to_string(),
            generation: stage.current()?.number,
            rejected: rejected.map(|generation| generation.path.display().to_string()),
        })
    }

    /// An event in which the agent speaks of its files by the names that the user gave them.
    pub(super) fn in_users_words(&self, event: Event) -> Event {
        let Some(stager) = &self.0 else { return event };
        match event {
            Event::Answered(Answer::Reload(Err(Refusal::Failed(text)))) => {
                let text = stager.in_users_words(&text);
                Event::Answered(Answer::Reload(Err(Refusal::Failed(text))))
            }
            Event::Ended(end) => Event::Ended(End {
                last_words: stager.in_users_words(&end.last_words),
                ..end
            }),
            event => event,
        }
    }
}

/// One that comes too late is dropped; nothing leads to it.
async fn candidate(stager: &Stager, args: Vec<OsString>) -> Result<Candidate, String> {
    let (maker, wanted) = (stager.clone(), args.clone());
    let Ok(made) = background::run("stage", move || maker.candidate(&wanted)) else {
        // There is no memory for a thread: everything else waits.
        return stager.candidate(&args).map_err(told);
    };
    match timeout(PATIENCE, made).await {
        Ok(Ok(result)) => result.map_err(told),
        Ok(Err(_)) => Err("failed to stage the configuration: the thread has ended".to_owned()),
        Err(_) => Err(format!(
            "failed to stage the configuration: it could not be read within {} s; does its file system hang?",
            PATIENCE.as_secs()
        )),
    }
}

fn told(error: Error) -> String {
    format!("failed to {error}")
}

fn unstaged(error: Error) -> Exit {
    Exit::new(exit::STAGE, told(error))
}
