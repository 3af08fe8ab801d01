//! The hand that stages: what the agent reads, taken from the user's directories, or those themselves.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::admin::wire;
use crate::consul::command::AgentConfig;
use crate::core::candidate::{self as core, Verdict};
use crate::core::event::{Answer, Change, End, Event, Refusal};
use crate::driver::auto_reload;
use crate::driver::judging::Judging;
use crate::driver::sources::Work;
use crate::exit::{self, Exit};
use crate::os::runtime_dir::RuntimeDir;
use crate::os::watch::Watch;
use crate::os::{self, background};
use crate::settings::Settings;
use crate::stage::{Candidate, Error, Stager};

/// What `--no-staging` costs.
const WITHOUT: &str = "without staging the agent reads its configuration from where it is: half-written files too; a change is \
                       not noticed, and one that breaks a reload cannot be taken back";

/// How long a snapshot may take, for a file system that hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// What stands between the user's directories and the agent.
#[derive(Debug)]
pub struct Staging {
    stager: Option<Stager>,
    /// What was taken, until the core has said what becomes of it.
    taken: Rc<RefCell<Option<Candidate>>>,
}

impl Staging {
    /// Readies the stage, unless the settings say that there is to be none.
    pub fn open(
        settings: &Settings,
        runtime_dir: &RuntimeDir,
        watch: Option<Arc<Watch>>,
    ) -> Result<Self, Exit> {
        if !settings.staging {
            tracing::warn!("{WITHOUT}");
            return Ok(Self::of(None));
        }
        let stager = Stager::open(&runtime_dir.stage());
        stager
            .map(|stager| Self::of(Some(stager.watched_by(watch))))
            .map_err(unstaged)
    }

    fn of(stager: Option<Stager>) -> Self {
        Self {
            stager,
            taken: Rc::default(),
        }
    }

    /// The stage, where there is one.
    pub(super) fn stager(&self) -> Option<&Stager> {
        self.stager.as_ref()
    }

    /// What the agent will read of what these arguments name, taken now.
    pub fn look(&self, args: &[OsString]) -> Result<AgentConfig, Exit> {
        self.take(args)?;
        Ok(self.config(args))
    }

    /// Warns of each file that no update of its volume reaches, which a reload would not read either.
    pub fn say_fixed(&self, args: &[OsString]) {
        for file in self.stager.iter().flat_map(|stager| stager.fixed(args)) {
            tracing::warn!("{file}");
        }
    }

    /// Takes what these arguments name.
    pub(super) fn take(&self, args: &[OsString]) -> Result<Change, Exit> {
        let change = self.stager.as_ref().map(|stager| stager.restage(args));
        change
            .transpose()
            .map_err(unstaged)
            .map(Option::unwrap_or_default)
    }

    /// Has the agent read again what it read before.
    pub(super) fn take_back(&self) -> Result<(), String> {
        let stager = self.stager.as_ref();
        stager.map_or(Ok(()), |stager| stager.stage().swap_back().map_err(told))
    }

    /// What was taken is good: there is no way back from it.
    pub(super) fn settle(&self) {
        if let Some(stager) = &self.stager {
            stager.stage().settle();
        }
    }

    /// What the agent reads when these are its arguments, as it was taken last.
    pub(super) fn config(&self, args: &[OsString]) -> AgentConfig {
        AgentConfig::read(&self.args(args))
    }

    /// The arguments that the agent is started with.
    pub(super) fn args(&self, args: &[OsString]) -> Vec<OsString> {
        match &self.stager {
            Some(stager) => stager.args(args),
            None => args.to_vec(),
        }
    }

    /// [`Staging::args`], and where the agent's own way to reload is turned on, which these arguments turn off.
    pub(super) fn start_args(&self, args: &[OsString]) -> (Vec<OsString>, Option<String>) {
        let args = self.args(args);
        let Some((stager, place)) = self.stager.as_ref().zip(auto_reload::turned_on(&args)) else {
            return (args, None);
        };
        let place = stager.in_users_words(&place.display().to_string());
        (auto_reload::turned_off(args), Some(place))
    }

