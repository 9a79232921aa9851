//! Which pieces and frames are missing, and when each is asked for next.
//!
//! Pieces that are skipped go missing together and are asked for together, so a frame needs to remember only its few
//! holes, not a time for each piece. Whether asking would still be in time is the reassembler's to know.

use heapless::Vec;

use super::waits::{MAX_TRIES, repeat_after};
use crate::time::{Duration, Time};
use crate::wire::Nack;

/// Holes of one frame remembered apart; with more, the newest share one.
const MAX_HOLES: usize = 16;
/// Frames of which nothing came that are asked for at a time; where more are missing, a keyframe is the better
/// answer.
const MAX_UNSEEN: usize = 8;

/// Pieces asked for together, from `from` to before `to`.
#[derive(Copy, Clone, Debug)]
struct Hole {
    from: u16,
    to: u16,
    at: Time,
    tries: u8,
}

/// The holes of one frame.
#[derive(Debug, Default)]
pub(super) struct Holes {
    holes: Vec<Hole, MAX_HOLES>,
    /// Pieces before this one came or are in a hole.
    seen: u16,
}

impl Holes {
    /// A piece came; those skipped before it are missing from `at` on.
    pub(super) fn came(&mut self, piece: u16, at: Time) {
        self.reveal(piece, at);
        self.seen = self.seen.max(piece + 1);
    }

    /// All pieces before `end` were sent: those that did not come are missing from `at` on.
    pub(super) fn reveal(&mut self, end: u16, at: Time) {
        while self.seen < end {
            // A nack must have room for a whole hole.
            let to = end.min(self.seen + Nack::MAX_PIECES as u16);
            self.add(Hole { from: self.seen, to, at, tries: 0 });
            self.seen = to;
        }
    }

    /// Up to which piece it is known which ones are missing.
    pub(super) fn seen(&self) -> u16 {
        self.seen
    }

    /// When those of the holes that still miss a piece are to be asked for.
    pub(super) fn times(&self, missing: impl Fn(u16) -> bool) -> impl Iterator<Item = Time> {
        let open = move |hole: &&Hole| hole.tries < MAX_TRIES && (hole.from..hole.to).any(&missing);
        self.holes.iter().filter(open).map(|hole| hole.at)
    }

    /// The pieces to ask for now; they count as asked for.
    pub(super) fn ask(
        &mut self,
        missing: impl Fn(u16) -> bool,
        round_trip: Duration,
        now: Time,
    ) -> Vec<u16, { Nack::MAX_PIECES }> {
        let mut pieces = Vec::new();
        for hole in self.holes.iter_mut().filter(|hole| hole.tries < MAX_TRIES && hole.at <= now) {
            let before = pieces.len();
            let full =
                (hole.from..hole.to).filter(|piece| missing(*piece)).any(|piece| pieces.push(piece).is_err());
            if full && before > 0 {
                pieces.truncate(before);
                break;
            }
            hole.tries += 1;
            hole.at = now + repeat_after(round_trip, hole.tries);
        }
        pieces
    }

    fn add(&mut self, hole: Hole) {
        if self.holes.is_full() {
            self.holes.retain(|hole| hole.tries < MAX_TRIES);
        }
        if let Err(hole) = self.holes.push(hole)
            && let Some(last) = self.holes.last_mut()
        {
            *last = Hole { from: last.from, ..hole };
        }
    }
}

/// Frames of which no piece came, though a later one refers to them.
#[derive(Debug, Default)]
pub(super) struct Unseen(Vec<UnseenFrame, MAX_UNSEEN>);

#[derive(Copy, Clone, Debug)]
struct UnseenFrame {
    number: u32,
    at: Time,
    tries: u8,
}

