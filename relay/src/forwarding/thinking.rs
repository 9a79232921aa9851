//! When each room's wishes are thought over: one room after the other, so that many of them neither cost their sum at once nor hold up
//! anybody's sound.

use vestibule_common::id::RoomId;
use vestibule_common::time::{Duration, Time};

/// How often a room is thought over while anything is known of its ways down.
const EVERY: Duration = Duration::from_millis(100);
/// So many rooms at a time.
pub(super) const AT_A_TIME: usize = 4;

#[derive(Default)]
pub(super) struct Thinking {
    /// Every room that ever woke, in their order, and when it is due.
    rooms: Vec<(RoomId, Option<Time>)>,
    due: Option<Time>,
}

impl Thinking {
    /// Somebody in the room told something: it is thought over now, if it is not due later anyway.
    pub(super) fn wake(&mut self, room: RoomId, now: Time) {
        let index = self.rooms.binary_search_by_key(&room, |(room, _)| *room);
        let index = index.unwrap_or_else(|index| {
            self.rooms.insert(index, (room, None));
            index
        });
        let due = *self.rooms[index].1.get_or_insert(now);
        self.due = Some(self.due.map_or(due, |before| before.min(due)));
    }

    /// The room was thought over, and is to be again.
    pub(super) fn again(&mut self, room: RoomId, now: Time) {
        self.wake(room, now + EVERY);
    }

    /// Nobody is in the room any more.
    pub(super) fn forget(&mut self, room: RoomId) {
        self.rooms.retain(|(other, _)| *other != room);
        self.find_due();
    }

    pub(super) fn due(&self) -> Option<Time> {
        self.due
    }

    /// A room that is due by now, the one that waits longest.
    pub(super) fn take_due(&mut self, now: Time) -> Option<RoomId> {
        self.due.filter(|due| *due <= now)?;
        let waiting = self.rooms.iter_mut().filter(|(_, due)| due.is_some());
        let (room, due) = waiting.min_by_key(|(_, due)| *due)?;
        let room = *room;
        *due = None;
        self.find_due();
        Some(room)
    }

    fn find_due(&mut self) {
        self.due = self.rooms.iter().filter_map(|(_, due)| *due).min();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: fn(u64) -> Time = Time::from_millis;

    #[test]
    fn rooms_come_in_the_order_in_which_they_are_due() {
        let [a, b, c] = [1, 2, 3].map(|n| RoomId([n; 16]));
        let mut thinking = Thinking::default();
        assert_eq!((thinking.due(), thinking.take_due(AT(9))), (None, None));
        for (room, at) in [(b, 10), (c, 5), (b, 1), (a, 30)] {
            thinking.wake(room, AT(at));
        }
        assert_eq!((thinking.due(), thinking.take_due(AT(4))), (Some(AT(5)), None));
        assert_eq!(thinking.take_due(AT(20)), Some(c));
        thinking.again(c, AT(20));
        assert_eq!(thinking.take_due(AT(20)), Some(b), "what is due is not put off by waking");
        assert_eq!((thinking.due(), thinking.take_due(AT(20))), (Some(AT(30)), None));
        thinking.forget(a);
        assert_eq!(thinking.due(), Some(AT(120)));
        assert_eq!(thinking.take_due(AT(120)), Some(c));
        assert_eq!(thinking.due(), None);
    }
}
