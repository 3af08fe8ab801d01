//! What must hold of a name that another one has, and of twins.

use super::*;

pub(in crate::core::scenarios::model) const ACTIONS: &[Invariant<Action>] = &[
    Invariant {
        name: "only the dead are taken away",
        sentence: "a node is taken out of the catalog only with --on-conflict=heal and no stop, and only one of our own address and another \
                   id that two looks, 0.25 s apart and alike, have shown dead: by serf, or since its name is ours and nobody objects",
        holds: |seen, action| match action {
            Action::Ask(Question::Remove { node, modified }) => {
                let last = seen
                    .conflicts
                    .views
                    .iter()
                    .rev()
                    .find(|(name, ..)| name == node);
                let as_seen = last.is_some_and(|(.., view)| view.entry.modified == *modified);
                let may = seen.config.heals && seen.stop.is_none() && !seen.conflicts.is_lost();
                may && as_seen && seen.is_dead(node)
            }
            _ => true,
        },
    },
    Invariant {
        name: "seldom",
        sentence: "the same twin is taken away once in five minutes, and three of them in an hour, one at a time",
        holds: |seen, action| match action {
            Action::Ask(Question::Remove { node, .. }) => {
                let ago = |at: Moment| seen.now.saturating_sub(at);
                let removed = &seen.conflicts.removed;
                let lately = removed.iter().filter(|(_, at)| ago(*at) < HOUR).count();
                let same = removed
                    .iter()
                    .any(|(name, at)| name == node && ago(*at) < SAME);
                let under_way = seen.asked(|question| matches!(question, Question::Remove { .. }));
                lately < 3 && !same && under_way == 0
            }
            _ => true,
        },
    },
    Invariant {
        name: "only who was at our place is told to have left",
        sentence: "outside of a stop another name than ours is told to have left only with --on-conflict=heal, if it is not in the catalog, and \
                   its member has failed at our own address and port; once in five minutes, and three of them in an hour",
        holds: |seen, action| match action {
            Action::Ask(Question::ForceLeave { node })
                if seen.stop.is_none() && seen.farewell.is_none() =>
            {
                let ago = |at: Moment| seen.now.saturating_sub(at);
                let parted = &seen.conflicts.parted;
                let lately = parted.iter().filter(|(_, at)| ago(*at) < HOUR).count();
                let same = parted
                    .iter()
                    .any(|(name, at)| name == node && ago(*at) < SAME);
                let gone = seen.view_of(node).filter(|view| !view.entry.present);
                let failed = gone
                    .and_then(|view| view.member.as_ref())
                    .is_some_and(|member| {
                        let port = seen
                            .facts
                            .gossip
                            .is_some_and(|own| own.port() == member.port);
                        seen.is_here(member) && port && member.state == MemberState::Failed
                    });
                let under_way =
                    seen.asked(|question| matches!(question, Question::ForceLeave { .. }));
                let may = seen.may_heal() && *node != seen.facts.node_name && under_way == 0;
                may && failed && lately < 3 && !same
            }
            _ => true,
        },
    },
    Invariant {
        name: "only we are vouched for",
        sentence: "serfHealth is written only with --on-conflict=heal and no stop, once after a twin of our name was taken away, and only for an entry of our \
                   own id that has none, while its member is our own agent, alive",
        holds: |seen, action| match action {
            Action::Ask(Question::Vouch { node }) => {
                let ours = |id: &str| id == seen.facts.node_id;
                let removed = seen.conflicts.removed.iter().any(|(name, _)| name == node);
                let alive = |member: &Member| {
                    ours(&member.id) && seen.is_here(member) && member.state == MemberState::Alive
                };
                let bare = seen.view_of(node).is_some_and(|view| {
                    let own = view.entry.present && ours(&view.entry.id) && view.serf.is_none();
                    own && view.member.as_ref().is_some_and(alive)
                });
                seen.may_heal() && *node == seen.facts.node_name && removed && bare
            }
            _ => true,
        },
    },
    Invariant {
        name: "a lost name is another's",
        sentence: "an agent that has lost its name is not asked to leave, and nothing of it is deregistered, in a stop neither; and it is \
                   ended only for another one to start, or in a stop",
        holds: |seen, action| {
            let leaves = matches!(
                action,
                Action::Ask(
                    Question::Leave | Question::Deregister { .. } | Question::Remove { .. }
                )
            );
            !(leaves && seen.conflicts.is_lost())
        },
    },
    Invariant {
        name: "one look at a name at a time",
        sentence: "what is known of a name is not asked again within 0.2 s of the last answer, nor while another answer is waited for",
        holds: |seen, action| match action {
            Action::Ask(Question::Node { node, members }) => {
                let mut views = seen.conflicts.views.iter().rev();
                let last = views.find(|(name, ..)| name == node).map(|(_, at, _)| *at);
                // The moment at which the name is lost is one to ask in any case.
                let soon =
                    *members && last.is_some_and(|at| seen.now < at + Duration::from_millis(200));
                let under_way = seen.asked(|question| matches!(question, Question::Node { .. }));
                !soon && under_way == 0
            }
            _ => true,
        },
    },
];

pub(in crate::core::scenarios::model) const MOMENTS: &[Invariant<Machine>] = &[
    Invariant {
        name: "a lost name is seen",
        sentence: "an agent whose gossip port was seen to listen, and then twice in a row not to, has lost its name, and so has a client that says \
                   so where that cannot be seen; no other has; and one that has is not ready, and IdentityHeld is False",
        holds: |seen, machine| {
            if seen.agent.is_none() || seen.stop.is_some() || seen.end.is_some() {
                return true;
            }
            let status = machine.status();
            let held = status.conditions.get(Kind::IdentityHeld);
            let said = held.reason == "NameLost" && held.truth == Truth::False;
            let ready = status.conditions.holds(Kind::Ready);
            said == seen.conflicts.is_lost() && !(said && ready)
        },
    },
    Invariant {
        name: "a lost name is looked after",
        sentence: "an agent that has lost its name, and no stop was begun, has a deadline within a minute or a question under way, so that it \
                   comes back when it can",
        holds: |seen, machine| {
            let lost = seen.agent.is_some() && seen.stop.is_none() && seen.conflicts.is_lost();
            let soon = seen.now + Duration::from_secs(60);
            !lost || !seen.questions.is_empty() || machine.deadline().is_some_and(|at| at <= soon)
        },
    },
];
