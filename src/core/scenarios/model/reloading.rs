//! What was seen of reloads: wanted, begun, tried, taken back.

use super::signaling::Hangup;
use super::*;

/// How long an agent that was started for a change may take until it is ready.
const RENEWAL: Duration = Duration::from_secs(30);

/// How often an agent that lacks services is looked at again.
const LOOKS: u32 = 3;

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
    /// ... nothing speaks against what they hold, ...
    Taken,
    /// ... or something does, ...
    Bad,
    /// ... and it is what the agent is to read now.
    Ready,
    /// The agent is asked to read it, ...
    Asked,
    /// ... has done so, and is asked for its services.
    Verifying,
    /// The API denied it: a SIGHUP is due at once, or as soon as the agent takes signals.
    Owed,
    /// The agent was told by SIGHUP, and is listened to.
    Signaled,
    /// What it reads is taken back.
    Unstaging,
    /// The agent is to be restarted, since a reload is not enough: it is ended, ...
    Ending,
    /// ... and the next one was started.
    Restarting,
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
    pub(super) was_anew: bool,
    /// The registration is for another address.
    pub(super) address: bool,
    /// The one that is under way is for that alone.
    pub(super) was_address: bool,
    /// The agent is to be asked even where nothing has changed.
    pub(super) anyway: bool,
    /// The one that is under way was to ask it.
    was_anyway: bool,
    /// Whatever speaks against it.
    pub(super) force: bool,
    /// The one that is under way.
    was_force: bool,
    /// The last one was not good for the agent to read, so that time may be a reason for another one.
    held_off: bool,
    /// The user's directories are being read.
    pub(super) staging: bool,
    /// They are, only to be judged, ...
    judging: bool,
    /// ... which is still to be done.
    pub(super) to_judge: bool,
    /// Something was taken, and nothing was said of what becomes of it.
    pub(super) held: bool,
    /// A restart is wanted where no reload is enough.
    renews: bool,
    /// It has had its restart.
    renewed: bool,
    /// When that was.
    renewed_at: Moment,
    /// Something takes one.
    unreloadable: bool,
    /// lictor ends the agent, to start it again.
    pub(super) ends_agent: bool,
    /// A restart has failed at this event.
    pub(super) renewal_failed: bool,
    pub(super) step: Step,
    /// What the agent had.
    had: Option<BTreeSet<String>>,
    /// How often it lacked some of them afterwards.
    lacked: u32,
    /// What it reads now and is neither good nor bad yet.
    change: Option<Change>,
    back: bool,
    /// What this event says of the reload.
    pub(super) verdict: Option<Verdict>,
    /// What the agent has is not known: a reload has failed and was not made good.
    pub(super) unsure: bool,
    /// A reload has come to its end with this event, and was good, or not.
    pub(super) tried: Option<bool>,
    /// This event found nothing to reload.
    pub(super) spared: bool,
    /// This event calls for taking back what the agent reads, ...
    pub(super) is_bad: bool,
    /// ... and so often that was done.
    pub(super) unstaged: u32,
    /// The API denied it to this agent.
    pub(super) denied: bool,
    /// What was told by SIGHUP.
    pub(super) hangup: Option<Hangup>,
    /// At this event the agent spoke of a failure of somebody else's.
    pub(super) elsewhere: bool,
    /// What came to its end at this event was, ...
    pub(super) hung_up: bool,
    /// ... and this could not be seen of it.
    pub(super) blind: bool,
}

impl Reloading {
    /// `renews` where a change that no reload applies is followed by a restart.
    pub(super) fn new(renews: bool) -> Self {
        Self {
            renews,
            ..Self::default()
        }
    }

    /// An event is about to be handled.
    pub(super) fn event(&mut self) {
        self.verdict = None;
        self.is_bad = false;
        self.renewal_failed = false;
        self.spared = false;
        self.tried = None;
        self.unstaged = 0;
        (self.hung_up, self.blind) = (false, false);
        self.elsewhere = false;
    }