    /// [`Staging::take`] beside everything else, since a file system may hang, judged, and not yet for the agent to read.
    pub(super) fn retake(&self, judging: impl FnOnce(Stager) -> Judging) -> Work {
        let Some(stager) = self.stager.clone() else {
            return Box::pin(async { Event::Restaged(Ok(core::Candidate::default())) });
        };
        let judging = judging(stager);
        let taken = Rc::clone(&self.taken);
        Box::pin(async move {
            let candidate = match candidate(&judging.stager, judging.args.clone()).await {
                Ok(candidate) => candidate,
                Err(why) => return Event::Restaged(Err(why)),
            };
            let verdict = judging.judge(&candidate).await;
            let change = candidate.change.clone();
            taken.replace(Some(candidate));
            Event::Restaged(Ok(core::Candidate { change, verdict }))
        })
    }

    /// Takes what the agent reads with these files in the place of those of the same paths.
    pub(super) fn reregister(
        &self,
        files: &BTreeMap<PathBuf, Vec<u8>>,
    ) -> Result<core::Candidate, String> {
        let Some(stager) = &self.stager else {
            return Ok(core::Candidate::default());
        };
        let candidate = stager.with(files).map_err(told)?;
        let change = candidate.change.clone();
        self.taken.replace(Some(candidate));
        Ok(core::Candidate {
            change,
            verdict: Verdict::default(),
        })
    }

    /// Has the agent read what was taken.
    pub(super) fn adopt(&self) -> Result<(), String> {
        match (&self.stager, self.taken.take()) {
            (Some(stager), Some(candidate)) => {
                let adopted = stager.adopt(candidate).map(|_| ()).map_err(told);
                trim();
                adopted
            }
            _ => Ok(()),
        }
    }

    /// Keeps what was taken to be looked at.
    pub(super) fn reject(&self) {
        let taken = self.taken.take().and_then(|candidate| candidate.generation);
        if let (Some(stager), Some(generation)) = (&self.stager, taken)
            && let Err(error) = stager.stage().reject(&generation)
        {
            tracing::warn!("what was rejected is not kept: {}", told(error));
        }
        trim();
    }

    /// Forgets what was taken.
    pub(super) fn discard(&self) {
        self.taken.take();
        if let Some(stager) = &self.stager {
            stager.stage().tidy();
        }
        trim();
    }

    /// An agent is about to be started with what there is.
    pub(super) fn start(&self) {
        if let Some(stager) = &self.stager
            && let Err(error) = stager.stage().start()
        {
            tracing::warn!(
                "what a reload cannot apply will not be known: {}",
                told(error)
            );
        }
    }

    /// Where the stage is, and what is there, for whoever looks.
    pub(super) fn report(&self) -> Option<wire::Stage> {
        let stage = self.stager.as_ref()?.stage();
        let rejected = stage.rejected();
        Some(wire::Stage {
            path: stage.current_link().display().to_string(),
            generation: stage.current()?.number,
            rejected: rejected.map(|generation| generation.path.display().to_string()),
        })
    }

    /// A text in which the agent's files have the names that the user gave them.
    pub(super) fn in_words(&self, text: &str) -> String {
        match &self.stager {
            Some(stager) => stager.in_users_words(text),
            None => text.to_owned(),
        }
    }

    /// An event in which the agent speaks of its files by the names that the user gave them.
    pub(super) fn in_users_words(&self, event: Event) -> Event {
        let Some(stager) = &self.stager else {
            return event;
        };
        match event {
            Event::Answered(Answer::Reload(Err(Refusal::Failed(text)))) => {
                let text = stager.in_users_words(&text);
                Event::Answered(Answer::Reload(Err(Refusal::Failed(text))))
            }
            Event::FailureHeard(why) => Event::FailureHeard(stager.in_users_words(&why)),
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

/// A judgement needs many times the memory that its configuration has on disk.
fn trim() {
    if let Err(error) = os::memory::trim() {
        tracing::debug!("no memory was given back: {error}");
    }
}

fn told(error: Error) -> String {
    format!("failed to {error}")
}

fn unstaged(error: Error) -> Exit {
    Exit::new(exit::STAGE, told(error))
}
