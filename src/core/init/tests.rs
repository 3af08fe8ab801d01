//! A plain init's life as transcripts, and a seeded model of it.

mod model;

use std::time::Duration;

use super::*;
use crate::core::signal::{SIGINT, SIGTTIN, SIGTTOU};

const SECOND: Duration = Duration::from_secs(1);

fn config() -> Config {
    Config {
        target: Target::Child,
        rewrite: Rewrite::default(),
        expected: Codes::default(),
        leftovers: Policy::End(5 * SECOND),
        stops: Stops::Program,
    }
}

/// What an event makes it do, without what it says.
fn done(init: &mut Init, now: Duration, event: Event) -> Vec<Action> {
    let mut actions = Vec::new();
    init.handle(now, event, &mut |action| actions.push(action));
    actions.retain(|action| !matches!(action, Action::Say(..)));
    actions
}

fn ended(how: How, others: bool) -> Event {
    Event::Ended { how, others }
}

#[test]
fn signals_are_passed_on_and_the_exit_code_is_the_programs() {
    let mut init = Init::new(config());
    for signal in [1, SIGINT, 11, SIGTERM, 34, 64] {
        assert_eq!(
            done(&mut init, SECOND, Event::Signal(signal)),
            [Action::Send(signal, Target::Child)]
        );
    }
    let end = ended(How::Exited(7), false);
    assert_eq!(done(&mut init, SECOND, end), [Action::Exit(7)]);
    assert_eq!(done(&mut init, SECOND, Event::Signal(SIGTERM)), []);
}

#[test]
fn an_exit_that_is_expected_is_a_0() {
    let mut expected = Codes::default();
    for code in [143, 0, 255] {
        expected.insert(code);
    }
    for (how, code) in [
        (How::Signaled(SIGTERM), 0),
        (How::Exited(255), 0),
        (How::Exited(142), 142),
    ] {
        let mut init = Init::new(Config {
            expected,
            ..config()
        });
        assert_eq!(
            done(&mut init, SECOND, ended(how, false)),
            [Action::Exit(code)]
        );
    }
}

#[test]
fn signals_are_rewritten_and_dropped() {
    let mut rewrite = Rewrite::default();
    rewrite.set(SIGTERM, SIGINT);
    rewrite.set(1, 0);
    let mut init = Init::new(Config {
        rewrite,
        target: Target::Group,
        ..config()
    });
    // It was meant as SIGTERM, so somebody who is stopped is continued to take it.
    let to_group = [SIGINT, SIGCONT].map(|signal| Action::Send(signal, Target::Group));
    assert_eq!(done(&mut init, SECOND, Event::Signal(SIGTERM)), to_group);
    assert_eq!(done(&mut init, SECOND, Event::Signal(1)), []);
}

#[test]
fn a_stopped_program_is_continued_to_be_ended() {
    let stop = Event::Stopped {
        signal: SIGSTOP,
        holder: Holder::Others,
    };
    let both = [SIGTERM, SIGCONT].map(|signal| Action::Send(signal, Target::Child));
    let mut init = Init::new(config());
    assert_eq!(done(&mut init, SECOND, stop), []);
    assert_eq!(done(&mut init, SECOND, Event::Signal(SIGTERM)), both);
    // The other way round: the stop is seen only after SIGTERM was passed on. Once, and not again.
    let mut init = Init::new(config());
    assert_eq!(done(&mut init, SECOND, Event::Signal(SIGTERM)), both[..1]);
    assert_eq!(done(&mut init, SECOND, stop), both[1..]);
    assert_eq!(done(&mut init, SECOND, stop), []);
    // One that goes on needs nothing.
    let mut init = Init::new(config());
    done(&mut init, SECOND, stop);
    done(&mut init, SECOND, Event::Continued);
    assert_eq!(done(&mut init, SECOND, Event::Signal(SIGTERM)), both[..1]);
}

/// A stop by SIGSTOP is a job's stop where the program has the terminal; as PID 1 it stays one until somebody continues it.
#[test]
fn a_program_that_stops_itself_does_not_keep_the_terminal_to_itself() {
    let stop = Event::Stopped {
        signal: SIGSTOP,
        holder: Holder::Program,
    };
    for (stopped, then) in [
        (true, &[Action::Send(SIGCONT, Target::Group)][..]),
        (false, &[]),
    ] {
        let mut init = Init::new(config());
        let suspended = [Action::Suspend { group: true }];
        assert_eq!(done(&mut init, SECOND, stop), suspended);
        let holder = Holder::Program;
        let resumed = Event::Resumed { stopped, holder };
        assert_eq!(done(&mut init, SECOND, resumed), then);
    }
}

#[test]
fn what_is_left_is_asked_to_end_then_killed_and_the_exit_waits_no_longer_than_for_that() {
    let mut init = Init::new(config());
    let end = ended(How::Exited(3), true);
    assert_eq!(done(&mut init, SECOND, end), [Action::Sweep(SIGTERM)]);
    assert_eq!(init.deadline(), Some(6 * SECOND));
    assert_eq!(done(&mut init, 2 * SECOND, Event::Signal(SIGTERM)), []);
    assert_eq!(done(&mut init, 3 * SECOND, Event::Tick), []);
    let kill = [Action::Sweep(SIGKILL)];
    assert_eq!(done(&mut init, 6 * SECOND, Event::Tick), kill);
    assert_eq!(done(&mut init, 6 * SECOND, Event::Alone), [Action::Exit(3)]);
}