impl Unseen {
    /// The frames from `first` to `last` are missing from `at` on; nothing when they are too many.
    pub(super) fn add(&mut self, first: u32, last: u32, at: Time) {
        let count = last.wrapping_sub(first).wrapping_add(1);
        if count as usize > MAX_UNSEEN {
            return;
        }
        for number in (0..count).map(|n| first.wrapping_add(n)) {
            if self.0.iter().all(|frame| frame.number != number) {
                // When full there is more missing than is worth asking for.
                let _ = self.0.push(UnseenFrame { number, at, tries: 0 });
            }
        }
    }

    pub(super) fn came(&mut self, number: u32) {
        self.0.retain(|frame| frame.number != number);
    }

    /// Frames before `next` are not waited for any more.
    pub(super) fn passed(&mut self, next: u32) {
        self.0.retain(|frame| frame.number.wrapping_sub(next) as i32 >= 0);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The frames and when each is to be asked for.
    pub(super) fn times(&self) -> impl Iterator<Item = (u32, Time)> {
        self.0.iter().filter(|frame| frame.tries < MAX_TRIES).map(|frame| (frame.number, frame.at))
    }

    /// It is asked for now.
    pub(super) fn asked(&mut self, number: u32, round_trip: Duration, now: Time) {
        for frame in self.0.iter_mut().filter(|frame| frame.number == number) {
            frame.tries += 1;
            frame.at = now + repeat_after(round_trip, frame.tries);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Time = Time::from_millis;
    const ROUND_TRIP: Duration = Duration::from_millis(16);

    #[test]
    fn skipped_pieces_are_asked_for_together_and_five_times() {
        let mut holes = Holes::default();
        holes.came(0, MS(10));
        assert_eq!(holes.times(|_| true).next(), None);
        holes.came(3, MS(11));
        holes.came(2, MS(12));
        holes.came(6, MS(13));
        let missing = |piece: u16| [1, 4, 5].contains(&piece);
        assert_eq!(holes.times(missing).collect::<std::vec::Vec<_>>(), [MS(11), MS(13)]);
        assert!(holes.ask(missing, ROUND_TRIP, MS(10)).is_empty());
        assert_eq!(holes.ask(missing, ROUND_TRIP, MS(11)), [1]);
        assert_eq!(holes.ask(missing, ROUND_TRIP, MS(13)), [4, 5]);
        let later: std::vec::Vec<_> =
            (14..500).filter(|now| !holes.ask(missing, ROUND_TRIP, MS(*now)).is_empty()).collect();
        assert_eq!(later, [31, 33, 51, 53, 71, 73, 91, 93]);
        assert_eq!(holes.times(missing).next(), None);
    }

    #[test]
    fn a_frame_full_of_holes_is_asked_for_in_full() {
        let mut holes = Holes::default();
        for piece in (1..512).step_by(2) {
            holes.came(piece, MS(0));
        }
        let missing = |piece: u16| piece.is_multiple_of(2);
        assert_eq!(holes.ask(missing, ROUND_TRIP, MS(0)).len(), 256);
        // A whole large frame takes two nacks.
        let mut holes = Holes::default();
        holes.reveal(512, MS(0));
        assert_eq!(holes.ask(|_| true, ROUND_TRIP, MS(0)).len(), 256);
        assert_eq!(holes.ask(|_| true, ROUND_TRIP, MS(0))[0], 256);
        assert!(holes.ask(|_| true, ROUND_TRIP, MS(0)).is_empty());
    }

    #[test]
    fn frames_are_asked_for_while_they_are_few() {
        let mut unseen = Unseen::default();
        unseen.add(u32::MAX, 1, MS(5));
        unseen.add(0, 1, MS(9));
        unseen.add(2, 100, MS(9));
        unseen.came(0);
        assert_eq!(unseen.times().collect::<std::vec::Vec<_>>(), [(u32::MAX, MS(5)), (1, MS(5))]);
        unseen.passed(0);
        unseen.asked(1, ROUND_TRIP, MS(6));
        assert_eq!(unseen.times().collect::<std::vec::Vec<_>>(), [(1, MS(26))]);
    }
}
