//! Agents that end by themselves.

use super::*;

#[test]
fn a_crash_is_restarted_with_a_growing_delay_and_a_limit() {
    let mut bed = Bed::new(config()).ready();
    let mut last = Moment::ZERO;
    for _ in 0..3 {
        assert_eq!(bed.on(end(How::Signaled(9))), []);
        assert_eq!(bed.machine.phase, Phase::Backoff);
        let crashed = bed.now;
        assert_eq!(bed.tick(), [Action::Spawn]);
        assert!(bed.now - crashed > last, "the delay did not grow");
        last = bed.now - crashed;
        bed.spawned();
    }
    bed.on(end(How::Exited(1)));
    assert_eq!(bed.exit().code, exit::RESTARTS);
    assert!(
        bed.exit().reason.contains("the last line"),
        "{}",
        bed.exit().reason
    );
}

#[test]
fn a_good_run_forgives_earlier_crashes() {
    let mut bed = Bed::new(config()).ready();
    for _ in 0..6 {
        bed.on(end(How::Exited(2)));
        assert_eq!(bed.tick(), [Action::Spawn]);
        bed.spawned();
        bed.answers();
        bed.joins();
        bed.now += Duration::from_secs(61);
        bed.on(Event::Tick);
    }
    assert_eq!(bed.machine.restarts.in_a_row(), 0);
}

#[test]
fn an_agent_that_was_never_ready_ends_lictor_with_its_code() {
    let mut bed = Bed::new(config()).joining();
    bed.on(end(How::Exited(1)));
    assert_eq!(bed.exit().code, 1);
    assert!(bed.exit().reason.contains("the last line"));
    let mut bed = Bed::new(config()).started();
    bed.on(end(How::Signaled(11)));
    assert_eq!(bed.exit().code, 139);
}

#[test]
fn an_agent_that_somebody_else_stopped_ends_lictor_with_0() {
    let mut bed = Bed::new(config()).ready();
    bed.on(end(How::Exited(0)));
    assert_eq!(bed.exit(), &Exit::ok());
}

#[test]
fn without_restarts_a_crash_is_passed_on() {
    let mut bed = Bed::new(Config {
        restart: false,
        ..config()
    })
    .ready();
    bed.on(end(How::Signaled(9)));
    assert_eq!(bed.exit().code, 137);
}

#[test]
fn a_stop_during_back_off_starts_nothing_where_there_is_no_time_to_leave() {
    let mut bed = Bed::new(short()).ready();
    bed.on(end(How::Exited(1)));
    bed.on(Event::Signal(Signal::Terminate));
    // It was in the catalog, and nobody is there to take it out.
    assert_eq!(bed.exit().code, exit::UNCONFIRMED);
    assert_eq!(bed.machine.deadline(), None);
}

/// Without its catalog's word the node is as much there as with it.
#[test]
fn a_leave_between_a_crash_and_a_restart_is_not_confirmed_without_an_api_either() {
    let mut bed = Bed::new(Config {
        api: false,
        ..short()
    })
    .started();
    bed.on(Event::Notified);
    bed.on(end(How::Exited(1)));
    bed.on(Event::Signal(Signal::Terminate));
    assert_eq!(bed.exit().code, exit::UNCONFIRMED);
}
