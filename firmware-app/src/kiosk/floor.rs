//! Who has the floor: the room that is shown large where many are in the meeting.
//!
//! It goes to a room that has spoken for a while, so that a cough moves nothing, and stays with it for a while and for as long
//! as it speaks. When nobody speaks, it stays where it is.

use std::collections::BTreeMap;

use vestibule_common::id::PeerId;
use vestibule_common::time::{Duration, Time};

/// A room has to speak for so long without a pause; what the receiving thread takes for one is not counted.
const SPOKEN: Duration = Duration::from_millis(1_500);
/// It stays for so long at least.
const STAYS: Duration = Duration::from_secs(4);

/// Who has the floor, and who might get it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Floor {
    holder: Option<(PeerId, Time)>,
    /// Who speaks, and since when.
    speaking: BTreeMap<PeerId, Time>,
}

impl Floor {
    /// A room begins to speak, or ceases.
    pub(super) fn handle_voice(&mut self, peer: PeerId, speaking: bool, now: Time) {
        if speaking {
            self.speaking.entry(peer).or_insert(now);
        } else {
            // What was due is done first: it may be told late.
            self.handle_timeout(now);
            self.speaking.remove(&peer);
        }
        self.handle_timeout(now);
    }

    /// Nothing is heard of anybody any more.
    pub(super) fn all_silent(&mut self) {
        self.speaking.clear();
    }

    /// Rooms that are not known have left.
    pub(super) fn keep_only(&mut self, known: impl Fn(&PeerId) -> bool, now: Time) {
        self.speaking.retain(|peer, _| known(peer));
        self.holder = self.holder.filter(|(peer, _)| known(peer));
        self.handle_timeout(now);
    }

    /// Who has it.
    pub(crate) fn holder(&self) -> Option<PeerId> {
        self.holder.map(|(peer, _)| peer)
    }

    /// When it passes on, if everyone goes on as now.
    pub(super) fn poll_timeout(&self) -> Option<Time> {
        self.next().map(|(_, at)| at)
    }

    /// Passes it on if that is due.
    pub(super) fn handle_timeout(&mut self, now: Time) {
        if let Some((peer, _)) = self.next().filter(|(_, at)| *at <= now) {
            self.holder = Some((peer, now));
        }
    }

    /// Who gets it next, and when: of those that speak, the one that began first.
    fn next(&self) -> Option<(PeerId, Time)> {
        let free = match self.holder {
            Some((holder, _)) if self.speaking.contains_key(&holder) => return None,
            Some((_, since)) => since + STAYS,
            None => Time::ZERO,
        };
        let (peer, began) = self.speaking.iter().min_by_key(|(peer, began)| (**began, **peer))?;
        Some((*peer, (*began + SPOKEN).max(free)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: PeerId = PeerId([1; 32]);
    const B: PeerId = PeerId([2; 32]);
    const MS: fn(u64) -> Time = Time::from_millis;

    /// Lets time pass up to a moment, with every timeout in between.
    fn at(floor: &mut Floor, ms: u64) -> Option<PeerId> {
        while let Some(due) = floor.poll_timeout().filter(|due| *due <= MS(ms)) {
            floor.handle_timeout(due);
        }
        floor.holder()
    }

    #[test]
    fn who_speaks_for_a_while_gets_it_and_a_cough_moves_nothing() {
        let mut floor = Floor::default();
        floor.handle_voice(A, true, MS(1_000));
        assert_eq!((at(&mut floor, 2_499), at(&mut floor, 2_500)), (None, Some(A)));
        floor.handle_voice(A, false, MS(9_000));
        for cough in 0..20 {
            floor.handle_voice(B, true, MS(10_000 + 3_000 * cough));
            assert_eq!(at(&mut floor, 11_400 + 3_000 * cough), Some(A));
            floor.handle_voice(B, false, MS(11_400 + 3_000 * cough));
        }
        assert_eq!((at(&mut floor, 100_000), floor.poll_timeout()), (Some(A), None), "silence moves nothing");
    }

    #[test]
    fn it_stays_for_four_seconds_and_as_long_as_its_holder_speaks() {
        let mut floor = Floor::default();
        floor.handle_voice(A, true, MS(0));
        assert_eq!(at(&mut floor, 1_500), Some(A));
        floor.handle_voice(B, true, MS(1_600));
        floor.handle_voice(A, false, MS(1_700));
        assert_eq!((at(&mut floor, 5_499), at(&mut floor, 5_500)), (Some(A), Some(B)));
        floor.handle_voice(A, true, MS(6_000));
        assert_eq!(at(&mut floor, 60_000), Some(B), "both speak: it stays");
        floor.handle_voice(B, false, MS(60_100));
        assert_eq!(floor.holder(), Some(A), "who has waited long gets it at once");
    }

    #[test]
    fn two_that_take_turns_move_it_every_four_seconds_at_most() {
        let (mut floor, mut changes, mut before) = (Floor::default(), 0, None);
        for turn in 0..40_u64 {
            let (speaks, listens) = if turn % 2 == 0 { (A, B) } else { (B, A) };
            floor.handle_voice(listens, false, MS(1_600 * turn));
            floor.handle_voice(speaks, true, MS(1_600 * turn));
            at(&mut floor, 1_600 * turn + 1_599);
            changes += u64::from(floor.holder() != before);
            before = floor.holder();
        }
        assert!((2..=40 * 1_600 / 4_000).contains(&changes), "{changes}");
    }

    #[test]
    fn who_leaves_has_it_no_longer() {
        let mut floor = Floor::default();
        floor.handle_voice(A, true, MS(0));
        floor.handle_voice(B, true, MS(500));
        at(&mut floor, 1_500);
        floor.keep_only(|peer| *peer == B, MS(3_000));
        assert_eq!(floor.holder(), Some(B));
        floor.all_silent();
        assert_eq!((floor.holder(), floor.poll_timeout()), (Some(B), None));
    }
}
