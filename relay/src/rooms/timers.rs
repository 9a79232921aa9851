//! What is due when: one deadline for each thing that waits, found by time and taken back by name.
//!
//! Deadlines that no longer matter are removed at once, not skipped later, so that nothing of a room outlives it here.

use std::collections::{BTreeMap, BTreeSet};

use vestibule_common::id::{KnockId, PeerId, RoomId};
use vestibule_common::time::Time;

use super::ConnectionId;

/// Something that happens by itself unless it is cancelled.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Timer {
    /// The held-back answer to a code that led nowhere is given.
    Answer(ConnectionId),
    /// Nobody answered the knock.
    Knock(RoomId, KnockId),
    /// A lost member did not come back.
    Member(RoomId, PeerId),
    /// A lost host did not come back in time to go on hosting.
    Host(RoomId),
}

/// All deadlines.
#[derive(Default)]
pub(super) struct Timers {
    by_name: BTreeMap<Timer, Time>,
    by_time: BTreeSet<(Time, Timer)>,
}

impl Timers {
    /// Sets or moves a deadline.
    pub(super) fn set(&mut self, timer: Timer, at: Time) {
        self.cancel(timer);
        self.by_name.insert(timer, at);
        self.by_time.insert((at, timer));
    }

    pub(super) fn cancel(&mut self, timer: Timer) {
        if let Some(at) = self.by_name.remove(&timer) {
            self.by_time.remove(&(at, timer));
        }
    }

    /// The next deadline.
    pub(super) fn next(&self) -> Option<Time> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Takes the first of those that are due.
    pub(super) fn pop_due(&mut self, now: Time) -> Option<Timer> {
        let (at, timer) = *self.by_time.first()?;
        if at > now {
            return None;
        }
        self.cancel(timer);
        Some(timer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_come_in_order_and_can_be_moved() {
        let mut timers = Timers::default();
        let [a, b, c] = [1, 2, 3].map(|n| Timer::Answer(ConnectionId(n)));
        let at = Time::from_millis;
        timers.set(a, at(30));
        timers.set(b, at(20));
        timers.set(c, at(10));
        timers.set(c, at(40));
        timers.cancel(b);
        assert_eq!(timers.next(), Some(at(30)));
        assert_eq!(timers.pop_due(at(29)), None);
        assert_eq!(timers.pop_due(at(50)), Some(a));
        assert_eq!(timers.pop_due(at(50)), Some(c));
        assert_eq!((timers.pop_due(at(50)), timers.next()), (None, None));
    }
}
