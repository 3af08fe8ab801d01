//! What an answer makes of what was seen.

use super::answers::answers;
use super::seen::Seen;
use super::*;

/// What is known of an agent that has told nothing.
pub(super) fn told_by(config: &Config) -> AgentFacts {
    AgentFacts {
        node_name: config.node_name.clone(),
        leaves_on_terminate: config.leaves_on_terminate,
        leaves_on_interrupt: config.leaves_on_interrupt,
        ..AgentFacts::default()
    }
}

impl Seen {
    fn leader_told(&mut self, known: bool) {
        // Nothing is heard of one that was killed.
        if self.farewell.as_ref().is_some_and(|it| it.killed) {
            return;
        }
        let leaves = self.farewell.is_some() || self.stop.is_some();
        self.ever_joined |= known && self.farewell.is_none();
        if let Some(agent) = &mut self.agent {
            let before = agent.leader.filter(|_| known || leaves);
            agent.leader = before.or(known.then_some(self.now));
        }
    }

    /// A question got its answer.
    pub(super) fn answered(&mut self, answer: &Answer) {
        let place = self
            .questions
            .iter()
            .position(|(question, _)| answers(answer, question));
        let place = place.expect("only questions are answered");
        let (question, put) = self.questions.remove(place);
        let silence = |refusal: &Refusal| {
            matches!(
                refusal,
                Refusal::Unreachable(_) | Refusal::Lost(_) | Refusal::TimedOut(_)
            )
        };
        if let (Answer::Agent(result), Some(agent)) = (answer, &mut self.agent) {
            agent.answered |= !result.as_ref().is_err_and(silence);
        }
        self.farewell_answered(answer, put);
        match answer {
            Answer::Membership(result) => {
                self.membership_told(result.as_ref().is_ok_and(|said| said.is_leaving()));
            }
            Answer::Agent(Ok(facts)) => {
                self.facts = (**facts).clone();
                self.agent.iter_mut().for_each(|agent| agent.told = true);
            }
            Answer::Node(result) => {
                if let Question::Node { node, members } = &question {
                    self.node_told(node, *members, result.as_deref().ok());
                }
            }
            Answer::Removed(result) => {
                if let Question::Remove { node, .. } = &question {
                    self.removed_told(node, *result == Ok(true));
                }
            }
            Answer::Leader(result) => self.leader_told(matches!(result, Ok(Some(_)))),
            Answer::Catalog(Ok(node)) => self.catalog_shows(node),
            Answer::Services(result) => self.reload.services(result.as_ref(), self.now),
            Answer::Reload(result) => self.reload.answered(result),
            _ => {}
        }
        let (late, due) = (self.late(), self.patience_to_finish());
        let other = self.leaves_on(SIGTERM) || self.leaves_on(SIGINT);
        let Some(stop) = &mut self.stop else { return };
        let leave = &mut stop.leave;
        match answer {
            // The last step of a small budget asks within --drain, and nothing comes of the answer.
            Answer::Agent(_) if stop.drains.is_some() => {}
            Answer::Agent(Ok(facts)) => leave.told(self.now, put, facts.membership, late),
            Answer::Agent(Err(Refusal::Denied(_))) => {
                leave.looked = true;
                leave.mute |= leave.watched.is_some();
            }
            Answer::Leader(Ok(Some(_))) => {
                leave.leader = true;
                leave.wait_until(due);
            }
            Answer::Catalog(result) => {
                let denied = matches!(result, Err(Refusal::Denied(_)));
                leave.blind |= denied;
                leave.found |= denied || result.as_ref().is_ok_and(|node| node.present);
            }
            Answer::ForceLeave(result) => {
                leave.telling = matches!(result, Err(Refusal::Denied(_)));
            }
            // Not put, or not taken; anything else may have been.
            Answer::Leave(result) => {
                let not = matches!(result, Err(Refusal::Denied(_) | Refusal::Unreachable(_)));
                leave.refused = not && other;
            }
            Answer::Deregister(result) => {
                let denied = matches!(result, Err(Refusal::Denied(_)));
                leave.removing = denied;
                // Whatever goes now goes by itself.
                leave.taken &= !denied;
            }
            _ => {}
        }
    }

    fn catalog_shows(&mut self, node: &CatalogNode) {
        if self.conflicts.is_lost() && self.stop.is_none() {
            return;
        }
        let id = &self.facts.node_id;
        let own = node.present && (id.is_empty() || node.id == *id);
        let known = self.own_entry;
        if node.present {
            self.own_entry = own;
        }
        if let Some(stop) = &mut self.stop
            && own == node.present
        {
            stop.leave.shown(own, known);
        }
    }
}
