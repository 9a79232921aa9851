//! The last events of a room, for members that come back, and the roster at any of them.
//!
//! Events that fall off the end are folded into the roster they start from: a returning member is given the roster as
//! of just before the first event it is told, never a later one that the events would then be applied to twice.

use std::collections::VecDeque;

use vestibule_common::control::{LeftWhy, RoomEvent};
use vestibule_common::id::PeerId;

use super::roster::Roster;

/// A bounded run of events without gaps.
pub(super) struct EventLog {
    max_events: usize,
    max_bytes: usize,
    /// The roster just before the first event.
    base: Roster,
    /// The number of the first event.
    first: u64,
    events: VecDeque<RoomEvent>,
    bytes: usize,
}

impl EventLog {
    /// An empty log whose first event will have the number `next`.
    pub(super) fn new(base: Roster, next: u64, max_events: usize, max_bytes: usize) -> EventLog {
        EventLog { max_events, max_bytes, base, first: next, events: VecDeque::new(), bytes: 0 }
    }

    /// The number of the first event that is still here (or of the next one, if there is none).
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// The number that the next event will have.
    pub(super) fn next(&self) -> u64 {
        self.first + self.events.len() as u64
    }

    /// Appends an event and returns its number.
    pub(super) fn push(&mut self, event: RoomEvent) -> u64 {
        let number = self.next();
        self.bytes += size(&event);
        self.events.push_back(event);
        while self.events.len() > self.max_events || self.bytes > self.max_bytes {
            let Some(oldest) = self.events.pop_front() else { break };
            self.bytes -= size(&oldest);
            self.base.apply(&oldest);
            self.first += 1;
        }
        number
    }

    /// The roster just before event `number`, which must be in the log or the next one.
    pub(super) fn roster_before(&self, number: u64) -> Roster {
        let mut roster = self.base.clone();
        for (_, event) in self.iter().take_while(|(at, _)| *at < number) {
            roster.apply(event);
        }
        roster
    }

    /// The events from `number` on, each with its number.
    pub(super) fn since(&self, number: u64) -> impl Iterator<Item = (u64, &RoomEvent)> {
        let skip = usize::try_from(number.saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.iter().skip(skip)
    }

    fn iter(&self) -> impl Iterator<Item = (u64, &RoomEvent)> {
        (self.first..).zip(&self.events)
    }
}

/// The event as `member` may know it.
pub(super) fn visible_to(event: &RoomEvent, member: PeerId) -> RoomEvent {
    match event {
        RoomEvent::Opaque { from, to, .. } if !to.is_empty() && *from != member && !to.contains(&member) => {
            RoomEvent::Withheld
        }
        RoomEvent::Opaque { .. }
        | RoomEvent::Joined { .. }
        | RoomEvent::Left { .. }
        | RoomEvent::Away { .. }
        | RoomEvent::Back { .. }
        | RoomEvent::State { .. }
        | RoomEvent::Locked { .. }
        | RoomEvent::HostChanged { .. }
        | RoomEvent::Withheld => event.clone(),
    }
}

/// About how many bytes an event takes in memory.
fn size(event: &RoomEvent) -> usize {
    let rest = match event {
        RoomEvent::Opaque { class, to, bytes, .. } => {
            class.len() + to.len() * size_of::<PeerId>() + bytes.len()
        }
        RoomEvent::Joined { member } => member.name.as_str().len(),
        RoomEvent::Left { why: LeftWhy::Left | LeftWhy::Lost | LeftWhy::Removed { .. }, .. }
        | RoomEvent::Away { .. }
        | RoomEvent::Back { .. }
        | RoomEvent::State { .. }
        | RoomEvent::Locked { .. }
        | RoomEvent::HostChanged { .. }
        | RoomEvent::Withheld => 0,
    };
    size_of::<RoomEvent>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locked(locked: bool) -> RoomEvent {
        RoomEvent::Locked { locked }
    }

    #[test]
    fn the_roster_is_known_at_every_event_that_is_kept() {
        let mut log = EventLog::new(Roster::default(), 7, 3, 1 << 20);
        for n in 0..10 {
            assert_eq!(log.push(locked(n % 2 == 0)), 7 + n);
        }
        assert_eq!((log.first(), log.next()), (14, 17));
        for number in 14..=17 {
            // Event 16 (n = 9) unlocks, 15 locks, 14 unlocks, 13 locks.
            assert_eq!(log.roster_before(number).locked, number % 2 == 0);
        }
        assert_eq!(log.since(15).map(|(n, _)| n).collect::<Vec<_>>(), [15, 16]);
        assert_eq!(log.since(1).map(|(n, _)| n).collect::<Vec<_>>(), [14, 15, 16]);
        assert_eq!(log.since(u64::MAX).count(), 0);
    }

    #[test]
    fn bytes_are_bounded_too() {
        let mut log = EventLog::new(Roster::default(), 1, 1000, 90_000);
        let big = RoomEvent::Opaque {
            from: PeerId::default(),
            class: "chat".into(),
            to: vec![],
            bytes: vec![0; 16 * 1024],
        };
        for _ in 0..100 {
            log.push(big.clone());
            assert!(log.bytes <= 90_000);
        }
        assert_eq!((log.next(), log.first()), (101, 96));
    }

    #[test]
    fn a_message_is_withheld_from_all_but_its_author_and_recipients() {
        let [author, reader, other] = [1, 2, 3].map(|n| PeerId([n; 32]));
        let message = |to| RoomEvent::Opaque { from: author, class: "chat".into(), to, bytes: vec![1] };
        let private = message(vec![reader]);
        assert_eq!(visible_to(&private, author), private);
        assert_eq!(visible_to(&private, reader), private);
        assert_eq!(visible_to(&private, other), RoomEvent::Withheld);
        assert_eq!(visible_to(&message(vec![]), other), message(vec![]));
    }
}
