//! Changes of the user's files: a reload once they are at rest, when it is this node's turn.
//!
//! What was noticed is owed until a snapshot is begun after it, whoever asks for that one; an agent that ends in between owes
//! nothing less. While lictor stops nothing is noticed.

use std::time::Duration;

use crate::core::Moment;
use crate::core::action::Level;
use crate::core::machine::{Machine, seconds};
use crate::core::phase::Phase;
use crate::core::reload::Cause;
use crate::core::timers::Timer;

/// Files that nobody has changed for so long are at rest.
const REST: Duration = Duration::from_millis(200);
/// Those that never are at rest are not waited for any longer.
const LONGEST: Duration = Duration::from_secs(2);

/// The changes that no snapshot was begun after.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// This node's turn after the first of them, and when the last one was noticed.
    changes: Option<(Moment, Moment)>,
    /// A reload was asked for because of them, and has not taken its snapshot yet.
    asked: bool,
}

impl Watch {
    /// Whether there are any.
    pub(super) fn owes(&self) -> bool {
        self.changes.is_some()
    }
}

impl Machine {
    /// Something has changed where the user's files are.
    pub(super) fn files_changed(&mut self) {
        // What the first agent is to read is taken only then.
        let early = matches!(self.phase, Phase::Addressing | Phase::Staging);
        if early || self.stop.is_some() {
            return;
        }
        let after = turn(self.config.splay, &self.facts.node_name);
        if !self.watch.owes() && !after.is_zero() {
            let after = seconds(after);
            let text = format!(
                "files of the configuration have changed; the reload comes in {after}, as --splay has it for this node"
            );
            self.say(Level::Info, text);
        }
        let first = self.watch.changes.map(|(turn, _)| turn);
        self.watch.changes = Some((first.unwrap_or(self.now + after), self.now));
        self.wait_for_rest();
    }

    /// At rest, or not to be waited for any longer; and not before this node's turn.
    fn wait_for_rest(&mut self) {
        let Some((turn, last)) = self.watch.changes else {
            return;
        };
        if !self.watch.asked {
            let at = (last + REST).clamp(turn + REST, turn + LONGEST);
            self.timers.set(Timer::Rest, at.max(self.now));
        }
    }

    /// The files are at rest.
    pub(super) fn files_rest(&mut self) {
        self.watch.asked = true;
        self.say(Level::Debug, "files of the configuration have changed");
        self.reload_asked(Cause::Files);
    }

    /// A snapshot is begun, which has all that was noticed.
    pub(super) fn files_taken(&mut self) {
        self.watch = Watch::default();
        self.timers.clear(Timer::Rest);
    }

    /// The agent has ended, and with it every deadline.
    pub(super) fn files_kept(&mut self) {
        self.wait_for_rest();
    }
}

/// How long after a change a node has its turn: a part of `--splay` that its name decides, so that many nodes are spread
/// evenly, and each is at the same place each time.
pub(super) fn turn(splay: Duration, node: &str) -> Duration {
    let part = hash(node) as f64 / 2_f64.powi(64);
    splay.mul_f64(part.min(1.0 - f64::EPSILON))
}

/// FNV-1a, and then a mixer, since names that differ only in their end would stay close together.
fn hash(name: &str) -> u64 {
    let sum = name.bytes().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3_u64)
    });
    let mixed = (sum ^ (sum >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    mixed ^ (mixed >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Kubernetes, a cloud or an administrator names them.
    #[test]
    fn names_are_spread_evenly() {
        type Name = fn(u32) -> String;
        let names: [Name; 4] = [
            |n| format!("node-{n}"),
            |n| format!("n{n:04}"),
            |n| format!("ip-10-0-{}-{}.ec2.internal", n / 250, n % 250),
            |n| format!("web{}.dc{}", n / 2, n % 2),
        ];
        for name in names {
            let mut tenths = [0; 10];
            for number in 0..1000 {
                let turn = turn(Duration::from_millis(1000), &name(number));
                tenths[turn.as_millis() as usize / 100] += 1;
            }
            assert!(
                tenths.iter().all(|count| (70..=130).contains(count)),
                "{}: {tenths:?}",
                name(7)
            );
        }
    }

    #[test]
    fn a_name_is_always_at_the_same_place() {
        // From one release to the next as well.
        let splay = Duration::from_secs(60);
        assert_eq!(turn(splay, "n1").as_millis(), 57_598);
        assert_eq!(turn(Duration::ZERO, "n1"), Duration::ZERO);
    }
}