    /// A snapshot is told.
    pub(super) fn restaged(&mut self, result: &Result<Candidate, String>) {
        assert!(self.staging, "only what is being read can have been");
        self.staging = false;
        self.held = result.is_ok();
        if std::mem::take(&mut self.judging) {
            return;
        }
        match (self.step, result) {
            (Step::Staging, Ok(Candidate { change, verdict }))
                if change.is_none() && !change.way_back && !self.was_anyway && !self.unsure =>
            {
                self.spared = true;
                self.held_off = !verdict.faults.is_empty();
                self.step = Step::None;
            }
            (Step::Staging, Ok(Candidate { verdict, .. }))
                if !verdict.faults.is_empty() && !self.was_force =>
            {
                self.held_off = true;
                self.step = Step::Bad;
            }
            (Step::Staging, Ok(Candidate { change, verdict })) => {
                self.change = Some(change.clone());
                self.unreloadable = !verdict.restart.is_empty();
                self.step = Step::Taken;
            }
            (Step::Staging, Err(_)) => {
                self.held_off = true;
                self.tried = Some(false);
                self.step = Step::None;
            }
            _ => {}
        }
    }

    /// What was taken is there for the agent to read, or not.
    pub(super) fn adopted(&mut self, good: bool) {
        match good {
            true => self.step = Step::Ready,
            false => {
                self.held_off = true;
                self.tried = Some(false);
                self.over();
            }
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
    pub(super) fn services(&mut self, result: Result<&BTreeSet<String>, &Refusal>, now: Moment) {
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
        if let Some(hangup) = &mut self.hangup {
            let there = result.is_ok_and(is_there);
            match hangup.looked(result, there, now) {
                Some(good) => self.judge(good),
                None => self.step = Step::Signaled,
            }
            return;
        }
        if result.is_ok_and(|now| !is_there(now)) && self.lacked < LOOKS {
            self.lacked += 1;
            return;
        }
        // An agent that breaks the connection ends.
        let broken =
            |refusal: &Refusal| matches!(refusal, Refusal::Lost(_) | Refusal::Unreachable(_));
        self.judge(result.map_or_else(|refusal| !broken(refusal), is_there));
    }

    /// The agent said how the reload went.
    pub(super) fn answered(&mut self, result: &Result<(), Refusal>) {
        match result {
            Ok(()) if self.had.is_some() && self.change.is_some() => self.step = Step::Verifying,
            Ok(()) => self.judge(true),
            Err(Refusal::Denied(_)) => {
                self.denied = true;
                self.step = Step::Owed;
            }
            Err(_) => self.judge(false),
        }
    }

    pub(super) fn judge(&mut self, good: bool) {
        let back = self.back;
        let hangup = self.hangup.take();
        self.hung_up = hangup.is_some();
        self.blind = hangup.is_some_and(|hangup| hangup.blind);
        if !good && self.renewed {
            return self.restart_failed();
        }
        self.verdict = Some(Verdict { good, back });
        self.is_bad = !good && self.has_way_back();
        self.lacked = 0;
        if self.is_bad {
            self.back = true;
            self.step = Step::Unstaging;
        } else {
            self.unsure = !good;
            self.tried = Some(good && !back);
            self.over();
        }
    }

    /// Whether a reload is not enough.
    pub(super) fn renews_now(&self) -> bool {
        self.renews && self.unreloadable && !self.renewed
    }

    fn has_way_back(&self) -> bool {
        let adopted = self.step != Step::Taken;
        adopted && self.change.as_ref().is_some_and(|change| change.way_back) && !self.back
    }

    fn over(&mut self) {
        self.step = Step::None;
        self.hangup = None;
        self.had = None;
        self.lacked = 0;
        self.change = None;
        self.back = false;
        self.renewed = false;
        self.unreloadable = false;
    }

    /// A stop has begun. What the agent reads stays what it was.
    pub(super) fn stopped(&mut self) {
        self.wanted = false;
        self.anew = false;
        self.to_judge = false;
        self.address = false;
        self.anyway = false;
        self.force = false;
        self.step = Step::None;
        self.hangup = None;
    }

    /// The agent has ended: whether that is for lictor to make good at once. What it had not begun to read is for the next one,
    /// unless that reads the user's files itself.
    pub(super) fn ended(&mut self, now: Moment, staged: bool, zero: bool, stop: bool) -> bool {
        self.denied = false;
        self.unsure = false;
        let wanted = std::mem::take(&mut self.ends_agent);
        match self.step {
            _ if stop => {}
            Step::Ending => {
                self.step = Step::Restarting;
                self.renewed = true;
                self.renewed_at = now;
                return true;
            }
            _ if self.renewed && (!zero || wanted) => {
                self.restart_failed();
                return true;
            }
            _ if wanted => return true,
            _ => {}
        }
        let untried = [Step::Looking, Step::Looked, Step::Staging, Step::Taken];
        if staged && self.was_address && untried.contains(&self.step) {
            self.wanted = true;
            self.address = true;
        } else if staged && self.was_anew && untried.contains(&self.step) {
            self.wanted = true;
            self.anew = true;
            self.anyway |= self.was_anyway;
            self.force |= self.was_force;
        } else if !staged || !(self.anew || self.address) {
            self.wanted = false;
            self.anew = false;
            self.address = false;
            self.anyway = false;
            self.force = false;
        }
        self.is_bad = self.has_way_back();
        if self.is_bad || self.back {
            self.tried = Some(false);
        }
        self.over();
        false
    }

    /// An agent that was started for a change is ready, or is not and has had all its time.
    pub(super) fn readiness(&mut self, ready: bool, now: Moment, tick: bool, api: bool) {
        let seen = api && self.had.is_some() && self.change.is_some();
        match self.step {
            Step::Restarting if ready && !seen => self.judge(true),
            Step::Restarting if !ready && tick && self.renewed_at + RENEWAL <= now => {
                self.restart_failed();
            }
            _ => {}
        }
    }

    /// The agent that was started for a change did not come up with it.
    fn restart_failed(&mut self) {
        self.renewal_failed = true;
        self.tried = Some(false);
        self.is_bad = self.has_way_back();
        self.over();
    }

    /// An action, and whether a reload begins with it.
    pub(super) fn begins(&mut self, action: &Action, now: Moment) -> bool {
        let begins = self.step == Step::None;
        match action {
            Action::Ask(Question::Services) if begins => {
                self.over();
                self.step = Step::Looking;
            }
            Action::Restage if begins && self.to_judge => {
                self.to_judge = false;
                self.judging = true;
                self.staging = true;
                return false;
            }
            Action::Restage | Action::Reregister => {
                if begins {
                    self.over();
                }
                self.step = Step::Staging;
                self.staging = true;
            }
            Action::Adopt | Action::Reject | Action::Discard => {
                self.held = false;
                if self.step == Step::Bad {
                    self.over();
                }
                return false;
            }
            Action::Ask(Question::Services)
                if [Step::Restarting, Step::Signaled].contains(&self.step) =>
            {
                self.step = Step::Verifying;
                return false;
            }
            Action::Signal(SIGINT | SIGKILL | SIGTERM) => {
                if self.step == Step::Ready && self.renews_now() {
                    self.step = Step::Ending;
                }
                self.ends_agent |= self.step == Step::Ending || self.renewal_failed;
                return false;
            }
            Action::Ask(Question::Reload) => {
                if begins {
                    self.over();
                }
                self.step = Step::Asked;
            }
            Action::Signal(SIGHUP) => {
                if begins {
                    self.over();
                }
                self.step = Step::Signaled;
                self.hangup = Some(Hangup::new(now, self.had.as_ref()));
            }
            Action::Unstage => {
                self.unstaged += 1;
                return false;
            }
            _ => return false,
        }
        if begins {
            self.was_address = std::mem::take(&mut self.address);
            if self.was_address {
                // What else is wanted comes after it.
                self.wanted = self.anew;
                self.was_anew = false;
                self.was_anyway = true;
                self.was_force = false;
                self.anyway &= self.anew;
                self.force &= self.anew;
                return false;
            }
            self.wanted = false;
            let reads = *action == Action::Restage || *action == Action::Ask(Question::Services);
            // One that time was a reason for does, too.
            self.was_anew = std::mem::take(&mut self.anew) || reads;
            self.was_anyway = std::mem::take(&mut self.anyway);
            self.was_force = std::mem::take(&mut self.force);
        }
        begins
    }

    /// Whether one may be begun.
    pub(super) fn may_begin(&self) -> bool {
        self.step == Step::None && self.wanted && !self.staging && !self.ends_agent
    }

    /// Whether time is a reason for a reload.
    pub(super) fn may_look_again(&self, event: &Event) -> bool {
        let idle = self.step == Step::None && !self.wanted && !self.staging && !self.ends_agent;
        idle && self.held_off && *event == Event::Tick
    }

    /// Whether somebody may wait over an agent's end.
    pub(super) fn is_for_next(&self) -> bool {
        self.wanted || self.to_judge || self.judging
    }

    /// Whether something may be judged now.
    pub(super) fn may_judge(&self) -> bool {
        self.step == Step::None && self.to_judge && !self.staging
    }

    /// Whether an agent may be ended in order to be started again.
    pub(super) fn may_end_agent(&self) -> bool {
        let due = self.step == Step::Ready && self.renews_now();
        due || self.renewal_failed || self.ends_agent
    }

    /// What the agent read before is there for it to be read again.
    pub(super) fn is_back(&self) -> bool {
        self.step == Step::Ready && self.back
    }
}
