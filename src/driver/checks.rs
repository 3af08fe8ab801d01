//! The hands for an agent's checks: what is to be set aside, asked, registered and noted, so that a restart is not noticed.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::StreamExt;
use futures_util::stream;
use tokio::time::timeout;

use crate::consul::client::Client;
use crate::consul::command::AgentConfig;
use crate::consul::data_dir::DataDir;
use crate::core::checks::{Carried, CheckNews, CheckWork, Restored, States};
use crate::core::event::{Event, Refusal};
use crate::driver::lending::Lending;
use crate::driver::sources::Sources;

/// How long an agent that is to be stopped may take to say the states of its checks.
const NOTE: Duration = Duration::from_millis(200);
/// How many checks are registered at the same time: an agent syncs a file for each of them.
const AT_ONCE: usize = 4;

/// Where the agent's checks are.
#[derive(Debug, Default)]
pub(super) struct Checks {
    /// The data directory.
    data: Option<DataDir>,
    /// Whether the agent itself has said so.
    told: bool,
    /// Those that are in files.
    lending: Lending,
}

impl Checks {
    /// None are known yet but those in files.
    pub(super) fn new(lending: Lending) -> Self {
        Self {
            lending,
            ..Self::default()
        }
    }

    /// The agent's own word on its data directory.
    pub(super) fn told(&mut self, data_dir: &str) {
        // A development agent has none.
        if !data_dir.is_empty() {
            self.told = true;
            self.data = Some(DataDir::new(data_dir));
        }
    }

    /// Whether nobody has said yet where they are.
    pub(super) fn are_nowhere(&self) -> bool {
        !self.told && self.data.is_none()
    }

    /// What the agent's configuration says of that, until the agent itself does.
    pub(super) fn configured(&mut self, config: &AgentConfig) {
        self.data = config.text(&["data_dir"]).map(DataDir::new);
    }

    /// Does one thing.
    pub(super) fn perform(
        &mut self,
        work: CheckWork,
        client: Option<&Client>,
        sources: &Sources,
        due: &mut VecDeque<Event>,
    ) {
        let data = self.data.clone();
        match (work, client.cloned()) {
            (CheckWork::PutBack, _) => {
                self.lending.reclaim();
                if let Some(data) = &data {
                    put_back(data);
                }
            }
            (CheckWork::SetAside { seen }, _) => {
                let carried = self.set_aside(data.as_ref(), seen);
                due.push_back(Event::Checks(CheckNews::Aside(carried)));
            }
            (CheckWork::Look, Some(client)) if self.any() => {
                sources.asks.push(Box::pin(async move {
                    let seen = match client.checks().await {
                        Ok(states) => Some(states),
                        Err(Refusal::Denied(_)) => Some(States::new()),
                        Err(_) => None,
                    };
                    Event::Checks(CheckNews::Seen(seen))
                }));
            }
            (CheckWork::Look, _) => {}
            (CheckWork::Note, Some(client)) if data.is_some() => {
                let in_files = self.lending.checks().clone();
                sources.works.push(Box::pin(async move {
                    if let Some(data) = data {
                        note(&client, &data, &in_files).await;
                    }
                    Event::Checks(CheckNews::Noted)
                }));
            }
            (CheckWork::Note, _) => due.push_back(Event::Checks(CheckNews::Noted)),
            (CheckWork::Reclaim, _) => self.lending.reclaim(),
            (CheckWork::Restore(states), Some(client)) => {
                let Some(data) = data else { return };
                sources.asks.push(Box::pin(async move {
                    let restored = restore(&client, &data, &states).await;
                    Event::Checks(CheckNews::Restored(restored))
                }));
            }
            (CheckWork::Restore(_), None) => {}
        }
    }

    /// Whether there is any check whose state could be carried over.
    fn any(&mut self) -> bool {
        let data = self.data.as_ref();
        data.is_some_and(DataDir::has_definitions) || !self.lending.checks().is_empty()
    }

    fn set_aside(&self, data: Option<&DataDir>, seen: Option<States>) -> Carried {
        // What is left of an earlier life is treated like what the agent has.
        self.lending.reclaim();
        let now = seconds();
        let noted = data.and_then(|data| {
            put_back(data);
            // A note speaks of one end and holds for one start.
            data.take_note(now)
        });
        let known = seen.or(noted).unwrap_or_default();
        Carried {
            aside: data.map_or_else(States::new, |data| set_aside(data, &known, now)),
            lent: self.lending.lend(&known),
        }
    }
}

fn put_back(data: &DataDir) {
    if let Err(error) = data.put_back() {
        let aside = data.aside_path();
        let aside = aside.display();
        tracing::warn!(
            "checks could not be put back from {aside}: {error}; move the files to `checks` beside it"
        );
    }
}

fn set_aside(data: &DataDir, known: &States, now: u64) -> States {
    let (states, result) = data.set_aside(known, now);
    if let Err(error) = result {
        let aside = data.aside_path();
        let aside = aside.display();
        tracing::warn!(
            "checks could not be set aside in {aside}: {error}; they will start as critical"
        );
    }
    states
}

async fn restore(client: &Client, data: &DataDir, states: &States) -> Restored {
    let stand_ins = data.stand_ins();
    let stands_in = |id: &str| stand_ins.iter().any(|(_, other)| other == id);
    // Where the agent has thrown the stand-in away it would have done so with the check: its configuration has one of that id
    // by now, or the service is no more.
    let (standing, gone): (Vec<_>, Vec<_>) = data
        .aside()
        .into_iter()
        .partition(|(_, definition)| stands_in(&definition.id));
    for (path, _) in gone {
        data.forget(&path);
    }
    let mut registering = stream::iter(standing)
        .map(|(path, definition)| async move {
            let health = states.get(&definition.id).copied();
            let result = client.register(&definition, health).await;
            (path, definition.id, result)
        })
        .buffer_unordered(AT_ONCE);
    let mut restored = Restored::default();
    while let Some((path, id, result)) = registering.next().await {
        match result {
            // The agent has written its own by now.
            Ok(()) => {
                restored.carried.extend(states.get(&id));
                data.forget(&path);
            }
            Err(refusal) => restored.failed.push(format!("check {id}: {refusal}")),
        }
    }
    data.clean();
    restored
}

/// Notes the states of those checks that can be carried over, of which these are in files.
async fn note(client: &Client, data: &DataDir, in_files: &BTreeSet<String>) {
    let mut wanted = in_files.clone();
    let definitions = data.definitions().into_iter().chain(data.aside());
    wanted.extend(definitions.map(|(_, definition)| definition.id));
    if wanted.is_empty() {
        return;
    }
    let mut states = match timeout(NOTE, client.checks()).await {
        Ok(Ok(states)) => states,
        Ok(Err(refusal)) => {
            return tracing::warn!("the states of checks will not be carried over: {refusal}");
        }
        Err(_) => {
            let patience = NOTE.as_secs_f64();
            return tracing::warn!(
                "the states of checks will not be carried over: no answer in {patience} s"
            );
        }
    };
    states.retain(|id, _| wanted.contains(id));
    if states.is_empty() {
        return;
    }
    match data.note(seconds(), &states) {
        Ok(()) => tracing::info!(
            "noted the states of checks for the next start: {}",
            states.len()
        ),
        Err(error) => tracing::warn!("the states of checks will not be carried over: {error}"),
    }
}

/// Seconds of the epoch.
fn seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