#[test]
fn what_cannot_be_killed_is_left_behind() {
    let mut init = Init::new(config());
    done(&mut init, SECOND, ended(How::Exited(3), true));
    let exit = loop {
        let due = init.deadline().expect("something is due until the exit");
        assert!(due < 10 * SECOND, "no exit by {due:?}");
        match done(&mut init, due, Event::Tick)[..] {
            [Action::Sweep(SIGKILL)] => {}
            [action] => break action,
            ref other => panic!("{other:?}"),
        }
    };
    assert_eq!(exit, Action::Exit(3));
}

#[test]
fn tini_leaves_what_is_left_and_dumb_init_tells_it() {
    let end = ended(How::Exited(0), true);
    let mut tini = Init::new(Config {
        leftovers: Policy::Leave,
        ..config()
    });
    assert_eq!(done(&mut tini, SECOND, end), [Action::Exit(0)]);
    let mut dumb = Init::new(Config {
        leftovers: Policy::Tell,
        target: Target::Group,
        ..config()
    });
    let told = [Action::Send(SIGTERM, Target::Group), Action::Exit(0)];
    assert_eq!(done(&mut dumb, SECOND, end), told);
}

const CONTINUE: Action = Action::Send(SIGCONT, Target::Group);

#[test]
fn ctrl_z_stops_us_too_and_fg_gives_the_terminal_back() {
    let mut init = Init::new(config());
    let stop = Event::Stopped {
        signal: SIGTSTP,
        holder: Holder::Program,
    };
    let suspend = [Action::Suspend { group: true }];
    let resumed = |stopped, holder| Event::Resumed { stopped, holder };
    assert_eq!(done(&mut init, SECOND, stop), suspend);
    // `fg`: the shell has given the terminal to our process group.
    assert_eq!(
        done(&mut init, SECOND, resumed(true, Holder::Us)),
        [Action::GiveTerminal, CONTINUE]
    );
    // `bg`: it has not.
    assert_eq!(done(&mut init, SECOND, stop), suspend);
    assert_eq!(
        done(&mut init, SECOND, resumed(true, Holder::Others)),
        [CONTINUE]
    );
    // As PID 1 nobody could continue us, so the program goes on.
    assert_eq!(done(&mut init, SECOND, stop), suspend);
    assert_eq!(
        done(&mut init, SECOND, resumed(false, Holder::Program)),
        [CONTINUE]
    );
}

#[test]
fn a_program_that_needs_the_terminal_gets_it_or_is_stopped_with_us() {
    for signal in [SIGTTIN, SIGTTOU] {
        let stopped = |holder| Event::Stopped { signal, holder };
        let mut init = Init::new(config());
        assert_eq!(
            done(&mut init, SECOND, stopped(Holder::Us)),
            [Action::GiveTerminal, CONTINUE]
        );
        let suspend = [Action::Suspend { group: true }];
        assert_eq!(done(&mut init, SECOND, stopped(Holder::Others)), suspend);
        // Without anybody to continue us it would be stopped again at once.
        let resumed = Event::Resumed {
            stopped: false,
            holder: Holder::Others,
        };
        assert_eq!(done(&mut init, SECOND, resumed), []);
        assert_eq!(done(&mut init, SECOND, stopped(Holder::Nobody)), []);
    }
}

#[test]
fn in_a_session_of_its_own_a_program_is_stopped_and_continued_by_us() {
    let mut init = Init::new(Config {
        stops: Stops::Us,
        target: Target::Group,
        ..config()
    });
    assert_eq!(
        done(&mut init, SECOND, Event::Signal(SIGTSTP)),
        [
            Action::Send(SIGSTOP, Target::Group),
            Action::Suspend { group: false }
        ]
    );
    let resumed = |stopped| Event::Resumed {
        stopped,
        holder: Holder::Us,
    };
    assert_eq!(done(&mut init, SECOND, resumed(true)), [CONTINUE]);
    // PID 1 is not stopped: the program stays so until somebody sends SIGCONT.
    assert_eq!(done(&mut init, SECOND, resumed(false)), []);
    let told = [Action::Send(SIGCONT, Target::Group)];
    assert_eq!(done(&mut init, SECOND, Event::Signal(SIGCONT)), told);
    // Nothing holds up its end.
    let told = [SIGTERM, SIGCONT].map(|signal| Action::Send(signal, Target::Group));
    assert_eq!(done(&mut init, SECOND, Event::Signal(SIGTERM)), told);
    assert_eq!(done(&mut init, SECOND, Event::Signal(SIGTSTP)), []);
}

/// Whatever becomes of the signal on its way to the program, and whoever could continue us.
#[test]
fn dumb_init_stops_itself_in_any_case_until_it_is_continued() {
    let mut rewrite = Rewrite::default();
    rewrite.set(SIGTTIN, SIGSTOP);
    rewrite.set(SIGTTOU, 0);
    let mut init = Init::new(Config {
        stops: Stops::UsAlways,
        rewrite,
        ..config()
    });
    let sent = |signal| Action::Send(signal, Target::Child);
    for (signal, actions) in [
        (SIGTSTP, &[sent(SIGTSTP), Action::Halt][..]),
        (SIGTTIN, &[sent(SIGSTOP), Action::Halt]),
        (SIGTTOU, &[Action::Halt]),
        (SIGCONT, &[sent(SIGCONT)]),
        (SIGTERM, &[sent(SIGTERM)]),
        (SIGTSTP, &[sent(SIGTSTP), Action::Halt]),
    ] {
        assert_eq!(done(&mut init, SECOND, Event::Signal(signal)), actions);
    }
    let stop = Event::Stopped {
        signal: SIGTSTP,
        holder: Holder::Program,
    };
    let mut init = Init::new(Config {
        stops: Stops::UsAlways,
        ..config()
    });
    assert_eq!(done(&mut init, SECOND, stop), []);
}
