//! Which meetings are over for good, so that a member that was away when it happened is told so when it comes back.
//!
//! Not what was said or who was there: an id and how the meeting ended. A meeting that only lost everybody is not
//! listed, since its host may bring it back.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use vestibule_common::id::RoomId;
use vestibule_common::signed::Admission;
use vestibule_common::time::Time;

/// The most meetings that are remembered; beyond, the one that ended first is forgotten.
const MAX_ENDED: usize = 10_000;
/// Nobody comes back later: every admission given in the meeting has expired by then.
const REMEMBERED: Duration = Duration::from_millis(Admission::VALID_MS);

/// How a meeting ended.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum How {
    /// Its host ended it for all.
    ForAll,
    /// Its last member left, or its host left it to nobody. Whoever hosted it may open it again.
    Deserted,
}

/// The meetings that are over.
#[derive(Default)]
pub(super) struct Ended {
    meetings: BTreeMap<RoomId, (Time, How)>,
    /// In the order in which they ended.
    order: VecDeque<(Time, RoomId)>,
}

impl Ended {
    /// How the meeting ended, if it is over.
    pub(super) fn how(&self, room: RoomId, now: Time) -> Option<How> {
        self.meetings.get(&room).filter(|(at, _)| now.since(*at) < REMEMBERED).map(|(_, how)| *how)
    }

    pub(super) fn remember(&mut self, room: RoomId, how: How, now: Time) {
        while self.order.len() >= MAX_ENDED
            || self.order.front().is_some_and(|(at, _)| now.since(*at) >= REMEMBERED)
        {
            self.forget_first();
        }
        self.meetings.insert(room, (now, how));
        self.order.push_back((now, room));
    }

    /// It was opened again.
    pub(super) fn reopened(&mut self, room: RoomId) {
        self.meetings.remove(&room);
    }

    fn forget_first(&mut self) {
        let Some((at, room)) = self.order.pop_front() else { return };
        // Opened again and ended once more, it is remembered for longer than this entry says.
        if self.meetings.get(&room).is_some_and(|(ended, _)| *ended == at) {
            self.meetings.remove(&room);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_bounded_in_number_and_time() {
        let mut ended = Ended::default();
        let room = |n: usize| {
            let mut id = RoomId::default();
            id.0[..8].copy_from_slice(&n.to_be_bytes());
            id
        };
        for n in 0..MAX_ENDED + 5 {
            ended.remember(room(n), How::ForAll, Time::from_millis(n as u64));
        }
        let now = Time::from_millis(1_000_000);
        assert_eq!((ended.meetings.len(), ended.order.len()), (MAX_ENDED, MAX_ENDED));
        assert_eq!((ended.how(room(4), now), ended.how(room(5), now)), (None, Some(How::ForAll)));
        ended.reopened(room(7));
        ended.remember(room(7), How::Deserted, now);
        assert_eq!(ended.how(room(7), now), Some(How::Deserted));
        let later = now + REMEMBERED;
        assert_eq!(ended.how(room(8), later), None);
        ended.remember(room(1), How::ForAll, later);
        assert_eq!(ended.meetings.len(), 1, "what is too old goes when something new comes");
    }
}
