//! What was seen of reloads: wanted, begun, tried, taken back.

use super::*;

/// How far the reload has come that is under way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Step {
    #[default]
    None,
    /// The agent is asked for its services, ...
    Looking,
    /// ... and has said them, or not.
    Looked,
    /// The user's directories are read, ...
    Staging,
    /// ... and what they hold is what the agent is to read now.
    Ready,
    /// The agent is asked to read it, ...
    Asked,
    /// ... has done so, and is asked for its services.
    Verifying,
    /// What it reads is taken back.
    Unstaging,
}

/// How a reload, or the way back from one, has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) good: bool,
    pub(super) back: bool,
}

#[derive(Debug, Default)]
pub(super) struct Reloading {
    /// One was asked for, or a new agent may have read other files than it was to, and it has not been begun.
    pub(super) wanted: bool,
    /// It is to read the user's directories anew.
    pub(super) anew: bool,
    /// The one that is under way was to.
    was_anew: bool,
    /// The agent is to be asked even where nothing has changed.
    pub(super) anyway: bool,
    /// The one that is under way was to ask it.
    was_anyway: bool,
    /// The user's directories are being read.
    pub(super) staging: bool,
    pub(super) step: Step,
    /// What the agent had.
    had: Option<BTreeSet<String>>,
    /// What it reads now and is neither good nor bad yet.
    change: Option<Change>,
    back: bool,
    /// What this event says of the reload.
    pub(super) verdict: Option<Verdict>,
    /// The last one was not good, or its snapshot was not.
    bad: bool,
    /// This event calls for taking back what the agent reads, ...
    pub(super) is_bad: bool,
    /// ... and so often that was done.
    pub(super) unstaged: u32,
    /// The API denied it to this agent.
    pub(super) denied: bool,
    /// The one that is under way was denied by the API, and is to be a SIGHUP.
    owed: bool,
}

impl Reloading {
    /// An event is about to be handled.
    pub(super) fn event(&mut self) {
        self.verdict = None;
        self.is_bad = false;
        self.unstaged = 0;
    }

    /// A snapshot is told.
    pub(super) fn restaged(&mut self, result: &Result<Change, String>, stop: bool) {
        assert!(self.staging, "only what is being read can have been");
        self.staging = false;
        match (self.step, result) {
            (Step::Staging, Ok(change))
                if change.is_none() && !change.way_back && !self.was_anyway && !self.bad =>
            {
                self.step = Step::None;
            }
            (Step::Staging, Ok(change)) => {
                self.change = Some(change.clone());
                self.step = Step::Ready;
            }
            (Step::Staging, Err(_)) => {
                self.bad = true;
                self.step = Step::None;
            }
            // Nobody tries it.
            (_, Ok(change)) if change.way_back => {
                self.is_bad = true;
                self.wanted |= !stop;
                self.anew = true;
                self.anyway = true;
            }
            _ => {}
        }
    }

    /// What the agent read before is what it reads again, or not.
    pub(super) fn unstaged(&mut self, good: bool) {
        match self.step {
            Step::Unstaging if good => self.step = Step::Ready,
            Step::Unstaging => self.judge(false),
            _ => {}
        }
    }

    /// The agent said which services it has, or not.
    pub(super) fn services(&mut self, result: Result<&BTreeSet<String>, &Refusal>) {
        if self.step == Step::Looking {
            self.had = result.ok().cloned();
            self.step = Step::Looked;
            return;
        }
        let dropped = match &self.change {
            Some(change) if !self.back => change.dropped.clone(),
            _ => BTreeSet::new(),
        };
        let is_there = |now: &BTreeSet<String>| {
            let mut had = self.had.iter().flatten();
            had.all(|id| now.contains(id) || dropped.contains(id))
        };
        // An agent that breaks the connection ends.
        let broken =
            |refusal: &Refusal| matches!(refusal, Refusal::Lost(_) | Refusal::Unreachable(_));
        self.judge(result.map_or_else(|refusal| !broken(refusal), is_there));
    }

    /// The agent said how the reload went; `signals` if it takes them.
    pub(super) fn answered(&mut self, result: &Result<(), Refusal>, signals: bool) {
        match result {
            Ok(()) if self.had.is_some() && self.change.is_some() => self.step = Step::Verifying,
            Ok(()) => self.judge(true),
            Err(Refusal::Denied(_)) if !self.back => {
                self.denied = true;
                self.step = Step::None;
                match signals {
                    true => self.owed = true,
                    false => {
                        self.wanted = true;
                        self.anew |= self.was_anew;
                        self.anyway = true;
                    }
                }
            }
            Err(_) => self.judge(false),
        }
    }

    fn judge(&mut self, good: bool) {
        let back = self.back;
        self.verdict = Some(Verdict { good, back });
        self.is_bad = !good && self.has_way_back();
        if self.is_bad {
            self.back = true;
            self.step = Step::Unstaging;
        } else {
            self.bad = !good || back;
            self.over();
        }
    }

    fn has_way_back(&self) -> bool {
        self.change.as_ref().is_some_and(|change| change.way_back) && !self.back
    }

    fn over(&mut self) {
        self.step = Step::None;
        self.had = None;
        self.change = None;
        self.back = false;
    }

    /// A stop has begun. What the agent reads stays what it was.
    pub(super) fn stopped(&mut self) {
        self.wanted = false;
        self.anew = false;
        self.anyway = false;
        self.step = Step::None;
    }

    /// The agent has ended.
    pub(super) fn ended(&mut self) {
        self.wanted = false;
        self.anew = false;
        self.anyway = false;
        self.owed = false;
        self.denied = false;
        self.is_bad = self.has_way_back();
        self.bad |= self.is_bad || self.back;
        self.over();
    }

    /// An action, and whether a reload begins with it.
    pub(super) fn begins(&mut self, action: &Action) -> bool {
        let begins = self.step == Step::None;
        match action {
            Action::Ask(Question::Services) if begins => {
                self.over();
                self.step = Step::Looking;
            }
            Action::Restage => {
                if begins {
                    self.over();
                }
                self.step = Step::Staging;
                self.staging = true;
            }
            Action::Ask(Question::Reload) => {
                if begins {
                    self.over();
                }
                self.step = Step::Asked;
            }
            Action::Signal(SIGHUP) => {
                self.over();
                if std::mem::take(&mut self.owed) {
                    return false;
                }
            }
            Action::Unstage => {
                self.unstaged += 1;
                return false;
            }
            _ => return false,
        }
        if begins {
            self.wanted = false;
            self.was_anew = std::mem::take(&mut self.anew);
            self.was_anyway = std::mem::take(&mut self.anyway);
        }
        begins
    }

    /// Whether one may be begun.
    pub(super) fn may_begin(&self) -> bool {
        self.step == Step::None && self.wanted && !self.staging
    }

    /// What the agent read before is there for it to be read again.
    pub(super) fn is_back(&self) -> bool {
        self.step == Step::Ready && self.back
    }

    /// Whether a SIGHUP is owed in place of what was denied.
    pub(super) fn is_owed(&self) -> bool {
        self.owed
    }
}
