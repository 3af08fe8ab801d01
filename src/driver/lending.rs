//! The hands for checks that files define: an agent that starts is lent its configuration with their states.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::core::checks::States;
use crate::driver::staging::Staging;
use crate::judge::Format;
use crate::judge::states;
use crate::os::flags;
use crate::stage::write::Generation;
use crate::stage::{Error, Stager};

/// The checks of the files that the agent reads, whose states those leave open.
#[derive(Debug, Default)]
pub(super) struct Lending {
    /// The stage; none where the agent reads the user's files themselves.
    stager: Option<Stager>,
    /// `-config-format`.
    format: Option<String>,
    /// What is known of one generation, which never changes; its number may be another's later.
    known: Option<(Generation, SystemTime, BTreeSet<String>)>,
}

impl Lending {
    /// By the agent's arguments.
    pub(super) fn new(staging: &Staging, args: &[OsString]) -> Self {
        let formats = flags::read(args)
            .into_iter()
            .filter(|flag| flag.name == "config-format");
        let format = formats.filter_map(|flag| flag.value).next_back();
        Self {
            stager: staging.stager().cloned(),
            format: format.map(|format| format.to_string_lossy().into_owned()),
            known: None,
        }
    }

    /// The ids of these checks.
    pub(super) fn checks(&mut self) -> &BTreeSet<String> {
        static NONE: BTreeSet<String> = BTreeSet::new();
        let current = self.stager.as_ref().and_then(|one| one.stage().current());
        let Some(current) = current else { return &NONE };
        let written = fs::metadata(&current.path).and_then(|about| about.modified());
        let written = written.unwrap_or(SystemTime::UNIX_EPOCH);
        let is_known = |(of, at, _): &(Generation, SystemTime, _)| *of == current && *at == written;
        if !self.known.as_ref().is_some_and(is_known) {
            let ids = self.find(&current).unwrap_or_default();
            self.known = Some((current, written, ids));
        }
        self.known.as_ref().map_or(&NONE, |(_, _, ids)| ids)
    }

    fn find(&self, current: &Generation) -> Option<BTreeSet<String>> {
        let files = self.stager.as_ref()?.stage().read(current).ok()?;
        let ids = files.iter().flat_map(|(place, bytes)| {
            let format = self.format_of(place);
            format.map_or_else(Vec::new, |format| states::left_open(bytes, format))
        });
        Some(ids.collect())
    }

    /// Lends the agent that is about to start those states that are known and not critical: those that it will have.
    pub(super) fn lend(&self, known: &States) -> States {
        self.try_to_lend(known).unwrap_or_else(|error| {
            tracing::warn!("failed to {error}; checks of files will start as critical");
            States::new()
        })
    }

    fn try_to_lend(&self, known: &States) -> Result<States, Error> {
        let mut lent = States::new();
        let Some(stager) = self.stager.as_ref().filter(|_| !known.is_empty()) else {
            return Ok(lent);
        };
        let Some(current) = stager.stage().current() else {
            return Ok(lent);
        };
        let mut files: BTreeMap<PathBuf, Vec<u8>> = stager.stage().read(&current)?;
        for (place, bytes) in &mut files {
            let Some(format) = self.format_of(place) else {
                continue;
            };
            if let Some((with, given)) = states::with_states(bytes, format, known) {
                *bytes = with;
                lent.extend(given);
            }
        }
        if !lent.is_empty() && !stager.lend(&files)? {
            tracing::info!("checks of files start as critical: a snapshot is being written");
            lent.clear();
        }
        Ok(lent)
    }

    /// The agent has read what it was lent.
    pub(super) fn reclaim(&self) {
        let Some(stager) = &self.stager else { return };
        if let Err(error) = stager.stage().reclaim() {
            tracing::warn!(
                "the agent's next start or reload may find states of checks: failed to {error}"
            );
        }
    }

    /// How a file is written, as Consul has it.
    fn format_of(&self, place: &Path) -> Option<Format> {
        let ending = || place.extension()?.to_str();
        match self
            .format
            .as_deref()
            .filter(|format| !format.is_empty())
            .or_else(ending)?
        {
            "json" => Some(Format::Json),
            "hcl" => Some(Format::Hcl),
            _ => None,
        }
    }
}
